"""`bilten bench hot-event`: how many durable holds a second one event takes, beside what others do.

Bilten's holds go the whole way but for the websocket: coalescer, Ray, shard, one PostgreSQL transaction a
batch with fsync, answer. Buyers wait for their answer and then ask again, each time as a new buyer.
"""

import gc
import os
from collections.abc import Mapping
from typing import Any, Final

import uvloop
from rich.console import Console

from bench.load import BenchFailed, Load, measure
from bench.machine import CpuMeter, limit_line, machine
from bench.platform import Identifiers, SellingPlatform, open_event, selling_platform
from bench.redis_baseline import run_redis
from bench.results import Result, print_table, ratio
from bench.sql_baselines import run_sql
from domain import commands as c
from domain import events as e
from domain.ids import BuyerId, EventId, OperationId, TicketTypeId

NAME: Final = "hot-event"
WAITING: Final = (50, 500, 2_000, 10_000)
SECONDS: Final = 6.0
SECONDS_QUICK: Final = 1.0
RATIOS: Final = (
    "for_update",
    "conditional_update",
    "skip_locked",
    "advisory_lock",
    "redis_always",
    "redis_everysec",
)


class Buyers:
    """Holds of one event, each by another buyer."""

    def __init__(self, shards: Any, fresh: Identifiers, event_id: EventId, type_id: TicketTypeId) -> None:
        self._shards = shards
        self._fresh = fresh.fresh
        self._event_id = event_id
        self._lines = (c.Line(type_id, 1),)

    async def hold(self) -> None:
        """Hold one ticket and wait until that is durable."""
        held = await self._shards.ask(
            c.PlaceHold(OperationId(self._fresh()), self._event_id, BuyerId(self._fresh()), self._lines)
        )
        if type(held) is not e.Held:
            raise BenchFailed(f"not held: {held}")


async def holds(platform: SellingPlatform, seconds: float) -> tuple[dict[int, Load], list[str]]:
    """Measure the four sizes of crowd, each on an event of its own."""
    loads, limits = {}, []
    identifiers = Identifiers(seed=1)
    async with platform.asking() as shards:
        for waiting in WAITING:
            buyers = Buyers(shards, identifiers, *await open_event(shards, identifiers))
            gc.collect()
            gc.freeze()
            meter = CpuMeter({**platform.parts(), "buyers and coalescer": [os.getpid()]}).start()
            loads[waiting] = await measure(waiting, buyers.hold, seconds, warm_up_s=seconds / 5)
            limits.append(f"{waiting:,} waiting: {limit_line(meter.stop(), os.cpu_count() or 1)}")
    return loads, limits


def result(
    loads: Mapping[int, Load], baselines: Mapping[str, Load], limits: list[str], before: Any
) -> Result:
    """Put the figures under the names that the JSON has."""
    figures: dict[str, float] = {}
    for waiting, load in loads.items():
        figures[f"holds_per_s_{waiting}"] = round(load.per_s)
        figures[f"p50_ms_{waiting}"] = load.latency.p50_ms
        figures[f"p99_ms_{waiting}"] = load.latency.p99_ms
        figures[f"p999_ms_{waiting}"] = load.latency.p999_ms
    best = max(load.per_s for load in loads.values())
    others = {name: round(load.per_s) for name, load in baselines.items()}
    return Result(
        NAME,
        figures,
        others,
        {name: ratio(best, load.per_s) for name, load in baselines.items()},
        before,
        limits,
    )


def show(console: Console, made: Result, loads: Mapping[int, Load], baselines: Mapping[str, Load]) -> None:
    """Print the table."""
    best = max(load.per_s for load in loads.values())
    rows: list[tuple[object, ...]] = [
        (f"Bilten, {load.callers:,} waiting", load.per_s, load.latency.p50_ms, load.latency.p99_ms, "")
        for load in loads.values()
    ]
    rows += [
        (
            name.replace("_", " "),
            load.per_s,
            load.latency.p50_ms,
            load.latency.p99_ms,
            f"{best / load.per_s:.1f}",
        )
        for name, load in baselines.items()
    ]
    columns = ("one hot event", "holds/s", "p50 ms", "p99 ms", "Bilten's best is x times")
    print_table(console, "Durable holds", columns, rows)
    for line in made.limits:
        console.print(line, soft_wrap=True)


def run(console: Console, *, is_quick: bool) -> Result:
    """Measure everything."""
    seconds = SECONDS_QUICK if is_quick else SECONDS
    before = machine()
    # As the host of a shard does: millions of records live long, and none of them is part of a cycle.
    gc.set_threshold(100_000, 50, 1_000)
    with selling_platform() as platform:
        loads, limits = uvloop.run(holds(platform, seconds))
        platform.ray.stop()
        baselines = dict(uvloop.run(run_sql(platform.postgres.dsn(), seconds, is_quick=is_quick)))
        baselines |= uvloop.run(run_redis(platform.folder, seconds, is_quick=is_quick))
    made = result(loads, baselines, limits, before)
    show(console, made, loads, baselines)
    return made
