"""Venues: where an organisation's events take place. Every function works within a transaction of
`storage.tenancy.tenant`.
"""

import msgspec

from domain.ids import OrganisationId, VenueId
from storage.postgres import AnyConnection


class VenueRecord(msgspec.Struct, frozen=True):
    """A venue; its place is in millionths of a degree, both or none."""

    venue_id: VenueId
    organisation_id: OrganisationId
    name: str
    address: str
    city: str
    country: str
    latitude_e6: int | None
    longitude_e6: int | None
    time_zone: str
    capacity: int | None
    version: int = 1


_COLUMNS = (
    "venue_id, organisation_id, name, address, city, country, latitude_e6, longitude_e6, time_zone, capacity"
)


async def find_venue(
    connection: AnyConnection, venue_id: VenueId, *, is_locked: bool = False
) -> VenueRecord | None:
    """Return a venue, locked until the transaction ends if it is to be changed."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}, version FROM venues WHERE venue_id = $1{' FOR UPDATE' if is_locked else ''}",  # noqa: S608
        venue_id,
    )
    return None if row is None else VenueRecord(*row)


async def list_venues(
    connection: AnyConnection, organisation_id: OrganisationId, after: bytes | None, limit: int
) -> list[VenueRecord]:
    """Return venues in the order in which they were made, after one of them."""
    rows = await connection.fetch(
        f"""
        SELECT {_COLUMNS}, version FROM venues
        WHERE organisation_id = $1 AND venue_id > $2 ORDER BY venue_id LIMIT $3
        """,  # noqa: S608 - the names are this module's own
        organisation_id,
        after or bytes(16),
        limit,
    )
    return [VenueRecord(*row) for row in rows]


async def store_venue(connection: AnyConnection, venue: VenueRecord) -> None:
    """Store a venue, new or changed, under its version."""
    await connection.execute(
        f"""
        INSERT INTO venues ({_COLUMNS}, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (venue_id) DO UPDATE SET name = excluded.name, address = excluded.address,
            city = excluded.city, country = excluded.country, latitude_e6 = excluded.latitude_e6,
            longitude_e6 = excluded.longitude_e6, time_zone = excluded.time_zone,
            capacity = excluded.capacity, version = excluded.version
        """,  # noqa: S608 - the names are this module's own
        *msgspec.structs.astuple(venue),
    )


async def delete_venue(connection: AnyConnection, venue_id: VenueId) -> bool:
    """Remove a venue that no event names; returns whether it is gone."""
    status: str = await connection.execute(
        """
        DELETE FROM venues
        WHERE venue_id = $1 AND NOT EXISTS (SELECT FROM events WHERE events.venue_id = $1)
        """,
        venue_id,
    )
    return status == "DELETE 1"


async def events_at(connection: AnyConnection, venue_id: VenueId, now_ms: int, limit: int) -> list[bytes]:
    """Return the ids of events at a venue that are not over, soonest first."""
    rows = await connection.fetch(
        """
        SELECT event_id FROM events WHERE venue_id = $1 AND coalesce(ends_at, starts_at) > $2
            AND status NOT IN ('archived', 'cancelled')
        ORDER BY starts_at LIMIT $3
        """,
        venue_id,
        now_ms,
        limit,
    )
    return [row["event_id"] for row in rows]
