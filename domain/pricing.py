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
    return _lines(tuple((at, quantity, types[at].price_minor) for at, quantity in quantities.items()))


@lru_cache(maxsize=4096)
def _lines(shape: tuple[tuple[int, int, int], ...]) -> tuple[HeldLine, ...]:
    # Holds of the same shape share one tuple: with a hundred thousand live holds this is a third of their
    # memory.
    return tuple(HeldLine(*line) for line in shape)


def shared_lines(lines: Iterable[HeldLine]) -> tuple[HeldLine, ...]:
    """Return equal lines in the tuple that all holds of this shape share."""
    return _lines(tuple((line.ticket_type, line.quantity, line.unit_price_minor) for line in lines))


def total(lines: Iterable[HeldLine], currency: str) -> Money:
    """Return what a hold costs."""
    return Money(sum(line.quantity * line.unit_price_minor for line in lines), currency)
