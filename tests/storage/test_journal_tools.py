"""`bilten journal verify` is what people run when they doubt. If it passed a journal that does not hold,
nobody would look further; here everything that it checks is broken on purpose.
"""

import io
from collections.abc import AsyncIterator

import msgspec
import pytest
from rich.console import Console

from domain import commands as c
from domain import events as e
from domain import snapshots
from domain.ids import EVENT as EVENT_KIND
from domain.ids import text
from domain.orders import OrderState
from storage.journal import Batch, CancelledTicket, Entry, TicketRow
from storage.journal_tools import tail, verify
from storage.orders import Order, OrderLine, Orders
from storage.postgres import Pool
from storage.postgres_journal import PostgresJournal
from tests.domain.stage import EVENT, NOW_MS, REGULAR, SEAT, STANDING, Stage, buyer, order_of
from tests.storage.journal_contract import fresh
from tests.storage.rows import add_event


class Show:
    """An event with a history, written as the saga and the shard would."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.stage = Stage()
        self.journal = PostgresJournal(pool)
        self.orders = Orders(pool, "test", lambda: NOW_MS)
        self.epoch = 0
        self.written = 0

    async def write(self, **parts: list[TicketRow] | list[CancelledTicket]) -> None:
        """Commit what happened on the stage since the last time."""
        happened = self.stage.history[self.written :]
        entry = Entry(EVENT, self.written + 1, len(self.stage.history), NOW_MS, e.pack(happened))
        await self.journal.commit(Batch(0, self.epoch, [entry], **parts))  # type: ignore[arg-type]
        self.written = len(self.stage.history)

    async def sell(self, who: int = 1) -> e.Sold:
        sold = self.stage.sold((REGULAR, 2), (SEAT, 1), who=who)
        lines = tuple(
            OrderLine(line.ticket_type, line.quantity, line.unit_price_minor) for line in sold.lines
        )
        order = await self.orders.place(
            Order(
                order_id=sold.operation_id,
                event_id=EVENT,
                hold_id=sold.hold_id,
                buyer_id=sold.buyer_id,
                state=OrderState.PLACED,
                amount_minor=sum(line.quantity * line.unit_price_minor for line in lines),
                currency="EUR",
                lines=lines,
                token="card",
                lease_until_ms=NOW_MS,
                created_at_ms=NOW_MS,
            )
        )
        assert order is not None
        await self.orders.step(order, OrderState.AUTHORISED, lease_ms=1_000)
        types = [line.ticket_type for line in sold.lines for _ in range(line.quantity)]
        rows = [
            TicketRow(ticket_id, order.order_id, EVENT, order.buyer_id, kind)
            for ticket_id, kind in zip(sold.ticket_ids, types, strict=True)
        ]
        await self.write(tickets=rows)
        there = await self.orders.find(order.order_id)
        assert there is not None
        await self.orders.step(there, OrderState.PAID, lease_ms=1_000)
        return sold

    async def verified(self, dsn: str) -> tuple[int, str]:
        out = io.StringIO()
        code = await verify(dsn, Console(file=out, width=200))
        return code, out.getvalue()


@pytest.fixture
async def show(pool: Pool) -> AsyncIterator[Show]:
    await add_event(pool, EVENT)
    made = Show(pool)
    made.epoch = await made.journal.claim(0, "test")
    await made.sell()
    made.stage.hold((REGULAR, 1), who=2)
    await made.write()
    slices = list(snapshots.take(made.stage.state))
    await made.journal.save_snapshot(0, made.epoch, EVENT, made.written, snapshots.pack(slices))
    sold = await made.sell(who=3)
    made.stage.do(c.Withhold(made.stage.fresh(), EVENT, STANDING, 1))
    ids = tuple(sold.ticket_ids)
    made.stage.do(c.CancelTickets(made.stage.fresh(), EVENT, sold.operation_id, ids, order_of(sold)))
    await made.write(cancelled=[CancelledTicket(ticket_id, sold.operation_id) for ticket_id in ids])
    yield made


async def test_a_sale_as_it_should_be_holds(show: Show, shared_dsn: str) -> None:
    code, said = await show.verified(shared_dsn)
    assert (code, "The journal holds." in said) == (0, True), said
    assert text(EVENT_KIND, EVENT) in said


async def test_nothing_to_verify_holds(pool: Pool, shared_dsn: str) -> None:
    assert await verify(shared_dsn, Console(file=io.StringIO())) == 0


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("UPDATE journal_heads SET seq_last = seq_last + 1", "its head says"),
        ("DELETE FROM journal WHERE seq = 1", "can't be replayed"),
        ("DELETE FROM journal WHERE seq = (SELECT max(seq) FROM journal)", "its head says"),
        ("UPDATE journal SET body = '\\x93' WHERE seq = 1", "can't be replayed"),
        ("UPDATE journal SET seq_last = seq_last + 1 WHERE seq = 1", "were promised"),
        ("DELETE FROM journal_heads", "its journal has no head"),
        ("UPDATE snapshots SET seq = seq - 1", "is not what the journal says"),
        ("UPDATE snapshots SET seq = seq + 100", "where the journal is not"),
        ("DELETE FROM tickets WHERE ticket_type = 0", "of a type than their lines"),
        ("UPDATE tickets SET state = 'cancelled'", "tickets issued"),
        ("UPDATE tickets SET state = 'issued'", "cancelled orders with tickets that are not"),
        ("UPDATE tickets SET ticket_type = 0", "tickets issued"),
        ("UPDATE tickets SET buyer_id = order_id", "or of another buyer"),
        ("DELETE FROM tickets", "orders that are sold and have no tickets"),
        ("UPDATE orders SET state = 'failed'", "tickets of orders that were never sold"),
        ("UPDATE orders SET state = 'failed'", "failed orders that were charged"),
        ("UPDATE orders SET amount_minor = amount_minor + 1", "not the sum of their lines"),
        ("DROP INDEX orders_hold; UPDATE orders SET hold_id = event_id", "two orders were sold from"),
        ("UPDATE payments SET currency = 'USD'", "another amount or currency"),
        ("UPDATE payments SET captured_minor = captured_minor / 2", "not what is issued"),
    ],
)  # fmt: skip
async def test_whatever_does_not_hold_is_found(show: Show, shared_dsn: str, damage: str, what: str) -> None:
    index = await show.pool.fetchval("SELECT indexdef FROM pg_indexes WHERE indexname = 'orders_hold'")
    await show.pool.execute(damage)
    try:
        code, said = await show.verified(shared_dsn)
    finally:
        if "DROP INDEX" in damage:
            await show.pool.execute("DELETE FROM payments; DELETE FROM tickets; DELETE FROM orders")
            await show.pool.execute(index)
    assert code == 1
    assert what in said, said


async def test_a_count_below_nothing_is_found(show: Show, shared_dsn: str) -> None:
    """Counts are packed into unsigned numbers, and say so in their own way when they are asked for less."""
    *before, cancelled = show.stage.history[-2:]
    assert isinstance(cancelled, e.Cancelled)
    stranger = msgspec.structs.replace(cancelled, buyer_id=buyer(99))
    await show.pool.execute(
        "UPDATE journal SET body = $1 WHERE seq_last = $2", e.pack([*before, stranger]), show.written
    )
    code, said = await show.verified(shared_dsn)
    assert code == 1
    assert f"event {show.written} can't be replayed" in said


async def test_tail_prints_what_happened(show: Show, shared_dsn: str) -> None:
    out = io.StringIO()
    await tail(shared_dsn, None, False, Console(file=out, width=300))
    lines = out.getvalue().splitlines()
    assert len(lines) == len(show.stage.history)
    for line, happened in zip(lines, show.stage.history, strict=True):
        assert type(happened).__name__ in line
    everything = out.getvalue()
    for wanted, expected in ((EVENT, everything), (text(EVENT_KIND, EVENT), everything), (fresh(), "")):
        out = io.StringIO()
        await tail(shared_dsn, wanted, False, Console(file=out, width=300))  # type: ignore[arg-type]
        assert out.getvalue() == expected
