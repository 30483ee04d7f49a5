"""What a shard's notice says of a ticket type, as the wire says it."""

from domain import wire
from domain.ids import TICKET_TYPE, text
from domain.notices import SaleNotice
from domain.offers import TypeOffer


def is_on_sale(offer: TypeOffer, now_ms: int) -> bool:
    """Say whether a ticket type is in its sales window."""
    return (offer.sales_start_ms is None or offer.sales_start_ms <= now_ms) and (
        offer.sales_end_ms is None or now_ms < offer.sales_end_ms
    )


def availability(offer: TypeOffer, free: int, now_ms: int) -> wire.TypeAvailability:
    """Return how many tickets of a type can be had now, and for what."""
    tier = offer.tier_at(now_ms)
    return wire.TypeAvailability(
        text(TICKET_TYPE, offer.ticket_type_id),
        free,
        offer.price_minor if tier is None else tier.price_minor,
        is_on_sale(offer, now_ms),
        offer.price_min_minor,
        None if tier is None else tier.until_ms,
        None if tier is None else tier.left,
    )


def shown(notice: SaleNotice, now_ms: int) -> list[wire.TypeAvailability]:
    """Return what everybody may know of a sale's types: nothing of those that are hidden or retired."""
    return [
        availability(offer, free, now_ms)
        for offer, free in zip(notice.offers, notice.free_by_type, strict=False)
        if not (offer.is_hidden or offer.is_retired)
    ]


def moments(notice: SaleNotice) -> list[int]:
    """Return when what is on offer changes by time alone."""
    found: list[int] = []
    for offer in notice.offers:
        times = (offer.sales_start_ms, offer.sales_end_ms, *(tier.until_ms for tier in offer.tiers))
        found.extend(moment for moment in times if moment is not None)
    return found
