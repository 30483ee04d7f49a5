"""How many events there may be, and how long their changes are known. If these failed, somebody could fill
the platform with drafts, an event would leave its series, or codes would be kept in the clear for ever.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.refusals import Code, Refusal
from services.events.models import CopyRequest, Daily, NewEvent, NewSeries
from storage.housekeeping import CHANGES_KEPT_MS, keep_house
from tests.services.organiser import WHO, Organiser, id_of, new_organisation, organiser, sure


@pytest.fixture
async def hall(migrated_dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    async with organiser(migrated_dsn, redis_url) as made:
        yield made


async def test_a_series_waits_for_a_change_that_is_under_way(hall: Organiser) -> None:
    """The change was written down with an event of no series, and would make it one of none again."""
    event = await hall.published()
    said = NewSeries(event=event.event, title="Mondays", rule=Daily(kind="daily"), count=3)
    assert hall.works.handle is not None
    hall.works.handle.gate.clear()
    pausing = asyncio.create_task(hall.step(event, "pause"))
    while not await hall.pool.fetchval("SELECT count(*) FROM event_changes WHERE state = 'pending'"):
        await asyncio.sleep(0.01)
    refused = await hall.services.series.create(WHO, hall.organisation_id, said)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.BUSY
    hall.works.handle.gate.set()
    sure(await pausing)
    made = sure(await hall.services.series.create(WHO, hall.organisation_id, said))
    assert len(made.events) == 3
    assert sure(await hall.step(event, "resume")).series == made.series


async def test_an_organisation_has_so_many_events(hall: Organiser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.events.drafts.EVENTS_MAX", 3)
    event = await hall.draft()
    series = NewSeries(event=event.event, title="Days", rule=Daily(kind="daily"), count=4)
    refused = Refusal(Code.LIMIT_REACHED, None, {"limit": 3})
    assert await hall.services.series.create(WHO, hall.organisation_id, series) == refused
    copies = [
        await hall.services.editing.copy(WHO, hall.organisation_id, id_of(event), CopyRequest())
        for _ in range(3)
    ]
    assert [isinstance(copy, Refusal) for copy in copies] == [False, False, True]
    assert copies[2] == refused
    new = NewEvent(title="One more", time_zone="UTC", starts_at="2030-05-01T20:00")
    assert await hall.services.editing.create(WHO, hall.organisation_id, new) == refused
    table = b"title,starts_at\r\nOne more,2030-05-01T20:00\r\n"
    report = sure(await hall.services.importing.take(WHO, hall.organisation_id, table))
    assert (report.created, report.mistakes[0].line) == (0, 2)
    assert "as many events as there can be" in report.mistakes[0].message
    # Others may have theirs.
    other = await new_organisation(hall.pool, "Other")
    sure(await hall.services.editing.create(WHO, other, new))


async def test_changes_are_forgotten_when_nobody_asks_for_them_any_more(hall: Organiser) -> None:
    event = await hall.published()
    assert hall.works.handle is not None
    await hall.works.handle.shard.kill()
    assert isinstance(await hall.step(event, "pause"), Refusal)
    now_ms = hall.works.clock()
    assert (await keep_house(hall.pool, now_ms + CHANGES_KEPT_MS - 60_000)).event_changes == 0
    assert (await keep_house(hall.pool, now_ms + CHANGES_KEPT_MS + 60_000)).event_changes == 1
    states = await hall.pool.fetch("SELECT kind, state FROM event_changes")
    assert [tuple(row) for row in states] == [("pause", "pending")]
