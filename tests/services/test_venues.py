"""Events take place at venues. If these failed, some of a venue's events would say where it was before it was
changed, and nobody would know which.
"""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from domain.ids import EVENT, VenueId, parse
from services.events.models import CopyRequest, EventPatch, Venue, VenueFields
from tests.services.organiser import WHO, Organiser, id_of, organiser, sure


@pytest.fixture
async def hall(migrated_dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    async with organiser(migrated_dsn, redis_url) as made:
        yield made


async def venue(hall: Organiser) -> Venue:
    said = VenueFields(name="Hall", city="Bonn", time_zone="Europe/Berlin")
    return sure(await hall.services.venues.create(WHO, hall.organisation_id, said))


async def rename(hall: Organiser, made: Venue, name: str) -> Venue:
    said = VenueFields(name=name, city="Bonn", time_zone="Europe/Berlin")
    venue_id = VenueId(parse("venue", made.venue))
    return sure(await hall.services.venues.edit(WHO, hall.organisation_id, venue_id, None, said))


async def names(hall: Organiser) -> set[str]:
    return {row["venue"] for row in await hall.pool.fetch("SELECT venue FROM events")}


async def test_every_event_ahead_follows_its_venue(hall: Organiser) -> None:
    made = await venue(hall)
    events = [await hall.draft(f"Concert {number}", venue=made.venue) for number in range(23)]
    await rename(hall, made, "Big hall")
    while await hall.services.venues.follow():
        pass
    assert await names(hall) == {"Big hall"}
    assert {event.version + 1 for event in events} == {(await hall.read(event)).version for event in events}
    rows = await hall.pool.fetch("SELECT target, after FROM audit_entries WHERE action = 'event.edit'")
    assert {parse(EVENT, row["target"]) for row in rows} == {id_of(event) for event in events}
    assert all(json.loads(row["after"]) == {"venue": "Big hall"} for row in rows)
    assert await hall.pool.fetchval("SELECT count(*) FROM venue_followers") == 0


async def test_an_event_is_not_left_behind_when_the_process_dies(hall: Organiser) -> None:
    made = await venue(hall)
    event = await hall.draft(venue=made.venue)
    blocker = await hall.pool.acquire()
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("SELECT 1 FROM events WHERE event_id = $1 FOR NO KEY UPDATE", id_of(event))
    dying = asyncio.create_task(rename(hall, made, "Big hall"))
    while not await hall.pool.fetchval("SELECT count(*) FROM venue_followers WHERE attempted_at IS NOT NULL"):
        await asyncio.sleep(0.01)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await transaction.rollback()
    await hall.pool.release(blocker)
    assert await names(hall) == {"Hall"}
    await hall.pool.execute("UPDATE venue_followers SET attempted_at = attempted_at - interval '1 minute'")
    assert await hall.services.venues.follow() == 1
    assert (await hall.read(event)).venue_name == "Big hall"
    assert await hall.services.venues.follow() == 0


BROKEN = """
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
    CREATE TRIGGER broken BEFORE UPDATE ON events FOR EACH ROW WHEN (OLD.title = 'Broken')
        EXECUTE FUNCTION fail();
"""


async def test_an_event_that_can_not_follow_keeps_no_other_from_it(hall: Organiser) -> None:
    made = await venue(hall)
    for title in ("Concert", "Broken", "Recital"):
        await hall.draft(title, venue=made.venue)
    await hall.pool.execute(BROKEN)
    # Their venue is changed, whatever becomes of its events.
    await rename(hall, made, "Big hall")
    rows = await hall.pool.fetch("SELECT title FROM events WHERE venue = 'Big hall' ORDER BY title")
    assert [row["title"] for row in rows] == ["Concert", "Recital"]
    assert await hall.pool.fetchval("SELECT count(*) FROM venue_followers") == 1


async def test_an_event_without_an_end_follows_until_it_is_over(hall: Organiser) -> None:
    made = await venue(hall)
    for title, began in (("Concert", "1 hour"), ("Recital", "25 hours")):
        event = await hall.draft(title, venue=made.venue)
        await hall.pool.execute(
            f"UPDATE events SET starts_at = now() - interval '{began}' WHERE event_id = $1", id_of(event)
        )
    await rename(hall, made, "Big hall")
    rows = await hall.pool.fetch("SELECT title FROM events WHERE venue = 'Big hall'")
    assert [row["title"] for row in rows] == ["Concert"]


@pytest.mark.parametrize("way", ["create", "copy"])
async def test_an_event_that_nobody_sees_yet_is_not_left_behind(hall: Organiser, way: str) -> None:
    """An event is made at a venue while that is changed: whoever lets the events follow can't see it."""
    made = await venue(hall)
    like = await hall.draft("Recital", venue=made.venue)
    title = "Concert" if way == "create" else like.title
    async with hall.pool.acquire() as blocker, blocker.transaction():
        # Whoever makes the event has read the venue, and waits for the address of its page.
        assert await blocker.fetchval("SELECT slug_is_free($1)", title.lower()) is (way == "create")
        if way == "create":
            making = asyncio.create_task(hall.draft(title, venue=made.venue))
        else:
            copying = hall.services.editing.copy(WHO, hall.organisation_id, id_of(like), CopyRequest())
            making = asyncio.create_task(copying)  # type: ignore[arg-type]
        await until_waiting(hall)
        changing = asyncio.create_task(rename(hall, made, "Big hall"))
        async with asyncio.timeout(20):
            while not changing.done() and await waiting(hall) < 2:
                await asyncio.sleep(0.01)
    sure(await making)
    await changing
    while await hall.services.venues.follow():
        pass
    assert await names(hall) == {"Big hall"}


async def test_a_venue_is_not_removed_beside_an_event_that_is_made_there(hall: Organiser) -> None:
    made = await venue(hall)
    venue_id = VenueId(parse("venue", made.venue))
    async with hall.pool.acquire() as blocker, blocker.transaction():
        await blocker.fetchval("SELECT slug_is_free('concert')")
        making = asyncio.create_task(hall.draft(venue=made.venue))
        await until_waiting(hall)
        removing = asyncio.create_task(hall.services.venues.delete(WHO, hall.organisation_id, venue_id, None))
        async with asyncio.timeout(20):
            while not removing.done() and await waiting(hall) < 2:
                await asyncio.sleep(0.01)
    await making
    refused = await removing
    assert refused is not None
    assert refused.details == {"reason": "has_events"}


async def waiting(hall: Organiser) -> int:
    found: int = await hall.pool.fetchval(
        """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
        """
    )
    return found


async def until_waiting(hall: Organiser) -> None:
    async with asyncio.timeout(20):
        while not await waiting(hall):
            await asyncio.sleep(0.01)


async def test_who_has_moved_does_not_follow(hall: Organiser) -> None:
    made = await venue(hall)
    event = await hall.draft(venue=made.venue)
    patch = EventPatch(venue_name="Elsewhere")
    sure(await hall.services.editing.edit(WHO, hall.organisation_id, id_of(event), None, patch))
    await rename(hall, made, "Big hall")
    assert await names(hall) == {"Elsewhere"}
