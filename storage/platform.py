"""Users and the platform's people, as those who run the platform see them: without personal data.

Functions take the connection of the transaction that they are part of, under a role that sees everything.
"""

import asyncpg
import msgspec

from domain.ids import EventId, OrganisationId, UserId
from domain.roles import PlatformRole, Role
from domain.standing import Standing
from storage.postgres import AnyConnection

_USER = """
    SELECT users.user_id, users.state, users.created_at, suspended_users.at AS suspended_at,
        platform_members.role AS platform_role,
        EXISTS (SELECT FROM totp WHERE totp.user_id = users.user_id AND totp.is_confirmed)
            OR EXISTS (SELECT FROM passkeys WHERE passkeys.user_id = users.user_id) AS has_second_factor,
        (SELECT count(*) FROM members WHERE members.user_id = users.user_id) AS memberships,
        (SELECT count(*) FROM sessions WHERE sessions.user_id = users.user_id) AS sessions
    FROM users
    LEFT JOIN suspended_users ON suspended_users.user_id = users.user_id
    LEFT JOIN platform_members ON platform_members.user_id = users.user_id
"""


class PlatformUser(msgspec.Struct, frozen=True):
    """A user, without what they are called. Times are ms since the epoch."""

    user_id: UserId
    state: str
    created_at_ms: int
    suspended_at_ms: int | None
    platform_role: PlatformRole | None
    has_second_factor: bool
    memberships: int
    sessions: int


class SealedUser(msgspec.Struct, frozen=True):
    """What the vault opens of a user, sealed for the table `users`."""

    name_sealed: bytes
    email_sealed: bytes
    locale: str


class PlatformMembership(msgspec.Struct, frozen=True):
    """What a user is in an organisation, or for one event of it."""

    organisation_id: OrganisationId
    slug: str
    name: str
    standing: Standing
    role: Role
    event_id: EventId | None


async def list_users(
    connection: AnyConnection, *, only_suspended: bool, after: UserId | None, limit: int
) -> list[PlatformUser]:
    """Return a part of all users whose address was confirmed, oldest first."""
    rows = await connection.fetch(
        f"""
        {_USER}
        WHERE users.state <> 'unconfirmed' AND ($1::uuid IS NULL OR users.user_id > $1)
            AND (NOT $2 OR suspended_users.user_id IS NOT NULL)
        ORDER BY users.user_id LIMIT $3
        """,
        after,
        only_suspended,
        limit,
    )
    return [_user(row) for row in rows]


async def find_user(connection: AnyConnection, user_id: UserId) -> PlatformUser | None:
    """Return a user whose address was confirmed."""
    row = await connection.fetchrow(
        f"{_USER} WHERE users.user_id = $1 AND users.state <> 'unconfirmed'", user_id
    )
    return None if row is None else _user(row)


async def find_by_address(connection: AnyConnection, email_lookup: bytes) -> PlatformUser | None:
    """Return the user with an address, by its keyed hash."""
    row = await connection.fetchrow(
        f"{_USER} WHERE users.email_lookup = $1 AND users.state = 'active'", email_lookup
    )
    return None if row is None else _user(row)


async def sealed_user(connection: AnyConnection, user_id: UserId) -> SealedUser | None:
    """Return what is sealed of a user."""
    row = await connection.fetchrow(
        "SELECT name_sealed, email_sealed, locale FROM users WHERE user_id = $1 AND state = 'active'", user_id
    )
    return None if row is None else SealedUser(*row)


async def memberships_of(connection: AnyConnection, user_id: UserId) -> list[PlatformMembership]:
    """Return a user's roles, those in organisations that do not act too, in the order of joining."""
    rows = await connection.fetch(
        """
        SELECT organisation_id, slug, name, standing, role, event_id
        FROM members JOIN organisations USING (organisation_id)
        WHERE user_id = $1 ORDER BY member_id
        """,
        user_id,
    )
    return [
        PlatformMembership(
            row["organisation_id"],
            row["slug"],
            row["name"],
            Standing(row["standing"]),
            Role(row["role"]),
            row["event_id"],
        )
        for row in rows
    ]


async def suspend_user(connection: AnyConnection, user_id: UserId, at_ms: int) -> bool:
    """Suspend a user as of a time. Returns False if they were already."""
    status = await connection.execute(
        "INSERT INTO suspended_users (user_id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING", user_id, at_ms
    )
    return status == "INSERT 0 1"


async def unsuspend_user(connection: AnyConnection, user_id: UserId) -> bool:
    """End a suspension. Returns False if there was none."""
    return await connection.execute("DELETE FROM suspended_users WHERE user_id = $1", user_id) == "DELETE 1"


async def set_platform_role(
    connection: AnyConnection, user_id: UserId, role: PlatformRole | None, at_ms: int
) -> PlatformRole | None:
    """Give somebody a role of the platform, or none, and return the one that they had."""
    # Of the user, as there is no other row to lock before the first role.
    await connection.execute("SELECT FROM users WHERE user_id = $1 FOR UPDATE", user_id)
    had = await connection.fetchval("SELECT role FROM platform_members WHERE user_id = $1", user_id)
    if role is None:
        await connection.execute("DELETE FROM platform_members WHERE user_id = $1", user_id)
    else:
        await connection.execute(
            """
            INSERT INTO platform_members (user_id, role, created_at) VALUES ($1, $2, $3)
            ON CONFLICT (user_id) DO UPDATE SET role = excluded.role
            """,
            user_id,
            role.value,
            at_ms,
        )
    return None if had is None else PlatformRole(had)


def _user(row: asyncpg.Record) -> PlatformUser:
    role = row["platform_role"]
    return PlatformUser(
        row["user_id"],
        row["state"],
        row["created_at"],
        row["suspended_at"],
        None if role is None else PlatformRole(role),
        row["has_second_factor"],
        row["memberships"],
        row["sessions"],
    )
