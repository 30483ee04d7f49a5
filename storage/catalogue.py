"""The catalogue: organisations and their events, with pools and ticket types as people read them."""

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from domain.ids import EventId, OrganisationId
from storage.batcher import Batcher
from storage.event_records import (
    PLAIN,
    TIMES,
    EventRecord,
    OrganisationRecord,
    PoolRecord,
    TicketTypeRecord,
    TierRecord,
    read_events,
)
from storage.postgres import AnyConnection, Pool, asking
from storage.search_texts import name_for_now, plain_words, search_text

__all__ = [
    "Catalogue",
    "EventRecord",
    "OrganisationRecord",
    "PoolRecord",
    "TicketTypeRecord",
    "TierRecord",
    "count_events",
    "slug_is_free",
    "store_event",
    "store_tickets",
    "title_of",
]

# Pages that are not at hand are read together while others are; more at once would hold up what is quick.
FOUND_TOGETHER_MAX: Final = 32


class Catalogue:
    """Every method raises `ConnectionError` when PostgreSQL is away, and may be repeated."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._finding: Batcher[str, EventRecord | None] = Batcher(
            self._find_all_by_slug, batch_max=FOUND_TOGETHER_MAX
        )

    async def find(self, event_id: EventId) -> EventRecord | None:
        """Return an event."""
        return await self._one("WHERE event_id = $1", event_id)

    async def find_by_slug(self, slug: str) -> EventRecord | None:
        """Return the event with a slug; of several organisations' the one that was made first."""
        return await self._finding.put(slug)

    async def _find_all_by_slug(self, slugs: list[str]) -> list[EventRecord | None]:
        async with asking(self._pool) as connection:
            found = await read_events(
                connection,
                "WHERE events.slug = ANY ($1) ORDER BY events.created_at DESC, event_id DESC",
                slugs,
            )
        by_slug = {event.slug: event for event in found}
        return [by_slug.get(slug) for slug in slugs]

    async def save(self, organisation: OrganisationRecord, event: EventRecord) -> None:
        """Store an organisation and its event, replacing what was there under the same ids.

        Pools and ticket types that are there keep their ids and positions: the sale was configured with them.

        Raises:
            Refused: another organisation has the slug, or another of its events has.
        """
        async with asking(self._pool) as connection, connection.transaction():
            await _save_organisation(connection, organisation)
            await store_event(connection, event)
            await store_tickets(connection, event)

    async def _one(self, condition: str, value: object) -> EventRecord | None:
        async with asking(self._pool) as connection:
            found = await read_events(connection, condition, value)
        return found[0] if found else None


async def _save_organisation(connection: AnyConnection, organisation: OrganisationRecord) -> None:
    await connection.execute(
        """
        INSERT INTO organisations (organisation_id, name, slug) VALUES ($1, $2, $3)
        ON CONFLICT (organisation_id) DO UPDATE SET name = excluded.name, slug = excluded.slug
        """,
        organisation.organisation_id,
        organisation.name,
        organisation.slug,
    )


# What a new version of an event never changes: whose it is, and what its prices are in.
_FIXED: Final = frozenset({"event_id", "organisation_id", "currency"})
_COLUMNS: Final = (*PLAIN, *TIMES)
_STORE_EVENT: Final = f"""
    INSERT INTO events ({", ".join(_COLUMNS)}, search_text, city_key, starts_on, over_on)
    VALUES ({", ".join(f"${number + 1}" for number in range(len(_COLUMNS) + 4))})
    ON CONFLICT (event_id) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in _FIXED)},
        search_text = excluded.search_text, city_key = excluded.city_key,
        starts_on = excluded.starts_on, over_on = excluded.over_on, version = events.version + 1
"""  # noqa: S608 - the names are this module's own


async def store_event(connection: AnyConnection, event: EventRecord) -> None:
    """Store everything of an event but its tickets; one that is there gets its next version.

    What it is found by has the organisation's name as it is now, whatever `event` says: it may have been read
    before a renaming.
    """
    organiser = await name_for_now(connection, event.organisation_id)
    await connection.execute(
        _STORE_EVENT,
        *[getattr(event, name) for name in PLAIN],
        *[getattr(event, f"{name}_ms") for name in TIMES],
        search_text(event, organiser),
        plain_words(event.city),
        *days_of(event),
    )


async def count_events(connection: AnyConnection, organisation_id: OrganisationId) -> int:
    """Return how many events an organisation has."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM events WHERE organisation_id = $1", organisation_id
    )
    return found


async def title_of(
    connection: AnyConnection, organisation_id: OrganisationId, event_id: EventId
) -> str | None:
    """Return the title of an organisation's event, None if it is not one of its own."""
    found: str | None = await connection.fetchval(
        "SELECT title FROM events WHERE organisation_id = $1 AND event_id = $2", organisation_id, event_id
    )
    return found


async def slug_is_free(connection: AnyConnection, slug: str) -> bool:
    """Say whether no event, of whatever organisation, has an address; it then stays free for the transaction
    that is open.
    """
    found: bool = await connection.fetchval("SELECT slug_is_free($1)", slug)
    return found


async def store_tickets(connection: AnyConnection, event: EventRecord) -> None:
    """Store pools, ticket types and questions of an event that is there, as they now are.

    Those of a draft that are not named any more are removed; nothing is ever removed from what was on sale.
    The event's `tickets_version` is left alone.
    """
    await _remove_missing(connection, event)
    await _store_pools(connection, event)
    await _store_types(connection, event)
    await _store_questions(connection, event)
    prices = [price for kind in event.ticket_types if kind.is_public for price in prices_of(kind)]
    await connection.execute(
        "UPDATE events SET price_min_minor = $2, price_max_minor = $3 WHERE event_id = $1",
        event.event_id,
        min(prices, default=None),
        max(prices, default=None),
    )


async def _remove_missing(connection: AnyConnection, event: EventRecord) -> None:
    for table, ids in (
        ("ticket_types", [kind.ticket_type_id for kind in event.ticket_types]),
        ("pools", [pool.pool_id for pool in event.pools]),
    ):
        await connection.execute(
            f"""
            DELETE FROM {table} WHERE event_id = $1 AND {table.removesuffix("s")}_id <> ALL ($2)
                AND EXISTS (SELECT FROM events WHERE events.event_id = $1 AND status = 'draft')
            """,  # noqa: S608 - the names are this function's own
            event.event_id,
            ids,
        )


async def _store_pools(connection: AnyConnection, event: EventRecord) -> None:
    await connection.executemany(
        """
        INSERT INTO pools (pool_id, event_id, position, name, capacity) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (pool_id) DO UPDATE
            SET name = excluded.name, capacity = excluded.capacity, position = excluded.position
        WHERE pools.event_id = excluded.event_id
        """,
        [(pool.pool_id, event.event_id, at, pool.name, pool.capacity) for at, pool in enumerate(event.pools)],
    )


_TYPE_COLUMNS: Final = (
    *("name", "description", "price_minor", "quantity_min", "quantity_max", "kind", "price_min_minor"),
    *("is_hidden", "is_retired", "buyer_limit", "tax_basis_points", "fee_plan", "valid_days"),
)
_CHANGING: Final = (*_TYPE_COLUMNS, "position", "sales_start", "sales_end")
_STORE_TYPE: Final = f"""
    INSERT INTO ticket_types (ticket_type_id, event_id, position, currency, sales_start, sales_end,
        {", ".join(_TYPE_COLUMNS)})
    VALUES ({", ".join(f"${number + 1}" for number in range(len(_TYPE_COLUMNS) + 6))})
    ON CONFLICT (ticket_type_id) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in _CHANGING)}
    WHERE ticket_types.event_id = excluded.event_id
"""  # noqa: S608 - the names are this module's own


async def _store_types(connection: AnyConnection, event: EventRecord) -> None:
    await connection.executemany(
        _STORE_TYPE,
        [
            (
                kind.ticket_type_id,
                event.event_id,
                at,
                event.currency,
                kind.sales_start_ms,
                kind.sales_end_ms,
                *[getattr(kind, name) for name in _TYPE_COLUMNS],
            )
            for at, kind in enumerate(event.ticket_types)
        ],
    )
    type_ids = [kind.ticket_type_id for kind in event.ticket_types]
    await connection.execute("DELETE FROM ticket_type_pools WHERE ticket_type_id = ANY ($1)", type_ids)
    await connection.executemany(
        "INSERT INTO ticket_type_pools (ticket_type_id, pool_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        [(kind.ticket_type_id, event.pools[at].pool_id) for kind in event.ticket_types for at in kind.pools],
    )
    await connection.execute("DELETE FROM ticket_type_tiers WHERE ticket_type_id = ANY ($1)", type_ids)
    await connection.executemany(
        """
        INSERT INTO ticket_type_tiers (ticket_type_id, position, number, name, price_minor, quantity,
            ends_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        """,
        [
            (
                *(kind.ticket_type_id, at, tier.number, tier.name, tier.price_minor, tier.quantity),
                tier.ends_at_ms,
            )
            for kind in event.ticket_types
            for at, tier in enumerate(kind.tiers)
        ],
    )


async def _store_questions(connection: AnyConnection, event: EventRecord) -> None:
    await connection.execute("DELETE FROM questions WHERE event_id = $1", event.event_id)
    await connection.executemany(
        """
        INSERT INTO questions (question_id, event_id, position, per, label, kind, choices, is_required,
            type_ids)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        """,
        [
            (
                *(question.question_id, event.event_id, at, question.per, question.label, question.kind),
                *(question.choices, question.is_required, question.type_ids),
            )
            for at, question in enumerate(event.questions)
        ],
    )


def days_of(event: EventRecord) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of an event, as calendars at its place show them.

    One that ends at midnight is over on the day before; one without an end, on the day on which it starts.
    """
    try:
        zone: dt.tzinfo = ZoneInfo(event.time_zone)
    except (KeyError, ValueError, OSError):
        zone = dt.UTC
    starts, over = (
        dt.datetime.fromtimestamp(at_ms / 1000, zone).date()
        for at_ms in (event.starts_at_ms, (event.ends_at_ms or event.starts_at_ms + 1) - 1)
    )
    return starts, max(starts, over)


def prices_of(kind: TicketTypeRecord) -> list[int]:
    """Return every price that a ticket of this type may have, the least one of a free choice included."""
    least = kind.price_minor if kind.price_min_minor is None else kind.price_min_minor
    return [*(tier.price_minor for tier in kind.tiers), kind.price_minor, least]
