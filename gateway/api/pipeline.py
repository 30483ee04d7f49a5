"""What every request to the API goes through, stage by stage.

    size of the body, before it is read -> path, query and body (pydantic) -> who asks -> how often ->
    cross-site forgery -> permission -> a fresh proof -> idempotency key -> version -> handler -> ETag

Each stage either goes on or refuses; a refusal is a problem (RFC 9457) with a code. Nothing that a stage
refuses has reached a service.
"""

import hashlib
import re
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Final

import msgspec
from aiohttp import web
from pydantic import BaseModel

from domain.identity import Attempt, Identity, Origin, Verdict
from domain.ids import EventId, OrganisationId
from domain.refusals import Code, Refusal
from domain.roles import PLATFORM_PERMISSIONS, STEP_UP, Access
from gateway.api.ports import EventOwners, Identities, Rates, Rendered, Repetitions, Streamed
from gateway.api.reading import Read, Wrong, read, too_large
from gateway.api.route import Answer, Call, Route
from gateway.cookies import SessionCookie
from gateway.origins import Origins
from gateway.problems import problem

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
KEY_HEADER: Final = "Idempotency-Key"
KEY_PATTERN: Final = "^[!-~]{16,200}$"
# 0 is the version of what was never set.
VERSION_PATTERN: Final = '^"(0|[1-9][0-9]{0,17})"$'
_BEARER: Final = re.compile(r"Bearer +([\w.~+/=-]{1,200})", re.ASCII | re.IGNORECASE)
_KEY: Final = re.compile("[!-~]{16,200}")
_VERSION: Final = re.compile(VERSION_PATTERN)
_USER_AGENT_MAX: Final = 300
_NOBODY: Final = Identity()
_NOT_FOUND: Final = Refusal(Code.NOT_FOUND)


class PipelineParts(msgspec.Struct, frozen=True, kw_only=True):
    """What the stages go by.

    Attributes:
        body_bytes_max: the largest body of a route that names no bound of its own.
        clock: milliseconds since the epoch.
    """

    identities: Identities
    owners: EventOwners
    rates: Rates
    repetitions: Repetitions
    origins: Origins
    cookie: SessionCookie
    clock: Callable[[], int]
    body_bytes_max: int


class Pipeline:
    """Serves requests of one gateway process."""

    def __init__(self, parts: PipelineParts) -> None:
        self._parts = parts

    async def serve(self, route: Route, request: web.Request) -> web.Response:
        """Answer a request to a route. Raises `ConnectionError` where what it needs is away."""
        headers: dict[str, str] = {}
        found = await self._stages(route, request, headers)
        if isinstance(found, Wrong):
            response = problem(found.refusal, found.errors)
            if found.refusal.code is Code.TOO_LARGE:
                response.force_close()
        elif isinstance(found, Refusal):
            response = problem(found)
        elif isinstance(found, Streamed):
            response = web.Response(status=found.status, body=found.parts, headers=found.headers)
        else:
            response = web.Response(status=found.status, body=found.body or None, headers=found.headers)
            if found.session_token is not None:
                self._parts.cookie.put(response, found.session_token)
        response.headers.update(headers)
        return response

    def refuse_unsent(self, route: Route, request: web.Request) -> web.Response | None:
        """Return why a body that was announced need not be sent, None if it may be."""
        bytes_max = route.body_bytes_max or self._parts.body_bytes_max
        if (request.content_length or 0) <= bytes_max:
            return None
        response = problem(too_large(bytes_max))
        response.force_close()
        return response

    async def _stages(
        self, route: Route, request: web.Request, headers: dict[str, str]
    ) -> Rendered | Streamed | Refusal | Wrong:
        parts = self._parts
        said = await read(route, request, parts.body_bytes_max)
        if isinstance(said, Wrong):
            return said
        identity = await self._who(request)
        allowance = await parts.rates.take(route.limit, identity or _NOBODY, request.remote or "")
        headers.update(allowance.headers)
        if allowance.refusal is not None:
            return allowance.refusal
        if identity is None:
            return Refusal(Code.UNAUTHENTICATED)
        if is_forged(request, parts.origins):
            return Refusal(Code.FORBIDDEN, None, {"field": "origin"})
        now_ms = parts.clock()
        refusal = await self._permission(route, said, identity, now_ms)
        if refusal is not None and identity.user_id is not None:
            # Somebody who has just made or joined an organisation is not refused for what is remembered of
            # them, here or in another process.
            identity = await parts.identities.anew(parts.cookie.token(request)) or _NOBODY
            refusal = await self._permission(route, said, identity, now_ms)
        if refusal is not None:
            return await self._told_before(route, said, identity, now_ms, request) or refusal
        call = _call(said, request, identity, now_ms, parts.cookie)

        key = request.headers.get(KEY_HEADER)
        if route.method != "POST" or key is None:
            return await _handled(route, call, request)
        if not _KEY.fullmatch(key):
            return Refusal(Code.MALFORMED, None, {"field": KEY_HEADER})

        async def work(attempt: Attempt) -> Rendered | Refusal:
            origin = msgspec.structs.replace(call.origin, attempt=attempt)
            found = await _handled(route, replace(call, origin=origin), request)
            assert not isinstance(found, Streamed), "only a GET is made while it is sent"
            return found

        return await parts.repetitions.once(
            scope_of(route, identity),
            key,
            fingerprint(request, said.raw),
            work,
            _answering_again(route, call, request),
        )

    async def _told_before(
        self, route: Route, said: Read, identity: Identity, now_ms: int, request: web.Request
    ) -> Rendered | Refusal | None:
        """Return what somebody was told of what they did, who may not do it now: what they did ended their
        right to it. None if they have done nothing.
        """
        key = request.headers.get(KEY_HEADER, "")
        is_theirs = identity.user_id is not None and said.path is not None
        if not (route.ends_rights and is_theirs and _KEY.fullmatch(key)):
            return None
        call = _call(said, request, identity, now_ms, self._parts.cookie)
        return await self._parts.repetitions.repeated(
            scope_of(route, identity),
            key,
            fingerprint(request, said.raw),
            _answering_again(route, call, request),
        )

    async def _who(self, request: web.Request) -> Identity | None:
        """Return who asks; None if a key is shown that nobody has. A key makes the cookie count for
        nothing.
        """
        shown = request.headers.get("Authorization")
        if shown is not None:
            match = _BEARER.fullmatch(shown)
            return await self._parts.identities.of_key(match[1]) if match else None
        token = self._parts.cookie.token(request)
        return (await self._parts.identities.of_session(token) if token else None) or _NOBODY

    async def _permission(self, route: Route, said: Read, identity: Identity, now_ms: int) -> Refusal | None:
        refusal = _access(route, said, identity)
        if refusal is not None:
            return refusal
        if said.path is None:
            return _NOT_FOUND
        path = said.path
        if path.organisation_id is not None and path.event_id is not None:
            # Permitted for the organisation, so whether the event is its own may be looked up.
            organisation_id, event_id = OrganisationId(path.organisation_id), EventId(path.event_id)
            if not await self._parts.owners.works_on(organisation_id, event_id):
                return _NOT_FOUND
        if (
            route.access in STEP_UP
            and identity.user_id is not None
            and identity.stepped_up_until_ms <= now_ms
        ):
            return Refusal(Code.STEP_UP_NEEDED)
        return None


def _access(route: Route, said: Read, identity: Identity) -> Refusal | None:
    access = route.access
    is_somebody = identity.user_id or identity.api_key_id or identity.device_id
    if access is Access.ANYONE:
        return None
    if access is Access.SESSION:
        return None if identity.buyer_id else Refusal(Code.UNAUTHENTICATED)
    if access is Access.USER:
        return None if identity.user_id else Refusal(Code.UNAUTHENTICATED)
    if not is_somebody:
        return Refusal(Code.UNAUTHENTICATED)
    if access in PLATFORM_PERMISSIONS:
        return None if identity.may_on_platform(access) else Refusal(Code.FORBIDDEN)
    if said.path is None:
        return _NOT_FOUND
    event_id = said.path.event_id
    verdict = identity.judge(
        access, OrganisationId(said.path.organisation_id), EventId(event_id) if event_id else None
    )
    return {
        Verdict.ALLOWED: None,
        Verdict.HIDDEN: _NOT_FOUND,
        Verdict.FORBIDDEN: Refusal(Code.FORBIDDEN),
        Verdict.SECOND_FACTOR_NEEDED: Refusal(Code.SECOND_FACTOR_NEEDED),
    }[verdict]


def is_forged(request: web.Request, origins: Origins) -> bool:
    """Say whether another site's page may have made this request in somebody's name: their browser adds the
    cookie by itself, but never a key.
    """
    if request.method in SAFE or "Authorization" in request.headers:
        return False
    return not origins.allows(request)


def scope_of(route: Route, identity: Identity) -> bytes:
    """Return whose an idempotency key is.

    Where anyone may ask it is nobody's in particular, because signing in changes who asks: the answer is
    sealed with the key itself, so it tells others nothing.
    """
    owner = identity.user_id or identity.api_key_id or identity.device_id or identity.buyer_id or b""
    return route.name.encode() + b"\0" + (b"" if route.access is Access.ANYONE else owner)


def fingerprint(request: web.Request, raw: bytes) -> bytes:
    """Return what two requests have in common that are one request sent twice."""
    # An empty version is none that could be right, and something else than no version.
    version = request.headers.get("If-Match")
    said = (request.path_qs, "" if version is None else f"={version}", request.content_type)
    return hashlib.sha256("\0".join(said).encode(errors="surrogateescape") + b"\0" + raw).digest()


def _call(said: Read, request: web.Request, identity: Identity, now_ms: int, cookie: SessionCookie) -> Call:
    path = said.path
    assert path is not None
    agent = request.headers.get("User-Agent", "")[:_USER_AGENT_MAX]
    return Call(
        identity=identity,
        origin=Origin(request.remote or "", "".join(c if c.isprintable() else "?" for c in agent)),
        now_ms=now_ms,
        organisation_id=path.organisation_id,
        event_id=path.event_id,
        path=path.others,
        body=said.body,
        query=said.query,
        media_type=said.media_type,
        session_token=cookie.token(request),
    )


async def _handled(route: Route, call: Call, request: web.Request) -> Rendered | Streamed | Refusal:
    given = request.headers.get("If-Match")
    if route.is_versioned and given is None:
        return Refusal(Code.VERSION_REQUIRED)
    if given is not None and (route.is_versioned or route.heeds_version):
        match = _VERSION.fullmatch(given)
        if match is None:
            return Refusal(Code.MALFORMED, None, {"field": "If-Match"})
        call = replace(call, version=int(match[1]))
    answer = await route.handler(call)
    return answer if isinstance(answer, Refusal) else _rendered(route, answer, request)


def _answering_again(
    route: Route, call: Call, request: web.Request
) -> Callable[[str], Coroutine[Any, Any, Rendered | Refusal]]:
    """Return what answers a repeated request by what its first one made."""

    async def again(made: str) -> Rendered | Refusal:
        answer = _NOT_FOUND if route.again is None else await route.again(replace(call, made=made))
        if isinstance(answer, Refusal):
            # What was made may be gone again, or not be for the maker to read.
            is_gone = answer.code is Code.NOT_FOUND
            return Refusal(Code.DONE_BEFORE, None, {"made": made}) if is_gone else answer
        found = _rendered(route, answer, request)
        assert not isinstance(found, Streamed), "only a GET is made while it is sent"
        return found

    return again


def _rendered(route: Route, answer: Answer, request: web.Request) -> Rendered | Streamed:
    headers = dict(answer.headers)
    if answer.version is not None:
        headers["ETag"] = f'"{answer.version}"'
    tag = headers.get("ETag")
    if tag is not None and request.method in SAFE:
        headers.setdefault("Cache-Control", "private, no-cache")
        if tag in _tags(request):
            return Rendered(304, tuple(headers.items()), b"", answer.session_token)
    if answer.body is None:
        status = 204 if route.status == 200 else route.status
        return Rendered(status, tuple(headers.items()), b"", answer.session_token)
    if isinstance(answer.body, BaseModel):
        body = answer.body.__pydantic_serializer__.to_json(answer.body)
        headers.setdefault("Content-Type", "application/json")
    else:
        headers.setdefault("Content-Type", answer.content_type)
        if not isinstance(answer.body, bytes):
            return Streamed(route.status, tuple(headers.items()), answer.body)
        body = answer.body
    return Rendered(route.status, tuple(headers.items()), body, answer.session_token)


def _tags(request: web.Request) -> set[str]:
    given = request.headers.get("If-None-Match", "")
    return {tag.strip().removeprefix("W/") for tag in given.split(",")}
