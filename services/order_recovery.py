"""Finishing the orders that nobody works on any more.

Whoever steps an order has it leased for some seconds. An unfinished order whose lease has run out belongs to
a process that was killed, or waits for a provider that did not answer: any gateway may take it and go on from
the state that is recorded. Two that take it at once harm nothing (see `services.order_saga`); the claim in
PostgreSQL only saves the work.
"""

import asyncio
import logging
import random

import msgspec

from services.order_saga import OrderSaga
from storage.journal import Refused, Unknown
from storage.orders import Order, Orders

log = logging.getLogger(__name__)


class RecoverySettings(msgspec.Struct, frozen=True):
    """Bounds of the recovery in one process."""

    interval_ms: int = 1_000
    claim_max: int = 200
    at_once_max: int = 20
    lease_ms: int = 15_000


class OrderRecovery:
    """Looks for such orders and finishes them."""

    def __init__(
        self, orders: Orders, saga: OrderSaga, settings: RecoverySettings, rng: random.Random
    ) -> None:
        self._orders = orders
        self._saga = saga
        self._settings = settings
        self._rng = rng

    async def run(self) -> None:
        """Look every so often, until cancelled."""
        while True:
            # Gateways that were started together spread out.
            await asyncio.sleep(self._settings.interval_ms / 1000 * self._rng.uniform(0.5, 1.5))
            try:
                while await self.look() == self._settings.claim_max:
                    pass
            except (ConnectionError, Refused, Unknown) as error:
                log.warning("unfinished orders can't be looked for: %r", error)
            except Exception:
                log.exception("unfinished orders can't be looked for")

    async def look(self) -> int:
        """Take over what is left, once. Returns how many orders that were."""
        claimed = await self._orders.claim_unfinished(self._settings.claim_max, self._settings.lease_ms)
        if claimed:
            log.info("taking over %d unfinished orders", len(claimed))
        room = asyncio.Semaphore(self._settings.at_once_max)

        async def finish(order: Order) -> None:
            async with room:
                try:
                    advanced = await self._saga.advance(order)
                except (ConnectionError, Refused, Unknown) as error:
                    log.warning("order %s is left for later: %r", order.order_id.hex(), error)
                    return
                except Exception:
                    # Our bug. Let through, it would end the recovery of every gateway, one after the other,
                    # and with it that of all other orders.
                    log.exception("order %s can't be finished", order.order_id.hex())
                    return
                if advanced.stuck:
                    log.info("order %s waits: %s", order.order_id.hex(), advanced.stuck)

        await asyncio.gather(*map(finish, claimed))
        return len(claimed)
