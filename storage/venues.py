"""Venues: where an organisation's events take place. Every function that takes a connection works within a
transaction of `storage.tenancy.tenant`.
"""

from typing import Final

import msgspec

from domain.ids import EventId, OrganisationId, VenueId
from storage.audit_log import AuditEntry
from storage.event_lists import OVER_AT
from storage.postgres import AnyConnection, Pool, asking


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


class Follower(msgspec.Struct, frozen=True):
    """An event that has to say what its venue now says, and what the audit log will be told of it."""

    event_id: EventId
    organisation_id: OrganisationId
    told: AuditEntry


_ATTEMPT_AGAIN_MS: Final = 2_000
_told: Final = msgspec.msgpack.Decoder(AuditEntry)


async def find_venue(
    connection: AnyConnection, venue_id: VenueId, *, is_locked: bool = False
) -> VenueRecord | None:
    """Return a venue, locked until the transaction ends if it is to be changed."""
    locked = "FOR NO KEY UPDATE" if is_locked else ""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}, version FROM venues WHERE venue_id = $1 {locked}",  # noqa: S608
        venue_id,
    )
    return None if row is None else VenueRecord(*row)


async def venue_for_now(connection: AnyConnection, venue_id: VenueId) -> VenueRecord | None:
    """Return a venue, which stays as it is until the transaction ends: whoever changes or removes it waits,
    and finds the events that were stored there meanwhile.
    """
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}, version FROM venues WHERE venue_id = $1 FOR SHARE",  # noqa: S608 - its own names
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


async def let_follow(
    connection: AnyConnection,
    venue_id: VenueId,
    organisation_id: OrganisationId,
    told: AuditEntry,
    now_ms: int,
) -> None:
    """Write down, with a change of a venue, that its events that are not over have to follow it."""
    await connection.execute(
        f"""
        INSERT INTO venue_followers (event_id, organisation_id, told)
        SELECT event_id, organisation_id, $3 FROM events
        WHERE venue_id = $1 AND organisation_id = $2 AND {OVER_AT} > $4::timestamptz
            AND status NOT IN ('archived', 'cancelled')
        ON CONFLICT (event_id) DO UPDATE SET told = excluded.told, attempted_at = NULL
        """,  # noqa: S608 - a piece of this platform's own
        venue_id,
        organisation_id,
        msgspec.msgpack.encode(told),
        now_ms,
    )


async def followers(pool: Pool, now_ms: int, limit: int) -> list[Follower]:
    """Return events that have to follow their venue and that nobody is at, and count that they are tried."""
    async with asking(pool) as connection:
        rows = await connection.fetch(
            """
            UPDATE venue_followers SET attempted_at = $1
            WHERE event_id = ANY (ARRAY(
                SELECT event_id FROM venue_followers WHERE coalesce(attempted_at, $2) <= $2
                LIMIT $3 FOR UPDATE SKIP LOCKED))
            RETURNING event_id, organisation_id, told
            """,
            now_ms,
            now_ms - _ATTEMPT_AGAIN_MS,
            limit,
        )
    return [Follower(EventId(row[0]), OrganisationId(row[1]), _told.decode(row[2])) for row in rows]


async def followed(connection: AnyConnection, event_id: EventId) -> None:
    """Forget, in the transaction in which it does, that an event has to follow its venue."""
    await connection.execute("DELETE FROM venue_followers WHERE event_id = $1", event_id)
