"""What stands between an order and a provider that is slow, broken or gone: a deadline and a circuit breaker.

After `failures_max` calls in a row without an answer the circuit opens: for `open_ms` nobody is made to wait
for a provider that does not answer, and it is not asked by thousands while it tries to get up. Then one call
at a time is let through; the first answer closes the circuit again. A decline is an answer.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from domain.ids import PaymentId
from domain.money import Money
from services.payments.deadline import Deadline
from services.payments.port import Authorised, Declined, Done, Provider, Unavailable

R = TypeVar("R", Authorised | Declined | Unavailable, Done | Declined | Unavailable, Done | Unavailable)

log = logging.getLogger(__name__)


class BreakerSettings(msgspec.Struct, frozen=True):
    """Bounds of what is asked of a provider.

    Attributes:
        timeout_ms: after this long without an answer the outcome of a call is unknown.
        calls_max: calls under way at once; more are turned away without asking.
    """

    timeout_ms: int = 5_000
    failures_max: int = 20
    open_ms: int = 2_000
    calls_max: int = 5_000


class Breaker:
    """A `Provider` around another one."""

    def __init__(self, inner: Provider, settings: BreakerSettings, clock: Callable[[], int]) -> None:
        self._inner = inner
        self._settings = settings
        self._clock = clock
        self._deadline = Deadline(settings.timeout_ms)
        self._failures = 0
        self._open_until_ms = 0
        self._is_probing = False
        self._calls = 0

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def is_open(self) -> bool:
        """Whether calls are turned away without asking."""
        return self._failures >= self._settings.failures_max and self._clock() < self._open_until_ms

    async def authorise(
        self, payment_id: PaymentId, amount: Money, token: str
    ) -> Authorised | Declined | Unavailable:
        return await self._call(lambda: self._inner.authorise(payment_id, amount, token))

    async def capture(self, payment_id: PaymentId, amount: Money) -> Done | Declined | Unavailable:
        return await self._call(lambda: self._inner.capture(payment_id, amount))

    async def void(self, payment_id: PaymentId) -> Done | Unavailable:
        return await self._call(lambda: self._inner.void(payment_id))

    async def refund(
        self, refund_id: PaymentId, payment_id: PaymentId, amount: Money
    ) -> Done | Declined | Unavailable:
        return await self._call(lambda: self._inner.refund(refund_id, payment_id, amount))

    async def _call(self, ask: Callable[[], Awaitable[R]]) -> R | Unavailable:
        is_tripped = self._failures >= self._settings.failures_max
        if is_tripped and (self._is_probing or self._clock() < self._open_until_ms):
            return Unavailable(is_unknown=False, reason="circuit open")
        if self._calls >= self._settings.calls_max:
            return Unavailable(is_unknown=False, reason="too many calls under way")
        self._is_probing = is_tripped
        self._calls += 1
        answer: R | Unavailable
        try:
            answer = await self._deadline.keep(ask())
        except TimeoutError:
            answer = Unavailable(is_unknown=True, reason="no answer in time")
        finally:
            self._calls -= 1
            if is_tripped:
                self._is_probing = False
        self._judge(answer)
        return answer

    def _judge(self, answer: object) -> None:
        if not isinstance(answer, Unavailable):
            if self._failures >= self._settings.failures_max:
                log.info("the payment provider %s answers again", self.name)
            self._failures = 0
            return
        self._failures += 1
        if self._failures >= self._settings.failures_max:
            self._open_until_ms = self._clock() + self._settings.open_ms
            if self._failures == self._settings.failures_max:
                log.warning("the payment provider %s does not answer: %s", self.name, answer.reason)
