#!/usr/bin/env bash
# Removes what make made in this checkout. Refuses while the platform runs: its data would be pulled away
# from under it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ -e .bilten/lock ] && ! flock --nonblock .bilten/lock true; then
    echo "clean: the platform is running (make up); stop it first" >&2
    exit 1
fi
rm -rf .venv node_modules build ./*.egg-info .bilten .setup.lock
rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
find . -name __pycache__ -type d -prune -exec rm -rf {} +
echo "clean: done"
