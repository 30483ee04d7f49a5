"""Every bench runs and gives its figures. What it stands on moves on, and one that nobody starts breaks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.run import BENCHES

pytestmark = [pytest.mark.soak, pytest.mark.ray, pytest.mark.timeout(300)]


@pytest.mark.parametrize("name", list(BENCHES))
def test_a_bench_runs_to_its_end(name: str, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "-P", "-m", "cluster", "bench", name, "--quick", "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(file.read_text())
    assert result["name"] == name
    assert result["figures"]
