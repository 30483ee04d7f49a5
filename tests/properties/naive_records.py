"""What the model of a sale keeps, and how it rounds: each ticket is a record of its own."""

from fractions import Fraction
from math import floor
from typing import NamedTuple

from domain import events as e
from domain.catalogue import TicketType
from domain.refusals import Code
from domain.vouchers import VoucherRule

FOREVER_MS = 10**18


class NaiveTicket(NamedTuple):
    """One ticket, held or sold: each is priced by itself."""

    kind: int
    price: int
    discount: int
    tier: int
    block: int


class NaiveHold:
    def __init__(
        self, buyer: bytes, tickets: list[NaiveTicket], expires_at_ms: int, vouchers: tuple[int, ...] = ()
    ) -> None:
        self.buyer = buyer
        self.tickets = tickets
        self.expires_at_ms = expires_at_ms
        self.vouchers = vouchers
        self.is_extended = False
        self.end = ""

    @property
    def quantity(self) -> int:
        return len(self.tickets)


class NaiveIssued(NamedTuple):
    order: bytes
    buyer: bytes
    ticket: NaiveTicket
    is_cancelled: bool


class NaiveVoucher:
    def __init__(self, rule: VoucherRule) -> None:
        self.rule = rule
        self.is_retired = False


def tickets_of(made: e.Held) -> list[NaiveTicket]:
    return [
        NaiveTicket(line.ticket_type, line.unit_price_minor, line.unit_discount_minor, line.tier, line.block)
        for line in made.lines
        for _ in range(line.quantity)
    ]


def named_price(kind: TicketType, price_minor: int | None) -> int | Code:
    if kind.price_min_minor is None:
        return Code.PRICE_OUT_OF_RANGE if price_minor is not None else 0
    price = kind.price_minor if price_minor is None else price_minor
    return price if kind.price_min_minor <= price <= 10**9 else Code.PRICE_OUT_OF_RANGE


def half_up(number: Fraction) -> int:
    return floor(number + Fraction(1, 2))


def shared(amount: int, totals: list[int]) -> list[int]:
    amount = min(amount, sum(totals))
    shares = [half_up(Fraction(amount * total, sum(totals))) if total else 0 for total in totals]
    by_size = sorted(range(len(totals)), key=lambda at: -totals[at])
    while sum(shares) != amount:
        step = 1 if sum(shares) < amount else -1
        at = next(at for at in by_size if 0 <= shares[at] + step <= totals[at])
        shares[at] += step
    return shares
