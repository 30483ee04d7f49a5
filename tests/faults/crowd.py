"""Buyers who keep buying while something is being broken, and remember every answer they got."""

import asyncio
import itertools
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from domain import commands as c
from domain import events as e
from domain.catalogue import Pool as Places
from domain.catalogue import SaleDefinition, TicketType
from domain.ids import BuyerId, EventId, HoldId, OperationId, PoolId, TicketId, TicketTypeId, uuid7
from domain.refusals import Code, Refusal
from storage.postgres import Pool

EVENT_ROWS = """
    WITH made AS (
        INSERT INTO organisations (organisation_id, name, slug)
        VALUES ($1::uuid, 'Test', 'test-' || $1::uuid) ON CONFLICT DO NOTHING
    )
    INSERT INTO events (event_id, organisation_id, slug, title, currency, starts_at)
    VALUES ($1::uuid, $1::uuid, 'test-' || $1::uuid, 'Test', 'EUR', now()) ON CONFLICT DO NOTHING
"""
ORDER_ROW = """
    INSERT INTO orders (order_id, event_id, hold_id, buyer_id, state, amount_minor, currency, lease_owner,
                        lease_until, created_at, updated_at)
    VALUES ($1, $2, $3, $4, 'authorised', 1000, 'EUR', 'test', now(), now(), now()) ON CONFLICT DO NOTHING
"""
T = TypeVar("T")
Ask = Callable[[c.AnyCommand], Awaitable[e.AnyEvent | Refusal]]


async def patiently(do: Callable[[], Awaitable[T]]) -> T:
    """Do something with PostgreSQL however often it takes, because it may be what is being broken."""
    for attempt in itertools.count():
        try:
            return await do()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            if attempt > 400:
                raise
            await asyncio.sleep(0.05)
    raise AssertionError


class Crowd:
    """A number of buyers at a number of events. What is sold out is followed by another event, so that they
    can go on for hours.

    Attributes:
        event_ids: of all events that there were.
        answers: every definite answer, in the order in which it came.
        acknowledged_at: when each effect was acknowledged (monotonic seconds).
    """

    def __init__(self, ask: Ask, pool: Pool, seed: int, *, events: int = 2, capacity: int = 5_000) -> None:
        self.rng = random.Random(seed)
        self.answers: list[tuple[c.AnyCommand, e.AnyEvent | Refusal]] = []
        self.acknowledged_at: list[float] = []
        self.sold = 0
        self.event_ids: list[EventId] = []
        self._on_sale: list[EventId] = []
        self._events = events
        self._ask = ask
        self._pool = pool
        self._type = TicketTypeId(self.fresh())
        self._capacity = capacity
        self._tasks: list[asyncio.Task[None]] = []
        self._replacing = asyncio.Lock()
        self._is_closing = False

    def fresh(self) -> bytes:
        return uuid7(time.time_ns() // 1_000_000, self.rng.getrandbits(74))

    def op(self) -> OperationId:
        return OperationId(self.fresh())

    async def do(self, command: c.AnyCommand) -> e.AnyEvent | Refusal:
        """Ask until the answer is definite, always with the same operation id."""
        while True:
            answer = await self._ask(command)
            if not isinstance(answer, Refusal):
                self.acknowledged_at.append(time.monotonic())
            if not (isinstance(answer, Refusal) and answer.code is Code.BUSY):
                self.answers.append((command, answer))
                return answer
            await asyncio.sleep(0.02)

    async def open(self, buyers: int = 30) -> None:
        """Open the events and let the buyers in."""
        for _ in range(self._events):
            self._on_sale.append(await self._open_event())
        self._tasks = [asyncio.create_task(self._buy_on()) for _ in range(buyers)]

    async def _open_event(self) -> EventId:
        event_id = EventId(self.fresh())
        self.event_ids.append(event_id)
        await patiently(lambda: self._pool.execute(EVENT_ROWS, event_id))
        definition = SaleDefinition(
            event_id,
            "EUR",
            (Places(PoolId(self.fresh()), self._capacity),),
            (TicketType(self._type, (0,), 1000),),
            buyer_limit=1000,
            # On a busy machine a node is away for longer than a minute, and a hold that ran out is no loss.
            hold_ttl_ms=900_000,
        )
        configured = await self.do(c.Configure(self.op(), event_id, definition))
        opened = await self.do(c.OpenSale(self.op(), event_id, 0))
        assert isinstance(configured, e.Configured), configured
        assert isinstance(opened, e.SaleOpened), opened
        return event_id

    async def _replace(self, event_id: EventId) -> None:
        """Put another event on sale instead of one that has been sold out."""
        async with self._replacing:
            if event_id in self._on_sale:
                self._on_sale[self._on_sale.index(event_id)] = await self._open_event()

    async def close(self) -> None:
        """Let everybody finish what they are at."""
        self._is_closing = True
        async with asyncio.timeout(60):
            await asyncio.gather(*self._tasks)

    async def until(self, count: int, timeout_s: float = 60) -> None:
        """Wait until so many more orders were acknowledged."""
        wanted = self.sold + count
        async with asyncio.timeout(timeout_s):
            while self.sold < wanted:
                for task in self._tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.01)

    async def _buy_on(self) -> None:
        buyer_id = BuyerId(self.fresh())
        while not self._is_closing:
            event_id = self.rng.choice(self._on_sale)
            lines = (c.Line(self._type, self.rng.randint(1, 4)),)
            held = await self.do(c.PlaceHold(self.op(), event_id, buyer_id, lines))
            if isinstance(held, e.Held):
                await self._decide_on(event_id, buyer_id, held)
            else:
                # Any other refusal would be repeated for ever, and look like a platform that stands still.
                assert isinstance(held, Refusal) and held.code is Code.SOLD_OUT, held
                await self._replace(event_id)

    async def _decide_on(self, event_id: EventId, buyer_id: BuyerId, held: e.Held) -> None:
        hold_id = HoldId(held.operation_id)
        if self.rng.random() < 0.2:
            await self.do(c.ReleaseHold(self.op(), event_id, buyer_id, hold_id))
            return
        tickets = tuple(TicketId(self.fresh()) for _ in range(held.lines[0].quantity))
        sell = c.Sell(self.op(), event_id, buyer_id, hold_id, tickets)
        order = (sell.operation_id, event_id, hold_id, buyer_id)
        await patiently(lambda: self._pool.execute(ORDER_ROW, *order))
        first = await self.do(sell)
        assert isinstance(first, e.Sold), first
        self.sold += 1
        if self.rng.random() < 0.2:
            again = await self.do(sell)
            assert again == first
        if self.rng.random() < 0.05:
            await self.do(c.CancelTickets(self.op(), event_id, sell.operation_id))
