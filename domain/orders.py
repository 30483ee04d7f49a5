"""The states of an order, as a table of (state, step) -> state.

An order begins when its buyer pays for a hold, and every step of it is durable before the next begins, so
whoever finds an unfinished order knows what to do next::

    placed --sell--> sold --capture--> paid      (all later cancelling starts from paid)
     | | |
     | | `--authorise--> authorised --sell--> sold
     | |                     `--give_up--> voiding
     | `--give_up--> voiding --void--> failed    (authorised or not, nobody may know: it is voided)
     `--decline--> failed

`sell` is the one step that the sale actor takes, in the transaction that issues the tickets, once the
provider has authorised the payment. That this is so is a state of its own only where the sale does not follow
at once. Once sold, the payment is captured however long that takes; before it, giving up leads to `failed`
and nothing is charged.
"""

import enum
from collections.abc import Mapping
from typing import Final


class OrderState(enum.StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    AUTHORISED = "authorised"
    SOLD = "sold"
    PAID = "paid"
    VOIDING = "voiding"
    FAILED = "failed"
    CANCELLED = "cancelled"


class OrderStep(enum.StrEnum):
    """What happens to an order."""

    AUTHORISE = "authorise"
    DECLINE = "decline"
    SELL = "sell"
    GIVE_UP = "give_up"
    CAPTURE = "capture"
    VOID = "void"
    CANCEL = "cancel"


STEPS: Final[Mapping[tuple[OrderState, OrderStep], OrderState]] = {
    (OrderState.PLACED, OrderStep.AUTHORISE): OrderState.AUTHORISED,
    (OrderState.PLACED, OrderStep.SELL): OrderState.SOLD,
    (OrderState.PLACED, OrderStep.DECLINE): OrderState.FAILED,
    (OrderState.PLACED, OrderStep.GIVE_UP): OrderState.VOIDING,
    (OrderState.AUTHORISED, OrderStep.SELL): OrderState.SOLD,
    (OrderState.AUTHORISED, OrderStep.GIVE_UP): OrderState.VOIDING,
    (OrderState.SOLD, OrderStep.CAPTURE): OrderState.PAID,
    (OrderState.VOIDING, OrderStep.VOID): OrderState.FAILED,
    (OrderState.SOLD, OrderStep.CANCEL): OrderState.CANCELLED,
    (OrderState.PAID, OrderStep.CANCEL): OrderState.CANCELLED,
}

SELLABLE: Final = frozenset(state for state, taken in STEPS if taken is OrderStep.SELL)
"""States from which the transaction that issues an order's tickets takes it to `sold`."""

UNFINISHED: Final = frozenset({OrderState.PLACED, OrderState.AUTHORISED, OrderState.SOLD, OrderState.VOIDING})
"""States that somebody has to take further; the recovery of orders looks for these."""


def step(state: OrderState, taken: OrderStep) -> OrderState | None:
    """Return the state that a step leads to, None if it is not legal; an illegal step changes nothing."""
    return STEPS.get((state, taken))
