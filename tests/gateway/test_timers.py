"""What a gateway does by itself goes on, or is missed aloud. If these fail, one odd error of PostgreSQL is
enough for people who were thrown out to keep their open sockets, and nobody is told.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from domain.ids import MemberId
from domain.roles import Role
from storage import members
from storage.members import Member
from storage.postgres import asking
from tests.gateway.api.organising import Town, town
from tests.gateway.stage import Sale, Stage, Works, catalogue_file, eventually, fresh


@pytest.fixture
async def place(migrated_dsn: str, redis_url: str) -> AsyncIterator[Town]:
    async with town(migrated_dsn, redis_url) as place:
        yield place


@asynccontextmanager
async def broken(made: Works, table: str) -> AsyncIterator[None]:
    """PostgreSQL answers, but with an error: not what a lost connection looks like."""
    await made.pool.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
    try:
        yield
    finally:
        await made.pool.execute(f"ALTER TABLE elsewhere RENAME TO {table}")


async def test_ended_sessions_are_looked_for_after_an_error(
    place: Town, caplog: pytest.LogCaptureFixture
) -> None:
    caller = await place.person()
    client = await place.here.connect(http=caller.http)
    async with broken(place.made, "revoked_sessions"):
        await eventually(lambda: "looking for sessions that ended failed" in caplog.text)
    assert (await caller.ask("POST", "/sign-out"))[0] == 204
    async with asyncio.timeout(10):
        assert await client.closed() == 4401


async def test_rights_to_follow_a_sale_are_looked_up_after_an_error(
    place: Town, caplog: pytest.LogCaptureFixture
) -> None:
    sale = Sale((await place.made.load(catalogue_file()))[1])
    caller = await place.person()
    user_id = place.people[-1].user_id
    member = Member(
        MemberId(fresh()), sale.record.organisation_id, user_id, Role.VIEWER, None, 1, place.made.clock()
    )
    async with asking(place.made.pool) as connection:
        await members.insert(connection, member)
    client = await place.here.connect(http=caller.http)
    assert (await client.ask("watch_sales", event=sale.event))["type"] == "watching_sales"
    async with broken(place.made, "event_grants"):
        await eventually(lambda: "looking up rights to follow sales failed" in caplog.text)
        assert (await client.ask("ping"))["type"] == "pong", "nobody is thrown out for it"
    await place.made.pool.execute("DELETE FROM members WHERE user_id = $1", user_id)
    async with asyncio.timeout(10):
        assert await client.closed() == 4403


async def test_a_gateway_whose_timers_end_is_not_ready(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    async with stage.http.get(f"{stage.url}/readyz") as answer:
        assert answer.status == 200
    stage.gateway.timers.tasks["watching over sessions"].cancel()
    await eventually(lambda: "watching over sessions has ended" in caplog.text)
    async with stage.http.get(f"{stage.url}/readyz") as answer:
        assert answer.status == 503
