"""`bilten bench recovery`: kill -9 of a shard with a million tickets, half of them sold, and how long until
it answers again; and what its memory holds.

The state is made the way it is in life: holds and sales through the shard. Only the orders, which a gateway
would have made, are written straight into their table. The time that Ray itself takes to start an actor again
is measured on the same actor while it is still empty, and taken off.
"""

import asyncio
import gc
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import msgspec
import uvloop
from rich.console import Console

from bench.load import BenchFailed
from bench.machine import CpuMeter, limit_line, machine, rss_bytes
from bench.platform import Identifiers, SellingPlatform, open_event, selling_platform
from bench.results import Result, print_table
from domain import commands as c
from domain import events as e
from domain.ids import BuyerId, EventId, HoldId, OperationId, OrderId, TicketId, TicketTypeId
from storage.postgres import Connection, connect

NAME: Final = "recovery"
TICKETS: Final = 1_000_000
HELD: Final = 100_000
QUICK_SHARE: Final = 0.1
TICKETS_AN_ORDER: Final = 2
AT_ONCE: Final = 4_000
HOLD_TTL_MS: Final = 3_600_000
_ORDERS: Final = """
    INSERT INTO orders (order_id, event_id, hold_id, buyer_id, state, amount_minor, currency,
        lease_owner, lease_until, created_at, updated_at)
    SELECT order_id, $1, hold_id, buyer_id, 'authorised', 10000, 'EUR', 'bench', now(), now(), now()
    FROM unnest($2::uuid[], $3::uuid[], $4::uuid[]) AS made (order_id, hold_id, buyer_id)
"""
_EVENT: Final = """
    WITH organisation AS (
        INSERT INTO organisations (organisation_id, name, slug) VALUES ($1, 'Bench', 'bench')
        RETURNING organisation_id
    )
    INSERT INTO events (event_id, organisation_id, slug, title, currency, starts_at)
    SELECT $1, organisation_id, 'bench', 'Bench', 'EUR', now() FROM organisation
"""


class Filling:
    """Makes the state of a sale that has been going on for a while."""

    def __init__(self, shards: Any, database: Connection, event_id: EventId, type_id: TicketTypeId) -> None:
        self._shards = shards
        self._database = database
        self._event_id = event_id
        self._type_id = type_id
        self._fresh = Identifiers(seed=8).fresh

    async def hold(self, holds: int, quantity: int) -> list[tuple[HoldId, BuyerId]]:
        """Place so many holds, each by another buyer."""
        lines = (c.Line(self._type_id, quantity),)
        made = [(OperationId(self._fresh()), BuyerId(self._fresh())) for _ in range(holds)]
        await self._ask([c.PlaceHold(hold, self._event_id, buyer, lines) for hold, buyer in made], e.Held)
        return made

    async def sell(self, orders: int) -> None:
        """Hold and sell so many orders."""
        for first in range(0, orders, AT_ONCE):
            held = await self.hold(min(AT_ONCE, orders - first), TICKETS_AN_ORDER)
            names = [OrderId(OperationId(self._fresh())) for _ in held]
            await self._database.execute(
                _ORDERS, self._event_id, names, [hold for hold, _ in held], [buyer for _, buyer in held]
            )
            await self._ask(
                [
                    c.Sell(
                        name, self._event_id, buyer, hold, (TicketId(self._fresh()), TicketId(self._fresh()))
                    )
                    for name, (hold, buyer) in zip(names, held, strict=True)
                ],
                e.Sold,
            )

    async def _ask(self, commands: Sequence[c.AnyCommand], wanted: type) -> None:
        for first in range(0, len(commands), AT_ONCE):
            answers = await asyncio.gather(
                *(self._shards.ask(command) for command in commands[first : first + AT_ONCE])
            )
            wrong = next((answer for answer in answers if type(answer) is not wanted), None)
            if wrong is not None:
                raise BenchFailed(f"the state could not be made: {wrong}")


class Recovered(msgspec.Struct, frozen=True):
    """What happened after a kill."""

    seconds: float
    pid: int


async def kill_and_wait(platform: SellingPlatform, filling: Filling) -> Recovered:
    """Kill the shard and return how long it took until a hold was answered again."""
    import ray

    from actors.host import NAMESPACE, actor_name

    began = time.perf_counter()
    os.kill(platform.shard_pids[0], signal.SIGKILL)
    await filling.hold(1, 1)
    seconds = time.perf_counter() - began
    pid, _ = await ray.get_actor(actor_name(0), NAMESPACE).ready.remote()
    platform.shard_pids = [pid]
    return Recovered(seconds, pid)


async def _measure(platform: SellingPlatform, share: float) -> tuple[dict[str, float], str]:
    tickets, held = int(TICKETS * share), int(HELD * share)
    fresh = Identifiers(seed=7)
    async with platform.asking() as shards:
        database = await connect(platform.postgres.dsn(), application_name="bilten bench")
        event_id, type_id = await open_event(shards, fresh, tickets, HOLD_TTL_MS)
        await database.execute(_EVENT, event_id)
        filling = Filling(shards, database, event_id, type_id)
        await filling.hold(1, 1)
        empty = await kill_and_wait(platform, filling)
        empty_bytes = rss_bytes(empty.pid)
        await filling.sell(tickets // 2 // TICKETS_AN_ORDER)
        await filling.hold(held, 1)
        snapshots = await database.fetchval("SELECT count(*) FROM snapshots")
        after_snapshot = await database.fetchval(
            """
            SELECT max(journal_heads.seq_last) - coalesce(max(snapshots.seq), 0)
            FROM journal_heads LEFT JOIN snapshots USING (event_id) WHERE event_id = $1
            """,
            event_id,
        )
        meter = CpuMeter({"postgres": [platform.postgres.pid], "ray and shard": [platform.ray.pid]}).start()
        full = await kill_and_wait(platform, filling)
        cores = meter.stop()
        figures = {
            "recovery_s": round(max(0.0, full.seconds - empty.seconds), 3),
            "total_s": round(full.seconds, 3),
            "ray_restart_s": round(empty.seconds, 3),
            "tickets": tickets,
            "held": held,
            "snapshots": snapshots,
            "events_after_snapshot": after_snapshot,
            "shard_mb": round(rss_bytes(full.pid) / 2**20, 1),
            "empty_shard_mb": round(empty_bytes / 2**20, 1),
        }
        await database.close()
    return figures, limit_line(cores, os.cpu_count() or 1)


def run(console: Console, *, is_quick: bool) -> Result:
    """Measure everything."""
    described = machine()
    gc.set_threshold(100_000, 50, 1_000)
    # That the shard is lost, and when, is what is measured here.
    logging.getLogger("actors").setLevel(logging.ERROR)
    share = QUICK_SHARE if is_quick else 1.0
    with selling_platform() as platform:
        figures, limit = uvloop.run(_measure(platform, share))
    counted = subprocess.run(
        [sys.executable, "-m", "bench.inventory_memory", str(int(HELD * share)), str(int(HELD * share))],
        check=True,
        capture_output=True,
    )
    figures |= msgspec.json.decode(counted.stdout, type=dict[str, float])
    print_table(console, "Killed with kill -9, and back", ("figure", ""), list(figures.items()))
    console.print(limit, soft_wrap=True)
    return Result(NAME, figures, {}, {}, described, [limit])
