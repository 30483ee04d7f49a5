"""The words by which events are found, and how they get the new name of an organisation.

The organiser's name is among the words. Whoever stores an event reads it while nobody can change it, and
whoever changes it leaves a mark in the same transaction (a trigger, 0035_renamed_organisations.sql), which
`make_anew` works off: so of a name and an event that are stored at the same time, one waits for the other
(docs/decisions/reading-the-catalogue.md).
"""

import unicodedata
from typing import Any, Final, Protocol

import asyncpg
import msgspec

from domain.ids import EventId, OrganisationId
from storage.postgres import AnyConnection, Pool, asking

_DESCRIPTION_MAX: Final = 5_000
# What NFKD leaves joined although people type it apart, or without its stroke.
_LETTERS: Final = {
    "ß": "ss",
    "ø": "o",
    "đ": "d",
    "ł": "l",
    "æ": "ae",
    "œ": "oe",
    "ı": "i",
    "ð": "d",
    "þ": "th",
}


class Searched(Protocol):
    """What is said of an event that people look for; `storage.event_records.EventRecord` says it."""

    @property
    def title(self) -> str: ...
    @property
    def summary(self) -> str: ...
    @property
    def venue(self) -> str: ...
    @property
    def city(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def tags(self) -> tuple[str, ...]: ...
    @property
    def description(self) -> str: ...


class _Stored(msgspec.Struct, frozen=True):
    """As much of an event as its words are made of."""

    event_id: EventId
    title: str
    summary: str
    venue: str
    city: str
    category: str
    tags: tuple[str, ...]
    description: str


def search_text(event: Searched, organiser: str) -> str:
    """Return the words by which an event is found, as `plain_words` writes them."""
    texts = (event.title, event.summary, event.venue, event.city, organiser, event.category)
    return plain_words(" ".join((*texts, *event.tags, event.description[:_DESCRIPTION_MAX])))


def plain_words(text: str) -> str:
    """Return a text as it is compared in searches: no accents, no case, nothing but letters and digits.

    Done here and not by an extension of PostgreSQL, which not every server has.
    """
    spread = unicodedata.normalize("NFKD", text.casefold())
    kept = (
        _LETTERS.get(letter, letter) if letter.isalnum() else " "
        for letter in spread
        if not unicodedata.combining(letter)
    )
    return " ".join("".join(kept).split())


async def name_for_now(connection: AnyConnection, organisation_id: OrganisationId) -> str:
    """Return the name of an organisation, which stays as it is until the transaction ends: whoever renames it
    waits, and finds what was stored meanwhile. "" if there is none.
    """
    found: str | None = await connection.fetchval(
        "SELECT name FROM organisations WHERE organisation_id = $1 FOR SHARE", organisation_id
    )
    return found or ""


async def make_anew(pool: Pool, limit: int) -> int:
    """Let some events of an organisation that was renamed be found by its new name, and return how many were
    looked at; 0 if none is left, or others are at them. Raises `ConnectionError`.

    A transaction for each part, with where the next begins, so it may be cut off at any time, and several may
    do it at once.
    """
    async with asking(pool) as connection:
        # Those that nobody has begun come first; one with many events does not keep the others waiting.
        renamed = await connection.fetchval(
            """
            SELECT organisation_id FROM renamed_organisations
            ORDER BY starts_at LIMIT 1 FOR UPDATE SKIP LOCKED
            """
        )
        if renamed is None:
            return 0
        async with connection.transaction():
            return await _next_part(connection, renamed, limit)


async def _next_part(connection: AnyConnection, organisation_id: OrganisationId, limit: int) -> int:
    # The organisation first, then its mark, as whoever renames it; the events last.
    organiser = await name_for_now(connection, organisation_id)
    mark = await connection.fetchrow(
        """
        SELECT starts_at, event_id FROM renamed_organisations WHERE organisation_id = $1
        FOR UPDATE SKIP LOCKED
        """,
        organisation_id,
    )
    if mark is None:
        return 0
    part = await connection.fetch(
        """
        SELECT starts_at, event_id FROM events
        WHERE organisation_id = $1 AND (starts_at, event_id) > ($2::timestamptz, $3::uuid)
        ORDER BY starts_at, event_id LIMIT $4
        """,
        organisation_id,
        *mark,
        limit,
    )
    await _store(connection, [row["event_id"] for row in part], organiser)
    if len(part) < limit:
        await connection.execute(
            "DELETE FROM renamed_organisations WHERE organisation_id = $1", organisation_id
        )
    else:
        await connection.execute(
            "UPDATE renamed_organisations SET starts_at = $2, event_id = $3 WHERE organisation_id = $1",
            organisation_id,
            *part[-1],
        )
    return len(part)


async def _store(connection: AnyConnection, event_ids: list[EventId], organiser: str) -> None:
    # Read once they are locked: what somebody is just now storing has to be in the text.
    rows = await connection.fetch(
        f"""
        SELECT event_id, title, summary, venue, city, category, tags, left(description, {_DESCRIPTION_MAX})
        FROM events WHERE event_id = ANY ($1) ORDER BY event_id FOR NO KEY UPDATE
        """,  # noqa: S608 - a number of this module's own
        event_ids,
    )
    events = [_stored(row) for row in rows]
    await connection.execute(
        """
        UPDATE events SET search_text = anew.search_text
        FROM unnest($1::uuid[], $2::text[]) AS anew (event_id, search_text)
        WHERE events.event_id = anew.event_id AND events.search_text <> anew.search_text
        """,
        [event.event_id for event in events],
        [search_text(event, organiser) for event in events],
    )


def _stored(row: asyncpg.Record) -> _Stored:
    columns: list[Any] = [tuple(value) if isinstance(value, list) else value for value in row]
    return _Stored(*columns)
