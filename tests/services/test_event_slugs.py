"""Many organisers make events at once. If these failed, six clicks would keep a whole gateway from its
database, or two events would want the same address.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.refusals import Code, Refusal
from services.events.models import Event, EventPatch, NewEvent
from storage.postgres import asking, close_pool, create_pool
from tests.services.organiser import WHO, Organiser, id_of, organiser, sure


@pytest.fixture
async def hall(migrated_dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    """An organiser whose process has two connections to PostgreSQL."""
    async with organiser(migrated_dsn, redis_url) as made:
        made.pool = await create_pool(migrated_dsn, application_name="test", connections_max=2)
        made.services = made.build(made.works.shards)
        yield made
        await close_pool(made.pool)


async def test_more_events_than_connections_are_made_at_once(hall: Organiser) -> None:
    async with asyncio.timeout(4):  # Before anybody gives up.
        made = await asyncio.gather(*(hall.draft("Concert") for _ in range(8)))
    slugs = {event.slug for event in made}
    assert slugs == {"concert", *(f"concert-{number}" for number in range(2, 9))}


async def test_one_of_two_gets_the_address_that_both_want(hall: Organiser) -> None:
    def wanting() -> NewEvent:
        return NewEvent(title="Concert", starts_at="2030-05-01T20:00", time_zone="UTC", slug="the-concert")

    editing = hall.services.editing
    found = await asyncio.gather(
        *(editing.create(WHO, hall.organisation_id, wanting()) for _ in range(6)),
    )
    assert [one.slug for one in found if isinstance(one, Event)] == ["the-concert"]
    refused = Refusal(Code.INVALID, None, {"field": "slug", "reason": "taken"})
    assert [one for one in found if isinstance(one, Refusal)] == [refused] * 5
    other = await hall.draft("Other")
    patch = EventPatch(slug="the-concert")
    assert await editing.edit(WHO, hall.organisation_id, id_of(other), None, patch) == refused
    # What nobody has taken in the end is free again.
    sure(await editing.edit(WHO, hall.organisation_id, id_of(other), None, EventPatch(slug="another")))


async def test_who_gets_no_connection_is_told_soon(
    migrated_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.postgres._ACQUIRE_S", 0.05)
    pool = await create_pool(migrated_dsn, application_name="test", connections_max=1)
    async with asking(pool):
        with pytest.raises(ConnectionError):
            async with asking(pool):
                pass
    async with asking(pool) as connection:
        assert await connection.fetchval("SELECT 1") == 1
    await close_pool(pool)
