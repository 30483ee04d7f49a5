"""Payments never lose a ticket, a buyer or a cent: each test names a way in which they could."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from actors.refs import LaneSettings, Shards
from domain import commands as c
from domain import events as e
from domain import wire
from domain.ids import OPERATION, BuyerId, OperationId, OrderId, PaymentId, parse
from domain.money import Money
from domain.orders import OrderState
from domain.refusals import Code, Refusal
from domain.vouchers import VoucherCode, VoucherKind, VoucherRule
from services.events import sale_of
from services.payments.breaker import Breaker, BreakerSettings
from services.payments.port import Declined, Unavailable
from services.payments.sandbox import SandboxSettings
from storage.orders import Order
from storage.postgres_journal import PostgresJournal
from tests.gateway.stage import Sale, Works, eventually, fresh, new_sale, operation, works
from tests.services.shop import Books, place_hold, purchase, settled

PRICE = Money(3000, "EUR")


@pytest.fixture
async def made(migrated_dsn: str, redis_url: str) -> AsyncIterator[Works]:
    async with works(migrated_dsn, redis_url) as made:
        yield made


async def counts(made: Works, sale: Sale) -> tuple[int, int, int]:
    """(free, held, sold)."""
    state = await made.shards.state(sale.record.event_id)
    assert state is not None
    return state.pools[0].free, state.pools[0].held, state.pools[0].sold


async def test_a_declined_card_charges_nothing_and_leaves_the_hold(made: Works, migrated_dsn: str) -> None:
    sale, buyer_id = await new_sale(made), BuyerId(fresh())
    hold_id = await place_hold(made, sale, buyer_id)
    name = operation()
    for _ in range(2):
        answer = await made.purchases.purchase((buyer_id,), purchase(sale, hold_id, name, "card_declined"))
        assert answer == Refusal(Code.PAYMENT_DECLINED)
    assert await counts(made, sale) == (98, 2, 0)
    # Another card, under another operation, buys what is still held.
    bought = await made.purchases.purchase((buyer_id,), purchase(sale, hold_id))
    assert isinstance(bought, wire.Purchased)
    await made.purchases.close()
    books = await Books(migrated_dsn).read()
    assert (sorted(books["orders"]), books["captured"], books["tickets"]) == (
        [("failed", "payment_declined"), ("paid", "")],
        3000,
        2,
    )


async def test_two_orders_for_one_hold_are_not_both_paid(made: Works, migrated_dsn: str) -> None:
    """Two tabs press Pay at once."""
    sale, buyer_id = await new_sale(made), BuyerId(fresh())
    hold_id = await place_hold(made, sale, buyer_id)
    answers = await asyncio.gather(
        *(made.purchases.purchase((buyer_id,), purchase(sale, hold_id)) for _ in range(5))
    )
    assert sum(isinstance(answer, wire.Purchased) for answer in answers) == 1
    await made.purchases.close()
    books = await Books(migrated_dsn).read()
    assert (books["captured"], books["tickets"], books["authorised"]) == (3000, 2, 0)


async def test_one_order_asked_for_at_two_gateways_is_one(
    made: Works, migrated_dsn: str, redis_url: str
) -> None:
    sale, buyer_id = await new_sale(made), BuyerId(fresh())
    hold_id = await place_hold(made, sale, buyer_id)
    request = purchase(sale, hold_id)
    made.sandbox.settings = SandboxSettings(latency_ms=200)
    other = Works(made.pool, redis_url, "two", made.handle)
    try:
        answers = await asyncio.gather(
            made.purchases.purchase((buyer_id,), request),
            other.purchases.purchase((buyer_id,), request),
            made.purchases.purchase((buyer_id,), request),
        )
    finally:
        other.handle = None
        await other.close()
    assert all(isinstance(answer, wire.Purchased) for answer in answers), answers
    assert (
        len({frozenset(t.ticket for t in a.tickets) for a in answers if isinstance(a, wire.Purchased)}) == 1
    )
    await made.purchases.close()
    books = await Books(migrated_dsn).read()
    assert (books["orders"], books["captured"], books["tickets"]) == ([("paid", "")], 3000, 2)


async def test_a_purchase_goes_on_without_its_client(made: Works, migrated_dsn: str) -> None:
    sale, buyer_id = await new_sale(made), BuyerId(fresh())
    hold_id = await place_hold(made, sale, buyer_id)
    made.sandbox.settings = SandboxSettings(latency_ms=200)
    request = purchase(sale, hold_id)
    asked = asyncio.create_task(made.purchases.purchase((buyer_id,), request))
    await eventually(lambda: bool(made.purchases._running))
    asked.cancel()
    await asyncio.gather(asked, return_exceptions=True)
    await made.purchases.close()
    await settled(made, migrated_dsn)
    assert (await Books(migrated_dsn).read())["orders"] == [("paid", "")]


@pytest.mark.parametrize("outage", ["errors", "after", "timeouts"])
async def test_a_provider_that_does_not_answer_charges_nothing(
    made: Works, migrated_dsn: str, outage: str
) -> None:
    """`after` is the worst: it authorises and then says nothing."""
    made.saga._provider = Breaker(made.sandbox, BreakerSettings(timeout_ms=1_500), made.clock)
    sale, buyer_id = await new_sale(made), BuyerId(fresh())
    hold_id = await place_hold(made, sale, buyer_id)
    made.sandbox.settings = msgspec.convert({"latency_ms": 1, "outage": outage}, SandboxSettings)
    answer = await made.purchases.purchase((buyer_id,), purchase(sale, hold_id))
    assert answer == Refusal(Code.PAYMENT_UNAVAILABLE)
    await made.purchases.close()
    assert (await Books(migrated_dsn).read())["orders"] == [("voiding", "payment_unavailable")]
    # The hold can be paid for again at once, and the payment of doubt is voided once the provider is back.
    made.sandbox.settings = SandboxSettings(latency_ms=1)
    bought = await made.purchases.purchase((buyer_id,), purchase(sale, hold_id))
    assert isinstance(bought, wire.Purchased)
    await made.purchases.close()
    await settled(made, migrated_dsn)
    books = await Books(migrated_dsn).read()
    assert sorted(books["orders"]) == [("failed", "payment_unavailable"), ("paid", "")]
    assert (books["captured"], books["authorised"], books["tickets"]) == (3000, 0, 2)


async def test_a_payment_that_comes_after_its_hold_expired_gets_the_tickets(
    made: Works, migrated_dsn: str
) -> None:
    sale, buyer_id = await new_sale(made, hold_seconds=1), BuyerId(fresh())
    hold_id = await place_hold(made, sale, buyer_id)
    bought = await made.purchases.purchase((buyer_id,), purchase(sale, hold_id, payment="card_slow"))
    assert isinstance(bought, wire.Purchased), bought
    await made.purchases.close()
    assert await counts(made, sale) == (98, 0, 2)
    books = await Books(migrated_dsn).read()
    assert (books["orders"], books["captured"], books["tickets"]) == ([("paid", "")], 3000, 2)


async def test_a_payment_that_comes_after_its_hold_expired_costs_what_was_agreed_with_its_code(
    made: Works, migrated_dsn: str
) -> None:
    """The code is good for one order, and the expired hold has it until the sweep comes by."""
    sale, buyer_id = await new_sale(made, hold_seconds=1), BuyerId(fresh())
    event_id, code = sale.record.event_id, VoucherCode(fresh())
    rule = VoucherRule(VoucherKind.DISCOUNT, 5_000, uses_max=1)
    await made.shards.ask(c.DefineVouchers(OperationId(fresh()), event_id, rule, (code,)))
    line = c.Line(sale.record.ticket_types[0].ticket_type_id, 4)
    held = await made.shards.ask(c.PlaceHold(OperationId(fresh()), event_id, buyer_id, (line,), (code,)))
    assert isinstance(held, e.HeldByCode)
    request = purchase(sale, held.operation_id, payment="card_slow")
    bought = await made.purchases.purchase((buyer_id,), request)
    assert isinstance(bought, wire.Purchased), bought
    await made.purchases.close()
    books = await Books(migrated_dsn).read()
    assert (books["orders"], books["captured"], books["tickets"]) == ([("paid", "")], 3000, 4)


async def test_a_payment_that_comes_too_late_for_a_sold_out_event_is_given_back(
    made: Works, migrated_dsn: str
) -> None:
    sale, buyer_id = await new_sale(made, hold_seconds=1, capacity=2), BuyerId(fresh())
    hold_id = await place_hold(made, sale, buyer_id)
    made.sandbox.settings = SandboxSettings(slow_ms=1_700)
    late = asyncio.create_task(
        made.purchases.purchase((buyer_id,), purchase(sale, hold_id, payment="card_slow"))
    )
    other = BuyerId(fresh())
    line = c.Line(sale.record.ticket_types[0].ticket_type_id, 2)
    taken = None
    async with asyncio.timeout(10):
        while not isinstance(taken, e.Held):
            taken = await made.shards.ask(
                c.PlaceHold(OperationId(fresh()), sale.record.event_id, other, (line,))
            )
            await asyncio.sleep(0.02)
    bought = await made.purchases.purchase((other,), purchase(sale, taken.operation_id))
    assert isinstance(bought, wire.Purchased)
    assert await late == Refusal(Code.HOLD_EXPIRED)
    await made.purchases.close()
    await settled(made, migrated_dsn)
    books = await Books(migrated_dsn).read()
    assert sorted(books["orders"]) == [("failed", "hold_expired"), ("paid", "")]
    assert (books["captured"], books["authorised"], books["tickets"]) == (3000, 0, 2)


async def test_an_order_that_was_given_up_meanwhile_is_not_sold(
    made: Works, migrated_dsn: str, redis_url: str
) -> None:
    """One gateway has the payment authorised and waits for the shard; another takes the order over, gets no
    answer from the provider and gives it up. Sold all the same, the tickets would never be paid.
    """
    sale, buyer_id, name = await new_sale(made), BuyerId(fresh()), operation()
    hold_id = await place_hold(made, sale, buyer_id)
    await made.tickets.agreed((buyer_id,), sale.record.event_id, hold_id)
    assert made.handle is not None
    made.handle.gate.clear()
    first = asyncio.create_task(made.purchases.purchase((buyer_id,), purchase(sale, hold_id, name)))
    books = Books(migrated_dsn)
    async with asyncio.timeout(10):
        while not (await books.read())["authorised"]:
            await asyncio.sleep(0.01)
    other = Works(made.pool, redis_url, "two", made.handle)
    other.sandbox.settings = SandboxSettings(outage="errors")
    order = await other.orders.find(OrderId(parse(OPERATION, name)))
    assert order is not None
    assert order.state is OrderState.PLACED
    assert (await other.saga.advance(order)).order.state is OrderState.VOIDING
    made.handle.gate.set()
    assert await first == Refusal(Code.PAYMENT_UNAVAILABLE)
    other.handle = None
    await other.close()
    await made.purchases.close()
    await settled(made, migrated_dsn)
    found = await books.read()
    assert (found["orders"], found["tickets"]) == ([("failed", "payment_unavailable")], 0)
    assert (found["captured"], found["authorised"]) == (0, 0)


async def test_an_authorisation_that_has_to_wait_for_its_sale_is_recorded(
    made: Works, migrated_dsn: str
) -> None:
    """Else the provider would be asked again and again for as long as a shard is away, with a token that is
    kept for as long.
    """
    sale, buyer_id, name = await new_sale(made), BuyerId(fresh()), operation()
    hold_id = await place_hold(made, sale, buyer_id)
    assert made.handle is not None
    patient, made.saga._shards = (
        made.saga._shards,
        Shards(PostgresJournal(made.pool), made._connect, 1, LaneSettings(patience_ms=100, call_ms_max=50)),
    )
    order = await made.purchases._place(
        OrderId(parse(OPERATION, name)),
        hold_id,
        (buyer_id,),
        sale_of(sale.record),
        purchase(sale, hold_id, name),
    )
    assert isinstance(order, Order)
    made.handle.gate.clear()
    waiting = await made.saga.advance(order)
    assert (waiting.order.state, waiting.stuck) == (OrderState.AUTHORISED, "busy")
    assert waiting.order.reference
    there = await made.orders.find(order.order_id)
    assert there is not None
    assert (there.state, there.token, there.reference) == ("authorised", "", waiting.order.reference)
    made.handle.gate.set()
    made.saga._shards = patient
    made.sandbox.authorise = None  # type: ignore[assignment, method-assign] # nobody asks it again
    assert (await made.saga.advance(there)).order.state is OrderState.PAID
    assert (await Books(migrated_dsn).read())["orders"] == [("paid", "")]


async def test_a_hold_that_its_buyer_gave_back_is_not_bought(made: Works, migrated_dsn: str) -> None:
    sale, buyer_id = await new_sale(made), BuyerId(fresh())
    hold_id = await place_hold(made, sale, buyer_id)
    released = await made.shards.ask(
        c.ReleaseHold(OperationId(fresh()), sale.record.event_id, buyer_id, hold_id)
    )
    assert isinstance(released, e.Released)
    assert await made.purchases.purchase((buyer_id,), purchase(sale, hold_id)) == Refusal(Code.HOLD_NOT_FOUND)
    await made.purchases.close()
    await settled(made, migrated_dsn)
    books = await Books(migrated_dsn).read()
    assert (books["captured"], books["authorised"], books["tickets"]) == (0, 0, 0)


async def test_what_is_not_the_buyers_is_refused(made: Works, migrated_dsn: str) -> None:
    sale, buyer_id, thief = await new_sale(made), BuyerId(fresh()), BuyerId(fresh())
    hold_id = await place_hold(made, sale, buyer_id)
    assert await made.purchases.purchase((thief,), purchase(sale, hold_id)) == Refusal(Code.HOLD_NOT_FOUND)
    wrong = msgspec.structs.replace(purchase(sale, hold_id), amount_minor=1)
    assert await made.purchases.purchase((buyer_id,), wrong) == Refusal(
        Code.PRICE_CHANGED, None, {"amount_minor": 3000}
    )
    request = purchase(sale, hold_id)
    assert isinstance(await made.purchases.purchase((buyer_id,), request), wire.Purchased)
    other_hold = await place_hold(made, sale, thief)
    reused = msgspec.structs.replace(purchase(sale, other_hold), operation=request.operation)
    assert await made.purchases.purchase((thief,), reused) == Refusal(Code.OPERATION_REUSED)
    await made.purchases.close()
    assert (await Books(migrated_dsn).read())["tickets"] == 2


async def test_a_void_is_final_even_before_the_payment(made: Works) -> None:
    """An authorisation that is still on its way must not come to life after its order was given up."""
    payment_id = PaymentId(fresh())
    await made.sandbox.void(payment_id)
    answer = await made.sandbox.authorise(payment_id, PRICE, "card_ok")
    assert isinstance(answer, Declined)


async def test_the_circuit_opens_and_closes(made: Works) -> None:
    """Thousands of buyers must not wait for a provider that does not answer, nor for ever go without it."""
    now_ms = 0
    breaker = Breaker(made.sandbox, BreakerSettings(failures_max=3, open_ms=1_000), lambda: now_ms)
    made.sandbox.settings = SandboxSettings(outage="errors")
    for _ in range(3):
        assert isinstance(await breaker.authorise(PaymentId(fresh()), PRICE, "card_ok"), Unavailable)
    assert breaker.is_open
    made.sandbox.settings = SandboxSettings(latency_ms=1)
    turned_away = await breaker.authorise(PaymentId(fresh()), PRICE, "card_ok")
    assert turned_away == Unavailable(is_unknown=False, reason="circuit open")
    now_ms = 1_001
    first, second = await asyncio.gather(
        breaker.authorise(PaymentId(fresh()), PRICE, "card_ok"),
        breaker.authorise(PaymentId(fresh()), PRICE, "card_ok"),
    )
    # One call is let through to see; the other does not wait for it.
    assert not isinstance(first, Unavailable)
    assert isinstance(second, Unavailable)
    assert not isinstance(await breaker.authorise(PaymentId(fresh()), PRICE, "card_ok"), Unavailable)
