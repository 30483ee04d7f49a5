"""Browsers and programs of people who organise, on two gateways of one platform."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp

from domain.ids import ORGANISATION, OrganisationId, parse
from domain.roles import PlatformRole
from storage.platform import set_platform_role
from storage.postgres import asking, close_pool, create_pool
from tests.gateway.stage import ROOMY, Stage, Works, works
from tests.mailbox import Mailbox, mailbox
from tests.people import Person

TICKETS = {
    "pools": [{"name": "Hall", "capacity": 50}],
    "ticket_types": [
        {"name": "Full", "price_minor": 2000, "pools": [0]},
        {"name": "Friends", "price_minor": 100, "pools": [0], "is_hidden": True},
    ],
}


class Caller:
    """Somebody's browser, or a program with a key."""

    def __init__(self, stage: Stage, token: str = "") -> None:
        self.stage = stage
        self.token = token
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        version: int | None = None,
        stage: Stage | None = None,
        query: dict[str, str] | None = None,
        key: str = "",
    ) -> tuple[int, Any]:
        """Return status and JSON. A POST has a key of its own if none is given, as those of pages do."""
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        if method == "POST":
            headers["Idempotency-Key"] = key or secrets.token_urlsafe()
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        url = f"{(stage or self.stage).url}/api/v1{path}"
        for _ in range(20):
            async with self.http.request(
                method, url, json=body, headers=headers, params=query or {}
            ) as answer:
                read = await answer.read()
                found = answer.status, await answer.json(content_type=None) if read else None
            if answer.status != 503:
                break
            # On a machine that is busy a limit may be too late, and fails closed: nothing was done.
            await asyncio.sleep(0.2)
        return found


class Town:
    """Two gateways, a mailbox, and people.

    Attributes:
        here, there: the gateways.
    """

    def __init__(self, here: Stage, there: Stage, box: Mailbox, stack: AsyncExitStack) -> None:
        self.here = here
        self.there = there
        self.box = box
        self._stack = stack
        self.people: list[Person] = []

    @property
    def made(self) -> Works:
        return self.here.works

    async def person(self, email: str = "", name: str = "Anna") -> Caller:
        """Somebody who is signed in."""
        person = await self.made.people.add(email, name)
        self.people.append(person)
        caller = await self.caller()
        body = {"email": person.email, "password": person.password}
        status, answer = await caller.ask("POST", "/sign-in", body)
        assert status == 200, answer
        return caller

    async def caller(self, token: str = "") -> Caller:
        caller = Caller(self.here, token)
        self._stack.push_async_callback(caller.http.close)
        return caller

    async def platform_person(self, role: PlatformRole) -> Caller:
        """Somebody of the platform, who has just proved who they are."""
        caller = await self.person()
        async with asking(self.made.pool) as connection:
            await set_platform_role(connection, self.people[-1].user_id, role, 0)
        status, answer = await caller.ask("POST", "/me/step-up", {"password": self.people[-1].password})
        assert status == 200, answer
        return caller

    async def organisation(self, owner: Caller, slug: str = "north") -> str:
        status, answer = await owner.ask("POST", "/organisations", {"name": "North", "slug": slug})
        assert status == 201, answer
        return str(answer["id"])

    async def member(self, owner: Caller, organisation: str, role: str, event: str | None = None) -> Caller:
        """Somebody new who was invited and has joined."""
        caller = await self.person()
        email = self.people[-1].email
        body = {"email": email, "role": role, "event": event}
        status, answer = await owner.ask("POST", f"/organisations/{organisation}/invitations", body)
        assert status == 201, answer
        token = await self.box.token_to(email)
        status, answer = await caller.ask("POST", "/invitations/accept", {"token": token})
        assert (status, answer["role"]) == (200, role)
        return caller

    async def audited(self, organisation: str) -> list[str]:
        rows = await self.made.pool.fetch(
            "SELECT action FROM audit_entries WHERE chain = $1 ORDER BY seq", organisation_id(organisation)
        )
        return [row["action"] for row in rows]


def organisation_id(organisation: str) -> OrganisationId:
    return OrganisationId(parse(ORGANISATION, organisation))


@asynccontextmanager
async def town(dsn: str, redis_url: str) -> AsyncIterator[Town]:
    async with AsyncExitStack() as stack:
        box = await stack.enter_async_context(mailbox())
        made = await stack.enter_async_context(works(dsn, redis_url, smtp_url=box.url))
        pool = await create_pool(dsn, application_name="test", connections_max=4)
        stack.push_async_callback(close_pool, pool)
        other = Works(pool, redis_url, "two", made.handle, smtp_url=box.url)
        stack.push_async_callback(other.close)
        here, there = Stage(made, ROOMY), Stage(other, ROOMY)
        for stage in (here, there):
            await stage.start()
            stack.push_async_callback(stage.close)
        yield Town(here, there, box, stack)


class Office:
    """An owner and the organisation's events."""

    def __init__(self, owner: Caller, organisation: str) -> None:
        self.owner = owner
        self.base = f"/organisations/{organisation}"

    async def draft(self, title: str, **fields: Any) -> Any:
        said = {"title": title, "time_zone": "Europe/Berlin", "starts_at": "2030-05-01T20:00", **fields}
        status, event = await self.owner.ask("POST", f"{self.base}/events", said)
        assert status == 201, event
        return event

    def of(self, event: Any) -> str:
        return f"{self.base}/events/{event['event']}"

    async def published(self, title: str, tickets: Any = TICKETS, **fields: Any) -> Any:
        event = await self.draft(title, **fields)
        status, answer = await self.owner.ask("PUT", f"{self.of(event)}/ticket-types", tickets, version=1)
        assert status == 200, answer
        publish = f"{self.of(event)}/publish"
        status, event = await self.owner.ask("POST", publish, version=event["version"])
        assert status == 200, event
        return event


async def until(place: Town, path: str, is_so: Any, within_s: float = 1.0) -> Any:
    """Ask both gateways until both say so; fails after a second."""
    guest = await place.caller()
    deadline = time.monotonic() + within_s
    while True:
        answers = [await guest.ask("GET", path, stage=stage) for stage in (place.here, place.there)]
        if all(is_so(status, answer) for status, answer in answers):
            return answers[0][1]
        assert time.monotonic() < deadline, answers
        await asyncio.sleep(0.01)
