"""The price of a hold: decided when it is placed, and kept by it whatever the catalogue says later.

The rule is quantity times the unit price, all in the event's currency, with no rounding because everything is
in minor units. The unit price is that of the type, of the tier that the ticket is sold in, or what the buyer
named; what a voucher takes off it is in `domain.discounts`. Taxes are in the price, and fees are not charged
(docs/decisions/fees-and-taxes.md): neither is a term of this sum.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from domain.catalogue import SaleDefinition, TicketType
from domain.events import HeldLine
from domain.money import Money


def line_prices(definition: SaleDefinition, quantities: Mapping[int, int]) -> tuple[HeldLine, ...]:
    """Return the lines of a hold with their unit prices, given quantities by position of the ticket type."""
    types = definition.ticket_types
    if len(quantities) == 1:
        ((position, quantity),) = quantities.items()
        return _only_line(position, quantity, types[position].price_minor)
    return tuple(HeldLine(at, quantity, types[at].price_minor) for at, quantity in quantities.items())


@lru_cache(maxsize=4096)
def _only_line(position: int, quantity: int, unit_price_minor: int) -> tuple[HeldLine, ...]:
    # Most holds have one line. Those alike share one tuple: this saves a third of a live hold's memory.
    return (HeldLine(position, quantity, unit_price_minor),)


def shared_lines(lines: tuple[HeldLine, ...]) -> tuple[HeldLine, ...]:
    """Return equal lines in the tuple that holds of this shape share."""
    if len(lines) != 1:
        return lines
    line = lines[0]
    if line.unit_discount_minor or line.tier or line.block:
        return _same_line(line)
    return _only_line(line.ticket_type, line.quantity, line.unit_price_minor)


@lru_cache(maxsize=4096)
def _same_line(line: HeldLine) -> tuple[HeldLine, ...]:
    return (line,)


def tiered(
    kind: TicketType, position: int, quantity: int, in_tiers: Mapping[int, int], now_ms: int
) -> list[HeldLine]:
    """Return tickets of a type at the prices of its tiers, given how many each tier has already."""
    lines = []
    for tier in kind.tiers:
        if tier.until_ms is not None and now_ms >= tier.until_ms:
            continue
        taken = quantity
        if tier.quantity is not None:
            taken = min(quantity, tier.quantity - in_tiers.get(tier.number, 0))
        if taken > 0:
            lines.append(HeldLine(position, taken, tier.price_minor, tier=tier.number))
            quantity -= taken
    if quantity:
        lines.append(HeldLine(position, quantity, kind.price_minor))
    return lines


def total(lines: Iterable[HeldLine], currency: str) -> Money:
    """Return what a hold costs."""
    return Money(sum(line.quantity * line.unit_price_minor for line in lines), currency)
