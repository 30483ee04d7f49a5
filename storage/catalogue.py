"""The catalogue: organisations and their events, with pools and ticket types as people read them."""

from collections.abc import Sequence
from typing import Final

import asyncpg
import msgspec

from domain.ids import EventId, OrganisationId, PoolId, TicketTypeId
from storage.postgres import AnyConnection, Pool, asking


class OrganisationRecord(msgspec.Struct, frozen=True):
    """Who sells. `access_key_hash` is the SHA-256 of the key that opens the organizer's page."""

    organisation_id: OrganisationId
    name: str
    slug: str
    access_key_hash: bytes | None = None


class PoolRecord(msgspec.Struct, frozen=True):
    """A pool; its place in `EventRecord.pools` is its position in the definition."""

    pool_id: PoolId
    name: str
    capacity: int


class TicketTypeRecord(msgspec.Struct, frozen=True):
    """A ticket type; its place in `EventRecord.ticket_types` is its position in the definition.

    Attributes:
        pools: positions of the pools that each ticket takes a place from.
    """

    ticket_type_id: TicketTypeId
    name: str
    description: str
    price_minor: int
    quantity_min: int
    quantity_max: int
    sales_start_ms: int | None
    sales_end_ms: int | None
    pools: tuple[int, ...]


class EventRecord(msgspec.Struct, frozen=True):
    """An event as people read it. Times are ms since the epoch; `time_zone` is the venue's, of the IANA
    database.
    """

    event_id: EventId
    organisation_id: OrganisationId
    organisation: str
    slug: str
    title: str
    summary: str
    description: str
    venue: str
    address: str
    city: str
    country: str
    starts_at_ms: int
    ends_at_ms: int | None
    doors_at_ms: int | None
    time_zone: str
    currency: str
    image_url: str
    opens_at_ms: int | None
    status: str
    buyer_limit: int
    ticket_types: tuple[TicketTypeRecord, ...]
    pools: tuple[PoolRecord, ...]


_EVENT: Final = """
    SELECT event_id, organisation_id, organisations.name AS organisation, events.slug, title, summary,
    description,
        venue, address, city, country, starts_at, ends_at, doors_at, time_zone, currency, image_url, opens_at,
        status, buyer_limit
    FROM events JOIN organisations USING (organisation_id)
"""


class Catalogue:
    """Every method raises `ConnectionError` when PostgreSQL is away, and may be repeated."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(self, event_id: EventId) -> EventRecord | None:
        """Return an event."""
        return await self._one("WHERE event_id = $1", event_id)

    async def find_by_slug(self, slug: str) -> EventRecord | None:
        """Return the event with a slug; of several organisations' the one that was made first."""
        return await self._one("WHERE events.slug = $1 ORDER BY events.created_at, event_id LIMIT 1", slug)

    async def upcoming(self, limit: int) -> list[EventRecord]:
        """Return the published events that are not over, soonest first. One without an end is over after a
        day.
        """
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                f"""{_EVENT}
                WHERE status = 'published' AND coalesce(ends_at, starts_at) > now() - interval '1 day'
                    AND (ends_at IS NULL OR ends_at > now())
                ORDER BY starts_at, event_id
                LIMIT $1
                """,
                limit,
            )
            return await _with_sales(connection, rows)

    async def access_key_hash(self, event_id: EventId) -> bytes | None:
        """Return the hash of the access key of the organisation whose event this is."""
        async with asking(self._pool) as connection:
            found: bytes | None = await connection.fetchval(
                """
                SELECT access_key_hash FROM organisations JOIN events USING (organisation_id)
                WHERE event_id = $1
                """,
                event_id,
            )
        return found

    async def save(self, organisation: OrganisationRecord, event: EventRecord) -> None:
        """Store an organisation and its event, replacing what was there under the same ids.

        Pools and ticket types that are there keep their ids and positions: the sale was configured with them.

        Raises:
            Refused: another organisation has the slug, or another of its events has.
        """
        async with asking(self._pool) as connection, connection.transaction():
            await _save_organisation(connection, organisation)
            await _save_event(connection, event)
            await _save_pools(connection, event)
            await _save_ticket_types(connection, event)

    async def _one(self, condition: str, value: object) -> EventRecord | None:
        async with asking(self._pool) as connection:
            found = await _with_sales(connection, await connection.fetch(_EVENT + condition, value))
        return found[0] if found else None


async def _with_sales(connection: AnyConnection, rows: Sequence[asyncpg.Record]) -> list[EventRecord]:
    event_ids = [row["event_id"] for row in rows]
    pools: dict[EventId, list[PoolRecord]] = {event_id: [] for event_id in event_ids}
    types: dict[EventId, list[TicketTypeRecord]] = {event_id: [] for event_id in event_ids}
    for row in await connection.fetch(
        """
        SELECT event_id, pool_id, name, capacity FROM pools
        WHERE event_id = ANY ($1)
        ORDER BY event_id, position
        """,
        event_ids,
    ):
        pools[row["event_id"]].append(PoolRecord(*tuple(row)[1:]))
    for row in await connection.fetch(
        """
        SELECT event_id, ticket_type_id, name, description, price_minor, quantity_min, quantity_max,
        sales_start,
            sales_end, ARRAY(
                SELECT position FROM ticket_type_pools JOIN pools USING (pool_id)
                WHERE ticket_type_pools.ticket_type_id = ticket_types.ticket_type_id
                ORDER BY position
            ) AS pools
        FROM ticket_types
        WHERE event_id = ANY ($1)
        ORDER BY event_id, position
        """,
        event_ids,
    ):
        *columns, drawn_from = tuple(row)[1:]
        types[row["event_id"]].append(TicketTypeRecord(*[*columns, tuple(drawn_from)]))
    return [
        EventRecord(*[*row, tuple(types[row["event_id"]]), tuple(pools[row["event_id"]])]) for row in rows
    ]


async def _save_organisation(connection: AnyConnection, organisation: OrganisationRecord) -> None:
    await connection.execute(
        """
        INSERT INTO organisations (organisation_id, name, slug, access_key_hash) VALUES ($1, $2, $3, $4)
        ON CONFLICT (organisation_id) DO UPDATE
            SET name = excluded.name, slug = excluded.slug, access_key_hash = excluded.access_key_hash
        """,
        organisation.organisation_id,
        organisation.name,
        organisation.slug,
        organisation.access_key_hash,
    )


async def _save_event(connection: AnyConnection, event: EventRecord) -> None:
    await connection.execute(
        """
        INSERT INTO events (event_id, organisation_id, slug, title, summary, description, venue, address,
        city,
            country, starts_at, ends_at, doors_at, time_zone, currency, image_url, opens_at, status,
            buyer_limit)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
        ON CONFLICT (event_id) DO UPDATE
            SET slug = excluded.slug, title = excluded.title, summary = excluded.summary,
                description = excluded.description, venue = excluded.venue, address = excluded.address,
                city = excluded.city, country = excluded.country, starts_at = excluded.starts_at,
                ends_at = excluded.ends_at, doors_at = excluded.doors_at, time_zone = excluded.time_zone,
                image_url = excluded.image_url, opens_at = excluded.opens_at, status = excluded.status,
                buyer_limit = excluded.buyer_limit
        """,
        event.event_id,
        event.organisation_id,
        event.slug,
        event.title,
        event.summary,
        event.description,
        event.venue,
        event.address,
        event.city,
        event.country,
        event.starts_at_ms,
        event.ends_at_ms,
        event.doors_at_ms,
        event.time_zone,
        event.currency,
        event.image_url,
        event.opens_at_ms,
        event.status,
        event.buyer_limit,
    )


async def _save_pools(connection: AnyConnection, event: EventRecord) -> None:
    await connection.executemany(
        """
        INSERT INTO pools (pool_id, event_id, position, name, capacity) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (pool_id) DO UPDATE SET name = excluded.name, capacity = excluded.capacity
        """,
        [(pool.pool_id, event.event_id, at, pool.name, pool.capacity) for at, pool in enumerate(event.pools)],
    )


async def _save_ticket_types(connection: AnyConnection, event: EventRecord) -> None:
    await connection.executemany(
        """
        INSERT INTO ticket_types (ticket_type_id, event_id, position, name, description, price_minor,
        currency,
            quantity_min, quantity_max, sales_start, sales_end)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (ticket_type_id) DO UPDATE SET name = excluded.name, description = excluded.description
        """,
        [
            (
                kind.ticket_type_id,
                event.event_id,
                at,
                kind.name,
                kind.description,
                kind.price_minor,
                event.currency,
                kind.quantity_min,
                kind.quantity_max,
                kind.sales_start_ms,
                kind.sales_end_ms,
            )
            for at, kind in enumerate(event.ticket_types)
        ],
    )
    await connection.executemany(
        "INSERT INTO ticket_type_pools (ticket_type_id, pool_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        [(kind.ticket_type_id, event.pools[at].pool_id) for kind in event.ticket_types for at in kind.pools],
    )
