"""What a voucher takes off the lines of a hold.

Every ticket has a price of its own in whole minor units, so a line whose discount does not divide by its
quantity becomes two. How amounts are rounded and shared: docs/decisions/prices-and-vouchers.md.
"""

from collections.abc import Sequence

from domain.events import HeldLine
from domain.vouchers import WHOLE_BP, VoucherRule


def discounted(lines: Sequence[HeldLine], is_eligible: Sequence[bool], rule: VoucherRule) -> list[HeldLine]:
    """Return the lines with what a rule takes off those that are eligible."""
    totals = [
        line.quantity * line.unit_price_minor if eligible else 0
        for line, eligible in zip(lines, is_eligible, strict=True)
    ]
    if rule.percent_bp:
        offs = [half_up(total * rule.percent_bp, WHOLE_BP) for total in totals]
    elif rule.is_per_order:
        offs = shared(rule.amount_minor, totals)
    else:
        offs = [
            min(rule.amount_minor, line.unit_price_minor) * line.quantity if eligible else 0
            for line, eligible in zip(lines, is_eligible, strict=True)
        ]
    return [part for line, off in zip(lines, offs, strict=True) for part in _parts(line, off)]


def shared(amount: int, totals: Sequence[int]) -> list[int]:
    """Return an amount shared in proportion to totals, none of which is passed.

    Each share is rounded half up; what is then left over or lacking falls to the largest total, and what that
    can't take to the next.
    """
    whole = sum(totals)
    amount = min(amount, whole)
    if not whole:
        return [0] * len(totals)
    shares = [half_up(amount * total, whole) for total in totals]
    left = amount - sum(shares)
    for at in sorted(range(len(totals)), key=lambda at: -totals[at]):
        taken = max(-shares[at], min(left, totals[at] - shares[at]))
        shares[at] += taken
        left -= taken
    return shares


def half_up(numerator: int, denominator: int) -> int:
    """Return a quotient of numbers that are not negative, rounded to the nearest, and a half upwards."""
    return (2 * numerator + denominator) // (2 * denominator)


def _parts(line: HeldLine, off: int) -> list[HeldLine]:
    """Return a line in at most two, in each of which every ticket has the same price."""
    base, more = divmod(off, line.quantity)
    parts = []
    for quantity, unit in ((more, base + 1), (line.quantity - more, base)):
        if quantity:
            parts.append(
                HeldLine(
                    line.ticket_type, quantity, line.unit_price_minor - unit, unit, line.tier, line.block
                )
            )
    return parts
