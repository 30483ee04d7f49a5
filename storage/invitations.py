"""Invitations to organisations. One is there until it is accepted or taken back; the audit log has the rest.

Functions take the connection of the transaction that they are part of.
"""

import asyncpg
import msgspec

from domain.ids import EventId, InvitationId, OrganisationId, UserId
from domain.roles import Role
from storage.postgres import AnyConnection, Pool, asking

COLUMNS = (
    "invitation_id, organisation_id, event_id, role, email_hash, email_sealed, token_hash, invited_by, "
    "created_at, expires_at"
)


class Invitation(msgspec.Struct, frozen=True):
    """An invitation.

    Attributes:
        email_hash: the address's keyed hash, the same as of accounts.
        email_sealed: the address, sealed for this table under the invitation's own id.
        token_hash: SHA-256 of what stands in the link.
    """

    invitation_id: InvitationId
    organisation_id: OrganisationId
    event_id: EventId | None
    role: Role
    email_hash: bytes
    email_sealed: bytes
    token_hash: bytes
    invited_by: UserId
    created_at_ms: int
    expires_at_ms: int


async def replace(connection: AnyConnection, invitation: Invitation) -> InvitationId | None:
    """Store an invitation, and return the one to the same address and for the same that it takes the place
    of, None if there was none.
    """
    replaced: InvitationId | None = await connection.fetchval(
        """
        DELETE FROM invitations
        WHERE organisation_id = $1 AND email_hash = $2 AND event_id IS NOT DISTINCT FROM $3
        RETURNING invitation_id
        """,
        invitation.organisation_id,
        invitation.email_hash,
        invitation.event_id,
    )
    await connection.execute(
        f"INSERT INTO invitations ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",  # noqa: S608
        *msgspec.structs.astuple(invitation),
    )
    return replaced


async def find_by_token(pool: Pool, token_hash: bytes) -> Invitation | None:
    """Return the invitation that a link opens. Raises `ConnectionError`."""
    async with asking(pool) as connection:
        row = await connection.fetchrow(
            f"SELECT {COLUMNS} FROM invitations WHERE token_hash = $1",  # noqa: S608 - this module's columns
            token_hash,
        )
    return None if row is None else invitation_of(row)


async def take(
    connection: AnyConnection,
    organisation_id: OrganisationId,
    invitation_id: InvitationId,
    token_hash: bytes | None,
) -> Invitation | None:
    """Remove an invitation and return it; None if it is not there any more, or has got another link."""
    row = await connection.fetchrow(
        f"""
        DELETE FROM invitations
        WHERE organisation_id = $1 AND invitation_id = $2 AND ($3::bytea IS NULL OR token_hash = $3)
        RETURNING {COLUMNS}
        """,  # noqa: S608 - this module's columns
        organisation_id,
        invitation_id,
        token_hash,
    )
    return None if row is None else invitation_of(row)


async def list_invitations(
    connection: AnyConnection, organisation_id: OrganisationId, after: InvitationId | None, limit: int
) -> list[Invitation]:
    """Return a part of an organisation's invitations, oldest first."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS} FROM invitations
        WHERE organisation_id = $1 AND ($2::uuid IS NULL OR invitation_id > $2)
        ORDER BY invitation_id LIMIT $3
        """,  # noqa: S608 - this module's columns
        organisation_id,
        after,
        limit,
    )
    return [invitation_of(row) for row in rows]


async def count_beside(connection: AnyConnection, invitation: Invitation) -> int:
    """Return how many invitations of its organisation are open beside one that is to be stored: neither
    expired by then, nor the one that it takes the place of.
    """
    found: int = await connection.fetchval(
        """
        SELECT count(*) FROM invitations
        WHERE organisation_id = $1 AND expires_at > $2
            AND NOT (email_hash = $3 AND event_id IS NOT DISTINCT FROM $4)
        """,
        invitation.organisation_id,
        invitation.created_at_ms,
        invitation.email_hash,
        invitation.event_id,
    )
    return found


async def forget_expired(connection: AnyConnection, before_ms: int, limit: int) -> int:
    """Delete invitations that expired before a time, with the keys that their addresses were sealed under;
    under the owner's role, which sees all.
    """
    gone: int = await connection.fetchval(
        """
        WITH gone AS (
            DELETE FROM invitations WHERE invitation_id = ANY (ARRAY(
                SELECT invitation_id FROM invitations WHERE expires_at < $1 LIMIT $2))
            RETURNING invitation_id),
        keys AS (DELETE FROM person_keys USING gone WHERE person_id = invitation_id)
        SELECT count(*) FROM gone
        """,
        before_ms,
        limit,
    )
    return gone


def invitation_of(row: asyncpg.Record) -> Invitation:
    """Return the invitation of a row of `COLUMNS`."""
    return Invitation(*[*row[:3], Role(row[3]), *row[4:]])
