"""Errors over HTTP: problem+json (RFC 9457) with the same codes as on the websocket, or a page for people."""

import html
from pathlib import Path
from string import Template
from typing import Final

import msgspec
from aiohttp import web

from domain.refusals import HTTP_STATUS, Code, Detail, Refusal

_TITLES: Final = {
    400: "The request can't be read",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    413: "Too large",
    426: "A websocket belongs here",
    429: "Too many requests",
    500: "Something went wrong",
    503: "Busy",
}


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of an error. `code` is one of docs/protocol.md where there is one."""

    title: str
    status: int
    detail: str
    code: str = ""
    retry_after_ms: int | None = None
    details: dict[str, Detail] = {}
    type: str = "about:blank"


def problem(refusal: Refusal) -> web.Response:
    """Return a refusal as an HTTP response."""
    status = HTTP_STATUS[refusal.code]
    body = Problem(
        _TITLES.get(status, "Refused"),
        status,
        refusal.message,
        refusal.code.value,
        refusal.retry_after_ms,
        dict(refusal.details),
    )
    headers = {}
    if refusal.retry_after_ms is not None:
        headers["Retry-After"] = str(-(-refusal.retry_after_ms // 1000))
    return _response(body, headers)


def plain_problem(status: int, detail: str) -> web.Response:
    """Return an error that has no code of ours."""
    return _response(Problem(_TITLES.get(status, "Error"), status, detail), {})


def _response(body: Problem, headers: dict[str, str]) -> web.Response:
    return web.Response(
        status=body.status,
        body=msgspec.json.encode(body),
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store", **headers},
    )


def error_page(folder: Path, status: int, message: str) -> web.Response:
    """Return an error as a page, for those who asked for one."""
    template = Template((folder / "public" / "error.html").read_text(encoding="utf-8"))
    text = template.safe_substitute(
        status=str(status),
        title=html.escape(_TITLES.get(status, "Something went wrong")),
        message=html.escape(message),
    )
    return web.Response(
        status=status, text=text, content_type="text/html", headers={"Cache-Control": "no-store"}
    )


def wants_page(request: web.Request) -> bool:
    """Say whether a person in a browser asked."""
    return "text/html" in request.headers.get("Accept", "") and not request.path.startswith("/api/")


def not_found(field: str) -> Refusal:
    """Return the refusal for something that is not there."""
    return Refusal(Code.NOT_FOUND, None, {"field": field})
