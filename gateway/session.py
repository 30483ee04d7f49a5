"""One websocket connection: who it belongs to, what it waits for, and when it was last heard."""

import asyncio
import math
from typing import Final

from domain import wire
from domain.ids import BUYER, BuyerId, EventId, SessionId, UserId, text
from domain.refusals import Refusal
from gateway.limits import Bucket, GatewayLimits
from gateway.outbox import Outbox
from gateway.protocol import Dialect, refused
from storage.sessions import SocketOwner

NORMAL: Final = 1000


class Pending:
    """A request that is not answered yet."""

    __slots__ = ("event_id", "is_told", "kind", "request_id", "session", "started_at")

    def __init__(
        self, session: "Session", request_id: int, kind: str, event_id: EventId | None, started_at: float
    ) -> None:
        self.session = session
        self.request_id = request_id
        self.kind = kind
        self.event_id = event_id
        self.started_at = started_at
        self.is_told = False


class Session:
    """The state of one connection. Times are of the event loop's clock, in seconds.

    Attributes:
        in_flight: the requests that are not answered yet, by id.
        events: whose topics it is in.
        heard_at: when the last whole frame came.
        asked_at: when a sign of life was asked for that has not come, 0 if none is awaited.
        has_spoken: whether a first message came.
        is_gone: whether it has ended.
        session_id, user_id: whose it is; no user for guests.
        guest_id: who this browser bought as before it signed in, None for none.
        ends_at: when the session that opened it is over.
    """

    __slots__ = (
        "__weakref__", "address", "asked_at", "bucket", "buyer_id", "dialect", "ends_at", "events",
        "guest_id", "has_spoken", "heard_at", "in_flight", "is_gone", "opened_at", "outbox", "session_id",
        "too_fast", "unreadable", "user_id",
    )  # fmt: skip

    def __init__(
        self,
        buyer_id: BuyerId,
        address: str,
        *,
        dialect: Dialect,
        outbox: Outbox,
        limits: GatewayLimits,
        now: float,
    ) -> None:
        self.buyer_id = buyer_id
        self.address = address
        self.dialect = dialect
        self.outbox = outbox
        self.bucket = Bucket(limits.requests, now)
        self.in_flight: dict[int, Pending] = {}
        self.events: set[EventId] = set()
        self.opened_at = now
        self.heard_at = now
        self.asked_at = 0.0
        self.has_spoken = False
        self.is_gone = False
        self.session_id: SessionId | None = None
        self.user_id: UserId | None = None
        self.guest_id: BuyerId | None = None
        self.ends_at = math.inf
        self.unreadable = 0
        self.too_fast = 0

    def belongs_to(self, owner: SocketOwner, now_ms: int) -> None:
        """Say whose session opened this connection."""
        self.session_id = owner.session_id
        self.user_id = owner.user_id
        self.guest_id = owner.guest_id
        self.ends_at = self.opened_at + (owner.session_expires_at_ms - now_ms) / 1000

    def send(self, record: wire.ServerMessage) -> None:
        """Send a message that must not be lost."""
        self.outbox.send(self.dialect.frame(record))

    def refuse(self, request_id: int | None, refusal: Refusal) -> None:
        """Send a refusal."""
        self.outbox.send(self.dialect.frame(refused(request_id, refusal)))

    def welcome(self, time_ms: int, heartbeat_ms: int) -> None:
        """Send the first message of the connection."""
        guest = None if self.guest_id is None else text(BUYER, self.guest_id)
        self.send(wire.Welcome(wire.VERSION, text(BUYER, self.buyer_id), time_ms, heartbeat_ms, guest))

    @property
    def buyers(self) -> tuple[BuyerId, ...]:
        """Whose holds this connection may pay for, extend and release."""
        return (self.buyer_id,) if self.guest_id is None else (self.buyer_id, self.guest_id)

    def overdue(self, limits: GatewayLimits, now: float) -> str | None:
        """Return why this connection has to end, None if it may go on."""
        if not self.has_spoken and (now - self.opened_at) * 1000 > limits.handshake_ms:
            return "the first message came too late"
        if self.asked_at and (now - self.asked_at) * 1000 > limits.heartbeat_ms:
            return "no sign of life"
        if now > self.ends_at:
            return "the session is over"
        return None

    def is_silent(self, limits: GatewayLimits, now: float) -> bool:
        """Say whether it is time to ask for a sign of life."""
        return not self.asked_at and (now - self.heard_at) * 1000 > limits.heartbeat_ms


def now_s() -> float:
    """Return the event loop's time."""
    return asyncio.get_running_loop().time()
