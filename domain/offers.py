"""What of a ticket type the gateways must know to speak of it: made anew only when a definition or the count
of a tier changes, and shared by all notices in between.
"""

from collections.abc import Mapping, Sequence

import msgspec

from domain.catalogue import SaleDefinition, TicketType
from domain.ids import TicketTypeId


class TierOffer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A tier with room. `left` is how many tickets it has left, None without bound."""

    price_minor: int
    until_ms: int | None
    left: int | None


class TypeOffer(msgspec.Struct, frozen=True, array_like=True):
    """A ticket type on offer.

    Attributes:
        price_minor: after the last tier, or what is suggested where the buyer names the price.
        price_min_minor: the least that a buyer may name, None where the price is fixed.
        tiers: those that are not sold out, in the order of selling.
    """

    ticket_type_id: TicketTypeId
    price_minor: int
    price_min_minor: int | None
    quantity_min: int
    quantity_max: int
    sales_start_ms: int | None
    sales_end_ms: int | None
    is_hidden: bool
    is_retired: bool
    tiers: tuple[TierOffer, ...]

    def tier_at(self, now_ms: int) -> TierOffer | None:
        """Return the tier that the next ticket would be sold in, None for none."""
        for tier in self.tiers:
            if tier.until_ms is None or now_ms < tier.until_ms:
                return tier
        return None


def offers_of(definition: SaleDefinition, in_tiers: Sequence[Mapping[int, int]]) -> tuple[TypeOffer, ...]:
    """Return what is on offer, given how many tickets are in each tier of each type."""
    return tuple(map(_offer, definition.ticket_types, in_tiers))


def _offer(kind: TicketType, in_tiers: Mapping[int, int]) -> TypeOffer:
    tiers = []
    for tier in kind.tiers:
        left = None if tier.quantity is None else tier.quantity - in_tiers.get(tier.number, 0)
        if left is None or left > 0:
            tiers.append(TierOffer(tier.price_minor, tier.until_ms, left))
    return TypeOffer(
        kind.ticket_type_id,
        kind.price_minor,
        kind.price_min_minor,
        kind.quantity_min,
        kind.quantity_max,
        kind.sales_start_ms,
        kind.sales_end_ms,
        kind.is_hidden,
        kind.is_retired,
        tuple(tiers),
    )
