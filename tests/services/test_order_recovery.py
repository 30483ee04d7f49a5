"""Orders survive a kill at every step: whoever comes next finishes them, once. If this fails, a buyer pays
without getting tickets, gets them without paying, or pays twice.
"""

import asyncio
import random
import signal
import sys

import pytest

from domain import wire
from domain.ids import HOLD, OPERATION, BuyerId, OrderId, PaymentId, parse, text
from domain.money import Money
from domain.orders import OrderState
from services.events import sale_of
from services.order_recovery import OrderRecovery, RecoverySettings
from services.payments.port import Authorised, Declined, Unavailable
from services.payments.sandbox import SandboxProvider, SandboxSettings
from storage.orders import Order
from storage.sandbox_ledger import SandboxLedger
from tests.gateway.stage import ROOT, fresh, new_sale, operation, works
from tests.services.doomed import BOUNDARIES
from tests.services.shop import Books, place_hold, purchase, settled


@pytest.mark.parametrize(
    ("boundary", "returns"),
    [(boundary, False) for boundary in range(BOUNDARIES)] + [(boundary, True) for boundary in (1, 3, 6, 8)],
)
async def test_a_killed_purchase_is_finished_once(
    migrated_dsn: str, redis_url: str, boundary: int, returns: bool
) -> None:
    buyer_id, name = BuyerId(fresh()), operation()
    async with works(migrated_dsn, redis_url) as before:
        sale = await new_sale(before)
        hold_id = await place_hold(before, sale, buyer_id)
    doomed = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.services.doomed", migrated_dsn, redis_url, sale.event, text(HOLD, hold_id), name),
        *(buyer_id.hex(), str(boundary)),
        cwd=ROOT,
    )
    assert await doomed.wait() == -signal.SIGKILL
    async with works(migrated_dsn, redis_url, owner="heir") as heir:
        if returns or boundary == 0:
            # At the first boundary there was no order yet: only its buyer knows of it.
            bought = await heir.purchases.purchase((buyer_id,), purchase(sale, hold_id, name))
            assert isinstance(bought, wire.Purchased), bought
            assert len(bought.tickets) == 2
            again = await heir.purchases.purchase((buyer_id,), purchase(sale, hold_id, name))
            assert isinstance(again, wire.Purchased)
            assert {ticket.ticket for ticket in again.tickets} == {ticket.ticket for ticket in bought.tickets}
            await heir.purchases.close()
        await settled(heir, migrated_dsn)
        state = await heir.shards.state(sale.record.event_id)
        assert state is not None
        assert (state.pools[0].sold, state.pools[0].held, state.pools[0].free) == (2, 0, 98)
    assert await Books(migrated_dsn).read() == {
        "orders": [("paid", "")],
        "payments": [("captured", 3000)],
        "tickets": 2,
        "captured": 3000,
        "unnamed": 0,
        "authorised": 0,
    }


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
