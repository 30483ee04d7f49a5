"""`bilten bench hot-event`: how many durable holds a second one event takes, beside what others do.

Bilten's holds go the whole way but for the websocket: coalescer, Ray, shard, one PostgreSQL transaction a
batch with fsync, answer. Buyers wait for their answer and then ask again, each time as a new buyer.
"""

import gc
import os
from collections.abc import Mapping

from bench.load import Load, measure
from bench.machine import CpuMeter, limit_line, machine
from bench.platform import Identifiers, SellingPlatform, open_event, selling_platform
from bench.redis_baseline import run_redis
from bench.results import Result, print_table, ratio
from bench.sql_baselines import run_sql
from domain import commands as c
from domain import events as e
from domain.ids import BuyerId, OperationId

WAITING = (50, 500, 2_000, 10_000)
RATIOS = ("for_update", "conditional_update", "skip_locked", "advisory_lock", "redis_always", "redis_everysec")


async def holds(platform: SellingPlatform, seconds: float) -> tuple[dict[int, Load], list[str]]:
    """Measure the four sizes of crowd, each on an event of its own."""
    loads, limits = {}, []
    identifiers = Identifiers(seed=1)
    fresh = identifiers.fresh
    async with platform.asking() as shards:
        for waiting in WAITING:
            event_id, type_id = await open_event(shards, identifiers)
            lines = (c.Line(type_id, 1),)

            async def hold(event_id=event_id, lines=lines) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
                held = await shards.ask(
                    c.PlaceHold(OperationId(fresh()), event_id, BuyerId(fresh()), lines)
                )
                if type(held) is not e.Held:
                    raise RuntimeError(f"not held: {held}")

            gc.collect()
            gc.freeze()
            meter = CpuMeter({**platform.parts(), "buyers and coalescer": [os.getpid()]}).start()
            loads[waiting] = await measure(waiting, hold, seconds, warm_up_s=1.0)
            limits.append(f"{waiting} waiting: {limit_line(meter.stop(), os.cpu_count() or 1)}")
    return loads, limits
