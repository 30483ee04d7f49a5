"""The HTTP side beside the API: pages, documents, and what operators ask."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from domain.event_status import PUBLIC
from gateway.asyncapi import document
from gateway.metrics import GatewayMetrics
from gateway.problems import not_found, problem
from services.events import Events
from services.events.pages import EventData, EventListData, view_of
from services.events.views import status_of


class Http:
    """The handlers of one process."""

    def __init__(
        self,
        *,
        events: Events,
        metrics: GatewayMetrics,
        clock: Callable[[], int],
        web_folder: Path,
        docs_folder: Path,
        public_url: str,
        is_ready: Callable[[], Awaitable[bool]],
    ) -> None:
        self._events = events
        self._metrics = metrics
        self._clock = clock
        self._web_folder = web_folder
        self._docs_folder = docs_folder
        self._public_url = public_url
        self._is_ready = is_ready
        self._asyncapi = msgspec.json.encode(document(public_url))

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [
            web.get("/organizer/events/{name}", self.organizer),
            web.get("/api/events", self.api_events),
            web.get("/api/events/{name}", self.api_event),
            web.get("/docs/asyncapi.json", self.asyncapi),
            web.get("/docs/protocol", self.protocol),
            web.get("/livez", self.livez),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

    # --- events -------------------------------------------------------------------------------------------

    async def api_events(self, _: web.Request) -> web.Response:
        return self._json(await self._event_list())

    async def api_event(self, request: web.Request) -> web.Response:
        data = await self._event_data(request)
        return problem(not_found("event")) if data is None else self._json(data)

    # --- pages --------------------------------------------------------------------------------------------

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

    def _url(self, request: web.Request) -> str:
        return self._public_url or f"{request.scheme}://{request.host}"

    async def _event_data(self, request: web.Request) -> EventData | None:
        record = await self._events.page(request.match_info["name"])
        if record is None or status_of(record, self._clock()) not in PUBLIC:
            return None
        return EventData(self._clock(), view_of(record))

    async def _event_list(self) -> EventListData:
        records = await self._events.upcoming()
        return EventListData(self._clock(), [view_of(record) for record in records])

    def _json(self, body: Any, status: int = 200) -> web.Response:
        return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")


def _page(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})
