"""The audit of a rush must find what was planted: an audit that finds nothing proves nothing."""

from typing import Any

import pytest

from bench.audit import Audit, audit
from bench.witness import HoldSeen, PurchaseSeen
from domain import events as e
from domain.ids import HOLD, ORDER, TICKET, parse, text
from tests.bench.conftest import SmallSale
from tests.gateway.stage import fresh

COUNTS = (
    "oversold",
    "acknowledged_missing",
    "issued_twice",
    "wrongly_charged",
    "unfinished",
    "journal_gaps",
)


async def look(small_sale: SmallSale) -> Audit:
    return await audit(small_sale.dsn, small_sale.event_id, small_sale.witness.seen())


async def append(small_sale: SmallSale, *events: e.AnyEvent) -> None:
    """Write events into the journal that nobody decided."""
    last: Any = await small_sale.value(
        "SELECT seq_last FROM journal_heads WHERE event_id = $1", small_sale.event_id
    )
    await small_sale.execute(
        """
        INSERT INTO journal (event_id, seq, seq_last, at, shard, epoch, body)
        VALUES ($1, $2, $3, now(), 0, 1, $4)
        """,
        small_sale.event_id,
        last + 1,
        last + len(events),
        e.pack(list(events)),
    )


async def test_a_sale_that_went_well_passes(small_sale: SmallSale) -> None:
    """A false alarm would teach people to ignore the audit."""
    found = await look(small_sale)
    assert found.passed, found.examples
    assert [getattr(found, kind) for kind in COUNTS] == [0] * 6
    assert (found.sold, found.holds, found.released) == (6, 6, 1)


async def test_more_tickets_than_places_are_found(small_sale: SmallSale) -> None:
    await small_sale.execute("UPDATE pools SET capacity = 4 WHERE event_id = $1", small_sale.event_id)
    found = await look(small_sale)
    assert found.oversold == 2
    assert not found.passed


async def test_a_journal_that_sells_what_is_not_there_is_found(small_sale: SmallSale) -> None:
    """The tables may look right while the shard has promised too much."""
    hold_id = fresh()
    line = e.HeldLine(0, 1_000, 1500)
    await append(small_sale, e.Held(hold_id, fresh(), (line,), 2_000_000_000_000))  # type: ignore[arg-type]
    found = await look(small_sale)
    assert found.oversold >= 1
    assert not found.passed


async def test_a_ticket_that_is_gone_is_found(small_sale: SmallSale) -> None:
    purchase = next(iter(small_sale.witness.purchases.values()))
    await small_sale.execute(
        "DELETE FROM tickets WHERE ticket_id = $1", parse(TICKET, purchase.tickets[0].ticket)
    )
    found = await look(small_sale)
    assert found.acknowledged_missing == 1
    assert found.journal_gaps == 1  # the journal still has it sold
    assert not found.passed


async def test_an_order_that_fell_back_is_found(small_sale: SmallSale) -> None:
    order = next(iter(small_sale.witness.purchases))
    await small_sale.execute("UPDATE orders SET state = 'failed' WHERE order_id = $1", parse(ORDER, order))
    found = await look(small_sale)
    assert found.acknowledged_missing == 1
    assert not found.passed


@pytest.mark.parametrize("what", ["hold", "purchase", "release"])
async def test_what_was_acknowledged_and_is_nowhere_is_found(small_sale: SmallSale, what: str) -> None:
    """The heart of it: an answer that was given before it was durable."""
    hold = text(HOLD, fresh())
    if what == "hold":
        small_sale.witness.holds[hold] = HoldSeen(hold, "buyer_x", 1)
    elif what == "release":
        small_sale.witness.releases.add(hold)
    else:
        order = text(ORDER, fresh())
        small_sale.witness.purchases[order] = PurchaseSeen(order, hold, "buyer_x", 1500, ())
    found = await look(small_sale)
    assert found.acknowledged_missing == 1
    assert not found.passed


async def test_a_hold_that_was_issued_twice_is_found(small_sale: SmallSale) -> None:
    """Two tabs, two orders, one hold: only one may have tickets."""
    purchase = next(iter(small_sale.witness.purchases.values()))
    second = fresh()
    await small_sale.execute("DROP INDEX IF EXISTS orders_hold")
    await small_sale.execute(
        """
        INSERT INTO orders
        SELECT (jsonb_populate_record(orders, jsonb_build_object('order_id', $2::uuid))).*
        FROM orders WHERE order_id = $1
        """,
        parse(ORDER, purchase.order),
        second,
    )
    await small_sale.execute(
        """
        INSERT INTO tickets (ticket_id, order_id, event_id, buyer_id, ticket_type, issued_at)
        SELECT gen_random_uuid(), $2::uuid, event_id, buyer_id, ticket_type, issued_at
        FROM tickets WHERE order_id = $1
        """,
        parse(ORDER, purchase.order),
        second,
    )
    found = await look(small_sale)
    assert found.issued_twice == 2
    assert not found.passed


async def test_a_hold_that_was_sold_twice_in_the_journal_is_found(small_sale: SmallSale) -> None:
    purchase = next(iter(small_sale.witness.purchases.values()))
    lines = (e.HeldLine(0, 2, 1500),)
    sold = e.Sold(fresh(), parse(HOLD, purchase.hold), fresh(), lines, (fresh(), fresh()))  # type: ignore[arg-type]
    await append(small_sale, sold)
    found = await look(small_sale)
    assert found.issued_twice == 2
    assert not found.passed


async def test_what_is_taken_back_from_somebody_who_has_nothing_is_found(small_sale: SmallSale) -> None:
    purchase = next(iter(small_sale.witness.purchases.values()))
    ticket_id = parse(TICKET, purchase.tickets[0].ticket)
    await append(small_sale, e.Cancelled(fresh(), parse(ORDER, purchase.order), fresh(), (ticket_id,), (0,)))  # type: ignore[arg-type]
    found = await look(small_sale)
    assert found.oversold == 1
    assert not found.passed


async def test_one_code_in_two_orders_is_found(small_sale: SmallSale) -> None:
    """Two people with the same QR stand at the gate."""
    first, second, *_ = small_sale.witness.purchases.values()
    small_sale.witness.purchases[second.order] = PurchaseSeen(
        second.order, second.hold, second.buyer, second.amount_minor, first.tickets
    )
    found = await look(small_sale)
    assert found.issued_twice == 2
    assert not found.passed


async def test_two_answers_to_one_operation_are_found(small_sale: SmallSale) -> None:
    small_sale.witness.contradictions.append("order_x")
    found = await look(small_sale)
    assert found.issued_twice == 1
    assert not found.passed


async def test_tickets_without_a_charge_are_found(small_sale: SmallSale) -> None:
    await small_sale.execute("UPDATE payments SET captured_minor = 0")
    found = await look(small_sale)
    assert found.wrongly_charged == 3
    assert not found.passed


async def test_an_order_that_nobody_finishes_is_found(small_sale: SmallSale) -> None:
    order = next(iter(small_sale.witness.purchases))
    await small_sale.execute(
        "UPDATE orders SET state = 'sold', finished_at = NULL WHERE order_id = $1", parse(ORDER, order)
    )
    found = await look(small_sale)
    assert found.unfinished == 1
    assert not found.passed


async def test_a_journal_with_a_hole_is_found(small_sale: SmallSale) -> None:
    await small_sale.execute(
        """
        DELETE FROM journal WHERE event_id = $1
            AND seq = (SELECT seq FROM journal WHERE event_id = $1 ORDER BY seq OFFSET 3 LIMIT 1)
        """,
        small_sale.event_id,
    )
    found = await look(small_sale)
    assert found.journal_gaps >= 1
    assert not found.passed
