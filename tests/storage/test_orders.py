"""Orders on a real PostgreSQL. If these failed, a buyer who asks twice would pay twice, or a killed gateway
would leave money authorised and nobody to look after it.
"""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from domain.ids import BuyerId, EventId, HoldId, OrderId
from domain.orders import STEPS, UNFINISHED, OrderState
from storage.journal import Batch, Refused
from storage.orders import Order, OrderLine, Orders
from storage.postgres import Pool
from storage.postgres_journal import PostgresJournal
from tests.storage.journal_contract import NOW_MS, entry, fresh, ticket
from tests.storage.rows import add_event

LEASE_MS = 15_000


class Clock:
    def __init__(self) -> None:
        self.now_ms = NOW_MS

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def show(pool: Pool) -> EventId:
    event_id = EventId(fresh())
    await add_event(pool, event_id)
    return event_id


@pytest.fixture
def orders(pool: Pool, clock: Clock) -> Orders:
    return Orders(pool, "one", clock)


@pytest.fixture
def new(show: EventId) -> Callable[..., Order]:
    def make(**changes: object) -> Order:
        order = Order(
            order_id=OrderId(fresh()),
            event_id=show,
            hold_id=HoldId(fresh()),
            buyer_id=BuyerId(fresh()),
            state=OrderState.PLACED,
            amount_minor=7_500,
            currency="EUR",
            lines=(OrderLine(0, 2, 3_000), OrderLine(3, 1, 1_500)),
            token="card",
            lease_until_ms=NOW_MS + LEASE_MS,
            created_at_ms=NOW_MS,
        )
        return msgspec.structs.replace(order, **changes)

    return make


New = Callable[..., Order]


async def test_a_placed_order_comes_back_whole(orders: Orders, new: New) -> None:
    order = new()
    placed = await orders.place(order)
    assert placed == msgspec.structs.replace(order, lease_owner="one")
    assert await orders.find(order.order_id) == placed
    assert await orders.find(OrderId(fresh())) is None


async def test_placing_twice_gives_the_first_order(orders: Orders, new: New, pool: Pool) -> None:
    """A client that reconnects asks again, perhaps at another gateway, perhaps with something else."""
    order = new()
    other = msgspec.structs.replace(
        order, amount_minor=1, lines=(OrderLine(1, 1, 1),), buyer_id=BuyerId(fresh())
    )
    assert (await orders.place(order)) is not None
    there = await Orders(pool, "two", lambda: NOW_MS).place(other)
    assert there == msgspec.structs.replace(order, lease_owner="one")
    together: list[Order | None] = await asyncio.gather(*map(orders.place, (order, other, order)))
    assert together == [there] * 3
    first = new()
    second = msgspec.structs.replace(first, amount_minor=2)
    both: list[Order | None] = await asyncio.gather(*map(orders.place, (first, second)))
    assert both == [msgspec.structs.replace(first, lease_owner="one")] * 2


async def test_two_orders_never_have_one_hold(orders: Orders, new: New) -> None:
    """Two tabs that pay for one hold must not both be charged."""
    order = new()
    rival = new(hold_id=order.hold_id)
    placed = await asyncio.gather(orders.place(order), orders.place(rival))
    assert [each is not None for each in placed] == [True, False]
    assert await orders.place(rival) is None
    assert placed[0] is not None
    failed = await orders.step(placed[0], OrderState.FAILED, failure="payment_declined", lease_ms=LEASE_MS)
    assert failed is not None
    assert await orders.place(rival) is not None, "a declined card must not lock the hold up"


async def test_one_bad_order_harms_only_itself(orders: Orders, new: New) -> None:
    good, bad = new(), new(event_id=EventId(fresh()))
    placed, refused = await asyncio.gather(orders.place(good), orders.place(bad), return_exceptions=True)
    assert isinstance(placed, Order)
    assert isinstance(refused, Refused)


async def test_every_step_of_the_domain_is_recorded_once(orders: Orders, new: New, pool: Pool) -> None:
    """Each step from its own state, for each of two who take it; the shard's own step is in the journal's
    contract.
    """
    for (state, _), to_state in STEPS.items():
        order = await orders.place(new())
        assert order is not None
        await pool.execute(
            "UPDATE orders SET state = $2, finished_at = CASE WHEN $3 THEN now() END WHERE order_id = $1",
            order.order_id, state, state not in UNFINISHED,
        )  # fmt: skip
        order = msgspec.structs.replace(order, state=state)
        stepped = await asyncio.gather(*(orders.step(order, to_state, lease_ms=LEASE_MS) for _ in range(2)))
        assert [each is not None for each in stepped] == [True, False], (state, to_state)
        assert stepped[0] == await orders.find(order.order_id)
        assert await orders.step(order, to_state, lease_ms=LEASE_MS) is None


async def test_the_payment_goes_along(orders: Orders, new: New, pool: Pool) -> None:
    payment = "SELECT state, token, reference, captured_minor FROM payments WHERE payment_id = $1"
    order = await orders.place(new())
    assert order is not None
    seen = [tuple(await pool.fetchrow(payment, order.order_id) or ())]
    authorised = await orders.step(order, OrderState.AUTHORISED, reference="ref", lease_ms=LEASE_MS)
    assert authorised is not None
    assert (authorised.token, authorised.reference) == ("", "ref")
    seen.append(tuple(await pool.fetchrow(payment, order.order_id) or ()))
    await PostgresJournal(pool).claim(0, "test")
    issued = [ticket(order.order_id, order.event_id, order.buyer_id) for _ in range(3)]
    await PostgresJournal(pool).commit(Batch(0, 1, [entry(order.event_id, 1)], tickets=issued))
    sold = msgspec.structs.replace(authorised, state=OrderState.SOLD)
    assert await orders.find(order.order_id) == sold
    assert await orders.step(sold, OrderState.PAID, lease_ms=LEASE_MS) is not None
    seen.append(tuple(await pool.fetchrow(payment, order.order_id) or ()))
    assert seen == [
        ("created", "card", "", 0),
        ("authorised", "", "ref", 0),
        ("captured", "", "ref", 7_500),
    ]
    tickets = await orders.tickets(order.order_id)
    assert [each.ticket_id for each in tickets] == [row.ticket_id for row in issued]
    assert await orders.ticket(issued[0].ticket_id) == tickets[0]
    assert await orders.ticket(issued[0].order_id) is None  # type: ignore[arg-type]


async def test_a_buyer_sees_their_own_orders_newest_first(orders: Orders, new: New) -> None:
    buyer = BuyerId(fresh())
    placed = [new(buyer_id=buyer, created_at_ms=NOW_MS + at) for at in range(4)]
    await asyncio.gather(*map(orders.place, [*placed, new()]))
    newest = [order.order_id for order in reversed(placed)]
    assert [order.order_id for order in await orders.of_buyers([buyer], 3)] == newest[:3]
    assert await orders.tickets_of(newest) == []


async def test_only_what_nobody_has_leased_is_taken_over(
    orders: Orders, new: New, clock: Clock, pool: Pool
) -> None:
    """Two that recover at once must not both work on an order whose holder is alive, and must miss none whose
    holder is gone.
    """
    placed = [await orders.place(new(lease_until_ms=NOW_MS + 1_000 * at)) for at in range(1, 7)]
    known = [order.order_id for order in placed if order]
    finished = placed[0]
    assert finished is not None
    await orders.step(finished, OrderState.FAILED, failure="payment_declined", lease_ms=LEASE_MS)
    two, three = Orders(pool, "two", clock), Orders(pool, "three", clock)
    assert await two.claim_unfinished(10, LEASE_MS) == []
    clock.now_ms += 4_500
    assert [order.order_id for order in await two.claim_unfinished(1, LEASE_MS)] == known[1:2]
    claimed = await asyncio.gather(two.claim_unfinished(10, LEASE_MS), three.claim_unfinished(10, LEASE_MS))
    assert sorted(order.order_id for part in claimed for order in part) == known[2:4]
    for part, owner in zip(claimed, (two, three), strict=True):
        for order in part:
            assert owner.is_ours(order, clock.now_ms)
            assert not orders.is_ours(order, clock.now_ms)
            assert orders.is_ours(order, clock.now_ms + LEASE_MS + 1)
    assert await two.claim_unfinished(10, LEASE_MS) == []


async def test_a_lease_grows_when_it_is_half_over(orders: Orders, new: New, clock: Clock) -> None:
    """Every growth moves an index entry, so a purchase of a second must not cause any."""
    order = await orders.place(new())
    assert order is not None
    stepped = await orders.step(order, OrderState.AUTHORISED, lease_ms=LEASE_MS)
    assert stepped is not None
    assert stepped.lease_until_ms == order.lease_until_ms
    clock.now_ms += LEASE_MS // 2 + 1
    voiding = await orders.step(stepped, OrderState.VOIDING, failure="hold_expired", lease_ms=LEASE_MS)
    assert voiding is not None
    assert voiding.lease_until_ms == clock.now_ms + LEASE_MS
    assert await orders.find(order.order_id) == voiding


async def test_steps_stay_within_their_page(pool: Pool) -> None:
    """An update of an indexed column touches every index of its table, on the way of every purchase."""
    indexes = await pool.fetch("SELECT indexdef FROM pg_indexes WHERE tablename IN ('orders', 'payments')")
    assert len(indexes) >= 5
    for row in indexes:
        for stepped in ("state", "updated_at", "lease_owner", "reference", "captured_minor", "token"):
            assert stepped not in row["indexdef"].partition("USING")[2]
