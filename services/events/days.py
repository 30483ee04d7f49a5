"""The days of an event, which tickets may be limited to. Pure.

A day is one of the calendar at the venue. An event has those from its start to its end; one that ends at
midnight does not have the day that begins then.
"""

import datetime as dt

import msgspec

from domain.refusals import Refusal
from services.events import local_time
from services.events.drafting import invalid
from storage.event_records import EventRecord, TicketTypeRecord


def span(event: EventRecord) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of an event."""
    last_ms = event.starts_at_ms if event.ends_at_ms is None else event.ends_at_ms - 1
    return _day(event.starts_at_ms, event), _day(last_ms, event)


def with_days(old: EventRecord, new: EventRecord) -> EventRecord | Refusal:
    """Return an event whose times have changed with the days that its tickets are for: they move with an
    event that moves as a whole, and are refused to fall out of one that becomes shorter.
    """
    (was_first, was_last), (first, last) = span(old), span(new)
    days = {day for kind in old.ticket_types for day in kind.valid_days}
    if not days or (was_first, was_last) == (first, last):
        return new
    if first - was_first == last - was_last:
        return msgspec.structs.replace(new, ticket_types=moved(new.ticket_types, first - was_first))
    if min(days) < first:
        return invalid("starts_at", "tickets_for_days_before")
    if max(days) > last:
        return invalid("ends_at", "tickets_for_days_after")
    return new


def moved(types: tuple[TicketTypeRecord, ...], by: dt.timedelta) -> tuple[TicketTypeRecord, ...]:
    """Return ticket types whose days are later by so many."""
    return tuple(
        msgspec.structs.replace(kind, valid_days=tuple(day + by for day in kind.valid_days)) for kind in types
    )


def _day(at_ms: int, event: EventRecord) -> dt.date:
    return local_time.wall_clock(at_ms, event.time_zone).date()
