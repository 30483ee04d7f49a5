"""The platform under a hundred calamities on a virtual clock. If one of these failed, either a promise to
buyers is broken by some order of events that no hand-made test has, or the simulation has become blind and
proves nothing.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from actors.sale import SaleShard
from simulation import run
from simulation.scenario import Outcome, simulate
from storage.memory_journal import MemoryJournal
from tests.simulation.mutants import JOURNALS, RULES, SHARDS

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 60
SEEDS_TO_FIND_A_MUTANT = 100

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("first_seed", range(0, SEEDS, 20))
def test_every_rule_holds(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 20):
        outcome = simulate(seed)
        assert not outcome.broken, "\n".join([*outcome.trace, f"seed {seed}: {outcome.broken}"])
        assert outcome.acknowledged > 0


def test_a_seed_is_the_same_run_in_every_process() -> None:
    """Otherwise a broken rule could not be looked at again. Hashes are salted differently in each process."""
    code = "from simulation.scenario import simulate; print([simulate(seed).digest for seed in range(3, 7)])"
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={"PYTHONHASHSEED": salt},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for salt in ("1", "2")
    }
    assert len(printed) == 1


def test_seeds_differ() -> None:
    assert len({simulate(seed).digest for seed in range(5)}) == 5


def first_broken(
    make_journal: type[MemoryJournal] = MemoryJournal, make_shard: type[SaleShard] = SaleShard
) -> Outcome | None:
    outcomes = (simulate(seed, make_journal, make_shard) for seed in range(SEEDS_TO_FIND_A_MUTANT))
    return next((outcome for outcome in outcomes if outcome.broken), None)


@pytest.mark.parametrize("mutant", JOURNALS, ids=lambda mutant: mutant.__name__)
def test_a_journal_with_a_broken_rule_is_found(mutant: type[MemoryJournal]) -> None:
    assert first_broken(make_journal=mutant) is not None


@pytest.mark.parametrize("mutant", SHARDS, ids=lambda mutant: mutant.__name__)
def test_a_shard_with_a_broken_rule_is_found(mutant: type[SaleShard]) -> None:
    assert first_broken(make_shard=mutant) is not None


@pytest.mark.parametrize("mutate", RULES, ids=lambda mutate: mutate.__name__)
def test_a_broken_rule_of_the_domain_is_found(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)
    assert first_broken() is not None


def test_the_command_reports_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(2, 5, json_file=tmp_path / "out.json") == 0
    assert "2 seeds" in capsys.readouterr().out
    assert '"broken": []' in (tmp_path / "out.json").read_text()


def test_the_command_says_how_to_play_a_broken_seed_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    RULES[0](monkeypatch)
    assert run.main(20, 0) == 1
    printed = capsys.readouterr().out
    assert "Broken:" in printed
    assert "--seeds 1 --first-seed" in printed
