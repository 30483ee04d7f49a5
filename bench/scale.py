"""`bilten bench scale`: what a hold costs when a shard has many events, and when an event has many tickets.

The cost is processor time of the shard and of PostgreSQL, divided by the holds; unlike a rate it hardly
depends on who else uses the machine. The holds are all of one event; the others have live holds of their own
and lie in the shard's memory. `spread_10000` puts the holds on all events alike, which costs a row of the
journal for each event in a batch; it is there to be honest about it.
"""

import asyncio
import gc
from typing import Any, Final

import uvloop
from rich.console import Console

from bench.load import BenchFailed, measure
from bench.machine import CpuMeter, machine
from bench.platform import Identifiers, SellingPlatform, open_event, selling_platform
from bench.results import Result, print_table, ratio
from domain import commands as c
from domain import events as e
from domain.ids import BuyerId, EventId, OperationId, TicketTypeId

NAME: Final = "scale"
EVENTS: Final = (1, 100, 10_000)
TICKETS: Final = (1_000, 100_000, 1_000_000)
WAITING: Final = 500
ROUNDS: Final = 4
SECONDS: Final = 8.0
SECONDS_QUICK: Final = 0.8
FILLED_BY: Final = 10
AT_ONCE: Final = 2_000
HOLD_TTL_MS: Final = 3_600_000

Event = tuple[EventId, TicketTypeId]


class Work:
    """Holds, each given back, so that an event of any size takes any number of them."""

    def __init__(self, shards: Any, fresh: Identifiers, events: list[Event]) -> None:
        self._shards = shards
        self._fresh = fresh.fresh
        self._events = [(event_id, (c.Line(type_id, 1),)) for event_id, type_id in events]
        self._number = 0
        self.done = 0

    async def hold_and_release(self) -> None:
        """One of each."""
        self._number += 1
        event_id, lines = self._events[self._number % len(self._events)]
        hold_id, buyer_id = OperationId(self._fresh()), BuyerId(self._fresh())
        held = await self._shards.ask(c.PlaceHold(hold_id, event_id, buyer_id, lines))
        if type(held) is not e.Held:
            raise BenchFailed(f"not held: {held}")
        await self._shards.ask(c.ReleaseHold(OperationId(self._fresh()), event_id, buyer_id, hold_id))
        self.done += 1


async def fill(shards: Any, fresh: Identifiers, event: Event, tickets: int) -> None:
    """Hold so many tickets of an event, ten at a time."""
    event_id, type_id = event
    lines = (c.Line(type_id, FILLED_BY),)
    for first in range(0, tickets // FILLED_BY, AT_ONCE):
        number = min(AT_ONCE, tickets // FILLED_BY - first)
        answers = await asyncio.gather(
            *(
                shards.ask(c.PlaceHold(OperationId(fresh.fresh()), event_id, BuyerId(fresh.fresh()), lines))
                for _ in range(number)
            )
        )
        wrong = next((answer for answer in answers if type(answer) is not e.Held), None)
        if wrong is not None:
            raise BenchFailed(f"not held: {wrong}")


async def add_events(shards: Any, fresh: Identifiers, made: list[Event], number: int) -> None:
    """Open events until there are so many, each with a live hold: without one, an event leaves the memory of
    the shard when nobody has asked for it for a while, and costs nothing.
    """
    while len(made) < number:
        opening = [
            open_event(shards, fresh, 1_000, HOLD_TTL_MS) for _ in range(min(AT_ONCE, number - len(made)))
        ]
        opened = await asyncio.gather(*opening)
        await asyncio.gather(*(fill(shards, fresh, event, FILLED_BY) for event in opened))
        made += opened


async def cost_us(platform: SellingPlatform, work: Work, seconds: float) -> float:
    """Return the processor time of a hold with its release, in microseconds: the least of some rounds,
    because who else uses the machine decides how large batches are, and that what they cost.
    """
    gc.collect()
    await measure(WAITING, work.hold_and_release, seconds / 3, warm_up_s=0)
    return min([await _round_us(platform, work, seconds / ROUNDS) for _ in range(ROUNDS)])


async def _round_us(platform: SellingPlatform, work: Work, seconds: float) -> float:
    done = work.done
    meter = CpuMeter({"shard": [platform.shard_pid], "postgres": [platform.postgres.pid]}).start()
    begin = asyncio.get_running_loop().time()
    await measure(WAITING, work.hold_and_release, seconds, warm_up_s=0)
    elapsed = asyncio.get_running_loop().time() - begin
    cores = meter.stop()
    return (cores["shard"].cores + cores["postgres"].cores) * elapsed / (work.done - done) * 1e6


async def _events(platform: SellingPlatform, seconds: float) -> dict[str, float]:
    """Cost by number of events, on one shard that gets more and more of them; it has none at first."""
    costs: dict[str, float] = {}
    fresh = Identifiers(seed=9)
    made: list[Event] = []
    async with platform.asking() as shards:
        for number in EVENTS:
            await add_events(shards, fresh, made, number)
            costs[f"us_events_{number}"] = await cost_us(platform, Work(shards, fresh, made[:1]), seconds)
        costs[f"us_spread_{EVENTS[-1]}"] = await cost_us(platform, Work(shards, fresh, made), seconds)
    return costs


async def _tickets(platform: SellingPlatform, seconds: float) -> dict[str, float]:
    """Cost by size of the event, half of which is held."""
    costs: dict[str, float] = {}
    fresh = Identifiers(seed=10)
    async with platform.asking() as shards:
        for number in TICKETS:
            # Room for everybody who holds at the same moment, even in the smallest.
            event = await open_event(shards, fresh, number + WAITING, HOLD_TTL_MS)
            await fill(shards, fresh, event, number // 2)
            costs[f"us_tickets_{number}"] = await cost_us(platform, Work(shards, fresh, [event]), seconds)
    return costs


def run(console: Console, *, is_quick: bool) -> Result:
    """Measure everything."""
    described = machine()
    gc.set_threshold(100_000, 50, 1_000)
    seconds = SECONDS_QUICK if is_quick else SECONDS
    with selling_platform() as platform:
        costs = uvloop.run(_tickets(platform, seconds)) | uvloop.run(_events(platform, seconds))
    figures = {name: round(cost, 1) for name, cost in costs.items()}
    one_event, few_tickets = costs[f"us_events_{EVENTS[0]}"], costs[f"us_tickets_{TICKETS[0]}"]
    ratios = {
        "events_100": ratio(costs["us_events_100"], one_event),
        "events_10000": ratio(costs["us_events_10000"], one_event),
        "tickets_100k": ratio(costs["us_tickets_100000"], few_tickets),
        "tickets_1m": ratio(costs["us_tickets_1000000"], few_tickets),
        "spread_10000": ratio(costs["us_spread_10000"], one_event),
    }
    rows = [(name.removeprefix("us_").replace("_", " "), value) for name, value in figures.items()]
    columns = ("a hold and its release", "us of shard and PostgreSQL")
    print_table(console, "What one more event, or one more ticket, costs", columns, rows)
    limit = f"against the smallest: {', '.join(f'{name} {value}' for name, value in ratios.items())}"
    console.print(limit, soft_wrap=True)
    return Result(NAME, figures, {}, ratios, described, [limit])
