"""Recovery times are measured in order to be read; nobody sees what a passed test only prints."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_tidy import ROOT

MEASURING = """
def test_that_passes(measured):
    measured("recovered after 1.5 s in the median")

def test_that_fails(measured):
    measured("recovered after 99 s")
    assert False

def test_that_measures_nothing():
    pass
"""


@pytest.mark.parametrize("workers", [[], ["-n", "1"]], ids=["here", "in a worker"])
def test_what_was_measured_is_shown_whatever_became_of_the_test(tmp_path: Path, workers: list[str]) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.measured import measured, pytest_terminal_summary\n"
        "__all__ = ['measured', 'pytest_terminal_summary']\n"
    )
    file = tmp_path / "test_something.py"
    file.write_text(MEASURING)
    command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [*command, *workers, "-c", "/dev/null", str(file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    shown = done.stdout.split("= measured =")[-1]
    assert "test_that_passes: recovered after 1.5 s in the median" in shown, done.stdout + done.stderr
    assert "test_that_fails: recovered after 99 s" in shown
    assert "test_that_measures_nothing" not in shown
