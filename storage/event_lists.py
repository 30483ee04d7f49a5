"""Lists of events: what the public finds, and what an organisation works on.

Parts of a list begin after the last event of the part before, named by its sort key and id, so that events
which come or go in between neither repeat nor hide others. A statement is put together from the conditions
that are asked for only, of fixed pieces: each combination is planned for itself and uses the index that fits.
"""

import base64
import datetime as dt
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from domain.ids import EventId, OrganisationId
from storage.event_records import EventRecord, read_events
from storage.postgres import AnyConnection, Pool, asking

_WORDS_MAX: Final = 12
# The words of domain/event_status.py for what sells, or will.
LIVE: Final = "status IN ('published', 'on_sale', 'paused', 'sold_out')"
# What was found to be over is not even looked at: lists would get slower with every year (`note_past`).
AHEAD: Final = f"{LIVE} AND NOT is_past"
_LISTED: Final = f"""{AHEAD}
    AND events.organisation_id <> ALL (ARRAY(
        SELECT organisation_id FROM organisations WHERE standing <> 'active'))"""  # noqa: S608 - pieces of this module's own
# An event without an end counts as over a day after its start, as in domain/event_status.py.
OVER_AT: Final = "coalesce(ends_at, starts_at + interval '1 day')"
# What others have given to an organisation, and it has taken.
_SHARED: Final = """organisation_id <> $1 AND event_id = ANY (ARRAY(
    SELECT event_id FROM grant_acceptances WHERE grant_acceptances.organisation_id = $1))"""
# By sort: the column, its direction, and how its value is compared with a cursor's.
SORTS: Final = {
    "date": ("events.starts_at", "ASC", "timestamptz"),
    "newest": ("events.created_at", "DESC", "timestamptz"),
    "price": ("coalesce(events.price_min_minor, 0)", "ASC", "bigint"),
}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked for. None and "" are no condition; texts are as `search_texts.plain_words` writes them.

    Attributes:
        from_ms: the event is not over by then.
        from_day, to_day: it is not over before the first day and starts on the second at the latest, by the
            calendar where it is.
        price_max_minor: something can be had for this; 0 is free, and all that can be compared without a
            `currency`.
        with_cancelled: what was called off is listed too, for those who have it in their calendar.
    """

    words: str = ""
    city: str = ""
    country: str = ""
    from_ms: int
    from_day: dt.date | None = None
    to_day: dt.date | None = None
    price_max_minor: int | None = None
    currency: str = ""
    category: str = ""
    tag: str = ""
    language: str = ""
    organisation_id: OrganisationId | None = None
    with_cancelled: bool = False
    sort: str = "date"


class Listed(msgspec.Struct, frozen=True):
    """A part of a list, and where the next begins."""

    events: tuple[EventRecord, ...]
    next_cursor: str | None


async def public_events(pool: Pool, wanted: Wanted, cursor: str | None, limit: int) -> Listed | None:
    """Return a part of the events that everybody may find, None for a cursor that is not of this list."""
    column, direction, kind = SORTS[wanted.sort]
    conditions, values = _conditions(wanted)
    if cursor is not None:
        after = _read_cursor(cursor, wanted.sort)
        if after is None:
            return None
        values += list(after)
        compared = ">" if direction == "ASC" else "<"
        conditions.append(
            f"({column}, events.event_id) {compared} (${len(values) - 1}::{kind}, ${len(values)}::uuid)"
        )
    values.append(limit + 1)
    async with asking(pool) as connection:
        # Found first, read after: only those that are shown are put together.
        rows = await connection.fetch(
            f"""
            SELECT event_id, {column} AS sort_key FROM events
            WHERE {" AND ".join(conditions)}
            ORDER BY {column} {direction}, event_id {direction} LIMIT ${len(values)}
            """,  # noqa: S608 - pieces of this module's own
            *values,
        )
        ids = [row["event_id"] for row in rows[:limit]]
        events = await _read_in_order(connection, ids)
    last = rows[limit - 1] if len(rows) > limit else None
    return Listed(events, None if last is None else _cursor(wanted.sort, last["sort_key"], last["event_id"]))


async def own_events(
    pool: Pool,
    organisation_id: OrganisationId,
    *,
    now_ms: int,
    status: str | None,
    words: str,
    cursor: str | None,
    limit: int,
) -> Listed | None:
    """Return a part of the events that an organisation works on, the latest first."""
    conditions: list[str] = []
    values: list[Any] = [organisation_id]
    if status is not None:
        values += [status, now_ms]
        conditions.append(f"{_status_at(len(values))} = ${len(values) - 1}")
    if words:
        values.append(_query(words))
        conditions.append(f"search @@ to_tsquery('simple', ${len(values)})")
    if cursor is not None:
        after = _read_cursor(cursor, "own")
        if after is None:
            return None
        values += list(after)
        conditions.append(f"(starts_at, event_id) < (${len(values) - 1}::timestamptz, ${len(values)}::uuid)")
    values.append(limit + 1)
    async with asking(pool) as connection:
        rows = await connection.fetch(
            _latest(("organisation_id = $1", _SHARED), conditions, limit=f"${len(values)}"),
            *values,
        )
        events = await _read_in_order(connection, [row["event_id"] for row in rows[:limit]])
    last = rows[limit - 1] if len(rows) > limit else None
    return Listed(events, None if last is None else _cursor("own", last["starts_at"], last["event_id"]))


def _latest(ways: Sequence[str], conditions: Sequence[str], *, limit: str) -> str:
    """Return a statement for the latest events that are on one of some ways and meet all conditions.

    Each way has an index of its own. Together, with OR, they would be a condition that has none, and all
    events of all organisations would be read; no event is on two ways.
    """
    parts = " UNION ALL ".join(
        f"""(SELECT event_id, starts_at FROM events WHERE {" AND ".join((way, *conditions))}
            ORDER BY starts_at DESC, event_id DESC LIMIT {limit})"""  # noqa: S608 - pieces of this module's own
        for way in ways
    )
    return f"SELECT * FROM ({parts}) AS latest ORDER BY starts_at DESC, event_id DESC LIMIT {limit}"  # noqa: S608


async def note_past(connection: AnyConnection, before_ms: int, limit: int) -> int:
    """Note of events that they were over before a time, so that lists need not pass over them; return of how
    many. One that is moved is ahead again: a trigger sees to that.
    """
    status = await connection.execute(
        f"""
        UPDATE events SET is_past = true
        WHERE {OVER_AT} < $1 AND event_id = ANY (ARRAY(
            SELECT event_id FROM events WHERE {AHEAD} AND starts_at < $1 AND {OVER_AT} < $1
            ORDER BY starts_at LIMIT $2))
        """,  # noqa: S608 - pieces of this module's own
        before_ms,
        limit,
    )
    return int(status.rpartition(" ")[2])


async def slugs_of_part(pool: Pool, part: int, parts: int, limit: int) -> list[str]:
    """Return the slugs of the listed events that are not over, of one of as many parts, soonest first."""
    async with asking(pool) as connection:
        rows = await connection.fetch(
            f"""
            SELECT slug FROM events
            WHERE {_LISTED} AND {OVER_AT} > now() AND get_byte(uuid_send(event_id), 15) % $2 = $1
            ORDER BY starts_at, event_id LIMIT $3
            """,  # noqa: S608 - pieces of this module's own
            part,
            parts,
            limit,
        )
    return [row["slug"] for row in rows]


async def organisation_slugs(pool: Pool, limit: int) -> list[str]:
    """Return the slugs of the organisations that have something listed ahead."""
    async with asking(pool) as connection:
        rows = await connection.fetch(
            f"""
            SELECT slug FROM organisations
            WHERE standing = 'active' AND organisation_id IN (
                SELECT organisation_id FROM events WHERE {_LISTED} AND {OVER_AT} > now())
            ORDER BY slug LIMIT $1
            """,  # noqa: S608 - pieces of this module's own
            limit,
        )
    return [row["slug"] for row in rows]


def _conditions(wanted: Wanted) -> tuple[list[str], list[Any]]:
    conditions = [_LISTED if not wanted.with_cancelled else f"({_LISTED} OR status = 'cancelled')"]
    values: list[Any] = []

    def add(condition: str, value: object) -> None:
        values.append(value)
        conditions.append(condition.replace("?", f"${len(values)}"))

    add(f"{OVER_AT} > ?", wanted.from_ms)
    if wanted.words:
        add("search @@ to_tsquery('simple', ?)", _query(wanted.words))
    if wanted.city:
        add("city_key = ?", wanted.city)
    if wanted.country:
        add("country = ?", wanted.country)
    if wanted.from_day is not None:
        add("over_on >= ?", wanted.from_day)
    if wanted.to_day is not None:
        add("starts_on <= ?", wanted.to_day)
        # What the index can use: nowhere does a day end later than this.
        add("starts_at < ?", _end_of_day_anywhere_ms(wanted.to_day))
    if wanted.price_max_minor is not None:
        add("price_min_minor <= ?", wanted.price_max_minor)
    if wanted.currency:
        add("currency = ?", wanted.currency)
    if wanted.category:
        add("category = ?", wanted.category)
    if wanted.tag:
        add("tags @> ARRAY[?::text]", wanted.tag)
    if wanted.language:
        add("language = ?", wanted.language)
    if wanted.organisation_id is not None:
        add("organisation_id = ?", wanted.organisation_id)
    return conditions, values


def _end_of_day_anywhere_ms(day: dt.date) -> int:
    """Return when a day is over everywhere on earth: twelve hours after its end at UTC."""
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC)
    return round((midnight + dt.timedelta(hours=36)).timestamp() * 1000)


def _query(words: str) -> str:
    """Return a query for words of letters and digits: all of them, the last as the beginning of one."""
    found = words.split()[:_WORDS_MAX]
    return " & ".join([*found[:-1], f"{found[-1]}:*"])


def _status_at(position: int) -> str:
    """The same as `domain.event_status.status_at`, as SQL; a test compares them."""
    now = f"${position}::timestamptz"
    return f"""CASE
        WHEN {LIVE} AND {OVER_AT} <= {now} THEN 'ended'
        WHEN status IN ('on_sale', 'sold_out') OR (status = 'published' AND opens_at <= {now})
            THEN CASE WHEN {_sold_out_at(now)} THEN 'sold_out' ELSE 'on_sale' END
        ELSE status END"""


def _sold_out_at(now: str) -> str:
    """The same as `services.events.views.is_sold_out`."""
    public = "ticket_types.event_id = events.event_id AND NOT (is_hidden OR is_retired)"
    return f"""EXISTS (
        SELECT FROM sale_standings WHERE sale_standings.event_id = events.event_id
            AND EXISTS (SELECT FROM ticket_types WHERE {public} AND position = ANY (sold_out))
            AND NOT EXISTS (SELECT FROM ticket_types WHERE {public} AND position <> ALL (sold_out)
                AND (sales_end IS NULL OR sales_end > {now})))"""  # noqa: S608 - pieces of this module's own


async def _read_in_order(connection: Any, ids: list[EventId]) -> tuple[EventRecord, ...]:
    if not ids:
        return ()
    found = {
        event.event_id: event
        for event in await read_events(connection, "WHERE events.event_id = ANY ($1)", ids)
    }
    return tuple(found[event_id] for event_id in ids if event_id in found)


def _cursor(sort: str, key: int, event_id: EventId) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode((sort, key, event_id))).decode().rstrip("=")


def _read_cursor(cursor: str, sort: str) -> tuple[int, bytes] | None:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        given, key, event_id = msgspec.msgpack.decode(
            base64.urlsafe_b64decode(padded), type=tuple[str, int, bytes]
        )
    except (ValueError, msgspec.MsgspecError):
        return None
    is_ours = given == sort and len(event_id) == 16 and abs(key) < 2**60
    if sort in {"date", "newest", "own"}:
        is_ours = is_ours and 0 <= key < 253_402_300_800_000
    return (key, event_id) if is_ours else None
