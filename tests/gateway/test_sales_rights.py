"""A sale is followed live by those who may, for as long as they may. If these fail, somebody who left a
company in the morning watches its sale in the evening.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.ids import EventId, MemberId
from domain.roles import GRANTS, Permission, Role
from storage import members
from storage.members import Member
from storage.postgres import asking
from tests.gateway.api.organising import Caller, Town, town
from tests.gateway.stage import Sale, catalogue_file, fresh
from tests.gateway.wire_client import Client


@pytest.fixture
async def place(migrated_dsn: str, redis_url: str) -> AsyncIterator[Town]:
    async with town(migrated_dsn, redis_url) as place:
        yield place


async def on_sale(place: Town) -> Sale:
    _, record = await place.made.load(catalogue_file())
    return Sale(record)


async def joins(place: Town, sale: Sale, role: Role, event_id: EventId | None = None) -> Caller:
    """Somebody with a role in the organisation whose sale it is, or for an event of it."""
    caller = await place.person()
    member = Member(
        MemberId(fresh()),
        sale.record.organisation_id,
        place.people[-1].user_id,
        role,
        event_id,
        1,
        place.made.clock(),
    )
    async with asking(place.made.pool) as connection:
        assert await members.insert(connection, member)
    return caller


async def socket(caller: Caller) -> Client:
    return await caller.stage.connect(http=caller.http)


async def asked(client: Client, sale: Sale) -> Any:
    return await client.ask("watch_sales", event=sale.event)


@pytest.mark.parametrize("role", list(Role))
async def test_who_may_watch_sales_needs_no_key(place: Town, role: Role) -> None:
    sale = await on_sale(place)
    client = await socket(await joins(place, sale, role))
    answer = await asked(client, sale)
    if Permission.SALES_WATCH in GRANTS[role]:
        assert answer["type"] == "watching_sales"
        assert answer["pools"][0]["free"] == 100
    else:
        assert answer["code"] == "forbidden"


async def test_a_role_for_another_event_or_elsewhere_opens_nothing(place: Town) -> None:
    sale, other = await on_sale(place), await on_sale(place)
    manager = await socket(await joins(place, sale, Role.EVENT_MANAGER, sale.record.event_id))
    assert (await asked(manager, sale))["type"] == "watching_sales"
    assert (await asked(manager, other))["code"] == "forbidden"
    stranger = await place.person()
    await place.organisation(stranger)
    client = await socket(stranger)
    missing = await client.ask("watch_sales", event="event_" + "0" * 26)
    foreign = await asked(client, sale)
    assert {**missing, "id": 0} == {**foreign, "id": 0}
    assert foreign["code"] == "forbidden"
    guest = await place.here.connect()
    assert (await asked(guest, sale))["code"] == "forbidden"


async def test_who_may_not_any_more_is_disconnected_within_a_second(place: Town) -> None:
    sale = await on_sale(place)
    leaving, staying = [await joins(place, sale, Role.VIEWER) for _ in range(2)]
    gone, kept = await socket(leaving), await socket(staying)
    for client in (gone, kept):
        assert (await asked(client, sale))["type"] == "watching_sales"
    await place.made.pool.execute("DELETE FROM members WHERE user_id = $1", place.people[0].user_id)
    started = time.monotonic()
    async with asyncio.timeout(10):
        assert await gone.closed() == 4403
    assert time.monotonic() - started < 1
    assert (await kept.ask("ping"))["type"] == "pong"
    again = await socket(leaving)
    assert (await asked(again, sale))["code"] == "forbidden"


async def test_who_was_let_in_a_moment_ago_is_let_in(place: Town) -> None:
    """The page opens its socket before somebody gives them the role."""
    sale = await on_sale(place)
    caller = await place.person()
    client = await socket(caller)
    assert (await asked(client, sale))["code"] == "forbidden"
    member = Member(
        MemberId(fresh()),
        sale.record.organisation_id,
        place.people[-1].user_id,
        Role.VIEWER,
        None,
        1,
        place.made.clock(),
    )
    async with asking(place.made.pool) as connection:
        await members.insert(connection, member)
    assert (await asked(client, sale))["type"] == "watching_sales"
