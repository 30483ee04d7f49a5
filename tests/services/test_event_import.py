"""Imports and exports. If these failed, one bad entry of somebody else's would keep the good ones out, a
second import would double them, or what an organiser typed would be overwritten.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ids import OrganisationId
from domain.refusals import Code, Refusal
from services.events.csv_text import armed, csv_text, defused
from services.events.import_entries import ImportedEvent, Mistake
from services.events.importing import fields_of, kind_of, left_out, read_entries
from services.events.models import EventPatch, OwnEventsQuery
from tests.gateway.stage import fresh
from tests.services.organiser import WHO, Organiser, id_of, organiser, sure

PAGE = """<!doctype html><html><head>
<script type="application/ld+json">
{"@context": "https://schema.org", "@graph": [
  {"@type": "Place", "@id": "#hall", "name": "Hall", "address": {"@type": "PostalAddress",
    "addressLocality": "Köln", "addressCountry": {"@type": "Country", "name": "DE"}}},
  {"@type": ["MusicEvent"], "@id": "https://a.example/1", "name": "One &amp; only",
   "startDate": "2030-05-01T20:00:00+02:00", "location": {"@id": "#hall"},
   "offers": [{"@type": "Offer", "name": "Full", "price": "12.50", "priceCurrency": "EUR"},
              {"@type": "Offer", "name": "Free", "price": 0}], "keywords": "rock, loud"},
  {"@type": "Event", "name": "No date"}
]}
</script>
<script type="application/ld+json">{"@type": "Event",, "name": "broken"}</script>
<script type="application/ld+json">[{"@type": "https://schema.org/TheaterEvent", "name": "Two",
 "startDate": "2030-06-01", "url": "https://a.example/2", "image": [{"url": "https://a.example/2.jpg"}],
 "offers": {"@type": "AggregateOffer", "lowPrice": "nine", "priceCurrency": "EUR"}}]</script>
</head></html>"""
CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//y//EN
X-WR-TIMEZONE:Europe/Prague
BEGIN:VEVENT
UID:1@b
DTSTAMP:20300101T000000Z
DTSTART;TZID=Europe/Prague:20300501T200000
DTEND;TZID=Europe/Prague:20300501T230000
SUMMARY:Večer\\, hudba
LOCATION:Hall\\, Brno
END:VEVENT
BEGIN:VEVENT
UID:2@b
DTSTART:yesterday
SUMMARY:Bad
END:VEVENT
BEGIN:VEVENT
UID:3@b
DTSTART:20300502T180000Z
SUMMARY:Third
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")
TABLE = (
    "title,starts_at,city,ticket_types,currency\r\n"
    '"Multi\nline",2030-05-01T20:00,Köln,"Full: 10.00; Reduced: 5.00",EUR\r\n'
    ",2030-05-01T20:00,,,\r\n"
    "Gap,2030-03-31T02:30,,,\r\n"
    "'=cmd,2030-05-03T20:00,,Full: 1.234,EUR\r\n"
    "Short,2030-05-01T20:00\r\n"
    "Good,2030-05-04T20:00,,,CHF\r\n"
)


@pytest.fixture
async def hall(migrated_dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    async with organiser(migrated_dsn, redis_url) as made:
        yield made


async def take(hall: Organiser, text: str, zone: str = "Europe/Berlin") -> Any:
    importing = hall.services.importing
    return sure(await importing.take(WHO, hall.organisation_id, text.encode(), zone))


async def drafts(hall: Organiser) -> dict[str, Any]:
    listed = sure(await hall.services.editing.listed(hall.organisation_id, OwnEventsQuery(limit=200)))
    return {row.title: row for row in listed.items}


async def test_a_page_with_events(hall: Organiser) -> None:
    report = await take(hall, PAGE)
    assert (report.format, report.created, report.mistake_count) == ("schema.org", 1, 3)
    assert [(mistake.line, mistake.code) for mistake in report.mistakes] == [
        (10, "title_lacks"),
        (13, "no_json"),
        (14, "field"),
    ]
    assert report.mistakes[0].values == {"title": "No date", "name": "startDate"}
    assert report.mistakes[0].message == "'No date' has no startDate"
    # A page says it as it says what is wrong with the field of a form.
    assert report.mistakes[2].values == {"field": "offers", "reason": "not_sellable"}
    assert report.mistakes[2].message == "offers: 'nine' is no amount"
    row = (await drafts(hall))["One & only"]
    event = await hall.read(row)
    assert (event.status, event.city, event.country, event.tags) == ("draft", "Köln", "DE", ("rock", "loud"))
    assert event.starts_at == "2030-05-01T20:00"
    assert [(kind.name, kind.kind, kind.price_minor) for kind in event.tickets.ticket_types] == [
        ("Full", "fixed", 1_250),
        ("Free", "free", 0),
    ]
    again = await take(hall, PAGE)
    assert (again.created, again.unchanged, again.mistake_count) == (0, 1, 3)
    moved = await take(hall, PAGE.replace("T20:00:00+02:00", "T21:00:00+02:00"))
    assert moved.updated == 1
    assert (await hall.read(row)).starts_at == "2030-05-01T21:00"


async def test_a_calendar(hall: Organiser) -> None:
    report = await take(hall, CALENDAR)
    assert (report.format, report.created) == ("icalendar", 2)
    assert [mistake.line for mistake in report.mistakes] == [13]
    event = await hall.read((await drafts(hall))["Večer, hudba"])
    assert (event.time_zone, event.starts_at, event.ends_at) == (
        "Europe/Prague", "2030-05-01T20:00", "2030-05-01T23:00",
    )  # fmt: skip
    assert (await take(hall, CALENDAR)).unchanged == 2


async def test_what_was_left_out_is_told_with_its_line(hall: Organiser) -> None:
    calendar = CALENDAR.replace("UID:3@b", "UID:3@b\r\nRRULE:FREQ=WEEKLY;COUNT=5").replace(
        "END:VCALENDAR",
        "BEGIN:VEVENT\r\nUID:3@b\r\nRECURRENCE-ID:20300509T180000Z\r\nDTSTART:20300509T190000Z\r\n"
        "SUMMARY:Third\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:1@b\r\nDTSTART:20300501T180000Z\r\n"
        "SUMMARY:Again\r\nEND:VEVENT\r\nEND:VCALENDAR",
    )
    report = await take(hall, calendar)
    assert (report.created, report.mistake_count, report.remark_count) == (2, 2, 2)
    assert [mistake.line for mistake in report.mistakes] == [13, 24]
    assert "one date of a series" in report.mistakes[1].message
    assert (report.mistakes[1].code, report.mistakes[1].values) == ("one_of_a_series", {"title": "Third"})
    assert [remark.line for remark in report.remarks] == [18, 30]
    assert "RRULE" in report.remarks[0].message
    assert report.remarks[1].message == "this is the event of line 5 once more"
    assert (report.remarks[1].code, report.remarks[1].values) == ("once_more", {"line": 5})


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"ends": "2030-05-01T19:00"}, "end is before its start"),
        ({"ends": "2030-05-01T20:00"}, ""),  # No end, written twice.
        ({"doors": "2030-05-01T21:00"}, "doors open after"),
        ({"image_url": "http://a.example/1.jpg"}, "https://"),
        ({"time_zone": "Mars/Olympus"}, "no zone 'Mars/Olympus'"),
        ({"description": "x" * 20_001}, "longer than 20000"),
        ({"image_url": "https://a.example/1.jpg", "ends": "2030-05-01T21:00", "time_zone": "UTC"}, ""),
    ],
)
def test_what_is_left_out_of_an_entry(fields: Any, told: str) -> None:
    entry = ImportedEvent(line=1, key="1", title="One", starts="2030-05-01T20:00", **fields)
    found = left_out(entry, "Europe/Berlin")
    assert len(found) == bool(told)
    assert told in "".join(one.message for one in found)


async def test_an_image_without_https_is_told(hall: Organiser) -> None:
    page = PAGE.replace("https://a.example/2.jpg", "http://a.example/2.jpg").replace('"nine"', '"9"')
    report = await take(hall, page)
    assert [(one.line, "https://" in one.message) for one in report.remarks] == [(14, True)]


async def test_a_table(hall: Organiser) -> None:
    report = await take(hall, TABLE)
    assert (report.format, report.created) == ("csv", 2)
    # Lines of the file, although a value before them has a line break in it.
    assert [(mistake.line, mistake.code) for mistake in report.mistakes] == [
        (4, "empty"),
        (5, "field"),
        (6, "field"),
        (7, "values_and_columns"),
    ]
    assert report.mistakes[1].values == {"field": "starts_at", "reason": "gap"}
    assert set(await drafts(hall)) == {"Multi line", "Good"}


async def test_what_is_published_is_left_alone(hall: Organiser) -> None:
    await take(hall, TABLE)
    row = (await drafts(hall))["Multi line"]
    event = await hall.with_tickets(await hall.read(row))
    sure(await hall.step(event, "publish"))
    report = await take(hall, TABLE.replace("Köln", "Bonn"))
    assert (report.kept, report.updated) == (1, 0)
    assert (await hall.read(row)).city == "Köln"


async def test_what_was_edited_here_stays_until_its_source_says_something_else(hall: Organiser) -> None:
    await take(hall, CALENDAR)
    row = (await drafts(hall))["Third"]
    patch = EventPatch(title="The third one", summary="Ours")
    sure(await hall.services.editing.edit(WHO, hall.organisation_id, id_of(row), None, patch))
    edited = await hall.with_tickets(await hall.read(row))
    report = await take(hall, CALENDAR)
    assert (report.updated, report.unchanged) == (0, 2)
    assert await hall.read(row) == edited
    # Lines before it do not count as a change of it.
    assert (await take(hall, CALENDAR.replace("VERSION:2.0", "VERSION:2.0\r\nX-A:b"))).unchanged == 2
    report = await take(hall, CALENDAR.replace("20300502T180000Z", "20300503T180000Z"))
    assert (report.updated, report.unchanged) == (1, 1)
    changed = await hall.read(row)
    assert (changed.title, changed.starts_at[:10], changed.summary) == ("Third", "2030-05-03", "")
    assert changed.tickets == edited.tickets
    entry = await hall.pool.fetchrow("SELECT * FROM audit_entries WHERE action = 'event.import'")
    assert entry is not None
    before, after = json.loads(entry["before"]), json.loads(entry["after"])
    assert (before["title"], after["title"], after["source"]) == ("The third one", "Third", "icalendar")
    assert before["starts_at_ms"] + 86_400_000 == after["starts_at_ms"]


async def test_what_is_just_being_published_is_left_alone(hall: Organiser) -> None:
    """It is written down, and the sale has not answered yet."""
    await take(hall, TABLE)
    row = (await drafts(hall))["Multi line"]
    event = await hall.with_tickets(await hall.read(row))
    assert hall.works.handle is not None
    hall.works.handle.gate.clear()
    publishing = asyncio.create_task(hall.step(event, "publish"))
    while not await hall.pool.fetchval("SELECT count(*) FROM event_changes WHERE state = 'pending'"):
        await asyncio.sleep(0.01)
    report = await take(hall, TABLE.replace("Köln", "Bonn"))
    hall.works.handle.gate.set()
    sure(await publishing)
    assert (report.kept, report.updated) == (1, 0)
    published = await hall.read(row)
    assert (published.status, published.city) == ("on_sale", "Köln")


async def test_two_imports_of_one_file_at_once_are_one(hall: Organiser) -> None:
    found = await asyncio.gather(*(take(hall, CALENDAR) for _ in range(3)))
    assert sum(one.created for one in found) == 2
    assert sum(one.unchanged for one in found) == 4
    assert len(await drafts(hall)) == 2


@pytest.mark.parametrize("form", ["json", "ics", "csv"])
async def test_an_export_has_all_events_however_many(
    hall: Organiser, form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.events.exporting._PAGE", 3)
    # Several at one time, so that a part ends between two of them; and as many as fill the last part.
    events = [await hall.draft(f"Concert {number}") for number in range(6)]
    names = {event.event for event in events}
    exporting = hall.services.exporting
    exported = b"".join([part async for part in exporting.give(hall.organisation_id, form)]).decode()
    assert all(exported.count(name) == 1 for name in names)
    report = await take(hall, exported)
    assert (report.created, report.mistake_count, report.kept + report.unchanged) == (0, 0, 6)
    nothing = b"".join([part async for part in exporting.give(OrganisationId(fresh()), form)]).decode()
    assert (await take(hall, nothing)).mistake_count == 0


@pytest.mark.parametrize("form", ["json", "ics", "csv"])
async def test_what_is_exported_comes_back_as_it_was(hall: Organiser, form: Any) -> None:
    event = await hall.with_tickets(
        await hall.draft("=HYPERLINK(1)", summary="+1", city="Köln", description="# Big\n\n-1", tags=("a",))
    )
    exporting = hall.services.exporting
    exported = b"".join([part async for part in exporting.give(hall.organisation_id, form)])
    before = await hall.read(event)
    report = await take(hall, exported.decode())
    assert (report.created, report.updated, report.mistake_count) == (0, 0, 0), report
    assert await hall.read(event) == before
    if form == "csv":
        assert '"\'=HYPERLINK(1)"' in exported.decode()
        changed = exported.decode().replace("Köln", "Bonn")
        assert (await take(hall, changed)).updated == 1
        assert (await hall.read(event)).city == "Bonn"
    if form == "json":
        graph = json.loads(exported)["@graph"]
        assert graph[0]["offers"][0]["price"] == "20.00"


async def test_bounds(hall: Organiser) -> None:
    importing = hall.services.importing
    refused = await importing.take(WHO, hall.organisation_id, b"x" * (9 * 1024 * 1024))
    assert isinstance(refused, Refusal)
    assert refused.code is Code.TOO_LARGE
    for nonsense in ("[" * 100_000, "{" * 5_000, '{"a":' * 5_000, "", "\0", "<script", "a,b\n1"):
        report = await take(hall, nonsense)
        assert report.created == 0
    report = sure(await importing.take(WHO, hall.organisation_id, b"title,starts_at\n\xff"))
    assert (report.mistakes[0].line, report.mistakes[0].code) == (2, "not_utf8")
    # What is told of a line is bounded, however long what stands there is.
    report = await take(hall, "title,starts_at\n" + "x" * 5_000 + ",2030-02-31\n")
    assert report.mistakes[0].values == {"field": "starts_at", "reason": "not_a_time"}
    report = await take(hall, json.dumps({"@type": "Event", "name": "x" * 5_000}))
    assert len(report.mistakes[0].message) == 500
    assert len(str(report.mistakes[0].values["title"])) == 200


async def test_edits_here_survive_what_did_not_change_there(hall: Organiser) -> None:
    await take(hall, PAGE)
    event = await hall.read((await drafts(hall))["One & only"])
    editing = hall.services.editing
    sure(await editing.edit(WHO, hall.organisation_id, id_of(event), None, EventPatch(hold_seconds=600)))
    assert (await take(hall, PAGE)).unchanged == 1
    assert (await hall.read(event)).hold_seconds == 600


PIECES = st.lists(
    st.sampled_from(
        [
            *PAGE.splitlines(), *CALENDAR.splitlines(), *TABLE.splitlines(), "BEGIN:VEVENT", "END:VEVENT",
            '{"@type": "Event"', '"name": "x"', '"startDate": 7', "}", "[", "]", ",", "DTSTART:", "RRULE:X",
        ]
    )
    | st.text(max_size=40),
    max_size=30,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(PIECES, st.sampled_from(["", "{", "[", "<html>", "BEGIN:VCALENDAR\n", "title,starts_at\n"]))
def test_nothing_that_is_sent_breaks_the_readers(pieces: list[str], begins: str) -> None:
    text = begins + "\n".join(pieces)
    lines = text.count("\n") + 1
    for entry in read_entries(text, kind_of(text)):
        assert isinstance(entry, ImportedEvent | Mistake)
        assert 1 <= entry.line <= max(lines, len(text.splitlines())) + 1
        if isinstance(entry, ImportedEvent):
            with contextlib.suppress(ValueError):
                fields_of(entry, "Europe/Berlin")


@given(st.text(max_size=30))
def test_defused_values_come_back_and_compute_nothing(value: str) -> None:
    assert armed(defused(value)) == value
    assert not defused(value).lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r"))
    assert csv_text([[value]]).startswith('"')
