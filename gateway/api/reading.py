"""The first stages: how large a body is, before it is read; then what path, query and body say."""

from typing import Any, Final

import msgspec
from aiohttp import web
from pydantic import BaseModel

from domain.refusals import Code, Refusal
from gateway.api.parsing import Unusable, parse_body, parse_query
from gateway.api.paths import PathParts, parse_path
from gateway.api.route import Route
from gateway.problems import FieldError

JSON: Final = "application/json"


class Wrong(msgspec.Struct, frozen=True):
    """Why a request can't be read."""

    refusal: Refusal
    errors: tuple[FieldError, ...] = ()


class Read(msgspec.Struct, frozen=True):
    """A request whose every part has the right form.

    Attributes:
        path: None if it names something that can't exist.
        raw: the body's bytes.
    """

    path: PathParts | None
    query: Any
    body: Any
    media_type: str
    raw: bytes


def too_large(bytes_max: int) -> Refusal:
    """Return the refusal of a body above a bound."""
    return Refusal(Code.TOO_LARGE, None, {"bytes_max": bytes_max})


async def read(route: Route, request: web.Request, bytes_max: int) -> Read | Wrong:
    """Return what a request says.

    A body that announces that it is too large is refused by its announcement; one that says nothing, as soon
    as it has passed the bound.
    """
    bytes_max = route.body_bytes_max or bytes_max
    if (request.content_length or 0) > bytes_max:
        return Wrong(too_large(bytes_max))
    if request.headers.get("Content-Encoding", "identity") != "identity":
        # A few packed bytes may be gigabytes.
        return Wrong(Refusal(Code.UNSUPPORTED_MEDIA, None, {"field": "Content-Encoding"}))
    raw = await _body(request, bytes_max)
    if raw is None:
        return Wrong(too_large(bytes_max))
    query = parse_query(route.query, request.query)
    if isinstance(query, Unusable):
        return Wrong(Refusal(query.code), query.errors)
    body = _parsed(route, request, raw)
    if isinstance(body, Wrong):
        return body
    return Read(parse_path(request.match_info), query, body, request.content_type, raw)


async def _body(request: web.Request, bytes_max: int) -> bytes | None:
    if not request.can_read_body:
        return b""
    parts: list[bytes] = []
    size = 0
    async for part in request.content.iter_any():
        size += len(part)
        if size > bytes_max:
            return None
        parts.append(part)
    return b"".join(parts)


def _parsed(route: Route, request: web.Request, raw: bytes) -> BaseModel | bytes | Wrong | None:
    if route.takes:
        if request.content_type in route.takes:
            return raw
        return Wrong(Refusal(Code.UNSUPPORTED_MEDIA, None, {"taken": ", ".join(route.takes)}))
    if route.body is None:
        # Many clients send an empty object where nothing is asked for.
        if raw.strip() not in {b"", b"{}"}:
            sentence = "Nothing is expected here."
            return Wrong(Refusal(Code.MALFORMED), (FieldError(field="", code="no_body", message=sentence),))
        return None
    if request.content_type != JSON and raw:
        return Wrong(Refusal(Code.UNSUPPORTED_MEDIA, None, {"taken": JSON}))
    body = parse_body(route.body, raw)
    return Wrong(Refusal(body.code), body.errors) if isinstance(body, Unusable) else body
