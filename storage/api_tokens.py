"""API keys and device tokens of organisations, by the hash of what their holders show.

Functions take the connection of the transaction that they are part of.
"""

import enum
from collections.abc import Sequence
from typing import Final

import asyncpg
import msgspec

from domain.ids import EventId, OrganisationId
from domain.roles import Permission
from storage.postgres import AnyConnection, Pool, asking

COLUMNS = (
    "token_id, organisation_id, event_id, kind, name, prefix, token_hash, scopes, created_by, created_at, "
    "expires_at, last_used_at"
)
FORGOTTEN_AFTER_MS: Final = 90 * 24 * 3_600_000


class TokenKind(enum.StrEnum):
    """What a token is for."""

    KEY = "key"
    DEVICE = "device"


class ApiToken(msgspec.Struct, frozen=True):
    """A key, or a device's token.

    Attributes:
        token_id: an `ApiKeyId` or a `DeviceId`, as `kind` says.
        event_id: the one event that it is for, None for all of the organisation.
        prefix: its first characters, which people know it by.
        token_hash: SHA-256 of the whole.
        created_by: a user or a key.
    """

    token_id: bytes
    organisation_id: OrganisationId
    event_id: EventId | None
    kind: TokenKind
    name: str
    prefix: str
    token_hash: bytes
    scopes: frozenset[Permission]
    created_by: bytes
    created_at_ms: int
    expires_at_ms: int
    last_used_at_ms: int | None = None


async def insert(connection: AnyConnection, token: ApiToken) -> None:
    """Store a token."""
    await connection.execute(
        f"INSERT INTO api_tokens ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",  # noqa: S608
        token.token_id,
        token.organisation_id,
        token.event_id,
        token.kind.value,
        token.name,
        token.prefix,
        token.token_hash,
        sorted(token.scopes),
        token.created_by,
        token.created_at_ms,
        token.expires_at_ms,
        token.last_used_at_ms,
    )


async def count(connection: AnyConnection, organisation_id: OrganisationId, kind: TokenKind) -> int:
    """Return how many tokens of a kind an organisation has."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM api_tokens WHERE organisation_id = $1 AND kind = $2 AND revoked_at IS NULL",
        organisation_id,
        kind.value,
    )
    return found


async def list_tokens(
    connection: AnyConnection,
    organisation_id: OrganisationId,
    kind: TokenKind,
    after: bytes | None,
    limit: int,
) -> list[ApiToken]:
    """Return a part of an organisation's tokens that were not revoked, oldest first."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS} FROM api_tokens
        WHERE organisation_id = $1 AND kind = $2 AND revoked_at IS NULL
            AND ($3::uuid IS NULL OR token_id > $3)
        ORDER BY token_id LIMIT $4
        """,  # noqa: S608 - this module's columns
        organisation_id,
        kind.value,
        after,
        limit,
    )
    return [token_of(row) for row in rows]


async def revoke(
    connection: AnyConnection, organisation_id: OrganisationId, kind: TokenKind, token_id: bytes, at_ms: int
) -> ApiToken | None:
    """Make a token worthless and return it; None if there is none, any more."""
    row = await connection.fetchrow(
        f"""
        UPDATE api_tokens SET revoked_at = $4
        WHERE organisation_id = $1 AND kind = $2 AND token_id = $3 AND revoked_at IS NULL
        RETURNING {COLUMNS}
        """,  # noqa: S608 - this module's columns
        organisation_id,
        kind.value,
        token_id,
        at_ms,
    )
    return None if row is None else token_of(row)


async def find_good(pool: Pool, token_hash: bytes, now_ms: int) -> ApiToken | None:
    """Return the token with a hash if it is good: neither revoked nor expired, and its organisation
    active. Raises `ConnectionError`.
    """
    async with asking(pool) as connection:
        row = await connection.fetchrow(
            f"""
            SELECT {COLUMNS} FROM api_tokens
            WHERE token_hash = $1 AND revoked_at IS NULL AND expires_at > $2 AND NOT EXISTS (
                SELECT FROM organisations
                WHERE organisations.organisation_id = api_tokens.organisation_id AND standing <> 'active')
            """,  # noqa: S608 - this module's columns
            token_hash,
            now_ms,
        )
    return None if row is None else token_of(row)


async def is_good(
    connection: AnyConnection, organisation_id: OrganisationId, token_id: bytes, now_ms: int
) -> bool:
    """Say whether an organisation's token is neither revoked nor expired."""
    found: bool = await connection.fetchval(
        """
        SELECT EXISTS (SELECT FROM api_tokens
            WHERE organisation_id = $1 AND token_id = $2 AND revoked_at IS NULL AND expires_at > $3)
        """,
        organisation_id,
        token_id,
        now_ms,
    )
    return found


async def touch(pool: Pool, token_id: bytes, now_ms: int) -> None:
    """Note that a token was used. Raises `ConnectionError`."""
    async with asking(pool) as connection:
        await connection.execute(
            "UPDATE api_tokens SET last_used_at = greatest(last_used_at, $2) WHERE token_id = $1",
            token_id,
            now_ms,
        )


async def forget_dead(connection: AnyConnection, now_ms: int, limit: int) -> int:
    """Delete tokens that were revoked or expired long ago; under the owner's role, which sees all."""
    status = await connection.execute(
        """
        DELETE FROM api_tokens WHERE token_id = ANY (ARRAY(
            SELECT token_id FROM api_tokens WHERE least(revoked_at, expires_at) < $1 LIMIT $2))
        """,
        now_ms - FORGOTTEN_AFTER_MS,
        limit,
    )
    return int(status.rpartition(" ")[2])


def token_of(row: asyncpg.Record) -> ApiToken:
    """Return the token of a row of `COLUMNS`."""
    scopes: Sequence[str] = row["scopes"]
    # A permission that there was once gives nothing.
    known = frozenset(permission for permission in Permission if permission.value in scopes)
    return ApiToken(*[*row[:3], TokenKind(row[3]), *row[4:7], known, *row[8:]])
