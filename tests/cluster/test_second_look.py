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


def look_again(folder: Path, failed: list[str], ended: str, again: int = 0) -> tuple[bool, str]:
    """Return whether a run with such failures is let in, and what is printed."""
    (folder / "cluster").mkdir()
    (folder / "cluster" / SCRIPT.name).write_bytes(SCRIPT.read_bytes())
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    cache = folder / ".pytest_cache" / "v"
    for name, text in (
        ("cache/lastfailed", json.dumps(dict.fromkeys(failed, True))),
        ("bilten/ended", ended),
    ):
        (cache / name).parent.mkdir(parents=True)
        (cache / name).write_text(text)
    (folder / "Makefile").write_text(MAKEFILE)
    (folder / "ends_with").write_text(str(again))
    done = subprocess.run(
        ["bash", str(folder / "cluster" / SCRIPT.name)], capture_output=True, text=True, check=False
    )
    return done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("failed", "again", "is_let_in"),
    [(1, 0, True), (3, 0, True), (1, 1, False), (4, 0, False), (0, 0, False)],
)
def test_a_few_are_run_alone_and_named(tmp_path: Path, failed: int, again: int, *, is_let_in: bool) -> None:
    names = [f"tests/test_x.py::test_{number}[a b]" for number in range(failed)]
    let_in, printed = look_again(tmp_path, names, "1", again)
    assert let_in is is_let_in, printed
    assert ("asked for -n 0 --last-failed" in printed) is (0 < failed <= 3)
    named = [line for line in printed.splitlines() if line.startswith("FLAKY")]
    assert named == ([f"FLAKY {name}" for name in names] if is_let_in else [])


@pytest.mark.parametrize("ended", ["", "null", "2", "3"])
def test_a_run_that_did_not_come_to_its_end_stays_failed(tmp_path: Path, ended: str) -> None:
    """Killed, interrupted, or broken in itself: what it had not come to may fail, too."""
    let_in, printed = look_again(tmp_path, ["tests/test_x.py::test_1"], ended)
    assert not let_in
    assert "asked for" not in printed


def test_a_run_that_never_came_to_its_tests_stays_failed(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / SCRIPT.name).write_bytes(SCRIPT.read_bytes())
    script = str(tmp_path / "cluster" / SCRIPT.name)
    done = subprocess.run(["bash", script], capture_output=True, text=True, check=False)
    assert done.returncode != 0
