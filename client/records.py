"""What the server says, as frozen records, and how they are read from messages.

Fields that this version does not know are ignored; a message that lacks one it needs raises `KeyError`,
which the connection takes for a broken peer. Times are milliseconds since the epoch by the server's clock,
amounts are minor units of the currency.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HeldLine:
    """Held tickets of one type and their agreed price."""

    ticket_type: str
    quantity: int
    unit_price_minor: int


@dataclass(frozen=True, slots=True)
class Held:
    """Tickets that are reserved until `expires_at_ms`."""

    hold: str
    event: str
    lines: tuple[HeldLine, ...]
    amount_minor: int
    currency: str
    expires_at_ms: int

    @property
    def quantity(self) -> int:
        """How many tickets."""
        return sum(line.quantity for line in self.lines)


@dataclass(frozen=True, slots=True)
class Extended:
    """A hold that lasts longer."""

    hold: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Released:
    """A hold that was given back."""

    hold: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket; `code` is what its QR shows."""

    ticket: str
    ticket_type: str
    code: str


@dataclass(frozen=True, slots=True)
class Purchased:
    """An order whose tickets are issued."""

    order: str
    event: str
    amount_minor: int
    currency: str
    tickets: tuple[Ticket, ...]


@dataclass(frozen=True, slots=True)
class TypeAvailability:
    """How many tickets of a type can be had."""

    ticket_type: str
    free: int
    price_minor: int
    is_on_sale: bool


@dataclass(frozen=True, slots=True)
class EventState:
    """The public state of an event's sale. `status` is scheduled, open, paused or closed."""

    event: str
    version: int
    status: str
    opens_at_ms: int
    currency: str
    ticket_types: tuple[TypeAvailability, ...]

    def free(self, ticket_type: str) -> int:
        """Return how many of a type can be had; 0 for one that is unknown."""
        return next((each.free for each in self.ticket_types if each.ticket_type == ticket_type), 0)


@dataclass(frozen=True, slots=True)
class PoolSales:
    """Where a pool's capacity is."""

    pool: str
    capacity: int
    free: int
    held: int
    sold: int
    withheld: int


@dataclass(frozen=True, slots=True)
class SalesState:
    """A sale as its organizer sees it."""

    event: str
    version: int
    time_ms: int
    status: str
    pools: tuple[PoolSales, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """An operation waits for its turn, behind so many others."""

    operation: str | None
    ahead: int


@dataclass(frozen=True, slots=True)
class HoldExpiring:
    """A hold of this buyer is about to expire."""

    event: str
    hold: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class HoldExpired:
    """A hold of this buyer has expired; its tickets are on sale again."""

    event: str
    hold: str


Notice = Waiting | HoldExpiring | HoldExpired


def held(message: Message) -> Held:
    """Read `held`."""
    lines = tuple(
        HeldLine(line["ticket_type"], line["quantity"], line["unit_price_minor"]) for line in message["lines"]
    )
    return Held(
        message["hold"],
        message["event"],
        lines,
        message["amount_minor"],
        message["currency"],
        message["expires_at_ms"],
    )


def extended(message: Message) -> Extended:
    """Read `extended`."""
    return Extended(message["hold"], message["expires_at_ms"])


def released(message: Message) -> Released:
    """Read `released`."""
    return Released(message["hold"])


def purchased(message: Message) -> Purchased:
    """Read `purchased`."""
    tickets = tuple(
        Ticket(ticket["ticket"], ticket["ticket_type"], ticket["code"]) for ticket in message["tickets"]
    )
    return Purchased(
        message["order"], message["event"], message["amount_minor"], message["currency"], tickets
    )


def event_state(event: str, version: int, state: Message) -> EventState:
    """Read the state in `watching` and `availability`."""
    types = tuple(
        TypeAvailability(each["ticket_type"], each["free"], each["price_minor"], each["is_on_sale"])
        for each in state["ticket_types"]
    )
    return EventState(event, version, state["status"], state["opens_at_ms"], state["currency"], types)


def sales_state(message: Message) -> SalesState:
    """Read `watching_sales` and `sales`."""
    pools = tuple(
        PoolSales(pool["pool"], pool["capacity"], pool["free"], pool["held"], pool["sold"], pool["withheld"])
        for pool in message["pools"]
    )
    return SalesState(message["event"], message["version"], message["time_ms"], message["status"], pools)
