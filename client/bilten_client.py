"""`BiltenClient`: a buyer, or an organizer's screen, over one connection."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import quote, urlencode

from client import records
from client.errors import BiltenError, GaveUp, NotConnected, Refused
from client.following import Following, Topic
from client.http import HttpSession
from client.identifiers import new_operation
from client.link import Link, LinkSettings
from client.records import EventState, Message, SalesState

SESSION_PATH: Final = "/api/v1/session"
TICKET_PATH: Final = "/api/v1/socket-ticket"
SOCKET_PATH: Final = "/ws"
RETRIED: Final = frozenset({"busy", "rate_limited"})
RETRY_S_DEFAULT: Final = 0.5
# Of 200 orders each.
_ORDER_PARTS_MAX: Final = 50

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """How patient a client is.

    Attributes:
        answer_s: how long an operation waits for its answer, reconnecting and retrying included.
        http_s: how long an HTTP request may take.
    """

    answer_s: float = 30.0
    http_s: float = 10.0
    link: LinkSettings = field(default_factory=LinkSettings)


class BiltenClient:
    """A session with Bilten. Use it as an async context manager, or `open` and `close` it.

    Args:
        url: the server's http or https address.
        cookies: of an earlier client's `cookies`, to be the same buyer again.
        on_notice: called with what concerns this buyer: `Waiting`, `HoldExpiring`, `HoldExpired`. It must not
            block.
        rng: for operation ids and jitter; give a seeded one to repeat a run.
        clock: seconds since the epoch by this machine.

    Operations raise `Refused`, `GaveUp` and `NotConnected` (see `client.errors`); `busy` and `rate_limited`
    are tried again by themselves, after the time that the server names, until `answer_s` is over.

    Attributes:
        buyer: who we are to the server.
        server_offset_ms: the server's clock less ours.
        retries: how often an operation was tried again because the server was busy.
    """

    def __init__(
        self,
        url: str,
        *,
        cookies: Mapping[str, str] | None = None,
        settings: ClientSettings | None = None,
        on_notice: Callable[[records.Notice], None] | None = None,
        rng: random.Random | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings or ClientSettings()
        self._http = HttpSession(url, dict(cookies or {}), self._settings.http_s)
        self._on_notice = on_notice
        self._rng = rng or random.SystemRandom()
        self._clock = clock
        self._link = Link(self._socket_address, self._pushed, self._welcomed, self._settings.link, self._rng)
        self._events: dict[str, Topic[EventState]] = {}
        self._sales: dict[tuple[str, str], Topic[SalesState]] = {}
        self._best_round_trip_s = float("inf")
        self.is_closed = False
        self.buyer = ""
        self.server_offset_ms = 0
        self.retries = 0

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Get a session if there is none, connect, and learn the server's clock. Raises `NotConnected`."""
        await self._link.open()

    async def close(self) -> None:
        """Say goodbye. Whatever still waits raises `NotConnected`."""
        self.is_closed = True
        await self._link.close()
        for topic in self._topics():
            topic.wake()

    @property
    def cookies(self) -> dict[str, str]:
        """What makes this buyer the same buyer in another client. Keep it secret."""
        return dict(self._http.cookies)

    @property
    def connections(self) -> int:
        """How many times a connection was opened; one more than how often it was lost."""
        return self._link.connections

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection now."""
        return self._link.is_open

    def disconnect(self) -> None:
        """Drop the connection as a lost network would; the client connects again by itself."""
        self._link.abort()

    def server_time_ms(self) -> int:
        """Return the time by the server's clock, to half a round trip."""
        return int(self._clock() * 1000) + self.server_offset_ms

    def new_operation(self) -> str:
        """Return an id for an operation, to be able to ask again with it."""
        return new_operation(int(self._clock() * 1000), self._rng)

    # --- operations ---------------------------------------------------------------------------------------

    async def ping(self) -> float:
        """Return the round trip in seconds; improves `server_offset_ms` as a side effect."""
        sent_s = self._clock()
        pong = await self._ask({"type": "ping"}, "ping", self._settings.answer_s)
        round_trip_s = self._clock() - sent_s
        self._learn_clock(pong["time_ms"], round_trip_s)
        return round_trip_s

    async def hold(
        self,
        event: str,
        lines: Mapping[str, int],
        *,
        codes: Sequence[str] = (),
        prices_minor: Mapping[str, int] | None = None,
        operation: str | None = None,
    ) -> records.Held:
        """Reserve tickets, all lines or none.

        Args:
            event: where.
            lines: how many by ticket type.
            codes: of vouchers.
            prices_minor: what the buyer names for each ticket, for types that let them.
            operation: an id to ask again with.
        """
        named = prices_minor or {}
        wanted = [
            {"ticket_type": kind, "quantity": quantity, "price_minor": named.get(kind)}
            for kind, quantity in lines.items()
        ]
        message = {"type": "hold", "event": event, "lines": wanted, "codes": list(codes)}
        return await self._operate(message, operation, records.held)

    async def unlock(self, event: str, code: str) -> records.Unlocked:
        """Ask what a voucher's code is good for, without using it."""
        message = {"type": "unlock", "event": event, "code": code}
        return records.unlocked(await self._ask(message, "unlock", self._settings.answer_s))

    async def extend(self, event: str, hold: str, *, operation: str | None = None) -> records.Extended:
        """Give a hold its one extension."""
        return await self._operate(
            {"type": "extend", "event": event, "hold": hold}, operation, records.extended
        )

    async def release(self, event: str, hold: str, *, operation: str | None = None) -> records.Released:
        """Give a hold back."""
        return await self._operate(
            {"type": "release", "event": event, "hold": hold}, operation, records.released
        )

    async def purchase(
        self, held: records.Held, payment: str, *, operation: str | None = None
    ) -> records.Purchased:
        """Pay for a hold and get its tickets. `payment` is what the provider's form gave for the card."""
        message = {
            "type": "purchase",
            "event": held.event,
            "hold": held.hold,
            "amount_minor": held.amount_minor,
            "payment": payment,
        }
        return await self._operate(message, operation, records.purchased)

    def watch(self, event: str) -> Following[EventState]:
        """Follow an event: an async context manager that gives an async iterator of `EventState`."""
        topic = self._events.setdefault(event, Topic({"type": "watch", "event": event}))
        return Following(self, topic)

    def watch_sales(self, event: str, key: str = "") -> Following[SalesState]:
        """Follow an event's sale as its organizer.

        Args:
            event: whose sale.
            key: an API key with the scope `sales.watch`; none for whom `cookies` sign in.
        """
        question = {"type": "watch_sales", "event": event, "key": key}
        topic = self._sales.setdefault((event, key), Topic(question))
        return Following(self, topic)

    # --- HTTP ---------------------------------------------------------------------------------------------

    async def event(self, slug: str) -> dict[str, Any]:
        """Return an event, as `GET /api/v1/events/{slug}` gives it."""
        return await self._get(f"/api/v1/events/{quote(slug, safe='')}")

    async def orders(self) -> list[dict[str, Any]]:
        """Return this buyer's orders with their tickets, as `GET /api/v1/orders` gives them."""
        orders: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(_ORDER_PARTS_MAX):
            part = await self._get(f"/api/v1/orders?limit=200{cursor and '&cursor='}{cursor}")
            orders += part["items"]
            cursor = part["next_cursor"] or ""
            if not cursor:
                break
        return orders

    async def _get(self, path: str) -> dict[str, Any]:
        answer = await self._http.request("GET", path)
        if answer.status != 200 or not isinstance(answer.body, dict):
            raise _refusal_of(answer.status, answer.body)
        return answer.body

    # --- what Link and Following ask for ------------------------------------------------------------------

    async def follow(self, topic: Topic[Any]) -> None:
        """Begin to follow a topic; used by `watch`."""
        topic.followers += 1
        if topic.is_followed:
            return
        try:
            reply = await self._ask(topic.question, topic.question["type"], self._settings.answer_s)
        except BaseException:
            topic.followers -= 1
            raise
        topic.is_followed = True
        self._take_state(reply)

    async def unfollow(self, topic: Topic[Any]) -> None:
        """Stop following a topic; used by `watch`."""
        topic.followers -= 1
        if topic.followers or self.is_closed:
            return
        topic.newest = None
        topic.is_followed = False
        event = topic.question["event"]
        if any(other.followers and other.question["event"] == event for other in self._topics()):
            # To the server an event and its sale are one.
            return
        # Nobody reads it any more, so whether the server heard of that is not worth an error.
        with contextlib.suppress(BiltenError):
            await self._ask({"type": "unwatch", "event": event}, "unwatch", 5.0)

    async def _socket_address(self) -> str:
        if not self._http.cookies:
            await self._open_session()
        answer = await self._http.request("POST", TICKET_PATH, {})
        if answer.status == 401:
            # The session is over.
            await self._open_session()
            answer = await self._http.request("POST", TICKET_PATH, {})
        if answer.status not in {200, 201}:
            raise _no_ticket(answer.status)
        scheme, _, rest = self._http.url.partition("://")
        ticket = urlencode({"ticket": answer.body["ticket"]})
        return f"{'wss' if scheme == 'https' else 'ws'}://{rest}{SOCKET_PATH}?{ticket}"

    async def _open_session(self) -> None:
        session = await self._http.request("POST", SESSION_PATH, {})
        if session.status not in {200, 201}:
            raise _no_ticket(session.status)

    def _welcomed(self, welcome: Message) -> list[dict[str, Any]]:
        self.buyer = welcome["buyer"]
        self._best_round_trip_s = float("inf")
        self.server_offset_ms = welcome["time_ms"] - int(self._clock() * 1000)
        # The ping says that we are here, which the server waits for.
        return [{"type": "ping"}, *(topic.resume() for topic in self._topics() if topic.followers)]

    def _topics(self) -> list[Topic[Any]]:
        return [*self._events.values(), *self._sales.values()]

    def _pushed(self, message: Message) -> None:
        kind = message["type"]
        if kind in {"watching", "availability", "watching_sales", "sales"}:
            self._take_state(message)
        elif self._on_notice is None:
            return
        elif kind == "waiting":
            self._on_notice(records.Waiting(self._link.operation_of(message["id"]), message["ahead"]))
        elif kind == "hold_expiring":
            self._on_notice(records.HoldExpiring(message["event"], message["hold"], message["expires_at_ms"]))
        elif kind == "hold_expired":
            self._on_notice(records.HoldExpired(message["event"], message["hold"]))

    def _take_state(self, message: Message) -> None:
        event = message["event"]
        if message["type"] in {"watching_sales", "sales"}:
            for (sold, _), topic in self._sales.items():
                if sold == event:
                    topic.take(records.sales_state(message))
        elif message["state"] is not None and event in self._events:
            self._events[event].take(records.event_state(event, message["version"], message["state"]))

    # --- asking -------------------------------------------------------------------------------------------

    async def _operate(
        self, message: dict[str, Any], operation: str | None, read: Callable[[Message], R]
    ) -> R:
        """Have an operation done, patiently, under one id."""
        operation = operation or self.new_operation()
        asked = {**message, "operation": operation}
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.answer_s
        while True:
            try:
                return read(await self._ask(asked, message["type"], max(0.0, deadline - loop.time())))
            except Refused as refusal:
                wait_s = (refusal.retry_after_ms or RETRY_S_DEFAULT * 1000) / 1000
                if refusal.code not in RETRIED or loop.time() + wait_s > deadline:
                    raise
                self.retries += 1
                await asyncio.sleep(wait_s * self._rng.uniform(1.0, 1.5))

    async def _ask(self, message: dict[str, Any], what: str, timeout_s: float) -> Message:
        try:
            reply = await self._link.ask(message, timeout_s)
        except TimeoutError:
            raise GaveUp(what, message.get("operation")) from None
        if reply["type"] == "refused":
            raise Refused(reply["code"], reply["message"], reply["retry_after_ms"], reply["details"])
        return reply

    def _learn_clock(self, server_time_ms: int, round_trip_s: float) -> None:
        if round_trip_s < self._best_round_trip_s:
            self._best_round_trip_s = round_trip_s
            middle_ms = (self._clock() - round_trip_s / 2) * 1000
            self.server_offset_ms = round(server_time_ms - middle_ms)


def _no_ticket(status: int) -> NotConnected:
    return NotConnected(f"the server gives no socket ticket: status {status}")


def _refusal_of(status: int, body: object) -> Refused:
    if isinstance(body, dict) and isinstance(body.get("code"), str):
        return Refused(body["code"], str(body.get("message") or body.get("detail") or ""))
    return Refused(f"http_{status}")
