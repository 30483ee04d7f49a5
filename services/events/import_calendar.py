"""iCalendar (RFC 5545): every entry is read for itself, so that a bad one takes no other with it."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from icalendar import Calendar

from services.events.import_entries import Entry, ImportedEvent, Mistake, derived_key
from services.events.import_told import told

_BLOCK_LINES_MAX: Final = 2_000


def read_calendar(text: str) -> Iterator[Entry]:
    """Yield the entries of a calendar, and what can't be read of it."""
    lines = text.splitlines()
    zones: list[str] = []
    zone_of_all = ""
    block: list[str] = []
    begins, inside = 0, ""
    for number, line in enumerate(lines, 1):
        said = line.strip().upper()
        if said in {"BEGIN:VEVENT", "BEGIN:VTIMEZONE"} and not inside:
            inside, begins, block = said[6:], number, []
        if said.startswith("X-WR-TIMEZONE:"):
            zone_of_all = line.split(":", 1)[1].strip()
        if inside:
            block.append(line)
            if len(block) > _BLOCK_LINES_MAX:
                yield Mistake(begins, told("entry_too_long"))
                inside = ""
        if inside and said == f"END:{inside}":
            if inside == "VTIMEZONE":
                zones += block
            else:
                yield _entry(begins, zones, block, zone_of_all)
            inside = ""
    if inside:
        yield Mistake(begins, told("does_not_end", name=inside))


def _entry(line: int, zones: list[str], block: list[str], zone_of_all: str) -> Entry:
    text = "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-", *zones, *block, "END:VCALENDAR", ""])
    try:
        (event,) = Calendar.from_ical(text).walk("VEVENT")
        return _event(line, event, zone_of_all)
    except Exception as error:  # noqa: BLE001 - what a parser of others raises over a bad entry is not known
        return Mistake(line, told("entry_unreadable", error=_reason(error)))


def _event(line: int, event: Any, zone_of_all: str) -> Entry:
    title = _text(event, "summary")
    if event.get("dtstart") is None:
        return Mistake(
            line, told("title_lacks", title=title, name="DTSTART") if title else told("lacks", name="DTSTART")
        )
    if not title:
        return Mistake(line, told("lacks", name="SUMMARY"))
    if _text(event, "status").upper() == "CANCELLED":
        return Mistake(line, told("cancelled_there", title=title))
    if event.get("recurrence-id") is not None:
        return Mistake(line, told("one_of_a_series", title=title))
    starts, zone = _moment(event["dtstart"])
    ends = ""
    if event.get("dtend") is not None:
        ends = _moment(event["dtend"])[0]
    elif event.get("duration") is not None:
        begins = event["dtstart"].dt
        whole = begins if isinstance(begins, dt.datetime) else dt.datetime.combine(begins, dt.time())
        ends = (whole + event["duration"].dt).isoformat()
    geo = event.get("geo")
    place = _text(event, "location")
    return ImportedEvent(
        line=line,
        key=_text(event, "uid") or derived_key(title, starts),
        title=title,
        starts=starts,
        ends=ends,
        time_zone=zone or zone_of_all,
        description=_text(event, "description"),
        venue=place.split(",")[0].strip() if place else "",
        address=place,
        latitude=None if geo is None else float(geo.latitude),
        longitude=None if geo is None else float(geo.longitude),
        tags=_categories(event),
        remarks=(told("repeats"),)
        if event.get("rrule") is not None or event.get("rdate") is not None
        else (),
    )


def _moment(property_: Any) -> tuple[str, str]:
    """Return a time as ISO 8601, and its zone if it names one."""
    value = property_.dt
    if not isinstance(value, dt.datetime):
        return dt.datetime.combine(value, dt.time()).isoformat(), ""
    zone = str(property_.params.get("TZID", ""))
    return value.isoformat(), zone


def _text(event: Any, name: str) -> str:
    value = event.get(name)
    if isinstance(value, list):
        value = value[0] if value else None
    return "" if value is None else str(value).strip()


def _categories(event: Any) -> tuple[str, ...]:
    value = event.get("categories")
    groups = value if isinstance(value, list) else [value]
    words = [str(word) for group in groups if group is not None for word in getattr(group, "cats", [])]
    return tuple(dict.fromkeys(word.strip()[:40] for word in words if word.strip()))[:20]


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
