"""Pages of other origins may use the API with a key, never with somebody's cookie.

A browser asks before it sends an `Authorization` header to another origin, and is told yes; nothing is ever
allowed with credentials, so a page that relies on the visitor's cookie gets an answer it can't read.
"""

from typing import Final

from aiohttp import web

_SENT: Final = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match"
_SEEN: Final = "ETag, Retry-After, RateLimit, RateLimit-Policy, WWW-Authenticate"
_MAX_AGE_S: Final = 86_400


def preflight(request: web.Request, methods: list[str]) -> web.Response:
    """Answer a browser that asks what it may send from another origin's page."""
    response = web.Response(status=204, headers={"Allow": ", ".join(methods), "Vary": "Origin"})
    wanted = request.headers.get("Access-Control-Request-Headers", "").lower()
    if "authorization" in {name.strip() for name in wanted.split(",")}:
        response.headers.update(
            {
                "Access-Control-Allow-Origin": "*",
                "Access-Control-Allow-Methods": ", ".join(methods),
                "Access-Control-Allow-Headers": _SENT,
                "Access-Control-Max-Age": str(_MAX_AGE_S),
            }
        )
    return response


def add_cors(request: web.Request, response: web.StreamResponse) -> None:
    """Let a page of another origin read the answer, if it showed a key."""
    if "Authorization" in request.headers:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = _SEEN
