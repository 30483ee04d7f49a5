"""Browsers and programs of people who organise, on two gateways of one platform."""

import asyncio
import secrets
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
