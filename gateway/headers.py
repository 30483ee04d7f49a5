"""What stands around every HTTP response: security headers, errors in one form, and a count.

The content security policy allows what the pages need and nothing else: scripts, styles and connections of
this origin, no inline script (JSON-LD and the page's data are data blocks, which no policy stops, and which
no browser runs).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from domain.refusals import Code, Refusal
from gateway.api.api import BODY_BYTES_MAX
from gateway.api.cors import add_cors
from gateway.api.paths import PREFIX
from gateway.limits import Limiter
from gateway.metrics import GatewayMetrics
from gateway.problems import plain_problem, problem, wants_page
from gateway.shell import Shell
from storage.journal import Refused, Unknown
from storage.postgres import is_passing

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "X-Frame-Options": "DENY",
}
# What costs next to nothing (a page asks for dozens of files at once), what operators ask, and sockets, which
# have a limit of their own (`Limiter.socket`).
_UNCOUNTED: Final = ("/static/", "/livez", "/readyz", "/metrics", "/ws")
# What an error says to programs, which the page for people says too.
_KEPT: Final = ("Allow", "Retry-After")
_OUR_MISTAKE: Final = "This is our mistake, not yours."
_HSTS: Final = "max-age=31536000"

log = logging.getLogger(__name__)


def add_headers(*, is_https: bool) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Return what puts the security headers on a response before it is sent."""
    headers = {**HEADERS, "Strict-Transport-Security": _HSTS} if is_https else HEADERS

    async def prepare(_: web.Request, response: web.StreamResponse) -> None:
        if response.status != 101:
            response.headers.update(headers)
            response.headers.setdefault("Cache-Control", "no-store")
            response.headers["Server"] = "bilten"

    return prepare


def errors(metrics: GatewayMetrics, limiter: Limiter, shell: Shell, body_bytes_max: int) -> Middleware:
    """Return the middleware that turns whatever goes wrong into a problem, and counts every response."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        response: web.StreamResponse
        try:
            # Routes of the API have bounds of their own (gateway.api.reading).
            bytes_max = BODY_BYTES_MAX if request.path.startswith(PREFIX) else body_bytes_max
            if (request.content_length or 0) > bytes_max:
                # Refused by its announced length: nothing of it is read.
                response = problem(Refusal(Code.TOO_LARGE, None, {"bytes_max": bytes_max}))
                response.force_close()
            elif not request.path.startswith(_UNCOUNTED) and (refusal := limiter.http(request.remote or "")):
                response = problem(refusal)
            else:
                response = await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            response = plain_problem(error.status, error.reason)
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        except (ConnectionError, Refused, Unknown) as error:
            if isinstance(error, Refused) and not is_passing(error):
                log.exception("%s %s failed", request.method, _route(request))
                response = plain_problem(500, _OUR_MISTAKE)
            else:
                log.warning("%s %s: %r", request.method, _route(request), error)
                response = problem(Refusal(Code.BUSY, 1_000))
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("%s %s failed", request.method, _route(request))
            response = plain_problem(500, _OUR_MISTAKE)
        metrics.http(_route(request), response.status)
        if request.path.startswith(PREFIX):
            add_cors(request, response)
        if response.status >= 400 and wants_page(request):
            page = shell.error(request, response.status)
            page.headers.update({name: response.headers[name] for name in _KEPT if name in response.headers})
            if response.keep_alive is False:
                page.force_close()
            return page
        return response

    return middleware


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"
