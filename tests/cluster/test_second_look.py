"""What failed is run once more by CI. If this failed, a push would be refused for one stall of the machine,
or let in with tests that fail.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "cluster" / "test_again.sh"
# Stands for `make test`: says what it was asked for, and ends as it is told to.
MAKEFILE = 'test:\n\t@echo "asked for $(ARGS)"; exit $(shell cat ends_with)\n'


@pytest.mark.parametrize(
    ("failed", "again", "is_let_in"),
    [(1, 0, True), (3, 0, True), (1, 1, False), (4, 0, False), (0, 0, False)],
)
def test_a_few_are_run_alone_and_named(tmp_path: Path, failed: int, again: int, *, is_let_in: bool) -> None:
    names = [f"tests/test_x.py::test_{number}[a b]" for number in range(failed)]
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / SCRIPT.name).write_bytes(SCRIPT.read_bytes())
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / ".pytest_cache/v/cache").mkdir(parents=True)
    (tmp_path / ".pytest_cache/v/cache/lastfailed").write_text(json.dumps(dict.fromkeys(names, True)))
    (tmp_path / "Makefile").write_text(MAKEFILE)
    (tmp_path / "ends_with").write_text(str(again))
    done = subprocess.run(
        ["bash", str(tmp_path / "cluster" / SCRIPT.name)], capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) is is_let_in, done.stdout + done.stderr
    assert ("asked for -n 0 --last-failed" in done.stdout) is (0 < failed <= 3)
    named = [line for line in done.stdout.splitlines() if line.startswith("FLAKY")]
    assert named == ([f"FLAKY {name}" for name in names] if is_let_in else [])


def test_a_run_that_never_came_to_its_tests_stays_failed(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / SCRIPT.name).write_bytes(SCRIPT.read_bytes())
    done = subprocess.run(
        ["bash", str(tmp_path / "cluster" / SCRIPT.name)], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
