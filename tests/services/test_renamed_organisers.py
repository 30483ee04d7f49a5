"""An event is found by the name that its organiser has. If these failed, somebody who searches for whom they
know would be told that there is nothing, for as long as nobody happens to edit the event.

The invariant (docs/decisions/reading-the-catalogue.md): the words of an event have its organisation's name as
it is, or the organisation is marked as renamed.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from services.events.models import Event, EventPatch
from storage import organisations
from storage.catalogue import store_event
from storage.event_changes import locked_event
from storage.event_lists import own_events
from storage.event_records import EventRecord, OrganisationRecord
from storage.postgres import AnyConnection
from storage.search_texts import make_anew
from storage.tenancy import tenant
from tests.services.organiser import WHO, Organiser, id_of, organiser, sure

WAITING = """
    SELECT EXISTS (SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock')
"""


@pytest.fixture
async def hall(migrated_dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    async with organiser(migrated_dsn, redis_url) as made:
        await rename(made, "Oldname")
        await settle(made)
        yield made


@asynccontextmanager
async def renaming(hall: Organiser, name: str) -> AsyncIterator[AnyConnection]:
    """A renaming that commits when the block is left."""
    async with tenant(hall.pool, hall.organisation_id) as connection:
        was = await organisations.lock(connection, hall.organisation_id)
        assert was is not None
        renamed = msgspec.structs.replace(was, name=name, version=was.version + 1)
        await organisations.update(connection, renamed)
        yield connection


async def rename(hall: Organiser, name: str) -> None:
    async with renaming(hall, name):
        pass


async def settle(hall: Organiser, limit: int = 2) -> None:
    async with asyncio.timeout(20):
        while await marked(hall):
            await make_anew(hall.pool, limit)


async def marked(hall: Organiser) -> bool:
    return bool(await hall.pool.fetchval("SELECT count(*) FROM renamed_organisations"))


async def found(hall: Organiser, words: str) -> set[str]:
    listed = await own_events(
        hall.pool, hall.organisation_id, now_ms=0, status=None, words=words, cursor=None, limit=50
    )
    assert listed is not None
    return {event.title for event in listed.events}


async def record(hall: Organiser, event: Event) -> EventRecord:
    found = await hall.works.catalogue.find(id_of(event))
    assert found is not None
    return found


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await is_so():
            await asyncio.sleep(0.01)


async def test_every_event_is_found_by_the_new_name_and_none_by_the_old(hall: Organiser) -> None:
    titles = {f"Concert {number}" for number in range(7)}
    for title in titles:
        # At the same time, so that parts end between events that nothing but their ids tells apart.
        await hall.draft(title, tags=("rock",), description="Very loud")
    assert await found(hall, "oldname") == titles
    await rename(hall, "Néwname")
    assert [await make_anew(hall.pool, 3) for _ in range(4)] == [3, 3, 1, 0]
    assert (await found(hall, "newname"), await found(hall, "oldname")) == (titles, set())
    # Nothing else was lost of what they are found by, and their pages say nothing new.
    assert await found(hall, "concert rock loud newname") == titles
    assert await hall.pool.fetchval("SELECT max(version) FROM events") == 1


async def test_a_change_of_anything_else_is_no_renaming(hall: Organiser) -> None:
    async with tenant(hall.pool, hall.organisation_id) as connection:
        was = await organisations.lock(connection, hall.organisation_id)
        assert was is not None
        await organisations.update(connection, msgspec.structs.replace(was, description="Loud"))
    assert not await marked(hall)


async def test_who_dies_in_between_leaves_no_event_behind(hall: Organiser) -> None:
    events = [await hall.draft(f"Concert {number}") for number in range(4)]
    await rename(hall, "Newname")
    assert await make_anew(hall.pool, 2) == 2
    rest = await found(hall, "oldname")
    assert len(rest) == 2
    held = next(event for event in events if event.title in rest)
    async with tenant(hall.pool, hall.organisation_id) as connection:
        await locked_event(connection, id_of(held))
        dying = asyncio.create_task(make_anew(hall.pool, 2))
        await until(lambda: hall.pool.fetchval(WAITING))
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
    assert await found(hall, "oldname") == rest
    await settle(hall)
    assert await found(hall, "newname") == {event.title for event in events}


async def test_a_renaming_while_another_is_followed_begins_anew(hall: Organiser) -> None:
    titles = {f"Concert {number}" for number in range(3)}
    for title in titles:
        await hall.draft(title)
    await rename(hall, "Newname")
    await make_anew(hall.pool, 2)
    await rename(hall, "Newername")
    await settle(hall)
    assert (await found(hall, "newername"), await found(hall, "newname")) == (titles, set())


async def test_an_event_that_was_read_before_the_renaming_is_stored_with_the_new_name(
    hall: Organiser,
) -> None:
    """Somebody edits an event and has it locked; meanwhile its organisation is renamed."""
    event = await hall.draft()
    async with tenant(hall.pool, hall.organisation_id) as connection:
        read = await locked_event(connection, id_of(event))
        assert read is not None
        await rename(hall, "Newname")
        following = asyncio.create_task(make_anew(hall.pool, 10))
        await until(lambda: hall.pool.fetchval(WAITING))
        await store_event(connection, msgspec.structs.replace(read[0], title="Recital"))
    assert await following == 1
    assert await found(hall, "recital newname") == {"Recital"}
    assert not await marked(hall)


async def test_what_was_written_down_before_the_renaming_brings_no_old_name_back(hall: Organiser) -> None:
    """A change of an event that its sale has to agree to holds the event as it will be, with the old name."""
    event = await record(hall, await hall.draft())
    await rename(hall, "Newname")
    await settle(hall)
    async with tenant(hall.pool, hall.organisation_id) as connection:
        await store_event(connection, msgspec.structs.replace(event, title="Recital"))
    assert event.organisation == "Oldname"
    assert await found(hall, "recital newname") == {"Recital"}


async def test_an_event_that_nobody_sees_yet_is_waited_for(hall: Organiser) -> None:
    """Somebody makes an event; its organisation is renamed before that is committed. Whoever follows the
    renaming can't see the event.
    """
    like = await record(hall, await hall.draft())
    async with tenant(hall.pool, hall.organisation_id) as connection:
        made = msgspec.structs.replace(like, event_id=id_of(await hall.draft()), slug="recital")
        await connection.execute("DELETE FROM events WHERE event_id = $1", made.event_id)
        await store_event(connection, msgspec.structs.replace(made, title="Recital"))

        async def follow() -> None:
            await rename(hall, "Newname")
            await settle(hall)

        following = asyncio.create_task(follow())

        async def is_waiting_or_done() -> bool:
            return following.done() or bool(await hall.pool.fetchval(WAITING))

        await until(is_waiting_or_done)
    await following
    assert await found(hall, "recital newname") == {"Recital"}


async def test_editors_and_renamings_at_once_do_not_block_each_other(hall: Organiser) -> None:
    events = [await hall.draft(f"Concert {number}") for number in range(6)]
    is_over = asyncio.Event()

    async def edit(event: Event) -> None:
        for number in range(8):
            patch = EventPatch(summary=f"Edition {number}")
            sure(await hall.services.editing.edit(WHO, hall.organisation_id, id_of(event), None, patch))

    async def follow() -> None:
        while not is_over.is_set():
            await make_anew(hall.pool, 2)

    followers = [asyncio.create_task(follow()) for _ in range(2)]
    editors = [asyncio.create_task(edit(event)) for event in events[:3]]
    for number in range(8):
        await rename(hall, f"Name{number}")
    await asyncio.gather(*editors)
    is_over.set()
    await asyncio.gather(*followers)
    await settle(hall)
    titles = {event.title for event in events}
    assert await found(hall, "name7") == titles
    assert await found(hall, "edition") == {event.title for event in events[:3]}


async def test_a_catalogue_file_renames_as_well(hall: Organiser) -> None:
    other = await hall.draft("Recital")
    event = await record(hall, await hall.draft())
    loaded = OrganisationRecord(hall.organisation_id, "Newname", "newname")
    await hall.works.catalogue.save(loaded, event)
    assert await found(hall, "newname") == {event.title}
    await settle(hall)
    assert await found(hall, "newname") == {event.title, other.title}
