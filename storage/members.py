"""Members of organisations, and what somebody is in which of them. Functions take the connection of the
transaction that they are part of.
"""

from collections.abc import Sequence

import asyncpg
import msgspec

from domain.identity import Membership
from domain.ids import EventId, MemberId, OrganisationId, UserId
from domain.roles import Role
from storage.postgres import AnyConnection, Pool, asking

COLUMNS = "member_id, organisation_id, user_id, role, event_id, version, created_at"


class Member(msgspec.Struct, frozen=True):
    """A role of somebody. `event_id` is None where it holds for the whole organisation."""

    member_id: MemberId
    organisation_id: OrganisationId
    user_id: UserId
    role: Role
    event_id: EventId | None
    version: int
    created_at_ms: int


class NamedMembership(msgspec.Struct, frozen=True):
    """A role of somebody, with what they know the organisation by."""

    organisation_id: OrganisationId
    slug: str
    name: str
    role: Role
    event_id: EventId | None
    requires_second_factor: bool


class SealedPerson(msgspec.Struct, frozen=True):
    """What the vault opens of somebody; sealed for the table `users`."""

    user_id: UserId
    name_sealed: bytes
    email_sealed: bytes


class Memberships:
    """What somebody is, over all organisations. Every method raises `ConnectionError` when PostgreSQL is
    away.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def memberships_of(
        self, user_id: UserId, *, with_second_factor: bool = True
    ) -> tuple[Membership, ...]:
        """Return the roles that somebody has. Those in organisations that require a second factor are barred
        without one; those in organisations that are suspended or closed are not among them.
        """
        return tuple(
            Membership(
                named.organisation_id,
                named.role,
                named.event_id,
                named.requires_second_factor and not with_second_factor,
            )
            for named in await self.named_memberships_of(user_id)
        )

    async def named_memberships_of(self, user_id: UserId) -> tuple[NamedMembership, ...]:
        """Return the same with the organisations' names, in the order of joining."""
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                """
                SELECT organisation_id, slug, name, role, event_id, require_second_factor
                FROM members JOIN organisations USING (organisation_id)
                WHERE user_id = $1 AND standing = 'active'
                ORDER BY member_id
                """,
                user_id,
            )
        return tuple(
            NamedMembership(
                row["organisation_id"],
                row["slug"],
                row["name"],
                Role(row["role"]),
                row["event_id"],
                row["require_second_factor"],
            )
            for row in rows
        )


async def insert(connection: AnyConnection, member: Member) -> None:
    """Add a member, who has no role for the same yet: asked with the organisation locked."""
    await connection.execute(
        f"INSERT INTO members ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)",  # noqa: S608
        member.member_id,
        member.organisation_id,
        member.user_id,
        member.role.value,
        member.event_id,
        member.version,
        member.created_at_ms,
    )


async def find(
    connection: AnyConnection, organisation_id: OrganisationId, member_id: MemberId
) -> Member | None:
    """Return a member of an organisation."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM members WHERE organisation_id = $1 AND member_id = $2",  # noqa: S608
        organisation_id,
        member_id,
    )
    return members_of(rows)[0] if rows else None


async def of_user(
    connection: AnyConnection, organisation_id: OrganisationId, user_id: UserId
) -> list[Member]:
    """Return all that somebody is in an organisation."""
    rows = await connection.fetch(
        f"SELECT {COLUMNS} FROM members WHERE organisation_id = $1 AND user_id = $2",  # noqa: S608
        organisation_id,
        user_id,
    )
    return members_of(rows)


async def list_members(
    connection: AnyConnection, organisation_id: OrganisationId, after: MemberId | None, limit: int
) -> list[Member]:
    """Return a part of an organisation's members, in the order of joining."""
    rows = await connection.fetch(
        f"""
        SELECT {COLUMNS} FROM members
        WHERE organisation_id = $1 AND ($2::uuid IS NULL OR member_id > $2)
        ORDER BY member_id LIMIT $3
        """,  # noqa: S608 - this module's columns
        organisation_id,
        after,
        limit,
    )
    return members_of(rows)


async def count(connection: AnyConnection, organisation_id: OrganisationId, role: Role | None = None) -> int:
    """Return how many members an organisation has, or how many with a role."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM members WHERE organisation_id = $1 AND ($2::text IS NULL OR role = $2)",
        organisation_id,
        role,
    )
    return found


async def update_role(connection: AnyConnection, member: Member, role: Role) -> None:
    """Give a member another role, and the next version."""
    await connection.execute(
        """
        UPDATE members SET role = $3, version = version + 1 WHERE organisation_id = $1 AND member_id = $2
        """,
        member.organisation_id,
        member.member_id,
        role.value,
    )


async def delete(connection: AnyConnection, member: Member) -> None:
    """Remove a member."""
    await connection.execute(
        "DELETE FROM members WHERE organisation_id = $1 AND member_id = $2",
        member.organisation_id,
        member.member_id,
    )


async def sealed_people(pool: Pool, user_ids: Sequence[UserId]) -> dict[UserId, SealedPerson]:
    """Return the sealed names and addresses of users, who belong to no organisation. Raises
    `ConnectionError`.
    """
    async with asking(pool) as connection:
        rows = await connection.fetch(
            """
            SELECT user_id, name_sealed, email_sealed FROM users
            WHERE user_id = ANY ($1) AND state = 'active'
            """,
            list(user_ids),
        )
    return {row["user_id"]: SealedPerson(*row) for row in rows}


async def email_lookup_of(pool: Pool, user_id: UserId) -> bytes | None:
    """Return the keyed hash of somebody's address. Raises `ConnectionError`."""
    async with asking(pool) as connection:
        found: bytes | None = await connection.fetchval(
            "SELECT email_lookup FROM users WHERE user_id = $1 AND state = 'active'", user_id
        )
    return found


async def user_of_address(pool: Pool, email_lookup: bytes) -> UserId | None:
    """Return whose an address is. Raises `ConnectionError`."""
    async with asking(pool) as connection:
        found: UserId | None = await connection.fetchval(
            "SELECT user_id FROM users WHERE email_lookup = $1 AND state = 'active'", email_lookup
        )
    return found


async def locale_of(pool: Pool, email_lookup: bytes, user_id: UserId) -> str:
    """Return the language of whose an address is, or, if it is nobody's, of a user. Raises
    `ConnectionError`.
    """
    async with asking(pool) as connection:
        found: str | None = await connection.fetchval(
            """
            SELECT locale FROM users WHERE state = 'active' AND (email_lookup = $1 OR user_id = $2)
            ORDER BY email_lookup = $1 DESC LIMIT 1
            """,
            email_lookup,
            user_id,
        )
    return found or "en"


async def has_second_factor(pool: Pool, user_id: UserId) -> bool:
    """Say whether somebody has set up a second factor. Raises `ConnectionError`."""
    async with asking(pool) as connection:
        found: bool = await connection.fetchval(
            """
            SELECT EXISTS (SELECT FROM totp WHERE user_id = $1 AND is_confirmed)
                OR EXISTS (SELECT FROM passkeys WHERE user_id = $1)
            """,
            user_id,
        )
    return found


def members_of(rows: Sequence[asyncpg.Record]) -> list[Member]:
    """Return the members of rows of `COLUMNS`."""
    return [Member(*[*row[:3], Role(row[3]), *row[4:]]) for row in rows]
