"""Orders survive a kill at every step: whoever comes next finishes them, once. If this fails, a buyer pays
without getting tickets, gets them without paying, or pays twice.
"""

import asyncio
import signal
import sys

import pytest

from domain import wire
from domain.ids import HOLD, BuyerId, text
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
