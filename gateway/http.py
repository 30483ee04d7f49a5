"""The HTTP side: sessions, socket tickets, events, the buyer's orders and tickets, pages, and what operators
ask.

The API's bodies are JSON records of `services`; errors are problems (`gateway.problems`).
"""

import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import segno
from aiohttp import web

from domain.ids import BUYER, ORDER, TICKET, BuyerId, MalformedId, OrderId, TicketId, parse, text
from domain.refusals import Code, Refusal
from gateway.asyncapi import document
from gateway.cookies import SessionCookie
from gateway.limits import Limiter
from gateway.metrics import GatewayMetrics
from gateway.origins import Origins
from gateway.pages import event_page, home_page
from gateway.problems import not_found, plain_problem, problem
from services.events import Events
from services.events.pages import EventData, EventListData, view_of
from services.orders import BuyerOrders, OrderView
from services.sessions import Sessions


class SessionView(msgspec.Struct, frozen=True):
    """Whose session this is."""

    buyer: str
    server_time_ms: int


class SocketTicketView(msgspec.Struct, frozen=True):
    """A ticket for `/ws?ticket=…`, good once and for `expires_in_ms`."""

    ticket: str
    expires_in_ms: int


class OrdersView(msgspec.Struct, frozen=True):
    """A buyer's orders, newest first."""

    orders: list[OrderView]


class Http:
    """The handlers of one process."""

    def __init__(
        self,
        *,
        sessions: Sessions,
        events: Events,
        orders: BuyerOrders,
        limiter: Limiter,
        metrics: GatewayMetrics,
        origins: Origins,
        clock: Callable[[], int],
        web_folder: Path,
        docs_folder: Path,
        public_url: str,
        is_ready: Callable[[], Awaitable[bool]],
    ) -> None:
        self._sessions = sessions
        self._events = events
        self._orders = orders
        self._limiter = limiter
        self._metrics = metrics
        self._origins = origins
        self._clock = clock
        self._web_folder = web_folder
        self._docs_folder = docs_folder
        self._public_url = public_url
        self._is_ready = is_ready
        self._cookie = SessionCookie(public_url)
        self._asyncapi = msgspec.json.encode(document(public_url))

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [
            web.get("/", self.home),
            web.get("/e/{name}", self.event),
            web.get("/organizer/events/{name}", self.organizer),
            web.post("/api/session", self.session),
            web.post("/api/socket-ticket", self.socket_ticket),
            web.get("/api/events", self.api_events),
            web.get("/api/events/{name}", self.api_event),
            web.get("/api/orders", self.api_orders),
            web.get("/api/orders/{order}", self.api_order),
            web.get("/api/tickets/{ticket}/qr.svg", self.ticket_qr),
            web.get("/docs/asyncapi.json", self.asyncapi),
            web.get("/docs/protocol", self.protocol),
            web.get("/livez", self.livez),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

    # --- sessions -----------------------------------------------------------------------------------------

    async def session(self, request: web.Request) -> web.Response:
        """Return the session that the cookie names, or open one for a guest."""
        if not self._origins.allows(request):
            return problem(Refusal(Code.FORBIDDEN, None, {"field": "origin"}))
        buyer_id = await self._sessions.buyer(self._token(request))
        if buyer_id is not None:
            return self._json(SessionView(text(BUYER, buyer_id), self._clock()))
        refusal = await self._limiter.session(request.remote or "")
        if refusal is not None:
            return problem(refusal)
        opened = await self._sessions.open()
        response = self._json(SessionView(text(BUYER, opened.buyer_id), self._clock()), status=201)
        self._cookie.put(response, opened.token)
        return response

    async def socket_ticket(self, request: web.Request) -> web.Response:
        """Return a ticket with which this session opens one websocket."""
        if not self._origins.allows(request):
            return problem(Refusal(Code.FORBIDDEN, None, {"field": "origin"}))
        issued = await self._sessions.issue_ticket(self._token(request))
        if issued is None:
            return problem(Refusal(Code.UNAUTHENTICATED))
        return self._json(SocketTicketView(*issued))

    # --- events and orders --------------------------------------------------------------------------------

    async def api_events(self, _: web.Request) -> web.Response:
        return self._json(await self._event_list())

    async def api_event(self, request: web.Request) -> web.Response:
        data = await self._event_data(request)
        return problem(not_found("event")) if data is None else self._json(data)

    async def api_orders(self, request: web.Request) -> web.Response:
        buyer_id = await self._sessions.buyer(self._token(request))
        if buyer_id is None:
            return problem(Refusal(Code.UNAUTHENTICATED))
        return self._json(OrdersView(await self._orders.of_buyer(buyer_id)))

    async def api_order(self, request: web.Request) -> web.Response:
        buyer_id = await self._sessions.buyer(self._token(request))
        if buyer_id is None:
            return problem(Refusal(Code.UNAUTHENTICATED))
        order_id = _parsed(ORDER, request.match_info["order"])
        found = await self._orders.find(buyer_id, OrderId(order_id)) if order_id else None
        return problem(Refusal(Code.ORDER_NOT_FOUND)) if found is None else self._json(found)

    async def ticket_qr(self, request: web.Request) -> web.Response:
        buyer_id: BuyerId | None = await self._sessions.buyer(self._token(request))
        if buyer_id is None:
            return problem(Refusal(Code.UNAUTHENTICATED))
        ticket_id = _parsed(TICKET, request.match_info["ticket"])
        code = await self._orders.code(buyer_id, TicketId(ticket_id)) if ticket_id else None
        if code is None:
            return problem(not_found("ticket"))
        drawn = io.BytesIO()
        segno.make(code, error="m", micro=False).save(
            drawn, kind="svg", border=4, xmldecl=False, dark="#000", light="#fff", omitsize=True
        )
        headers = {"Cache-Control": "private, no-store"}
        return web.Response(body=drawn.getvalue(), content_type="image/svg+xml", headers=headers)

    # --- pages --------------------------------------------------------------------------------------------

    async def home(self, request: web.Request) -> web.Response:
        return _page(home_page(self._web_folder, await self._event_list(), self._url(request)))

    async def event(self, request: web.Request) -> web.Response:
        data = await self._event_data(request)
        if data is None:
            return plain_problem(404, "There is no such event.")
        return _page(event_page(self._web_folder, data, self._url(request)))

    async def organizer(self, _: web.Request) -> web.Response:
        """The page is the same for all events; it reads the event from the address and the key from its
        fragment, which no browser sends.
        """
        return _page((self._web_folder / "organizer" / "sales.html").read_text(encoding="utf-8"))

    async def asyncapi(self, _: web.Request) -> web.Response:
        return web.Response(body=self._asyncapi, content_type="application/json")

    async def protocol(self, _: web.Request) -> web.Response:
        path = self._docs_folder / "protocol.md"
        return web.Response(text=path.read_text(encoding="utf-8"), content_type="text/markdown")

    # --- operators ----------------------------------------------------------------------------------------

    async def livez(self, _: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def readyz(self, _: web.Request) -> web.Response:
        if await self._is_ready():
            return web.Response(text="ready\n")
        return web.Response(text="not ready\n", status=503)

    async def metrics(self, _: web.Request) -> web.Response:
        return web.Response(
            body=self._metrics.page(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    # --- what they share ----------------------------------------------------------------------------------

    def _token(self, request: web.Request) -> str:
        return self._cookie.token(request)

    def _url(self, request: web.Request) -> str:
        return self._public_url or f"{request.scheme}://{request.host}"

    async def _event_data(self, request: web.Request) -> EventData | None:
        record = await self._events.page(request.match_info["name"])
        return None if record is None else EventData(self._clock(), view_of(record))

    async def _event_list(self) -> EventListData:
        records = await self._events.upcoming()
        return EventListData(self._clock(), [view_of(record) for record in records])

    def _json(self, body: Any, status: int = 200) -> web.Response:
        return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")


def _page(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})


def _parsed(kind: str, value: str) -> bytes | None:
    try:
        return parse(kind, value)
    except MalformedId:
        return None
