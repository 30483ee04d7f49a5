"""The price of a hold: decided when it is placed, and kept by it whatever the catalogue says later.

The rule is quantity times the unit price of the type, all in the event's currency, with no rounding because
everything is in minor units. Fees, taxes and vouchers will be further terms of this sum.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from domain.catalogue import SaleDefinition
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
    return _only_line(lines[0].ticket_type, lines[0].quantity, lines[0].unit_price_minor)


def total(lines: Iterable[HeldLine], currency: str) -> Money:
    """Return what a hold costs."""
    return Money(sum(line.quantity * line.unit_price_minor for line in lines), currency)
