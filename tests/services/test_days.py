"""Tickets for some days of an event. If these failed, a ticket would be sold for a day on which nothing takes
place, or would stay behind when its event is moved.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.refusals import Code, Refusal
from services.events.models import CopyRequest, Event, EventPatch
from services.events.tickets_models import TicketsFields
from tests.services.organiser import WHO, Organiser, id_of, organiser, sure

FESTIVAL = {"starts_at": "2030-05-31T18:00", "ends_at": "2030-06-03T00:00"}


@pytest.fixture
async def hall(migrated_dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    async with organiser(migrated_dsn, redis_url) as made:
        yield made


def for_days(*days: str) -> TicketsFields:
    said = {
        "pools": [{"name": "Meadow", "capacity": 10}],
        "ticket_types": [{"name": "Day", "price_minor": 900, "pools": [0], "valid_days": days}],
    }
    return TicketsFields.model_validate_json(json.dumps(said))


async def edit(hall: Organiser, event: Event, **fields: Any) -> Event | Refusal:
    return await hall.services.editing.edit(
        WHO, hall.organisation_id, id_of(event), None, EventPatch(**fields)
    )


def days_of(event: Event) -> list[str]:
    return [day.isoformat() for day in event.tickets.ticket_types[0].valid_days]


@pytest.mark.parametrize(
    ("day", "is_of_event"),
    [
        ("2030-05-30", False),
        ("2030-05-31", True),
        ("2030-06-02", True),
        # The event ends with the last night, not on the day that begins then.
        ("2030-06-03", False),
    ],
)
async def test_a_ticket_is_for_days_of_its_event(hall: Organiser, day: str, is_of_event: bool) -> None:
    event = await hall.draft(**FESTIVAL)
    told = await hall.services.editing.set_tickets(
        WHO, hall.organisation_id, id_of(event), None, for_days(day)
    )
    if is_of_event:
        assert days_of(sure(told)) == [day]
    else:
        details = {"field": "ticket_types.0.valid_days", "reason": "not_of_event"}
        assert told == Refusal(Code.INVALID, None, details)


async def test_days_move_with_an_event_that_moves_as_a_whole(hall: Organiser) -> None:
    event = await hall.with_tickets(await hall.draft(**FESTIVAL), for_days("2030-06-01", "2030-06-02"))
    moved = sure(await edit(hall, event, starts_at="2030-06-07T19:00", ends_at="2030-06-10T00:00"))
    assert days_of(moved) == ["2030-06-08", "2030-06-09"]
    # Whoever edits the tickets at that moment is told.
    assert moved.tickets.version == event.tickets.version + 1
    copied = sure(
        await hall.services.editing.copy(
            WHO, hall.organisation_id, id_of(event), CopyRequest(starts_at="2031-06-07T19:00")
        )
    )
    assert days_of(copied) == ["2031-06-08", "2031-06-09"]


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"starts_at": "2030-06-02T10:00"}, "starts_at", "tickets_for_days_before"),
        ({"ends_at": "2030-06-01T23:00"}, "ends_at", "tickets_for_days_after"),
        ({"ends_at": None}, "ends_at", "tickets_for_days_after"),
    ],
)
async def test_an_event_is_not_cut_shorter_than_its_tickets(
    hall: Organiser, fields: dict[str, Any], field: str, reason: str
) -> None:
    event = await hall.with_tickets(await hall.draft(**FESTIVAL), for_days("2030-06-01", "2030-06-02"))
    told = await edit(hall, event, **fields)
    assert told == Refusal(Code.INVALID, None, {"field": field, "reason": reason})
    # A longer one is as good.
    longer = sure(await edit(hall, event, starts_at="2030-05-30T10:00", ends_at="2030-06-05T10:00"))
    assert days_of(longer) == ["2030-06-01", "2030-06-02"]


def test_a_fee_plan_is_one_of_those_that_are_known() -> None:
    said = for_days().model_dump(mode="json")
    assert said["ticket_types"][0]["fee_plan"] == "included"
    said["ticket_types"][0]["fee_plan"] = "surprise"
    with pytest.raises(ValueError, match="fee_plan"):
        TicketsFields.model_validate_json(json.dumps(said))
