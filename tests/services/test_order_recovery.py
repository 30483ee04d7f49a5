"""Orders survive a kill at every step: whoever comes next finishes them, once. If this fails, a buyer pays
without getting tickets, gets them without paying, or pays twice.
"""

import asyncio
import json
import random
import signal
import sys
from typing import NamedTuple

import pytest

from domain import wire
from domain.ids import HOLD, OPERATION, BuyerId, HoldId, OrderId, PaymentId, parse, text
from domain.money import Money
from domain.orders import OrderState
from domain.refusals import Code, Refusal
from services.events import sale_of
from services.order_recovery import OrderRecovery, RecoverySettings
from services.payments.port import Authorised, Declined, Unavailable
from services.payments.sandbox import SandboxProvider, SandboxSettings
from storage.ending import end
from storage.orders import Order, Orders
from storage.sandbox_ledger import SandboxLedger
from tests.gateway.stage import ROOT, Sale, Works, fresh, new_sale, operation, works
from tests.services.doomed import STORIES
from tests.services.shop import place_hold, purchase, settled

BOUGHT = ("paid", "", "captured", 3000, "captured", 3000, 2)
DECLINED = ("failed", "payment_declined", "declined", 0, "declined", 0, 0)
GIVEN_UP = ("failed", "hold_not_found", "voided", 0, "voided", 0, 0)
ENDS = {
    "sold": BOUGHT,
    "declined": DECLINED,
    "given up": GIVEN_UP,
    "held anew": BOUGHT,
    "authorised": BOUGHT,
    "authorised, given up": GIVEN_UP,
}


async def ends_of(made: Works) -> dict[bytes, tuple[object, ...]]:
    """Return what was recorded of each order, what the provider's books say of it, and its tickets."""
    rows = await made.pool.fetch(
        """
        SELECT order_id, orders.state, failure, ours.state, ours.captured_minor, theirs.state,
            theirs.captured_minor, (SELECT count(*) FROM tickets WHERE tickets.order_id = orders.order_id)
        FROM orders
        JOIN payments AS ours ON ours.payment_id = order_id
        LEFT JOIN sandbox.payments AS theirs ON theirs.payment_key = order_id
        """
    )
    return {row[0]: tuple(row[1:]) for row in rows}


class Doomed(NamedTuple):
    """An order that its process leaves behind at a boundary; some of the buyers come back for theirs."""

    buyer_id: BuyerId
    hold_id: HoldId
    name: str
    boundary: int
    returns: bool

    def request(self, sale: Sale, payment: str) -> wire.Purchase:
        return purchase(sale, self.hold_id, self.name, payment)


async def killed(dsn: str, redis_url: str, story: str) -> tuple[Sale, list[Doomed]]:
    """Have a process begin an order for each boundary of a story, twice, and be killed."""
    orders = []
    async with works(dsn, redis_url) as before:
        sale = await new_sale(before, capacity=1_000, hold_seconds=2 if story == "held anew" else 480)
        for boundary in range(STORIES[story].first, STORIES[story].boundaries):
            for returns in (False, True):
                buyer_id = BuyerId(fresh())
                hold_id = await place_hold(before, sale, buyer_id)
                orders.append(Doomed(buyer_id, hold_id, operation(), boundary, returns))
        if story == "held anew":
            await held_become(before, sale, 0)
    begun = [[text(HOLD, each.hold_id), each.name, each.buyer_id.hex(), each.boundary] for each in orders]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.services.doomed", dsn, redis_url, sale.event, story, json.dumps(begun)),
        cwd=ROOT,
    )
    assert await process.wait() == -signal.SIGKILL
    return sale, orders


async def held_become(made: Works, sale: Sale, held: int) -> None:
    async with asyncio.timeout(20):
        while (state := await made.shards.state(sale.record.event_id)) is None or state.pools[0].held != held:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("story", STORIES)
async def test_a_killed_purchase_is_finished_once(migrated_dsn: str, redis_url: str, story: str) -> None:
    """By the recovery of orders, or with its buyer who comes back, whichever is first."""
    sale, orders = await killed(migrated_dsn, redis_url, story)
    payment = STORIES[story].payment
    async with works(migrated_dsn, redis_url, owner="heir") as heir:
        await heir.pool.execute("UPDATE orders SET lease_until = now() - make_interval(mins => 1)")

        async def ask(each: Doomed) -> object:
            answer = await heir.purchases.purchase((each.buyer_id,), each.request(sale, payment))
            return (
                {ticket.ticket for ticket in answer.tickets} if isinstance(answer, wire.Purchased) else answer
            )

        # At the first boundary there was no order yet: only its buyer knows of it.
        first = await asyncio.gather(*(ask(each) for each in orders if each.returns or not each.boundary))
        await settled(heir, migrated_dsn)
        await heir.purchases.close()
        ends = await ends_of(heir)
        assert [ends[parse(OPERATION, each.name)] for each in orders] == [ENDS[story]] * len(orders)
        again = [await ask(each) for each in orders if each.returns or not each.boundary]
        assert again == first
        answers = [await ask(each) for each in orders]
        if ENDS[story] is BOUGHT:
            assert all(isinstance(answer, set) and len(answer) == 2 for answer in answers), answers
        else:
            assert answers == [Refusal(Code(str(ENDS[story][1])))] * len(orders)
        assert await ends_of(heir) == ends
        # Who was declined may try another card; nobody else's places are kept.
        await held_become(heir, sale, 2 * len(orders) if story == "declined" else 0)
        state = await heir.shards.state(sale.record.event_id)
        assert state is not None
        assert state.pools[0].sold == (2 * len(orders) if ENDS[story] is BOUGHT else 0)


class Choking(SandboxProvider):
    """A provider with a bug that one payment brings to light."""

    bad: PaymentId

    async def authorise(
        self, payment_id: PaymentId, amount: Money, token: str
    ) -> Authorised | Declined | Unavailable:
        assert payment_id != self.bad, "a case that nobody thought of"
        return await super().authorise(payment_id, amount, token)


async def test_an_order_that_can_not_be_finished_keeps_no_other_from_it(
    migrated_dsn: str, redis_url: str
) -> None:
    """It comes by at every gateway, and would end the recovery of each of them for good."""
    async with works(migrated_dsn, redis_url) as made:
        sale, orders = await new_sale(made), []
        for _ in range(2):
            buyer_id, name = BuyerId(fresh()), operation()
            hold_id = await place_hold(made, sale, buyer_id)
            order_id = OrderId(parse(OPERATION, name))
            request = purchase(sale, hold_id, name)
            order = await made.purchases._place(order_id, hold_id, (buyer_id,), sale_of(sale.record), request)
            assert isinstance(order, Order)
            orders.append(order)
        bad, good = orders
        left = "UPDATE orders SET lease_until = now() - make_interval(mins => $2) WHERE order_id = $1"
        await made.pool.execute(left, bad.order_id, 2)
        await made.pool.execute(left, good.order_id, 1)
        provider = Choking(SandboxLedger(made.pool), SandboxSettings(latency_ms=1), random.Random(7))
        provider.bad = PaymentId(bad.order_id)
        recovery = OrderRecovery(
            made.orders, made.saga_with(provider), RecoverySettings(at_once_max=1), random.Random(7)
        )
        assert await recovery.look() == 2
        states = [await made.orders.find(order.order_id) for order in orders]
        assert [order and order.state for order in states] == [OrderState.PLACED, OrderState.PAID]


class Stumbling(Orders):
    """Orders of which one can't be read, the first time that somebody looks."""

    looks = 0

    async def claim_unfinished(self, limit: int, lease_ms: int) -> list[Order]:
        self.looks += 1
        if self.looks == 1:
            raise ValueError("'refunded' is not a state of an order")
        return await super().claim_unfinished(limit, lease_ms)


async def test_a_look_that_fails_is_not_the_last_one(migrated_dsn: str, redis_url: str) -> None:
    """The recovery of a gateway ended with it, and the gateway was never ready again."""
    async with works(migrated_dsn, redis_url) as made:
        orders = Stumbling(made.pool, "stumbling", made.clock)
        recovery = OrderRecovery(orders, made.saga, RecoverySettings(interval_ms=1), random.Random(7))
        running = asyncio.create_task(recovery.run())
        async with asyncio.timeout(10):
            while orders.looks < 2 and not running.done():
                await asyncio.sleep(0.01)
        assert not running.done()
        await end([running])
        await orders.close()
