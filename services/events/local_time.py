"""Times as people in one place say them: a wall-clock time in the zone of a venue, to milliseconds and back.

Once a year an hour is missing and once an hour comes twice, and not only in Europe. A time in the gap does
not exist, so it is refused where a person wrote it, and moved on by the length of the gap where a rule made
it (RFC 5545, section 3.3.5). A time that comes twice means the first, unless it is written with its offset.

    >>> to_ms("2030-03-31T03:30", "Europe/Berlin")
    1901151000000
    >>> to_text(to_ms("2030-10-27T02:30+01:00", "Europe/Berlin"), "Europe/Berlin")
    '2030-10-27T02:30+01:00'
"""

import datetime as dt
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from services.reasons import Reason

YEAR_MIN: Final = 1971
YEAR_MAX: Final = 2200


class NotATime(ValueError):
    """What was written is no time that people live through. `reason` says why: "not_a_time", "out_of_range",
    "gap" (the hour does not exist there on that day) or "wrong_offset".
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


def to_ms(text: str, time_zone: str) -> int:
    """Return what a local time is in ms since the epoch. Raises `NotATime`."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise NotATime("not_a_time") from error
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise NotATime("out_of_range")
    wall = moment.replace(tzinfo=None)
    candidates = {fold: wall.replace(tzinfo=zone(time_zone), fold=fold) for fold in (0, 1)}
    if moment.tzinfo is not None:
        for placed in candidates.values():
            if placed.utcoffset() == moment.utcoffset() and _exists(placed):
                return _ms(placed)
        raise NotATime("wrong_offset")
    if not _exists(candidates[0]):
        raise NotATime("gap")
    return _ms(candidates[0])


def moved_to_ms(wall: dt.datetime, time_zone: str) -> tuple[int, bool]:
    """Return a wall-clock time that a rule made in ms, and whether it was moved out of a gap."""
    placed = wall.replace(tzinfo=zone(time_zone), fold=0)
    # In a gap, fold 0 has the offset from before it: the time that clocks show is later by the gap.
    return _ms(placed), not _exists(placed)


def to_text(at_ms: int, time_zone: str) -> str:
    """Return a time as it is said there: with its offset only where the same time comes twice."""
    placed = at(at_ms, time_zone)
    wall = placed.replace(tzinfo=None, fold=0)
    written = wall.isoformat(timespec="minutes" if not wall.second else "seconds")
    first, second = (placed.replace(fold=fold).utcoffset() for fold in (0, 1))
    if first == second:
        return written
    return placed.isoformat(timespec="minutes" if not wall.second else "seconds")


def wall_clock(at_ms: int, time_zone: str) -> dt.datetime:
    """Return what clocks show there."""
    return at(at_ms, time_zone).replace(tzinfo=None, fold=0)


def at(at_ms: int, time_zone: str) -> dt.datetime:
    """Return a moment with its zone."""
    return dt.datetime.fromtimestamp(at_ms // 1000, zone(time_zone))


def iso(at_ms: int, time_zone: str) -> str:
    """Return a moment as ISO 8601 with its offset, as feeds and search engines want it."""
    return at(at_ms, time_zone).isoformat(timespec="seconds")


@lru_cache(maxsize=600)
def zone(time_zone: str) -> dt.tzinfo:
    """Return a zone; one that is unknown here (it came from another version of the database) reads as UTC."""
    try:
        return ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError):
        return dt.UTC


def _exists(placed: dt.datetime) -> bool:
    back = placed.astimezone(dt.UTC).astimezone(placed.tzinfo)
    return back.replace(tzinfo=None, fold=0) == placed.replace(tzinfo=None, fold=0)


def _ms(placed: dt.datetime) -> int:
    return round(placed.timestamp()) * 1000
