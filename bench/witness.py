"""What the clients of a rush saw: every acknowledgement, every refusal, and how long each took.

The audit holds the database against this, and nothing the platform says of itself goes in here.
"""

import time
from collections import Counter
from dataclasses import dataclass, field

import msgspec

from client import Held, Purchased


class HoldSeen(msgspec.Struct, frozen=True):
    """A hold that was acknowledged. Identifiers are TypeIDs, as the wire has them."""

    hold: str
    buyer: str
    quantity: int


class TicketSeen(msgspec.Struct, frozen=True):
    """A ticket that was handed out."""

    ticket: str
    code: str


class PurchaseSeen(msgspec.Struct, frozen=True):
    """A purchase that was acknowledged."""

    order: str
    hold: str
    buyer: str
    amount_minor: int
    tickets: tuple[TicketSeen, ...]


class Seen(msgspec.Struct, frozen=True):
    """All acknowledgements. `contradictions` are answers that two askers of one operation got differently."""

    holds: tuple[HoldSeen, ...]
    purchases: tuple[PurchaseSeen, ...]
    releases: tuple[str, ...]
    contradictions: tuple[str, ...] = ()


@dataclass
class Witness:
    """Collects while the rush runs. Times are of `time.perf_counter`, in seconds."""

    holds: dict[str, HoldSeen] = field(default_factory=dict)
    purchases: dict[str, PurchaseSeen] = field(default_factory=dict)
    releases: set[str] = field(default_factory=set)
    contradictions: list[str] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    expired: set[str] = field(default_factory=set)
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"hold": [], "purchase": []})
    # When operations that were acknowledged began and ended, for the time that recovery took.
    acknowledged: list[tuple[float, float]] = field(default_factory=list)
    connections: int = 0
    reconnections: int = 0
    waited: int = 0

    def held(self, buyer: str, held: Held, began: float) -> None:
        """A hold was acknowledged."""
        seen = HoldSeen(held.hold, buyer, held.quantity)
        if self.holds.setdefault(held.hold, seen) != seen:
            self.contradictions.append(held.hold)
        self._took("hold", began)

    def purchased(self, buyer: str, hold: str, bought: Purchased, began: float) -> None:
        """A purchase was acknowledged."""
        tickets = tuple(TicketSeen(ticket.ticket, ticket.code) for ticket in bought.tickets)
        seen = PurchaseSeen(bought.order, hold, buyer, bought.amount_minor, tickets)
        if self.purchases.setdefault(bought.order, seen) != seen:
            self.contradictions.append(bought.order)
        self._took("purchase", began)

    def released(self, hold: str) -> None:
        """A release was acknowledged."""
        self.releases.add(hold)

    def _took(self, what: str, began: float) -> None:
        ended = time.perf_counter()
        self.seconds[what].append(ended - began)
        self.acknowledged.append((began, ended))

    @property
    def tickets(self) -> int:
        """How many tickets were handed out."""
        return sum(len(purchase.tickets) for purchase in self.purchases.values())

    def seen(self) -> Seen:
        """Return what the audit needs."""
        return Seen(
            tuple(self.holds.values()),
            tuple(self.purchases.values()),
            tuple(sorted(self.releases)),
            tuple(self.contradictions),
        )
