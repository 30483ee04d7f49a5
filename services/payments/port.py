"""What Bilten asks of a payment provider.

Every call carries an id of ours and may be repeated with it: the provider does it once and gives the first
answer again. A refusal by the provider is a result; that it did not answer is one too (`Unavailable`), which
says whether the call may have had an effect.
"""

from typing import Protocol

import msgspec

from domain.ids import PaymentId
from domain.money import Money


class Authorised(msgspec.Struct, frozen=True):
    """The amount is set aside. `reference` is the provider's name for the payment."""

    reference: str


class Declined(msgspec.Struct, frozen=True):
    """The buyer's bank said no. `reason` is the provider's code."""

    reason: str


class Done(msgspec.Struct, frozen=True):
    """It is so now, whether by this call or an earlier one."""


class Unavailable(msgspec.Struct, frozen=True):
    """The provider did not answer.

    Attributes:
        is_unknown: it may have done what was asked; False if it was never asked.
    """

    is_unknown: bool
    reason: str


class Provider(Protocol):
    """A payment provider. Nothing here raises; nothing here is called inside a transaction."""

    @property
    def name(self) -> str:
        """As the payments table has it."""
        ...

    async def authorise(
        self, payment_id: PaymentId, amount: Money, token: str
    ) -> Authorised | Declined | Unavailable:
        """Set an amount aside on the means of payment that a token stands for."""
        ...

    async def capture(self, payment_id: PaymentId, amount: Money) -> Done | Declined | Unavailable:
        """Take an authorised amount."""
        ...

    async def void(self, payment_id: PaymentId) -> Done | Unavailable:
        """Set an authorised amount free. For an id that the provider never saw, it makes sure that a call to
        authorise it which is still on its way comes to nothing.
        """
        ...

    async def refund(
        self, refund_id: PaymentId, payment_id: PaymentId, amount: Money
    ) -> Done | Declined | Unavailable:
        """Give back a part of what was captured, or all of it. `refund_id` names this refund."""
        ...
