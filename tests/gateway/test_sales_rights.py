"""A sale is followed live by those who may, for as long as they may. If these fail, somebody who left a
company in the morning watches its sale in the evening.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.ids import EVENT, ORGANISATION, EventId, MemberId, text
from domain.roles import GRANTS, Permission, Role
from storage import members
from storage.members import Member
from storage.postgres import asking
from tests.gateway.api.organising import Caller, Town, town
from tests.gateway.stage import Sale, catalogue_file, fresh, hold, operation
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
        await members.insert(connection, member)
    return caller


async def socket(caller: Caller) -> Client:
    return await caller.stage.connect(http=caller.http)


async def asked(client: Client, sale: Sale, key: str = "") -> Any:
    return await client.ask("watch_sales", event=sale.event, key=key)


class Made:
    """An API key or a device of the organisation whose sale it is, and how to end it."""

    def __init__(self, owner: Caller, path: str, answer: Any) -> None:
        self._owner = owner
        (name,) = answer.keys() - {"token"}
        self._path = f"{path}/{answer[name]['id']}"
        self.token: str = answer["token"]

    async def revoke(self) -> None:
        assert (await self._owner.ask("DELETE", self._path))[0] == 204


async def issued(owner: Caller, sale: Sale, kind: str, body: dict[str, Any]) -> Made:
    path = f"/organisations/{text(ORGANISATION, sale.record.organisation_id)}/{kind}"
    status, answer = await owner.ask("POST", path, {"name": "Screen in the foyer", **body})
    assert status == 201, answer
    return Made(owner, path, answer)


@pytest.mark.parametrize("role", list(Role))
async def test_who_has_the_right_sees_the_sale(place: Town, role: Role) -> None:
    sale = await on_sale(place)
    caller = await joins(place, sale, role)
    client = await socket(caller)
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


async def test_what_is_held_is_seen_at_once(place: Town) -> None:
    sale = await on_sale(place)
    client = await socket(await joins(place, sale, Role.VIEWER))
    assert (await asked(client, sale))["pools"][0]["free"] == 100
    held = await hold(client, sale, 3)
    push = await client.until(lambda message: message["type"] == "sales")
    assert (push["pools"][0]["held"], push["pools"][0]["free"]) == (3, 97)
    full, reduced = push["ticket_types"]
    assert full == {"ticket_type": sale.types[0], "free": 97, "held": 3, "sold": 0}
    # They share a pool: what one holds, the other can't have.
    assert reduced == {"ticket_type": sale.types[1], "free": 97, "held": 0, "sold": 0}
    await client.ask("release", operation=operation(), event=sale.event, hold=held["hold"])
    await client.until(lambda message: message["type"] == "sales" and message["pools"][0]["held"] == 0)


async def test_a_key_opens_what_it_is_for(place: Town) -> None:
    sale, other = await on_sale(place), await on_sale(place)
    owner = await joins(place, sale, Role.OWNER)
    watching = {"scopes": ["sales.watch"]}
    all_events = await issued(owner, sale, "keys", watching)
    one_event = await issued(owner, sale, "keys", {**watching, "event": text(EVENT, sale.record.event_id)})
    of_vouchers = await issued(owner, sale, "keys", {"scopes": ["vouchers.read"]})
    device = await issued(owner, sale, "devices", {})
    program = await place.here.connect()
    assert (await asked(program, sale, all_events.token))["pools"][0]["free"] == 100
    assert (await asked(program, other, all_events.token))["type"] == "watching_sales"
    assert (await asked(program, sale, one_event.token))["type"] == "watching_sales"
    assert (await asked(program, other, one_event.token))["code"] == "forbidden"
    for key in (of_vouchers.token, device.token, all_events.token[:-1], "guess"):
        assert (await asked(program, sale, key))["code"] == "forbidden", key
    # A key is judged alone: it does not borrow the right of whoever shows it.
    own = await socket(owner)
    assert (await asked(own, sale, of_vouchers.token))["code"] == "forbidden"
    # Nor does a key open another organisation's sale.
    stranger = await place.person()
    organisation = await place.organisation(stranger)
    status, answer = await stranger.ask(
        "POST", f"/organisations/{organisation}/keys", {"name": "x", **watching}
    )
    assert status == 201
    assert (await asked(program, sale, answer["token"]))["code"] == "forbidden"


async def test_a_revoked_key_ends_what_it_opened_within_a_second(place: Town) -> None:
    sale = await on_sale(place)
    owner = await joins(place, sale, Role.OWNER)
    ending, staying = [await issued(owner, sale, "keys", {"scopes": ["sales.watch"]}) for _ in range(2)]
    # On the other gateway: nobody tells it.
    gone, kept = [await place.there.connect(http=(await place.caller()).http) for _ in range(2)]
    assert (await asked(gone, sale, ending.token))["type"] == "watching_sales"
    assert (await asked(kept, sale, staying.token))["type"] == "watching_sales"
    await ending.revoke()
    started = time.monotonic()
    async with asyncio.timeout(10):
        assert await gone.closed() == 4403
    assert time.monotonic() - started < 1
    assert (await kept.ask("ping"))["type"] == "pong"
    again = await place.there.connect(http=(await place.caller()).http)
    assert (await asked(again, sale, ending.token))["code"] == "forbidden"
