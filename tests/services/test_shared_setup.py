"""The setup that the dates of a series share, over a real shard. If these failed, an organiser would change
forty evenings one by one, or one evening that can't follow would keep the others from it.
"""

import json
from collections.abc import AsyncIterator
from typing import Any, TypeVar

import pytest

from domain import commands as c
from domain import events as e
from domain.ids import POOL, SERIES, TICKET_TYPE, BuyerId, OperationId, PoolId, SeriesId, TicketTypeId, parse
from domain.refusals import Code, Refusal
from services.events.models import Event, EventPatch, NewSeries, Series
from services.events.sharing_models import DATES_A_CALL, ApplySetup, DateDone
from services.events.tickets_models import TicketsFields
from services.models import Model
from tests.gateway.stage import fresh
from tests.services.organiser import WHO, Organiser, id_of, organiser, sure

M = TypeVar("M", bound=Model)
ALL = ("texts", "place", "times", "tickets", "questions")


@pytest.fixture
async def office(migrated_dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    async with organiser(migrated_dsn, redis_url) as made:
        yield made


def made_of(model: type[M], **said: Any) -> M:
    """A model as a request makes it."""
    return model.model_validate_json(json.dumps(said))


async def series(office: Organiser, count: int = 4, **fields: Any) -> list[Event]:
    """A first evening, and others like it a week apart."""
    first = await office.with_tickets(await office.draft(ends_at="2030-05-01T22:00", **fields))
    rule = {"kind": "weekly", "weekdays": [3]}
    said = made_of(NewSeries, event=first.event, title="Weekly", rule=rule, count=count)
    made: Series = sure(await office.services.series.create(WHO, office.organisation_id, said))
    return [await office.read(date) for date in made.events]  # type: ignore[arg-type]


async def edited(office: Organiser, event: Event, **fields: Any) -> Event:
    return sure(
        await office.services.editing.edit(
            WHO, office.organisation_id, id_of(event), None, EventPatch(**fields)
        )
    )


async def with_document(office: Organiser, event: Event, change: Any) -> Event:
    """Change an event's tickets as an editor would: the document that there is, with something else in it."""
    said = event.tickets.model_dump(mode="json", exclude={"version"})
    change(said)
    return await office.with_tickets(event, made_of(TicketsFields, **said))


async def applied(
    office: Organiser, event: Event, parts: tuple[str, ...] = ALL, scope: str = "all"
) -> list[DateDone]:
    """Apply the setup of a date, call by call to the end."""
    event = await office.read(event)
    after: str | None = None
    found: list[DateDone] = []
    while True:
        said = made_of(
            ApplySetup,
            event=event.event,
            version=event.version,
            tickets_version=event.tickets.version,
            scope=scope,
            parts=parts,
            after=after,
        )
        assert event.series is not None
        series_id = SeriesId(parse(SERIES, event.series))
        made = sure(await office.services.sharing.apply(WHO, office.organisation_id, series_id, said))
        found += made.items
        assert len(made.items) <= DATES_A_CALL
        if made.next is None:
            assert made.done == made.total == len(found)
            return found
        after = made.next


async def hold(office: Organiser, event: Event, quantity: int, position: int = 0) -> e.Held:
    kind = TicketTypeId(parse(TICKET_TYPE, event.tickets.ticket_types[position].ticket_type or ""))
    command = c.PlaceHold(OperationId(fresh()), id_of(event), BuyerId(fresh()), (c.Line(kind, quantity),))
    held = await office.works.shards.ask(command)
    assert isinstance(held, e.Held), held
    return held


async def test_texts_and_times_go_to_every_date_at_once(office: Organiser) -> None:
    dates = await series(office)
    first = await edited(
        office, dates[0], title="Jazz", description="**Loud**", starts_at="2030-05-01T19:30",
        ends_at="2030-05-01T23:00", doors_at="2030-05-01T19:00",
    )  # fmt: skip
    assert [one.outcome for one in await applied(office, first)] == ["changed"] * 3
    for day, date in zip(("08", "15", "22"), dates[1:], strict=True):
        now = await office.read(date)
        assert (now.title, now.description_html) == ("Jazz", first.description_html)
        assert (now.starts_at, now.ends_at, now.doors_at) == (
            f"2030-05-{day}T19:30", f"2030-05-{day}T23:00", f"2030-05-{day}T19:00",
        )  # fmt: skip
        assert now.slug == date.slug
    # Safe to repeat: nothing is written where nothing differs.
    versions = [(await office.read(date)).version for date in dates]
    assert [one.outcome for one in await applied(office, first)] == ["same"] * 3
    assert [(await office.read(date)).version for date in dates] == versions


async def test_this_and_following(office: Organiser) -> None:
    dates = await series(office)
    await edited(office, dates[2], title="New name")
    (done,) = await applied(office, dates[2], scope="following")
    assert (done.event, done.outcome) == (dates[3].event, "changed")
    assert [(await office.read(date)).title for date in dates] == [
        "Concert",
        "Concert",
        "New name",
        "New name",
    ]


async def test_parts_that_are_not_named_stay(office: Organiser) -> None:
    dates = await series(office, 2)
    await edited(office, dates[0], title="New", starts_at="2030-05-01T18:00", venue_name="Elsewhere")
    await applied(office, dates[0], ("place",))
    other = await office.read(dates[1])
    assert (other.title, other.starts_at, other.venue_name) == ("Concert", "2030-05-08T20:00", "Elsewhere")


async def test_tickets_and_questions_are_the_same_parts_under_new_names(office: Organiser) -> None:
    dates = await series(office, 2)
    own = await with_document(
        office, dates[1], lambda said: said["ticket_types"].append({"name": "Only here", "pools": [0]})
    )

    def change(said: Any) -> None:
        said["pools"][0]["name"] = "Big hall"
        said["pools"].append({"name": "Balcony", "capacity": 7})
        said["ticket_types"][0] |= {"name": "Regular", "price_minor": 2_500, "sales_end": "2030-05-01T18:00"}
        said["ticket_types"][0]["tiers"] = [
            {"number": 1, "name": "Early", "price_minor": 1_500, "ends_at": "2030-04-20T12:00"}
        ]
        said["ticket_types"].append({"name": "Seat", "price_minor": 9_000, "pools": [1]})
        said["questions"] = [{"label": "Diet?", "ticket_types": [2]}]

    first = await with_document(office, dates[0], change)
    (done,) = await applied(office, first)
    assert done.outcome == "changed", done
    there = (await office.read(dates[1])).tickets
    assert [(pool.name, pool.capacity) for pool in there.pools] == [("Big hall", 100), ("Balcony", 7)]
    assert [kind.name for kind in there.ticket_types] == ["Regular", "Reduced", "Only here", "Seat"]
    # What was there keeps its id, and times keep their distance on the clock.
    assert there.ticket_types[0].ticket_type == own.tickets.ticket_types[0].ticket_type
    assert there.ticket_types[0].sales_end == "2030-05-08T18:00"
    assert there.ticket_types[0].tiers[0].ends_at == "2030-04-27T12:00"
    assert (there.ticket_types[3].pools, there.questions[0].ticket_types) == ((1,), (3,))
    again = await with_document(office, first, lambda said: said["questions"][0].update(label="What diet?"))
    await applied(office, again)
    (question,) = (await office.read(dates[1])).tickets.questions
    assert (question.label, question.question) == ("What diet?", there.questions[0].question)


async def test_what_the_setup_has_no_more_is_not_sold_any_more(office: Organiser) -> None:
    dates = await series(office, 2)
    first = await with_document(office, dates[0], lambda said: said["ticket_types"].pop())
    await applied(office, first)
    other = await office.read(dates[1])
    assert [kind.is_retired for kind in other.tickets.ticket_types] == [False, True]


async def test_a_price_goes_to_dates_that_sell_and_not_to_their_holds(office: Organiser) -> None:
    dates = await series(office, 2)
    dates = [sure(await office.step(date, "publish")) for date in dates]
    before = await hold(office, dates[1], 2)
    first = await with_document(
        office, dates[0], lambda said: said["ticket_types"][0].update(price_minor=4_000)
    )
    (done,) = await applied(office, first)
    assert done.outcome == "changed"
    assert [line.unit_price_minor for line in before.lines] == [2_000]
    assert [line.unit_price_minor for line in (await hold(office, dates[1], 1)).lines] == [4_000]


async def test_a_capacity_that_is_in_use_is_refused_with_its_date_and_the_others_go_on(
    office: Organiser,
) -> None:
    dates = [sure(await office.step(date, "publish")) for date in await series(office, 4)]
    await hold(office, dates[2], 8)
    pool = dates[0].tickets.pools[0].pool
    lowered = await office.services.steps.set_capacity(
        WHO, office.organisation_id, id_of(dates[0]), PoolId(parse(POOL, pool or "")), 5
    )
    first = await edited(office, sure(lowered), title="Smaller")
    done = await applied(office, first)
    assert [one.outcome for one in done] == ["changed", "refused", "changed"]
    (refusal,) = done[1].refusals
    assert (done[1].event, refusal.code, refusal.pool, refusal.capacity_min) == (
        dates[2].event, Code.CAPACITY_IN_USE, "Hall", 8,
    )  # fmt: skip
    now = [await office.read(date) for date in dates]
    assert [one.tickets.pools[0].capacity for one in now] == [5, 5, 100, 5]
    # What could be changed of the one that refused is changed.
    assert {one.title for one in now} == {"Smaller"}
    # Once it can follow, doing it again is all it takes.
    assert [one.outcome for one in await applied(office, first)] == ["same", "refused", "same"]


async def test_dates_that_are_over_are_left_alone(office: Organiser) -> None:
    dates = await series(office, 3)
    await office.step(sure(await office.step(dates[1], "publish")), "cancel")
    first = await edited(office, dates[0], title="New")
    assert [one.outcome for one in await applied(office, first)] == ["skipped", "changed"]


async def test_a_long_series_goes_in_parts(office: Organiser) -> None:
    dates = await series(office, 2 * DATES_A_CALL + 3)
    first = await edited(office, dates[0], title="New")
    done = await applied(office, first)
    assert [one.event for one in done] == [date.event for date in dates[1:]]
    assert {one.outcome for one in done} == {"changed"}


async def test_what_was_edited_meanwhile_is_not_applied(office: Organiser) -> None:
    dates = await series(office, 2)
    await edited(office, dates[0], title="Newer than was looked at")
    said = made_of(
        ApplySetup,
        event=dates[0].event,
        version=dates[0].version,
        tickets_version=dates[0].tickets.version,
        scope="all",
        parts=["texts"],
    )
    series_id = SeriesId(parse(SERIES, dates[0].series or ""))
    refused = await office.services.sharing.apply(WHO, office.organisation_id, series_id, said)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.VERSION_CONFLICT
    assert (await office.read(dates[1])).title == "Concert"
