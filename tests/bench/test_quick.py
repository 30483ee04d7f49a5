"""Every bench runs and gives its figures. What it stands on moves on, and one that nobody starts breaks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.run import BENCHES
from cluster import processes

pytestmark = [pytest.mark.soak, pytest.mark.ray, pytest.mark.timeout(900)]

HOT_WAITING = (50, 500, 2_000, 10_000)
# What was agreed that each bench says, by the part of its JSON.
KEYS: dict[str, dict[str, set[str]]] = {
    "hot-event": {
        "figures": {
            f"{what}_{waiting}" for what in ("holds_per_s", "p50_ms", "p99_ms") for waiting in HOT_WAITING
        },
        "ratios": {
            *("for_update", "conditional_update", "skip_locked", "advisory_lock"),
            *("redis_always", "redis_everysec"),
        },
    },
    "purchase": {
        "figures": {"holds_per_s", "purchases_per_s", "hold_p99_ms", "purchase_p99_ms"},
        "ratios": {"holds_per_echo", "purchases_per_echo"},
    },
    "fanout": {"figures": {"connections", "seen_p99_ms", "kb_per_connection"}},
    "recovery": {"figures": {"recovery_s", "bytes_per_hold", "bytes_per_sold"}},
    "scale": {"ratios": {"events_10000", "tickets_1m"}},
    "catalogue": {"figures": {"reads_per_s_per_core", "p99_ms", "publish_visible_s"}},
    "sign-in": {"figures": {"sign_ins_per_s", "read_p99_ratio", "hold_p99_ratio"}},
}
# Of two figures, one taken off the other: none of it may be left.
MAY_BE_ZERO = {"recovery_s"}


@pytest.mark.parametrize("name", list(BENCHES))
def test_a_bench_runs_to_its_end(name: str, tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    command = [sys.executable, "-P", "-m", "cluster", "bench", name, "--quick", "--json", str(file)]
    environment = processes.plain_environment()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(file.read_text())
    assert result["name"] == name
    assert {"figures", "baselines", "ratios", "machine"} <= result.keys()
    for part, keys in KEYS[name].items():
        assert keys <= result[part].keys()
        # A figure that says nothing: 0, or, of what was never seen, null.
        assert [key for key in keys - MAY_BE_ZERO if not (result[part][key] or 0) > 0] == []
