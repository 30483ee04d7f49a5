"""The API as aiohttp serves it: every route at its address, and what browsers ask before they use it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiohttp import web
from aiohttp.hdrs import METH_ANY

from gateway.api.cors import preflight
from gateway.api.paths import PREFIX
from gateway.api.pipeline import Pipeline
from gateway.api.route import Route

BODY_BYTES_MAX: Final = 16 * 1024 * 1024
"""No route takes more, so what announces more need not be looked at."""


def register(app: web.Application, routes: Sequence[Route], pipeline: Pipeline) -> None:
    """Serve routes under `PREFIX`."""
    by_path: dict[str, list[Route]] = {}
    for route in routes:
        assert (route.body_bytes_max or 0) <= BODY_BYTES_MAX, route.name
        by_path.setdefault(route.path, []).append(route)
    for path, here in by_path.items():
        resource = app.router.add_resource(PREFIX + path)
        methods = sorted({"OPTIONS", *(["HEAD"] if any(r.method == "GET" for r in here) else [])})
        methods = sorted({*methods, *(route.method for route in here)})
        for route in here:
            handler, expected = _handler(route, pipeline), _expected(route, pipeline)
            resource.add_route(route.method, handler, expect_handler=expected)
            if route.method == "GET":
                resource.add_route("HEAD", handler)
        resource.add_route("OPTIONS", _preflight(methods))
        # Without this, an address such as /me/passkeys/options would be taken for a passkey named "options".
        resource.add_route(METH_ANY, _not_allowed(methods))


def _handler(route: Route, pipeline: Pipeline) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await pipeline.serve(route, request)

    return handle


def _expected(
    route: Route, pipeline: Pipeline
) -> Callable[[web.Request], Awaitable[web.StreamResponse | None]]:
    async def handle(request: web.Request) -> web.StreamResponse | None:
        """Answer a client that asks whether it may send its body."""
        refused = pipeline.refuse_unsent(route, request)
        if refused is None and request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return refused

    return handle


def _not_allowed(methods: list[str]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        raise web.HTTPMethodNotAllowed(request.method, methods)

    return handle


def _preflight(methods: list[str]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return preflight(request, methods)

    return handle
