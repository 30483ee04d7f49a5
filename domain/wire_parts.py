"""What the messages of `domain.wire` are made of."""

from typing import Annotated

import msgspec
from msgspec import Meta

Identifier = Annotated[str, Meta(min_length=28, max_length=64, description="a TypeID")]
Quantity = Annotated[int, Meta(ge=1, le=10_000)]


class Line(msgspec.Struct, frozen=True):
    """So many tickets of one type. `price_minor` is what the buyer names for each, if the type lets them."""

    ticket_type: Identifier
    quantity: Quantity
    price_minor: Annotated[int, Meta(ge=0, le=1_000_000_000_000)] | None = None


class TypeAvailability(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many tickets of a type can be had now.

    Attributes:
        free: what is left in the scarcest of the type's pools.
        price_minor: what the next ticket would cost; where the buyer names the price, what is suggested.
        is_on_sale: false outside the type's sales window.
        price_min_minor: the least that a buyer may name; missing where the price is fixed.
        tier_until_ms: when this price ends, at the latest; missing if it has no end.
        tier_left: how many tickets are left at this price; missing if there is no bound.
    """

    ticket_type: str
    free: int
    price_minor: int
    is_on_sale: bool
    price_min_minor: int | None = None
    tier_until_ms: int | None = None
    tier_left: int | None = None


class EventState(msgspec.Struct, frozen=True):
    """What everybody may know of an event's sale.

    Attributes:
        status: `scheduled`, `open`, `paused`, `closed` or `cancelled`.
        opens_at_ms: when holds are taken from.
    """

    status: str
    opens_at_ms: int
    currency: str
    ticket_types: list[TypeAvailability]


class PoolSales(msgspec.Struct, frozen=True):
    """Where a pool's capacity is."""

    pool: str
    capacity: int
    free: int
    held: int
    sold: int
    withheld: int


class TypeSales(msgspec.Struct, frozen=True):
    """How many tickets of a type are held and sold, and `free`: what is left in the scarcest of its pools."""

    ticket_type: str
    free: int
    held: int
    sold: int


class HeldLine(msgspec.Struct, frozen=True):
    """Held tickets of one type at one agreed price; a type whose tickets differ in price has several lines.

    Attributes:
        unit_price_minor: what each costs.
        list_price_minor: what each would cost without a voucher.
    """

    ticket_type: str
    quantity: int
    unit_price_minor: int
    list_price_minor: int


class UnlockedType(msgspec.Struct, frozen=True):
    """A hidden ticket type that a code shows, with its name and how many can be had now.

    Attributes:
        tax_basis_points: the tax that is in the price, in hundredths of a percent.
        valid_days: the days on which it lets in, such as 2030-05-01; none is all.
    """

    name: str
    description: str
    quantity_min: int
    quantity_max: int
    availability: TypeAvailability
    tax_basis_points: int
    valid_days: list[str]


class Ticket(msgspec.Struct, frozen=True):
    """A ticket: `code` is what its QR shows."""

    ticket: str
    ticket_type: str
    code: str
