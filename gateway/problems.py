"""Errors over HTTP: problem+json (RFC 9457) with the same codes as on the websocket, or a page for people."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web
from pydantic import Field

from domain.refusals import HTTP_STATUS, Code, Detail, Refusal
from services.models import Model
from services.reasons import REASONS

_TITLES: Final = {
    400: "The request can't be read",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    406: "No such form",
    409: "Not possible now",
    412: "Changed meanwhile",
    413: "Too large",
    415: "Another form is expected",
    422: "Some fields can't be used",
    426: "A websocket belongs here",
    428: "A version is missing",
    429: "Too many requests",
    500: "Something went wrong",
    503: "Busy",
}


class FieldError(Model):
    """What is wrong with one field of a request."""

    field: str
    """Where it is: names and positions from zero with dots between them, such as "ticket_types.0.name"; ""
    for the whole.
    """
    code: str
    """What programs and translations go by."""
    message: str
    """The English sentence."""


class Problem(Model):
    """Why a request was not done (RFC 9457)."""

    title: str
    status: int
    detail: str
    code: str = ""
    """One of docs/protocol.md; "" for what HTTP itself refuses."""
    retry_after_ms: int | None = None
    """When it makes sense to try again."""
    details: Mapping[str, Detail] = Field(default_factory=dict)
    """What the code needs to be understood: the number left, the bound that was passed."""
    errors: tuple[FieldError, ...] = ()
    """Every field at fault."""
    type: str = "about:blank"


def problem(refusal: Refusal, errors: tuple[FieldError, ...] = ()) -> web.Response:
    """Return a refusal as an HTTP response."""
    status = HTTP_STATUS[refusal.code]
    body = Problem(
        title=_TITLES.get(status, "Refused"),
        status=status,
        detail=refusal.message,
        code=refusal.code.value,
        retry_after_ms=refusal.retry_after_ms,
        details=dict(refusal.details),
        errors=errors or _errors_of(refusal),
    )
    headers = {}
    if refusal.retry_after_ms is not None:
        headers["Retry-After"] = str(-(-refusal.retry_after_ms // 1000))
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="bilten"'
    return _response(body, headers)


def _errors_of(refusal: Refusal) -> tuple[FieldError, ...]:
    """A service names the field at fault in `details["field"]`, and may say why in "reason" and "message"."""
    if refusal.code not in {Code.INVALID, Code.MALFORMED} or "field" not in refusal.details:
        return ()
    details = refusal.details
    reason = str(details.get("reason", ""))
    # What the domain refuses has a sentence for its reason: it is the message, and nothing to translate by.
    is_sentence = reason != "" and reason not in REASONS
    said = FieldError(
        field=str(details["field"]),
        code=refusal.code.value if is_sentence or not reason else reason,
        message=str(details.get("message") or (reason if is_sentence else refusal.message)),
    )
    return (said,)


def plain_problem(status: int, detail: str) -> web.Response:
    """Return an error that has no code of ours."""
    return _response(Problem(title=_TITLES.get(status, "Error"), status=status, detail=detail), {})


def _response(body: Problem, headers: dict[str, str]) -> web.Response:
    return web.Response(
        status=body.status,
        body=body.model_dump_json(exclude_defaults=True).encode(),
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store", **headers},
    )


def wants_page(request: web.Request) -> bool:
    """Say whether a person in a browser asked."""
    return "text/html" in request.headers.get("Accept", "") and not request.path.startswith("/api/")


def not_found(field: str) -> Refusal:
    """Return the refusal for something that is not there."""
    return Refusal(Code.NOT_FOUND, None, {"field": field})
