"""Events as iCalendar (RFC 5545): what calendars subscribe to."""

import datetime as dt
from collections.abc import Iterable
from typing import Final

from icalendar import Calendar
from icalendar import Event as CalendarEvent
from icalendar.prop import vGeo, vText, vUri

from domain.event_status import EventStatus
from domain.ids import EVENT, text
from services.events.descriptions import plain
from storage.event_records import EventRecord

_PRODUCT: Final = "-//Bilten//Catalogue//EN"
END: Final = b"END:VCALENDAR\r\n"
DEGREE: Final = 1_000_000
# What an event without an end lasts in a calendar.
_USUAL: Final = dt.timedelta(hours=2)
_REFRESH: Final = "PT1H"


def feed(name: str, events: Iterable[tuple[EventRecord, EventStatus]], url: str, now_ms: int) -> bytes:
    """Return a calendar. `url` is the address of this site, without a slash at its end."""
    return b"".join((beginning(name), *(entry(event, status, url, now_ms) for event, status in events), END))


def beginning(name: str) -> bytes:
    """Return a calendar up to its first entry."""
    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", vText(name))
    calendar.add("refresh-interval;value=duration", vText(_REFRESH))
    written: bytes = calendar.to_ical()
    return written.removesuffix(END)


def entry(event: EventRecord, status: EventStatus, url: str, now_ms: int) -> bytes:
    """Return the entry of an event."""
    written: bytes = _entry(event, status, url, now_ms).to_ical()
    return written


def _entry(event: EventRecord, status: EventStatus, url: str, now_ms: int) -> CalendarEvent:
    entry = CalendarEvent()
    starts = _utc(event.starts_at_ms)
    entry.add("uid", f"{text(EVENT, event.event_id)}@bilten")
    # Whoever has the entry already takes one with a higher number.
    entry.add("sequence", event.edition)
    # Of what has a method, this is when it was put together (RFC 5545, section 3.8.7.2).
    entry.add("dtstamp", _utc(now_ms))
    entry.add("last-modified", _utc(event.changed_at_ms))
    # At UTC, so that no calendar needs our definitions of zones to be right.
    entry.add("dtstart", starts)
    entry.add("dtend", _utc(event.ends_at_ms) if event.ends_at_ms is not None else starts + _USUAL)
    entry.add("summary", event.title)
    entry.add("status", "CANCELLED" if status is EventStatus.CANCELLED else "CONFIRMED")
    # Calendars have no word for what is sold out; programs find it here.
    entry.add("x-bilten-status", status.value)
    place = ", ".join(part for part in (event.venue, event.address, event.city, event.country) if part)
    if place:
        entry.add("location", place)
    said = event.summary or plain(event.description_html)
    if said:
        entry.add("description", said)
    if event.latitude_e6 is not None and event.longitude_e6 is not None:
        entry.add("geo", vGeo((event.latitude_e6 / DEGREE, event.longitude_e6 / DEGREE)))
    entry.add("url", vUri(f"{url}/e/{event.slug}"))
    if event.tags:
        entry.add("categories", list(event.tags))
    return entry


def _utc(at_ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(at_ms // 1000, dt.UTC)
