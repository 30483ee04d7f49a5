"""How long the platform limped after a kill is a figure that people compare. If this failed, it would be the
time that a message takes which was on its way when its server died.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from bench.kills import Killer
from bench.witness import Witness
from cluster import running
from cluster.processes import Identity
from cluster.running import Part, Running

BACK_S = 0.8


async def test_what_was_on_its_way_when_redis_died_is_no_recovery(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        supervisor, redis = Identity.of(os.getpid()), Identity.of(victim.pid)
        assert supervisor is not None
        assert redis is not None
        running.write(
            tmp_path,
            Running(
                supervisor=supervisor,
                url="",
                event_slug="",
                dsn="",
                redis_url="",
                ray_address="",
                ray_environment={},
                parts=[Part(name="redis", process=redis, log="")],
            ),
        )
        died_s: list[float] = []

        def pushes() -> int:
            """One state that was under way, and the next when Redis is there again."""
            if victim.poll() is None:
                return 0
            died_s.append(time.perf_counter())
            return 2 if died_s[-1] - died_s[0] > BACK_S else 1

        killer = Killer(tmp_path, 0, Witness(), list, pushes)
        killed = await killer.kill("redis", time.perf_counter())
    assert killed.pid == victim.pid
    assert killed.recovery_s is not None
    assert killed.recovery_s >= BACK_S
