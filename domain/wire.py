"""The wire: every message that a client and the gateway exchange over the websocket, as typed records.

The same records are encoded as msgpack (`bilten.v1.msgpack`, binary frames) and as JSON (`bilten.v1.json`,
text frames): maps with a `type`. Decoding validates: wrong types and missing fields are refused, unknown
fields are ignored, unknown types are refused. Identifiers are TypeIDs (`domain.ids`), times are milliseconds
since the epoch by the server's clock, amounts are minor units of `currency`.

The AsyncAPI document and the table in `docs/protocol.md` are made from the docstrings and fields below.

What messages are made of is in `domain.wire_parts`, and has the same names here. Close codes that the gateway
uses are in `CLOSE_CODES`.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from domain import wire_parts
from domain.wire_parts import Identifier

VERSION: Final = 1
SUBPROTOCOL_MSGPACK: Final = "bilten.v1.msgpack"
SUBPROTOCOL_JSON: Final = "bilten.v1.json"
MESSAGE_BYTES_MAX: Final = 64 * 1024
REQUEST_ID_MAX: Final = 2**53 - 1

CLOSE_CODES: Final = {
    1000: "the client said goodbye",
    1001: "the gateway is draining: connect again, another one answers",
    1002: "the client broke the websocket protocol",
    1003: "text where the subprotocol is binary, or the other way round",
    1009: "a message over 64 KiB",
    4400: "too many messages that can't be read",
    4401: "the socket ticket is missing, used or too old",
    4403: "the right to follow a sale was taken away",
    4408: "nothing was heard for too long, or the first message came too late",
    4409: "more connections than one buyer or address may have",
    4413: "the client reads too slowly to be told even what it must be told",
    4429: "far too many requests after being told to slow down",
    4503: "the gateway is full",
}

VoucherText = Annotated[
    str, Meta(min_length=1, max_length=64, description="a code as it was typed: case and spaces don't count")
]
RequestId = Annotated[
    int, Meta(ge=0, le=REQUEST_ID_MAX, description="chosen by the client, echoed in the reply")
]
Version = Annotated[int, Meta(ge=0, description="grows with every change of the topic")]


EventState = wire_parts.EventState
HeldLine = wire_parts.HeldLine
Line = wire_parts.Line
PoolSales = wire_parts.PoolSales
Ticket = wire_parts.Ticket
TypeAvailability = wire_parts.TypeAvailability
TypeSales = wire_parts.TypeSales
UnlockedType = wire_parts.UnlockedType


class Request(msgspec.Struct, frozen=True, tag_field="type"):
    """What every request carries."""

    id: RequestId


class Ping(Request, frozen=True, tag="ping"):
    """Ask for the server's time. Answered by `pong`."""


class Watch(Request, frozen=True, tag="watch"):
    """Follow an event. Answered by `watching`; then `availability` is pushed whenever it changes.

    Attributes:
        version: the newest version that the client has, after a lost connection; its state is then sent only
            if it changed.
    """

    event: Identifier
    version: Version | None = None


class Unwatch(Request, frozen=True, tag="unwatch"):
    """Stop following an event. Answered by `done`."""

    event: Identifier


class WatchSales(Request, frozen=True, tag="watch_sales"):
    """Follow an event's sale as its organizer: `sales` is pushed whenever it changes. Answered by
    `watching_sales`. It takes the right `sales.watch`; the connection is closed with 4403 when that is taken
    away.

    Attributes:
        key: an API key that has it, for programs; left out, it is the session's user who asks.
    """

    event: Identifier
    key: Annotated[str, Meta(max_length=200)] = ""


class Hold(Request, frozen=True, tag="hold"):
    """Reserve tickets, all lines or none. Answered by `held`.

    Attributes:
        operation: a UUIDv7 of the client's as an `op_` TypeID. Sent again with the same one, the first answer
            comes back.
        codes: of vouchers; the hold takes a use of each, and gives it back if it isn't bought.
    """

    operation: Identifier
    event: Identifier
    lines: Annotated[list[Line], Meta(min_length=1, max_length=20)]
    codes: Annotated[list[VoucherText], Meta(max_length=5)] = []


class Unlock(Request, frozen=True, tag="unlock"):
    """Ask what a code is good for, without using it. Answered by `unlocked`."""

    event: Identifier
    code: VoucherText


class Extend(Request, frozen=True, tag="extend"):
    """Give a hold its one extension. Answered by `extended`."""

    operation: Identifier
    event: Identifier
    hold: Identifier


class Release(Request, frozen=True, tag="release"):
    """Give a hold back. Answered by `released`."""

    operation: Identifier
    event: Identifier
    hold: Identifier


class Answer(msgspec.Struct, frozen=True):
    """What a buyer says to one of the event's questions.

    Attributes:
        ticket: of which ticket it is asked, counted from 0 through the lines of `held`; null for the order.
        text: one of the choices, `yes` or `no`, a date as `2030-05-01`, or words, as the question's kind is.
    """

    question: Identifier
    text: Annotated[str, Meta(max_length=2_000)]
    ticket: Annotated[int, Meta(ge=0, lt=10_000)] | None = None


class Purchase(Request, frozen=True, tag="purchase"):
    """Pay for a hold and get its tickets. Answered by `purchased`. Where an answer is missing, it is refused
    with `answers_wanted`, whose details say to which `question` (`label`, `kind`, `choices` a line each) of
    which `ticket`; one that can't be used with `invalid`, `question`, `ticket` and a `reason`.

    Attributes:
        amount_minor: what the buyer was shown; refused with `price_changed` if it is not what the hold costs.
        payment: what the payment provider's form gave for the card, never the card itself.
    """

    operation: Identifier
    event: Identifier
    hold: Identifier
    amount_minor: Annotated[int, Meta(ge=0)]
    payment: Annotated[str, Meta(min_length=1, max_length=200)]
    answers: Annotated[list[Answer], Meta(max_length=1_000)] = []


ClientMessage = Ping | Watch | Unwatch | WatchSales | Hold | Unlock | Extend | Release | Purchase


class Reply(msgspec.Struct, frozen=True, tag_field="type"):
    """What every reply carries: the id of its request."""

    id: int


class Push(msgspec.Struct, frozen=True, tag_field="type"):
    """What the gateway sends by itself."""


class Pong(Reply, frozen=True, tag="pong"):
    """The server's time now."""

    time_ms: int


class Done(Reply, frozen=True, tag="done"):
    """The request had its effect and there is nothing more to say."""


class Refused(msgspec.Struct, frozen=True, tag_field="type", tag="refused"):
    """The request was refused and changed nothing.

    Attributes:
        id: of the request; null if the message could not be read so far.
        code: one of the codes in docs/protocol.md; branch on this.
        message: an English sentence for people.
        retry_after_ms: when to try again, null where that makes no sense.
        details: what the code needs to be understood, such as `free` with `sold_out`.
    """

    id: int | None
    code: str
    message: str
    retry_after_ms: int | None
    details: dict[str, str | int | None]


class Watching(Reply, frozen=True, tag="watching"):
    """The event is followed from here on. `state` is null when the client has this version."""

    event: str
    version: int
    time_ms: int
    state: EventState | None


class WatchingSales(Reply, frozen=True, tag="watching_sales"):
    """The event's sale is followed from here on."""

    event: str
    version: int
    time_ms: int
    status: str
    pools: list[PoolSales]
    ticket_types: list[TypeSales]


class Held(Reply, frozen=True, tag="held"):
    """The tickets are reserved until `expires_at_ms`. `discount_minor` is taken off already."""

    hold: str
    event: str
    lines: list[HeldLine]
    amount_minor: int
    discount_minor: int
    currency: str
    expires_at_ms: int
    time_ms: int


class Unlocked(Reply, frozen=True, tag="unlocked"):
    """What a code is good for now. Nothing was used.

    Attributes:
        kind: `discount`, `access` (shows hidden types) or `block` (has places of its own).
        percent_bp: taken off, in hundredths of a percent.
        amount_minor: taken off each ticket, or off the order if `is_per_order`.
        ticket_types: those that it is for; empty for all.
        quantity_min: how many of these a hold must have.
        ends_ms: until when it can be used, null without end.
        left: places of its block, or orders that can still use it; null without bound.
        unlocked: the hidden types that it shows.
    """

    event: str
    kind: str
    percent_bp: int
    amount_minor: int
    is_per_order: bool
    ticket_types: list[str]
    quantity_min: int
    ends_ms: int | None
    left: int | None
    unlocked: list[UnlockedType]


class Extended(Reply, frozen=True, tag="extended"):
    """The hold lasts longer."""

    hold: str
    expires_at_ms: int


class Released(Reply, frozen=True, tag="released"):
    """The hold is gone."""

    hold: str


class Purchased(Reply, frozen=True, tag="purchased"):
    """The tickets are issued; they are also in the buyer's orders."""

    order: str
    event: str
    amount_minor: int
    currency: str
    tickets: list[Ticket]


class Welcome(Push, frozen=True, tag="welcome"):
    """The first message of a connection.

    Attributes:
        buyer: who the socket ticket was issued to.
        heartbeat_ms: a client that hears nothing for three times this long should connect again.
        guest: who this browser bought as before somebody signed in there; what that buyer holds can be paid
            for, extended and released here.
    """

    version: int
    buyer: str
    time_ms: int
    heartbeat_ms: int
    guest: str | None = None


class Availability(Push, frozen=True, tag="availability"):
    """A followed event's state changed. Only the newest is worth reading; older ones may be left out."""

    event: str
    version: int
    state: EventState


class Sales(Push, frozen=True, tag="sales"):
    """The sale of an event that the organizer follows changed."""

    event: str
    version: int
    time_ms: int
    status: str
    pools: list[PoolSales]
    ticket_types: list[TypeSales]


class Waiting(Push, frozen=True, tag="waiting"):
    """A request waits for its turn: so many came before it and are not decided yet."""

    id: int
    ahead: int


class HoldExpiring(Push, frozen=True, tag="hold_expiring"):
    """One of the buyer's holds is about to expire."""

    event: str
    hold: str
    expires_at_ms: int


class HoldExpired(Push, frozen=True, tag="hold_expired"):
    """One of the buyer's holds has expired; its tickets are on sale again."""

    event: str
    hold: str


class Draining(Push, frozen=True, tag="draining"):
    """The gateway stops soon: connect again, within `within_ms`."""

    within_ms: int


ServerMessage = (
    Pong
    | Done
    | Refused
    | Watching
    | WatchingSales
    | Held
    | Unlocked
    | Extended
    | Released
    | Purchased
    | Welcome
    | Availability
    | Sales
    | Waiting
    | HoldExpiring
    | HoldExpired
    | Draining
)
