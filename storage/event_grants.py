"""Which organisations are asked to work on others' events, and which have accepted.

What changes something works within a transaction of `storage.tenancy.tenant`; row-level security lets the
owner give and the guest accept, and nobody else either.
"""

import msgspec

from domain.ids import EventId, OrganisationId
from storage.postgres import AnyConnection


class GuestRecord(msgspec.Struct, frozen=True):
    """An organisation that was asked."""

    organisation_id: OrganisationId
    name: str
    slug: str
    may_edit: bool
    is_accepted: bool


class OfferRecord(msgspec.Struct, frozen=True):
    """An event that an organisation is asked to work on."""

    event_id: EventId
    title: str
    organiser: str
    starts_at_ms: int
    time_zone: str
    may_edit: bool
    is_accepted: bool


async def of_event(connection: AnyConnection, event_id: EventId) -> list[GuestRecord]:
    """Return who was asked to work on an event, by name."""
    rows = await connection.fetch(
        """
        SELECT organisation_id, name, slug, may_edit, accepted_at IS NOT NULL AS is_accepted
        FROM event_grants JOIN organisations USING (organisation_id)
            LEFT JOIN grant_acceptances USING (event_id, organisation_id)
        WHERE event_id = $1 ORDER BY name, organisation_id
        """,
        event_id,
    )
    return [GuestRecord(*row) for row in rows]


async def of_guest(connection: AnyConnection, organisation_id: OrganisationId) -> list[OfferRecord]:
    """Return what an organisation is asked to work on, what waits for an answer first, then the soonest."""
    rows = await connection.fetch(
        """
        SELECT events.event_id, events.title, organisations.name, events.starts_at, events.time_zone,
            event_grants.may_edit, accepted_at IS NOT NULL AS is_accepted
        FROM event_grants JOIN events USING (event_id)
            JOIN organisations ON organisations.organisation_id = events.organisation_id
            LEFT JOIN grant_acceptances ON grant_acceptances.event_id = event_grants.event_id
                AND grant_acceptances.organisation_id = event_grants.organisation_id
        WHERE event_grants.organisation_id = $1 AND events.status <> 'archived'
        ORDER BY accepted_at IS NOT NULL, events.starts_at, events.event_id LIMIT 200
        """,
        organisation_id,
    )
    return [OfferRecord(*row) for row in rows]


async def organisation_named(connection: AnyConnection, slug: str) -> OrganisationId | None:
    """Return the organisation with a slug, None if there is none that everybody may see."""
    found: OrganisationId | None = await connection.fetchval(
        "SELECT organisation_id FROM organisations WHERE slug = $1 AND standing = 'active'", slug
    )
    return found


async def locked_guests(connection: AnyConnection, event_id: EventId) -> dict[OrganisationId, bool]:
    """Return who was asked to work on an event and whether they may change it, and keep others from asking
    anybody until the transaction ends.
    """
    await connection.execute("SELECT FROM events WHERE event_id = $1 FOR NO KEY UPDATE", event_id)
    rows = await connection.fetch(
        "SELECT organisation_id, may_edit FROM event_grants WHERE event_id = $1", event_id
    )
    return {row["organisation_id"]: row["may_edit"] for row in rows}


async def give(
    connection: AnyConnection, event_id: EventId, guest: OrganisationId, *, may_edit: bool
) -> None:
    """Ask an organisation, or change what one that was asked may do."""
    await connection.execute(
        """
        INSERT INTO event_grants (event_id, organisation_id, may_edit) VALUES ($1, $2, $3)
        ON CONFLICT (event_id, organisation_id) DO UPDATE SET may_edit = excluded.may_edit
        """,
        event_id,
        guest,
        may_edit,
    )


async def is_asked(connection: AnyConnection, event_id: EventId, guest: OrganisationId) -> bool:
    """Say whether an organisation is asked to work on an event."""
    found = await connection.fetchval(
        "SELECT true FROM event_grants WHERE event_id = $1 AND organisation_id = $2", event_id, guest
    )
    return found is not None


async def accept(connection: AnyConnection, event_id: EventId, guest: OrganisationId) -> bool:
    """Write down that an organisation has accepted. Returns false if it had before."""
    written = await connection.fetchval(
        """
        INSERT INTO grant_acceptances (event_id, organisation_id) VALUES ($1, $2)
        ON CONFLICT DO NOTHING RETURNING true
        """,
        event_id,
        guest,
    )
    return written is not None


async def end(connection: AnyConnection, event_id: EventId, guest: OrganisationId) -> bool:
    """End a grant, accepted or not. Returns whether there was one."""
    status = await connection.execute(
        "DELETE FROM event_grants WHERE event_id = $1 AND organisation_id = $2", event_id, guest
    )
    return bool(status == "DELETE 1")
