"""What is for sale at an event, as far as deciding a sale needs it.

A pool is a counted stock. A ticket type draws from one or more pools, so that several types can share a
capacity (500 standing places = early bird + regular) or need two of them (a seat on the floor and a place in
the car park). Titles, descriptions and pictures are not here: they live in the catalogue tables and never
touch a decision.
"""

import re
from typing import Final

import msgspec

from domain.ids import EventId, PoolId, TicketTypeId
from domain.money import AMOUNT_MINOR_MAX

_CURRENCY: Final = re.compile("[A-Z]{3}", re.ASCII)
POOLS_MAX: Final = 200
TICKET_TYPES_MAX: Final = 200
CAPACITY_MAX: Final = 5_000_000
BUYER_LIMIT_MAX: Final = 10_000
TIERS_MAX: Final = 20
TIER_NUMBER_MAX: Final = 200
LINES_MAX: Final = 20
"""Lines of a hold."""
HOLD_TTL_MS_MIN: Final = 1_000
HOLD_TTL_MS_MAX: Final = 24 * 3_600_000


class Pool(msgspec.Struct, frozen=True, array_like=True):
    """A counted stock of `capacity` places."""

    pool_id: PoolId
    capacity: int


class PriceTier(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A price for the first buyers of a type.

    Attributes:
        number: names the tier within its type, 1 to `TIER_NUMBER_MAX`. Tickets remember it, so it is never
            given to another tier, wherever in the list this one stands.
        until_ms: when it ends (excluded); None is never.
        quantity: it also ends while this many of its tickets are held and sold; None is without bound.
    """

    number: int
    price_minor: int
    until_ms: int | None = None
    quantity: int | None = None


class TicketType(msgspec.Struct, frozen=True, array_like=True):
    """What a buyer chooses.

    Attributes:
        pools: positions in `SaleDefinition.pools` from which each ticket takes one place.
        price_minor: in the minor unit of the event's currency; 0 is free. With tiers, the price after the
            last of them; where the buyer names the price, what is suggested.
        quantity_min, quantity_max: how many of this type one hold may have.
        sales_start_ms, sales_end_ms: when it is sold (end excluded); None is without bound.
        price_min_minor: the buyer names the price, and this is the least; None where the price is fixed.
        tiers: in the order of selling.
        is_hidden: it is there for those only who name a code that unlocks it.
        is_retired: it is not sold any more.
        buyer_limit: how many one buyer may have in holds and sales together; None is without bound.
    """

    ticket_type_id: TicketTypeId
    pools: tuple[int, ...]
    price_minor: int
    quantity_min: int = 1
    quantity_max: int = 10
    sales_start_ms: int | None = None
    sales_end_ms: int | None = None
    price_min_minor: int | None = None
    tiers: tuple[PriceTier, ...] = ()
    is_hidden: bool = False
    is_retired: bool = False
    buyer_limit: int | None = None

    @property
    def is_plain(self) -> bool:
        """Whether nothing about it has to be asked but window, quantity and stock: the amount neither, since
        no hold of such types alone can pass `AMOUNT_MINOR_MAX`.
        """
        return (
            self.price_min_minor is None
            and self.buyer_limit is None
            and not (self.tiers or self.is_hidden or self.is_retired)
            and self.price_minor * self.quantity_max <= AMOUNT_MINOR_MAX // LINES_MAX
        )


class SaleDefinition(msgspec.Struct, frozen=True, array_like=True):
    """Everything about an event that its sale is decided on.

    Attributes:
        currency: ISO 4217; every price of the event is in it.
        buyer_limit: how many tickets one buyer may have in holds and sales together.
        hold_ttl_ms: how long a hold lasts.
        extension_ms: by how much it can be extended, once.
    """

    event_id: EventId
    currency: str
    pools: tuple[Pool, ...]
    ticket_types: tuple[TicketType, ...]
    buyer_limit: int = 10
    hold_ttl_ms: int = 8 * 60_000
    extension_ms: int = 4 * 60_000


def problems(definition: SaleDefinition) -> list[str]:
    """Return what is wrong with a definition, a sentence each; an empty list means that it can be sold."""
    found = []
    if not 1 <= len(definition.pools) <= POOLS_MAX:
        found.append(f"an event has 1 to {POOLS_MAX} pools, not {len(definition.pools)}")
    if not 1 <= len(definition.ticket_types) <= TICKET_TYPES_MAX:
        found.append(f"an event has 1 to {TICKET_TYPES_MAX} ticket types, not {len(definition.ticket_types)}")
    if not _CURRENCY.fullmatch(definition.currency):
        found.append(f"currency {definition.currency!r} is not three capital letters of ISO 4217")
    if not 1 <= definition.buyer_limit <= BUYER_LIMIT_MAX:
        found.append(f"the limit per buyer is 1 to {BUYER_LIMIT_MAX}, not {definition.buyer_limit}")
    if not HOLD_TTL_MS_MIN <= definition.hold_ttl_ms <= HOLD_TTL_MS_MAX:
        found.append(f"a hold lasts {HOLD_TTL_MS_MIN} to {HOLD_TTL_MS_MAX} ms, not {definition.hold_ttl_ms}")
    if not 0 <= definition.extension_ms <= HOLD_TTL_MS_MAX:
        found.append(f"a hold is extended by 0 to {HOLD_TTL_MS_MAX} ms, not {definition.extension_ms}")
    if len({pool.pool_id for pool in definition.pools}) != len(definition.pools):
        found.append("two pools have the same id")
    if len({kind.ticket_type_id for kind in definition.ticket_types}) != len(definition.ticket_types):
        found.append("two ticket types have the same id")
    for number, pool in enumerate(definition.pools, 1):
        if not 0 <= pool.capacity <= CAPACITY_MAX:
            found.append(f"pool {number}: the capacity is 0 to {CAPACITY_MAX}, not {pool.capacity}")
    for number, kind in enumerate(definition.ticket_types, 1):
        found.extend(
            f"ticket type {number}: {problem}" for problem in _type_problems(kind, len(definition.pools))
        )
    return found


def _type_problems(kind: TicketType, pools: int) -> list[str]:
    found = []
    if not kind.pools:
        found.append("it draws from no pool")
    if len(set(kind.pools)) != len(kind.pools):
        found.append("it draws from the same pool twice")
    if any(not 0 <= position < pools for position in kind.pools):
        found.append("it draws from a pool that the event does not have")
    if not 0 <= kind.price_minor <= AMOUNT_MINOR_MAX:
        found.append(f"the price is 0 to {AMOUNT_MINOR_MAX} minor units, not {kind.price_minor}")
    if not 1 <= kind.quantity_min <= kind.quantity_max <= BUYER_LIMIT_MAX:
        found.append(
            f"minimum {kind.quantity_min} and maximum {kind.quantity_max} are not 1 <= minimum <= maximum"
        )
    if (
        kind.sales_start_ms is not None
        and kind.sales_end_ms is not None
        and kind.sales_start_ms >= kind.sales_end_ms
    ):
        found.append("its sale ends before it starts")
    if kind.buyer_limit is not None and not 1 <= kind.buyer_limit <= BUYER_LIMIT_MAX:
        found.append(f"the limit per buyer is 1 to {BUYER_LIMIT_MAX}, not {kind.buyer_limit}")
    if kind.price_min_minor is not None:
        if not 0 <= kind.price_min_minor <= kind.price_minor:
            found.append(
                f"the least price is 0 to the suggested {kind.price_minor}, not {kind.price_min_minor}"
            )
        if kind.tiers:
            found.append("where the buyer names the price there are no tiers")
    return found + _tier_problems(kind.tiers)


def _tier_problems(tiers: tuple[PriceTier, ...]) -> list[str]:
    found = []
    if len(tiers) > TIERS_MAX:
        found.append(f"it has at most {TIERS_MAX} tiers, not {len(tiers)}")
    if len({tier.number for tier in tiers}) != len(tiers):
        found.append("two tiers have the same number")
    for at, tier in enumerate(tiers, 1):
        if not 1 <= tier.number <= TIER_NUMBER_MAX:
            found.append(f"tier {at}: the number is 1 to {TIER_NUMBER_MAX}, not {tier.number}")
        if not 0 <= tier.price_minor <= AMOUNT_MINOR_MAX:
            found.append(
                f"tier {at}: the price is 0 to {AMOUNT_MINOR_MAX} minor units, not {tier.price_minor}"
            )
        if tier.quantity is not None and not 0 <= tier.quantity <= CAPACITY_MAX:
            found.append(f"tier {at}: the quantity is 0 to {CAPACITY_MAX}, not {tier.quantity}")
        if tier.until_ms is None and tier.quantity is None:
            found.append(f"tier {at}: it ends neither by date nor by quantity")
    return found
