"""`bilten bench scale`: what a hold costs when a shard has many events, and when an event has many tickets.

The cost is processor time of the shard and of PostgreSQL, divided by the holds. What else the machine does
decides how large batches are, and that what a hold costs, so all cases are there at the same time, take
turns, and are compared within a turn: so many events on a shard of their own, events of each size on
another. The holds are all of one event; the others have live holds of their own and lie in the shard's
memory. `spread_10000` puts the holds on all events alike, which costs a row of the journal for each event
in a batch; it is there to be honest about it.
"""

import asyncio
import gc
from collections.abc import Sequence
from statistics import median
from typing import Any, Final

import msgspec
import uvloop
from rich.console import Console

from actors.homes import home_of
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
# Turns of each case, and how long one is.
ROUNDS: Final = 9
SECONDS: Final = 1.5
ROUNDS_QUICK: Final = 5
SECONDS_QUICK: Final = 0.25
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


async def add_events(
    shards: Any, fresh: Identifiers, made: list[Event], number: int, shard: int, shard_count: int
) -> None:
    """Open events on a shard until there are so many, each with a live hold: without one, an event leaves
    the memory of the shard when nobody has asked for it for a while, and costs nothing.
    """
    while len(made) < number:
        opening = [
            open_event(shards, fresh, 1_000, HOLD_TTL_MS, placed(fresh, shard, shard_count))
            for _ in range(min(AT_ONCE, number - len(made)))
        ]
        opened = await asyncio.gather(*opening)
        await asyncio.gather(*(fill(shards, fresh, event, FILLED_BY) for event in opened))
        made += opened


def placed(fresh: Identifiers, shard: int, shard_count: int) -> EventId:
    """Return an identifier of an event that belongs on a shard."""
    while True:
        event_id = EventId(fresh.fresh())
        if home_of(event_id, shard_count) == shard:
            return event_id


class Case(msgspec.Struct, frozen=True):
    """What is measured in turns with the others, on which shard."""

    name: str
    shard: int
    work: Work


async def make_cases(shards: Any, shard_count: int) -> list[Case]:
    """Fill the shards: the first has an event of each size, half of which is held, each other one so many
    events.
    """
    fresh = Identifiers(seed=9)
    cases = []
    for tickets in TICKETS:
        # Room for everybody who holds at the same moment, even in the smallest.
        event_id = placed(fresh, 0, shard_count)
        event = await open_event(shards, fresh, tickets + WAITING, HOLD_TTL_MS, event_id)
        await fill(shards, fresh, event, tickets // 2)
        cases.append(Case(f"tickets_{tickets}", 0, Work(shards, fresh, [event])))
    for shard, number in enumerate(EVENTS, start=1):
        made: list[Event] = []
        await add_events(shards, fresh, made, number, shard, shard_count)
        cases.append(Case(f"events_{number}", shard, Work(shards, fresh, made[:1])))
    return [*cases, Case(f"spread_{number}", shard, Work(shards, fresh, made))]


async def cost_us(platform: SellingPlatform, case: Case, seconds: float) -> float:
    """Return the processor time of a hold with its release, in microseconds."""
    done = case.work.done
    parts = {"shard": [platform.shard_pids[case.shard]], "postgres": [platform.postgres.pid]}
    meter = CpuMeter(parts).start()
    begin = asyncio.get_running_loop().time()
    await measure(WAITING, case.work.hold_and_release, seconds, warm_up_s=0)
    elapsed = asyncio.get_running_loop().time() - begin
    cores = meter.stop()
    return (cores["shard"].cores + cores["postgres"].cores) * elapsed / (case.work.done - done) * 1e6


async def costs_us(platform: SellingPlatform, rounds: int, seconds: float) -> dict[str, list[float]]:
    """Return the costs of each case in each round."""
    shard_count = 1 + len(EVENTS)
    async with platform.asking(shard_count) as shards:
        cases = await make_cases(shards, shard_count)
        gc.collect()
        costs: dict[str, list[float]] = {case.name: [] for case in cases}
        for case in cases:
            await measure(WAITING, case.work.hold_and_release, seconds, warm_up_s=0)
        for _ in range(rounds):
            for case in cases:
                costs[case.name].append(await cost_us(platform, case, seconds))
    return costs


def against(costs: Sequence[float], smallest: Sequence[float]) -> float:
    """Return the cost of a case against that of the smallest: the median of all rounds."""
    return ratio(median(cost / least for cost, least in zip(costs, smallest, strict=True)), 1.0)


def run(console: Console, *, is_quick: bool) -> Result:
    """Measure everything."""
    described = machine()
    gc.set_threshold(100_000, 50, 1_000)
    rounds, seconds = (ROUNDS_QUICK, SECONDS_QUICK) if is_quick else (ROUNDS, SECONDS)
    with selling_platform() as platform:
        costs = uvloop.run(costs_us(platform, rounds, seconds))
    figures = {f"us_{name}": round(median(each), 1) for name, each in costs.items()}
    one_event, few_tickets = costs[f"events_{EVENTS[0]}"], costs[f"tickets_{TICKETS[0]}"]
    ratios = {
        "events_100": against(costs["events_100"], one_event),
        "events_10000": against(costs["events_10000"], one_event),
        "tickets_100k": against(costs["tickets_100000"], few_tickets),
        "tickets_1m": against(costs["tickets_1000000"], few_tickets),
        "spread_10000": against(costs["spread_10000"], one_event),
    }
    rows = [(name.removeprefix("us_").replace("_", " "), value) for name, value in figures.items()]
    columns = ("a hold and its release", "us of shard and PostgreSQL")
    print_table(console, "What one more event, or one more ticket, costs", columns, rows)
    limit = f"against the smallest: {', '.join(f'{name} {value}' for name, value in ratios.items())}"
    console.print(limit, soft_wrap=True)
    return Result(NAME, figures, {}, ratios, described, [limit])
