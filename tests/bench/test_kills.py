"""What a rush killed, and how long the platform limped after it, is what people compare and trust. If this
failed, a figure would be the time of a message that was on its way when its server died, or a rush would be
called passed whose kills never happened.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from bench import rush
from bench.audit import Audit
from bench.kills import Kill, Killer, NotKilled
from bench.rush import Rush, RushOptions
from bench.witness import Witness
from cluster import running
from cluster.processes import Identity
from cluster.running import Part, Running
from domain.ids import EventId, OrganisationId
from services.demo import Loaded
from tests.bench.test_arithmetic import MACHINE, demo

BACK_S = 0.8
PASSED = Audit(0, 0, 0, 0, 0, 0, passed=True, holds=1, sold=1, expired=0, released=0, examples=[])


def platform_with(*parts: Part) -> Running:
    supervisor = Identity.of(os.getpid())
    assert supervisor is not None
    return Running(
        supervisor=supervisor,
        url="",
        listens_on=("127.0.0.1", 1),
        event_slug="",
        dsn="",
        redis_url="",
        ray_address="",
        ray_environment={},
        parts=list(parts),
    )


@pytest.fixture
def redis(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """What a platform in `tmp_path` has as its Redis, and all that it has."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as victim:
        identity = Identity.of(victim.pid)
        assert identity is not None
        running.write(tmp_path, platform_with(Part(name="redis", process=identity, log="")))
        yield victim
        victim.kill()


def killer_of(data_path: Path, over: asyncio.Event, pushes: Callable[[], int] = lambda: 0) -> Killer:
    return Killer(data_path, 0, Witness(), list, pushes, over)


async def test_what_was_on_its_way_when_redis_died_is_no_recovery(
    tmp_path: Path, redis: "subprocess.Popen[bytes]"
) -> None:
    died_s: list[float] = []

    def pushes() -> int:
        """One state that was under way, and the next when Redis is there again."""
        if redis.poll() is None:
            return 0
        died_s.append(time.perf_counter())
        return 2 if died_s[-1] - died_s[0] > BACK_S else 1

    killer = killer_of(tmp_path, asyncio.Event(), pushes)
    killed = await killer.kill("redis", time.perf_counter())
    assert killed.pid == redis.pid
    assert killed.recovery_s is not None
    assert killed.recovery_s >= BACK_S


async def test_what_can_not_be_killed_is_said_with_its_reason(
    tmp_path: Path, redis: "subprocess.Popen[bytes]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the others are killed all the same."""
    said: list[str] = []

    def refuse(pid: int, number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("bench.kills.os.kill", refuse)
    killer = killer_of(tmp_path, asyncio.Event())
    kills, missed = await killer.kill_in_turn(
        ["gateway", "shard", "redis"], time.perf_counter(), lambda share: True, said.append
    )
    assert kills == []
    assert [each.victim for each in missed] == ["gateway", "shard", "redis"]
    reasons = ("gateway does not run", "shard 0 does not run", "not permitted")
    assert all(reason in each.why for reason, each in zip(reasons, missed, strict=True))
    assert len(said) == 3
    assert all(line.startswith("not killed: ") for line in said)


async def test_a_sale_that_ends_says_what_was_not_killed_and_what_has_not_recovered(
    tmp_path: Path, redis: "subprocess.Popen[bytes]"
) -> None:
    """Neither may be forgotten, and neither waited for."""
    over = asyncio.Event()

    def pushes() -> int:
        if redis.poll() is not None:
            over.set()
        return 0

    killer = killer_of(tmp_path, over, pushes)
    async with asyncio.timeout(10):
        kills, missed = await killer.kill_in_turn(
            ["redis", "gateway"], time.perf_counter(), lambda share: True, lambda line: None
        )
    assert [(each.victim, each.recovery_s) for each in kills] == [("redis", None)]
    assert missed == [NotKilled("gateway", "the sale was over before its turn came")]


@pytest.mark.parametrize(
    ("kills", "missed", "audit", "code"),
    [
        ([Kill("redis", 1, 1.0, 0.2)], [], PASSED, 0),
        ([Kill("redis", 1, 1.0, None)], [], PASSED, 1),
        ([], [NotKilled("redis", "it is not [here]")], PASSED, 1),
        ([Kill("redis", 1, 1.0, 0.2)], [], msgspec.structs.replace(PASSED, passed=False), 1),
    ],
    ids=["all well", "no recovery", "no kill", "no audit"],
)
async def test_the_exit_code_and_the_report_say_what_became_of_each_kill(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kills: list[Kill],
    missed: list[NotKilled],
    audit: Audit,
    code: int,
) -> None:
    """Who runs a rush to see what a kill does must not take one without it for a passed one."""

    async def loaded(*given: object) -> Loaded:
        some_id = bytes(16)
        return Loaded(EventId(some_id), OrganisationId(some_id), "rush", "Rush", 0, is_new=True)

    async def audited(*given: object) -> Audit:
        return audit

    async def sold(made: Rush, *given: object) -> float:
        made._kills, made._not_killed = kills, missed
        return 1.0

    async def settled(*given: object) -> None:
        pass

    monkeypatch.setattr(rush, "make_event", loaded)
    monkeypatch.setattr(rush, "audit", audited)
    monkeypatch.setattr(rush, "machine", lambda: MACHINE)
    monkeypatch.setattr(Rush, "_sell", sold)
    monkeypatch.setattr(Rush, "_settled", settled)
    console = Console(record=True, width=120)
    options = RushOptions(
        data_path=tmp_path, catalogue=tmp_path, kills=("redis",), json_path=tmp_path / "rush.json"
    )
    assert await Rush(console, options, platform_with(), demo()).run() == code
    made = json.loads((tmp_path / "rush.json").read_text())
    assert made["kills"] == [msgspec.to_builtins(each) for each in kills]
    assert made["not_killed"] == [msgspec.to_builtins(each) for each in missed]
    text = console.export_text()
    assert all(each.why in text and "NOT KILLED" in text for each in missed)
    assert ("not seen" in text) == any(each.recovery_s is None for each in kills)
