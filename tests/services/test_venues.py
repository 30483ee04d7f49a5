"""Events take place at venues. If these failed, some of a venue's events would say where it was before it was
changed, and nobody would know which.
"""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from domain.ids import EVENT, VenueId, parse
from services.events.models import EventPatch, Venue, VenueFields
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


async def test_who_has_moved_does_not_follow(hall: Organiser) -> None:
    made = await venue(hall)
    event = await hall.draft(venue=made.venue)
    patch = EventPatch(venue_name="Elsewhere")
    sure(await hall.services.editing.edit(WHO, hall.organisation_id, id_of(event), None, patch))
    await rename(hall, made, "Big hall")
    assert await names(hall) == {"Elsewhere"}
