"""When the events of a series start: rules and lists of wall-clock times, to moments. Pure.

A rule repeats what clocks show, not a number of hours: eight in the evening stays eight in the evening on
both sides of a change of clocks. Where that time does not exist, the event starts later by the gap, and it is
said so; where it comes twice, the first is meant (RFC 5545, section 3.3.5).
"""

import datetime as dt
from collections.abc import Iterator
from itertools import count, islice
from typing import Final

import msgspec

from services.events import local_time
from services.events.models import Daily, Dates, NewSeries, Weekly
from services.reasons import Reason

OCCURRENCES_MAX: Final = 366
# A rule that matches rarely is not searched for longer than this.
DAYS_MAX: Final = 366 * 20


class Occurrence(msgspec.Struct, frozen=True):
    """One start. `is_moved` says that the time on the clock does not exist on that day."""

    starts_at_ms: int
    is_moved: bool


class BadRule(ValueError):
    """A rule that gives nothing, or too much."""

    def __init__(self, field: str, reason: Reason) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason


def occurrences(said: NewSeries, first_ms: int, time_zone: str) -> list[Occurrence]:
    """Return the starts of a series after its first event, each once, in their order. Raises `BadRule`."""
    first = local_time.wall_clock(first_ms, time_zone)
    if isinstance(said.rule, Dates):
        try:
            found = [Occurrence(local_time.to_ms(text, time_zone), False) for text in said.rule.starts]
        except local_time.NotATime as error:
            raise BadRule("rule.starts", error.reason) from error
    else:
        clocks = list(_bounded(said, first))
        found = [Occurrence(*local_time.moved_to_ms(clock, time_zone)) for clock in clocks]
    distinct = {one.starts_at_ms: one for one in found if one.starts_at_ms != first_ms}
    if not distinct:
        raise BadRule("rule", "gives_nothing")
    return [distinct[at_ms] for at_ms in sorted(distinct)]


def _bounded(said: NewSeries, first: dt.datetime) -> Iterator[dt.datetime]:
    if said.count is None and said.until is None:
        raise BadRule("until", "required")
    try:
        until = None if said.until is None else dt.date.fromisoformat(said.until)
    except ValueError as error:
        raise BadRule("until", "no_such_day") from error
    assert not isinstance(said.rule, Dates)
    left = OCCURRENCES_MAX + 1 if said.count is None else said.count
    for number, clock in enumerate(islice(_clocks(said.rule, first), left)):
        if until is not None and clock.date() > until:
            return
        if number >= OCCURRENCES_MAX:
            raise BadRule("until", "too_many")
        yield clock


def _clocks(rule: Weekly | Daily, first: dt.datetime) -> Iterator[dt.datetime]:
    """Yield the clock times of a rule, beginning with the first event's own."""
    if isinstance(rule, Daily):
        for number in count():
            yield first + dt.timedelta(days=number * rule.every)
    assert isinstance(rule, Weekly)
    monday = first - dt.timedelta(days=first.weekday())
    weekdays = {day - 1 for day in rule.weekdays}
    yield first
    for days in range(DAYS_MAX):
        clock = monday + dt.timedelta(days=days)
        if clock > first and days // 7 % rule.every == 0 and clock.weekday() in weekdays:
            yield clock
