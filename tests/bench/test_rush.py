"""A rush from its command to its exit code, on a platform of its own, with every kind of kill. If this
failed, the proof that nothing is lost, which the README invites people to run, would not run or not be one.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.kills import VICTIMS
from cluster import processes
from tests.gateway.stage import ROOT

pytestmark = [pytest.mark.soak, pytest.mark.ray, pytest.mark.timeout(600)]

BUYERS = 100
TICKETS = 400


def test_a_rush_with_every_kind_of_kill_passes_its_audit(tmp_path: Path) -> None:
    file = tmp_path / "rush.json"
    command = [
        *(sys.executable, "-P", "-m", "cluster", "rush", "--buyers", str(BUYERS), "--tickets", str(TICKETS)),
        *("--catalogue", str(ROOT / "docs" / "examples" / "demo.toml"), "--json", str(file)),
        *(word for victim in VICTIMS for word in ("--kill", victim)),
    ]
    # Nothing runs in this folder, so the rush starts its own.
    environment = processes.plain_environment() | {"BILTEN_DATA_DIR": str(tmp_path / "data")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    made = json.loads(file.read_text())
    audit = made["audit"]
    assert audit["passed"] is True, said
    assert (audit["oversold"], audit["acknowledged_missing"], audit["issued_twice"]) == (0, 0, 0)
    assert (made["buyers"], made["offered"]) == (BUYERS, TICKETS)
    # An audit of nothing proves nothing.
    assert 0 < made["sold"] <= audit["sold"] <= TICKETS
    assert made["event"].startswith("nachtlicht-rush-7-")
    assert [kill["victim"] for kill in made["kills"]] == list(VICTIMS)
    assert all(kill["recovery_s"] > 0 for kill in made["kills"])
    assert made["not_killed"] == []
    assert all(
        made["latency"][what][key] > 0 for what in ("hold", "purchase") for key in ("p50_ms", "p999_ms")
    )
