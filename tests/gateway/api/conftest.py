"""The pipeline behind a real port, with routes and people of the test's own: real limits in Valkey, real kept
answers in PostgreSQL.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Annotated, Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import Field

from domain.identity import Identity, Membership
from domain.ids import (
    EVENT,
    ORGANISATION,
    ApiKeyId,
    BuyerId,
    DeviceId,
    EventId,
    OrganisationId,
    SessionId,
    UserId,
    text,
)
from domain.refusals import Refusal
from domain.roles import Access, Permission, PlatformRole, Role
from gateway.api.api import register
from gateway.api.idempotency import Answers
from gateway.api.pipeline import Pipeline, PipelineParts
from gateway.api.rates import ApiRates
from gateway.api.route import Answer, Call, Route
from gateway.cookies import SessionCookie
from gateway.headers import add_headers, errors
from gateway.limits import GatewayLimits, Limiter
from gateway.metrics import GatewayMetrics
from gateway.origins import Origins
from gateway.process import listening_socket, runner_for
from gateway.shell import Shell
from services.models import Model, Name
from storage.limits import RedisLimits
from storage.postgres import close_pool, create_pool
from storage.repeated_requests import RepeatedRequests
from tests.gateway.api.organising import Office, Town, town
from tests.gateway.stage import ROOMY, ROOT
from tests.servers import PATIENT_MS

OWN, FOREIGN = OrganisationId(b"o" * 16), OrganisationId(b"f" * 16)
EVENT_OF_OWN, EVENT_OF_FOREIGN = EventId(b"e" * 16), EventId(b"g" * 16)
BODY_BYTES_MAX = 10_000


class Thing(Model):
    name: Name
    count: Annotated[int, Field(ge=1, le=10)]


class People:
    """Who the tokens of this test are."""

    def __init__(self) -> None:
        self.sessions = {
            "guest": Identity(buyer_id=BuyerId(b"1" * 16), session_id=SessionId(b"1" * 16)),
            "user": self.user(b"2"),
            "owner": self.user(b"3", Membership(OWN, Role.OWNER)),
            "viewer": self.user(b"4", Membership(OWN, Role.VIEWER)),
            "barred": self.user(b"5", Membership(OWN, Role.OWNER, is_barred=True)),
            "manager": self.user(b"6", Membership(OWN, Role.EVENT_MANAGER, EVENT_OF_OWN)),
            "platform": Identity(
                buyer_id=BuyerId(b"7" * 16), user_id=UserId(b"7" * 16), platform_role=PlatformRole.ADMIN
            ),
        }
        self.keys = {
            "a-device": Identity(device_id=DeviceId(b"9" * 16), scopes=frozenset()),
            "a-key": Identity(
                api_key_id=ApiKeyId(b"8" * 16),
                memberships=(Membership(OWN, Role.OWNER),),
                scopes=frozenset({Permission.EVENTS_EDIT}),
            ),
        }

    @staticmethod
    def user(number: bytes, *memberships: Membership) -> Identity:
        return Identity(
            buyer_id=BuyerId(number * 16),
            user_id=UserId(number * 16),
            session_id=SessionId(number * 16),
            memberships=memberships,
        )

    async def of_session(self, token: str) -> Identity | None:
        return self.sessions.get(token)

    async def anew(self, token: str) -> Identity | None:
        return self.sessions.get(token)

    async def of_key(self, token: str) -> Identity | None:
        return self.keys.get(token)


class Owners:
    async def works_on(self, organisation_id: OrganisationId, event_id: EventId) -> bool:
        return (organisation_id, event_id) in {(OWN, EVENT_OF_OWN), (FOREIGN, EVENT_OF_FOREIGN)}


class Door:
    """A listening gateway of nothing but the API.

    Attributes:
        calls: what has reached a handler.
    """

    def __init__(self, runner: web.AppRunner, port: int, people: People) -> None:
        self.runner = runner
        self.port = port
        self.url = f"http://127.0.0.1:{port}/api/v1"
        self.people = people
        self.calls: list[Call] = []
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    async def ask(
        self, method: str, path: str, who: str = "", key: str = "", **options: Any
    ) -> tuple[int, Any, Any]:
        """Return status, body (JSON where it is some) and headers."""
        headers = dict(options.pop("headers", {}))
        if who:
            headers["Cookie"] = f"bilten={who}"
        if key:
            headers["Authorization"] = f"Bearer {key}"
        async with self.http.request(method, self.url + path, headers=headers, **options) as answer:
            is_json = "json" in answer.content_type
            return answer.status, await (answer.json() if is_json else answer.read()), answer.headers


Opening = Callable[..., Awaitable[Door]]


def route(path: str, access: Access | Permission, method: str = "GET", **options: Any) -> Route:
    """A route that answers what it was asked."""
    return Route(
        method=method,
        path=path,
        name=f"{method} {path}",
        tag="Test",
        summary="Test",
        access=access,
        **{"handler": _unset, **options},
    )


async def _unset(_: Call) -> Answer | Refusal:
    return Answer()


@pytest.fixture
async def opening(migrated_dsn: str, redis_url: str) -> AsyncIterator[Opening]:
    """Opens doors with routes of the test's choice."""
    pool = await create_pool(migrated_dsn, application_name="test")
    shared = RedisLimits(redis_url, PATIENT_MS)
    doors: list[Door] = []

    async def opened(
        routes: Sequence[Route], limits: GatewayLimits = ROOMY, shared: RedisLimits = shared
    ) -> Door:
        people, metrics = People(), GatewayMetrics()
        limiter = Limiter(limits, shared, time.monotonic)
        shell = Shell(ROOT / "web")
        app = web.Application(middlewares=[errors(metrics, limiter, shell, BODY_BYTES_MAX)])
        pipeline = Pipeline(
            PipelineParts(
                identities=people,
                owners=Owners(),
                rates=ApiRates(limiter, limits.api),
                repetitions=Answers(RepeatedRequests(pool), lambda: time.time_ns() // 1_000_000),
                origins=Origins("", ()),
                cookie=SessionCookie(""),
                clock=lambda: time.time_ns() // 1_000_000,
                body_bytes_max=BODY_BYTES_MAX,
            )
        )
        listener = listening_socket("127.0.0.1", 0)
        runner = runner_for(app, limits)
        door = Door(runner, listener.getsockname()[1], people)
        register(app, [_heard(one, door) for one in routes], pipeline)
        app.on_response_prepare.append(add_headers(is_https=False))
        await runner.setup()
        await web.SockSite(runner, listener).start()
        doors.append(door)
        return door

    yield opened
    for door in doors:
        await door.http.close()
        await door.runner.cleanup()
    await shared.close()
    await close_pool(pool)


def _heard(given: Route, door: Door) -> Route:
    """The same route, whose calls the door remembers."""
    from dataclasses import replace

    async def heard(call: Call) -> Answer | Refusal:
        door.calls.append(call)
        return await given.handler(call)

    return replace(given, handler=heard)


async def echoed(call: Call) -> Answer | Refusal:
    """Answers with the body, as its first version."""
    return Answer(body=call.body, version=1)


OWN_PATH = f"/organisations/{text(ORGANISATION, OWN)}"
FOREIGN_PATH = f"/organisations/{text(ORGANISATION, FOREIGN)}"
NOBODYS_PATH = f"/organisations/{text(ORGANISATION, b'n' * 16)}"
EVENT_PATH = f"/events/{text(EVENT, EVENT_OF_OWN)}"
FOREIGN_EVENT_PATH = f"/events/{text(EVENT, EVENT_OF_FOREIGN)}"
NOBODYS_EVENT_PATH = f"/events/{text(EVENT, b'n' * 16)}"


@pytest.fixture
async def place(migrated_dsn: str, redis_url: str) -> AsyncIterator[Town]:
    async with town(migrated_dsn, redis_url) as made:
        yield made


@pytest.fixture
async def office(place: Town) -> Office:
    owner = await place.person()
    return Office(owner, await place.organisation(owner))
