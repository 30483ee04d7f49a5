"""What is said of what an import did not take, or not as it was written: a code with its values, which a page
says in every language (`import` in `web/messages/*/again.json`: a test sees to that), and that in English.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

# `message` of them, in English. What is wrong with a field has a reason of its own instead (`of_field`).
SENTENCES: Final[Mapping[str, str]] = {
    # Of what is written
    "not_utf8": "this is not UTF-8",
    "no_json": "this is no JSON: {error}",
    "nested_too_deeply": "this is nested too deeply",
    "does_not_end": "this {name} does not end",
    "entry_too_long": "this entry is too long",
    "too_many_entries": "only the first {most} entries were taken",
    "entry_unreadable": "this entry can't be read: {error}",
    "row_unreadable": "this row can't be read: {error}",
    "no_columns": "the first line names the columns",
    "column_missing": "no column {name}; there are: {columns}",
    "column_unknown": "no such column, or twice: {name!r}; there are: {columns}",
    "values_and_columns": "{found} values for {expected} columns",
    # Of an entry
    "lacks": "an entry without {name}",
    "title_lacks": "{title!r} has no {name}",
    "cancelled_there": "{title!r} is cancelled there",
    "one_of_a_series": "{title!r} changes one date of a series, of which the first date only is taken",
    "empty": "title and starts_at can't be empty",
    "no_capacity": "capacity is a whole number, not {value!r}",
    "no_degrees": "latitude and longitude are in degrees, such as 52.52",
    "no_ticket_type": "a ticket type is written as name: price, not {value!r}",
    "no_organisation": "there is no such organisation",
    # Of an entry that was taken
    "repeats": "this repeats there (RRULE); its first date was taken, a series can be made of it here",
    "once_more": "this is the event of line {line} once more",
    "unknown_zone": "there is no zone {name!r}; its times were taken for those of {zone}",
    "ends_before_start": "its end is before its start, and was left out",
    "doors_after_start": "its doors open after its start; when they do was left out",
    "image_not_https": "its image was left out: an address has to begin with https://",
    "description_cut": "its description is longer than {most} characters, and was cut",
}
OF_FIELD: Final = "field"


class Told(msgspec.Struct, frozen=True):
    """One of `SENTENCES`, or what is wrong with a field."""

    code: str
    message: str
    values: dict[str, str | int]


def told(code: str, **values: str | int) -> Told:
    """Return one of `SENTENCES` with what it names."""
    return Told(code, SENTENCES[code].format(**values), values)


def of_field(field: str, reason: str, message: str) -> Told:
    """Return what is wrong with a field of an event: one of `services.reasons` or pydantic's word for it, and
    that in English.
    """
    return Told(OF_FIELD, f"{field}: {message}", {"field": field, "reason": reason})
