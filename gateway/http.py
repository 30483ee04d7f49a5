"""The HTTP side beside the API and the pages: documents, and what operators ask."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from aiohttp import web

from gateway.asyncapi import document
from gateway.metrics import GatewayMetrics


class Http:
    """The handlers of one process."""

    def __init__(
        self,
        *,
        metrics: GatewayMetrics,
        docs_folder: Path,
        public_url: str,
        is_ready: Callable[[], Awaitable[bool]],
    ) -> None:
        self._metrics = metrics
        self._docs_folder = docs_folder
        self._is_ready = is_ready
        self._asyncapi = msgspec.json.encode(document(public_url))

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [
            web.get("/docs/asyncapi.json", self.asyncapi),
            web.get("/docs/protocol", self.protocol),
            web.get("/livez", self.livez),
            web.get("/readyz", self.readyz),
            web.get("/metrics", self.metrics),
        ]

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
