# Every path is relative, so that a checkout in a folder with spaces works.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup up test check bench rush soak clean format

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' Makefile

setup: ## make .venv from requirements.lock (every target below does it by itself)
	@bash cluster/setup.sh

up: setup ## start the whole platform with a demo sale; Ctrl-C stops it
	@.venv/bin/bilten up $(ARGS)

test: setup ## run every test but the long ones
	@# A file's tests stay together and browser tests come last (tests/conftest.py).
	@.venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup ## ruff, mypy --strict, import contracts, tsc over the pages
	@# All of them run, so that one look shows everything.
	@failed=0; \
	.venv/bin/ruff check . || failed=1; \
	.venv/bin/ruff format --check . || failed=1; \
	.venv/bin/mypy || failed=1; \
	.venv/bin/lint-imports || failed=1; \
	bash cluster/check_pages.sh || failed=1; \
	exit $$failed

bench: setup ## measure everything, on servers of its own; results in .bilten/bench/
	@mkdir -p .bilten/bench
	@.venv/bin/bilten bench all --json .bilten/bench $(ARGS)

rush: setup ## a whole sale against the running platform (make up), audited
	@.venv/bin/bilten rush --buyers 2000 --tickets 10000 --seed 7 $(ARGS)

soak: setup ## the fault tests in full length, every bench in short and 2000 simulated seeds
	@.venv/bin/python -m pytest -m soak --timeout 7200 $(ARGS)
	@.venv/bin/bilten simulate --seeds 2000

format: setup ## put imports and layout in order
	@.venv/bin/ruff check --fix --select I .
	@.venv/bin/ruff format .

clean: ## remove what was made here: .venv, node_modules, caches and the data in .bilten
	@bash cluster/clean.sh
