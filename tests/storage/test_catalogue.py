"""The catalogue. If these failed, pages would show prices and pools that are not what is sold, or lists would
hide events.
"""

import datetime as dt
import time

import msgspec
import pytest

from domain.ids import EventId, OrganisationId, PoolId, QuestionId, TicketTypeId
from storage.catalogue import Catalogue
from storage.event_records import (
    EventRecord,
    OrganisationRecord,
    PoolRecord,
    QuestionRecord,
    TicketTypeRecord,
    TierRecord,
)
from storage.journal import Refused
from storage.postgres import Pool
from storage.search_texts import plain_words
from tests.storage.journal_contract import fresh

HOUR_MS = 3_600_000
NOW_MS = int(time.time() * 1000)
HALL = OrganisationRecord(OrganisationId(fresh()), "Hall", "hall")


def concert(slug: str = "concert", **changes: object) -> EventRecord:
    event = EventRecord(
        event_id=EventId(fresh()),
        organisation_id=HALL.organisation_id,
        organisation="Hall",
        slug=slug,
        title="Concert",
        summary="Loud",
        description="Very loud",
        venue="Big room",
        address="Street 1",
        city="Brno",
        country="CZ",
        starts_at_ms=NOW_MS + HOUR_MS,
        ends_at_ms=NOW_MS + 3 * HOUR_MS,
        doors_at_ms=None,
        time_zone="Europe/Prague",
        currency="CZK",
        image_url="",
        opens_at_ms=NOW_MS,
        status="published",
        buyer_limit=6,
        ticket_types=(
            TicketTypeRecord(TicketTypeId(fresh()), "Regular", "", 50_000, 1, 6, None, None, (0,)),
            TicketTypeRecord(
                TicketTypeId(fresh()), "With car", "A place to park", 70_000, 1, 2, 1_000, 2_000, (0, 1)
            ),
        ),
        pools=(PoolRecord(PoolId(fresh()), "Floor", 500), PoolRecord(PoolId(fresh()), "Car park", 40)),
        organisation_slug="hall",
    )
    return msgspec.structs.replace(event, **changes)


async def found(catalogue: Catalogue, event_id: EventId) -> EventRecord:
    """An event as it is stored, but for when that was."""
    event = await catalogue.find(event_id)
    assert event is not None
    return msgspec.structs.replace(event, changed_at_ms=0)


async def test_what_is_saved_is_found(pool: Pool) -> None:
    catalogue, event = Catalogue(pool), concert()
    await catalogue.save(HALL, event)
    await catalogue.save(HALL, event)
    stored = msgspec.structs.replace(event, version=2)
    assert await found(catalogue, event.event_id) == stored
    by_slug = await catalogue.find_by_slug("concert")
    assert by_slug is not None
    assert by_slug.event_id == event.event_id
    assert await catalogue.find(EventId(fresh())) is None
    assert await catalogue.find_by_slug("nothing") is None


async def test_everything_of_an_event_is_kept(pool: Pool) -> None:
    catalogue, event = Catalogue(pool), concert()
    regular, with_car = event.ticket_types
    full = msgspec.structs.replace(
        event,
        description="**Very** loud",
        description_html="<p><strong>Very</strong> loud</p>",
        images=("https://images.example/1.jpg",),
        image_alt="A stage",
        language="cs",
        category="music",
        tags=("rock", "loud"),
        latitude_e6=49_195_060,
        longitude_e6=16_606_837,
        cancelled_reason="rain",
        hold_ms=60_000,
        extension_ms=0,
        ticket_types=(
            msgspec.structs.replace(
                regular,
                kind="pay_what_you_want",
                price_min_minor=40_000,
                is_retired=False,
                buyer_limit=2,
                tax_basis_points=2_100,
                fee_plan="on_top",
                valid_days=(dt.date(2030, 1, 2),),
            ),
            msgspec.structs.replace(
                with_car,
                tiers=(TierRecord(1, "Early", 60_000, 10, 5_000), TierRecord(7, "Late", 65_000, 5)),
            ),
        ),
        questions=(
            QuestionRecord(
                QuestionId(fresh()), "ticket", "Size", "choice", ("S", "L"), True, (regular.ticket_type_id,)
            ),
        ),
    )
    await catalogue.save(HALL, full)
    assert await found(catalogue, event.event_id) == full
    row = await pool.fetchrow("SELECT price_min_minor, price_max_minor, city_key, search_text FROM events")
    assert row is not None
    assert tuple(row)[:3] == (40_000, 70_000, "brno")
    assert "tres" not in row["search_text"]


def test_words_are_compared_without_accents_and_case() -> None:
    assert plain_words("  Łódź, STRASSE/Straße – İzmir Ørsted! ") == "lodz strasse strasse izmir orsted"
    assert plain_words("Tiếng Việt") == "tieng viet"
    assert plain_words("مهرجان 2030") == "مهرجان 2030"


async def test_what_people_read_may_change(pool: Pool) -> None:
    catalogue, event = Catalogue(pool), concert()
    await catalogue.save(HALL, event)
    renamed = msgspec.structs.replace(event, title="Quiet concert", status="cancelled")
    await catalogue.save(msgspec.structs.replace(HALL, name="Halls"), renamed)
    assert await found(catalogue, event.event_id) == msgspec.structs.replace(
        renamed, organisation="Halls", version=2
    )


async def test_two_events_of_one_house_have_two_slugs(pool: Pool) -> None:
    catalogue = Catalogue(pool)
    await catalogue.save(HALL, concert())
    with pytest.raises(Refused):
        await catalogue.save(HALL, concert())
    assert await pool.fetchval("SELECT count(*) FROM events") == 1
