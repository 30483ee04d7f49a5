"""The sandbox provider: it plays an outside company, for trying things out and for tests.

It keeps its books in PostgreSQL, in a schema that nothing of ours refers to, so that they survive whatever is
done to us; how long it takes, how often it declines and whether it answers at all is set. What a page sends
as payment decides as well:

| payment | what happens |
| --- | --- |
| `card_ok` | authorised |
| `card_declined` | declined |
| `card_slow` | authorised, after `slow_ms` |
| anything else | declined as `unknown_card` |
"""

import asyncio
import random
from typing import Final, Literal

import msgspec

from domain.ids import PaymentId
from domain.money import Money
from services.payments.port import Authorised, Declined, Done, Unavailable
from storage.journal import Refused, Unknown
from storage.sandbox_ledger import SandboxLedger

CARD_OK: Final = "card_ok"
CARD_DECLINED: Final = "card_declined"
CARD_SLOW: Final = "card_slow"


class SandboxSettings(msgspec.Struct, frozen=True):
    """How the sandbox behaves.

    Attributes:
        decline_rate: share of good cards that are declined all the same, 0 to 1.
        outage: `errors` fails every call, `timeouts` never answers, `after` does what is asked and then never
            answers, which is the worst kind.
    """

    latency_ms: int = 20
    slow_ms: int = 3_000
    decline_rate: float = 0.0
    outage: Literal["none", "errors", "timeouts", "after"] = "none"


class SandboxProvider:
    """A `services.payments.port.Provider`."""

    name: Final = "sandbox"

    def __init__(self, ledger: SandboxLedger, settings: SandboxSettings, rng: random.Random) -> None:
        self._ledger = ledger
        self.settings = settings
        self._rng = rng

    async def authorise(
        self, payment_id: PaymentId, amount: Money, token: str
    ) -> Authorised | Declined | Unavailable:
        failed = await self._network(token)
        if failed is not None:
            return failed
        try:
            entry = await self._ledger.authorise(
                payment_id, amount.minor, amount.currency, self._why_declined(token)
            )
        except (ConnectionError, Refused, Unknown) as error:
            return Unavailable(is_unknown=True, reason=repr(error))
        await self._answer()
        if entry.state in {"authorised", "captured"}:
            return Authorised(entry.reference)
        return Declined(entry.decline_code or entry.state)

    async def capture(self, payment_id: PaymentId, amount: Money) -> Done | Declined | Unavailable:
        del amount  # the sandbox takes all that was authorised
        failed = await self._network()
        if failed is not None:
            return failed
        try:
            state = await self._ledger.capture(payment_id)
        except (ConnectionError, Refused, Unknown) as error:
            return Unavailable(is_unknown=True, reason=repr(error))
        await self._answer()
        return Done() if state == "captured" else Declined(state or "unknown_payment")

    async def void(self, payment_id: PaymentId) -> Done | Unavailable:
        failed = await self._network()
        if failed is not None:
            return failed
        try:
            state = await self._ledger.void(payment_id)
        except (ConnectionError, Refused, Unknown) as error:
            return Unavailable(is_unknown=True, reason=repr(error))
        await self._answer()
        if state == "captured":
            return Unavailable(is_unknown=False, reason="captured: refund it")
        return Done()

    async def refund(
        self, refund_id: PaymentId, payment_id: PaymentId, amount: Money
    ) -> Done | Declined | Unavailable:
        failed = await self._network()
        if failed is not None:
            return failed
        try:
            is_refunded = await self._ledger.refund(refund_id, payment_id, amount.minor)
        except (ConnectionError, Refused, Unknown) as error:
            return Unavailable(is_unknown=True, reason=repr(error))
        await self._answer()
        return Done() if is_refunded else Declined("more than was captured")

    def _why_declined(self, token: str) -> str:
        if token == CARD_DECLINED:
            return "card_declined"
        if token not in {CARD_OK, CARD_SLOW}:
            return "unknown_card"
        return "card_declined" if self._rng.random() < self.settings.decline_rate else ""

    async def _network(self, token: str = "") -> Unavailable | None:
        settings = self.settings
        if settings.outage == "errors":
            return Unavailable(is_unknown=False, reason="status 500")
        if settings.outage == "timeouts":
            await asyncio.Event().wait()
        if latency_ms := settings.slow_ms if token == CARD_SLOW else settings.latency_ms:
            await asyncio.sleep(latency_ms / 1000)
        return None

    async def _answer(self) -> None:
        if self.settings.outage == "after":
            await asyncio.Event().wait()
