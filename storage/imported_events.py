"""Where imported events come from, and what their sources said of them the last time."""

import msgspec

from domain.ids import EventId, OrganisationId
from storage.postgres import AnyConnection


class Source(msgspec.Struct, frozen=True):
    """What an entry of an import is called where it comes from.

    Attributes:
        kind: the format that it came in.
        key: its name there.
        digest: 32 bytes that differ when what is said of it does.
    """

    kind: str
    key: str
    digest: bytes


async def find_imported(
    connection: AnyConnection, organisation_id: OrganisationId, source: Source
) -> EventId | None:
    """Return the event that came from there before. Another import of the same entry waits until this
    transaction ends.
    """
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
        f"imported event {organisation_id.hex()} {source.kind} {source.key}",
    )
    found: EventId | None = await connection.fetchval(
        "SELECT event_id FROM events WHERE organisation_id = $1 AND source = $2 AND source_key = $3",
        organisation_id,
        source.kind,
        source.key,
    )
    return found


async def imported_digest(connection: AnyConnection, event_id: EventId) -> bytes | None:
    """Return the digest of what was said of an event the last time, None if it does not come from
    elsewhere.
    """
    found: bytes | None = await connection.fetchval(
        "SELECT source_digest FROM events WHERE event_id = $1", event_id
    )
    return found


async def store_source(connection: AnyConnection, event_id: EventId, source: Source) -> None:
    """Store where an event comes from, and what is said of it there now."""
    await connection.execute(
        "UPDATE events SET source = $2, source_key = $3, source_digest = $4 WHERE event_id = $1",
        event_id,
        source.kind,
        source.key,
        source.digest,
    )
