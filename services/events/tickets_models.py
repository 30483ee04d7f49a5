"""What is said about an event's tickets: pools, ticket types with their prices, and questions. One document,
changed as a whole, so that nobody ever sees half of a change.
"""

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from domain.catalogue import BUYER_LIMIT_MAX, CAPACITY_MAX, POOLS_MAX, TICKET_TYPES_MAX
from services.models import (
    AmountMinor,
    LocalTime,
    Model,
    Name,
    PoolRef,
    QuestionRef,
    SeenLine,
    Text,
    TicketTypeRef,
    Version,
)

_Position = Annotated[int, Field(ge=0, lt=POOLS_MAX)]
Quantity = Annotated[int, Field(ge=1, le=BUYER_LIMIT_MAX)]
TIERS_MAX = 20
QUESTIONS_MAX = 50


class PoolFields(Model):
    """A counted stock that ticket types draw from."""

    pool: PoolRef | None = None
    """None for a new one."""
    name: Name
    capacity: Annotated[int, Field(ge=0, le=CAPACITY_MAX)]
    """Of a pool that is on sale, this is changed by its own route."""


class TierFields(Model):
    """A price that holds until so many are sold or a time has come; after the last tier, the type's own."""

    number: Annotated[int, Field(ge=1, le=200)]
    """Names the tier within its type, for ever."""
    name: Annotated[Text, Field(max_length=80)] = ""
    price_minor: AmountMinor
    quantity: Annotated[int, Field(ge=1, le=CAPACITY_MAX)] | None = None
    ends_at: LocalTime | None = None


class TicketTypeFields(Model):
    """What a buyer chooses."""

    ticket_type: TicketTypeRef | None = None
    """None for a new one."""
    name: Name
    description: Annotated[Text, Field(max_length=1_000)] = ""
    kind: Literal["free", "fixed", "pay_what_you_want"] = "fixed"
    price_minor: AmountMinor = 0
    """What is suggested, where the buyer chooses."""
    price_min_minor: AmountMinor | None = None
    """The least that may be paid, where the buyer chooses."""
    pools: Annotated[tuple[_Position, ...], Field(min_length=1, max_length=POOLS_MAX)]
    """Positions in `pools` that each ticket takes a place from."""
    quantity_min: Quantity = 1
    quantity_max: Quantity = 10
    buyer_limit: Quantity | None = None
    sales_start: LocalTime | None = None
    sales_end: LocalTime | None = None
    """None is with the end of the event."""
    is_hidden: bool = False
    """Shown to those only who have an access code."""
    is_retired: bool = False
    tax_basis_points: Annotated[int, Field(ge=0, le=10_000)] = 0
    """The tax that is in the price, in hundredths of a percent. Told to buyers; it adds nothing."""
    fee_plan: Literal["included", "on_top"] = "included"
    """Who bears the platform's fees: the organiser, out of the price, or the buyer, on top of it. There are
    none yet, so buyers pay the price either way."""
    valid_days: Annotated[tuple[Annotated[dt.date, Field(strict=False)], ...], Field(max_length=366)] = ()
    """Days of the event, at the venue, on which it lets in; none is all."""
    tiers: Annotated[tuple[TierFields, ...], Field(max_length=TIERS_MAX)] = ()


class QuestionFields(Model):
    """A question to the buyer."""

    question: QuestionRef | None = None
    per: Literal["order", "ticket"] = "order"
    label: Annotated[SeenLine, Field(max_length=300)]
    kind: Literal["text", "long_text", "choice", "yes_no", "email", "phone", "date"] = "text"
    choices: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    is_required: bool = False
    ticket_types: Annotated[
        tuple[Annotated[int, Field(ge=0, lt=TICKET_TYPES_MAX)], ...], Field(max_length=200)
    ] = ()
    """Positions of the types of which it is asked; none is all."""


class TicketsFields(Model):
    """Everything that can be bought, and what is asked."""

    pools: Annotated[tuple[PoolFields, ...], Field(max_length=POOLS_MAX)]
    ticket_types: Annotated[tuple[TicketTypeFields, ...], Field(max_length=TICKET_TYPES_MAX)]
    questions: Annotated[tuple[QuestionFields, ...], Field(max_length=QUESTIONS_MAX)] = ()
    buyer_limit: Quantity = 10
    """How many tickets one person may have of the event."""


class TicketsDocument(TicketsFields):
    """The tickets as they are; `version` is their own, beside the event's."""

    version: Version
