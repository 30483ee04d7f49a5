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
    """Held tickets of one type at one agreed price; without a voucher each would cost `list_price_minor`."""

    ticket_type: str
    quantity: int
    unit_price_minor: int
    list_price_minor: int


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

    @property
    def discount_minor(self) -> int:
        """What a voucher took off."""
        return sum(line.quantity * (line.list_price_minor - line.unit_price_minor) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Unlocked:
    """What a code is good for now.

    Attributes:
        kind: `discount`, `access` or `block`.
        percent_bp: taken off, in hundredths of a percent.
        amount_minor: taken off each ticket, or off the order.
        ticket_types: those that it is for; empty for all.
        left: orders that can still use it, or places of its block; None without bound.
        types: the hidden types that it shows, with their names.
    """

    kind: str
    percent_bp: int
    amount_minor: int
    is_per_order: bool
    ticket_types: tuple[str, ...]
    left: int | None
    types: tuple[tuple[str, "TypeAvailability"], ...]


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
    price_min_minor: int | None = None
    tier_until_ms: int | None = None
    tier_left: int | None = None


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
class TypeSales:
    """How many tickets of a type are held and sold; `free` is what is left in the scarcest of its pools."""

    ticket_type: str
    free: int
    held: int
    sold: int


@dataclass(frozen=True, slots=True)
class SalesState:
    """A sale as its organizer sees it."""

    event: str
    version: int
    time_ms: int
    status: str
    pools: tuple[PoolSales, ...]
    ticket_types: tuple[TypeSales, ...]


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
        HeldLine(line["ticket_type"], line["quantity"], line["unit_price_minor"], line["list_price_minor"])
        for line in message["lines"]
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
    types = tuple(_availability(each) for each in state["ticket_types"])
    return EventState(event, version, state["status"], state["opens_at_ms"], state["currency"], types)


def _availability(each: Message) -> TypeAvailability:
    return TypeAvailability(
        each["ticket_type"],
        each["free"],
        each["price_minor"],
        each["is_on_sale"],
        each.get("price_min_minor"),
        each.get("tier_until_ms"),
        each.get("tier_left"),
    )


def unlocked(message: Message) -> Unlocked:
    """Read `unlocked`."""
    return Unlocked(
        message["kind"],
        message["percent_bp"],
        message["amount_minor"],
        message["is_per_order"],
        tuple(message["ticket_types"]),
        message["left"],
        tuple((each["name"], _availability(each["availability"])) for each in message["unlocked"]),
    )


def sales_state(message: Message) -> SalesState:
    """Read `watching_sales` and `sales`."""
    pools = tuple(
        PoolSales(pool["pool"], pool["capacity"], pool["free"], pool["held"], pool["sold"], pool["withheld"])
        for pool in message["pools"]
    )
    types = tuple(
        TypeSales(kind["ticket_type"], kind["free"], kind["held"], kind["sold"])
        for kind in message["ticket_types"]
    )
    return SalesState(
        message["event"], message["version"], message["time_ms"], message["status"], pools, types
    )
