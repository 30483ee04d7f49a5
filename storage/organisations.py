"""Organisations: who sells. Functions take the connection of the transaction that they are part of."""

import asyncpg
import msgspec

from domain.ids import EventId, OrganisationId, UserId
from domain.standing import Standing
from storage.postgres import AnyConnection, Pool, asking

_COLUMNS = (
    "organisation_id, name, slug, description, website, contact_email, require_second_factor, version, "
    "standing, created_at"
)


class Organisation(msgspec.Struct, frozen=True):
    """An organisation's profile. Times are ms since the epoch."""

    organisation_id: OrganisationId
    name: str
    slug: str
    description: str
    website: str
    contact_email: str
    require_second_factor: bool
    version: int
    standing: Standing
    created_at_ms: int


async def insert(
    connection: AnyConnection, organisation_id: OrganisationId, name: str, slug: str, at_ms: int
) -> None:
    """Add an organisation. Breaks the constraint `organisations_slug_key` if the slug is taken."""
    await connection.execute(
        "INSERT INTO organisations (organisation_id, name, slug, created_at) VALUES ($1, $2, $3, $4)",
        organisation_id,
        name,
        slug,
        at_ms,
    )


async def find(connection: AnyConnection, organisation_id: OrganisationId) -> Organisation | None:
    """Return an organisation."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM organisations WHERE organisation_id = $1",  # noqa: S608 - this module's columns
        organisation_id,
    )
    return None if row is None else _organisation(row)


async def name_of(connection: AnyConnection, organisation_id: OrganisationId) -> str | None:
    """Return the name of an organisation, None if there is none."""
    found: str | None = await connection.fetchval(
        "SELECT name FROM organisations WHERE organisation_id = $1", organisation_id
    )
    return found


async def lock(connection: AnyConnection, organisation_id: OrganisationId) -> Organisation | None:
    """Return an organisation and keep everybody else who locks it waiting: what changes who may do what in it
    happens one after the other.
    """
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM organisations WHERE organisation_id = $1 FOR NO KEY UPDATE",  # noqa: S608
        organisation_id,
    )
    return None if row is None else _organisation(row)


async def update(connection: AnyConnection, changed: Organisation) -> None:
    """Store a profile and its version. Breaks `organisations_slug_key` if the slug is taken."""
    await connection.execute(
        """
        UPDATE organisations SET name = $2, slug = $3, description = $4, website = $5, contact_email = $6,
            require_second_factor = $7, version = $8
        WHERE organisation_id = $1
        """,
        changed.organisation_id,
        changed.name,
        changed.slug,
        changed.description,
        changed.website,
        changed.contact_email,
        changed.require_second_factor,
        changed.version,
    )


async def stand(connection: AnyConnection, organisation_id: OrganisationId, standing: Standing) -> None:
    """Suspend an organisation, close it, or let it act again."""
    await connection.execute(
        "UPDATE organisations SET standing = $2, version = version + 1 WHERE organisation_id = $1",
        organisation_id,
        standing.value,
    )


async def is_closed_for_now(connection: AnyConnection, organisation_id: OrganisationId) -> bool:
    """Say whether an organisation is closed, and keep it as it is until the transaction ends: whoever closes
    it waits, and finds what was written meanwhile.
    """
    standing: str | None = await connection.fetchval(
        "SELECT standing FROM organisations WHERE organisation_id = $1 FOR SHARE", organisation_id
    )
    return standing == Standing.CLOSED


async def selling(pool: Pool, organisation_id: OrganisationId) -> list[EventId]:
    """Return an organisation's events that are on sale, or will be. Raises `ConnectionError`."""
    async with asking(pool) as connection:
        rows = await connection.fetch(
            """
            SELECT event_id FROM events
            WHERE organisation_id = $1 AND status IN ('published', 'on_sale', 'sold_out') ORDER BY starts_at
            """,
            organisation_id,
        )
    return [row["event_id"] for row in rows]


async def count_owned(connection: AnyConnection, user_id: UserId) -> int:
    """Return how many organisations somebody owns; asked under the owner's role, which sees all."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM members WHERE user_id = $1 AND role = 'owner'", user_id
    )
    return count


async def list_all(
    pool: Pool, *, search: str, standing: Standing | None, after: OrganisationId | None, limit: int
) -> list[Organisation]:
    """Return organisations whose name or slug contains a text, oldest first, for the platform's people.

    Raises `ConnectionError`.
    """
    async with asking(pool) as connection:
        rows = await connection.fetch(
            f"""
            SELECT {_COLUMNS} FROM organisations
            WHERE ($1 = '' OR strpos(lower(name), lower($1)) > 0 OR strpos(slug, lower($1)) > 0)
                AND ($2::text IS NULL OR standing = $2)
                AND organisation_id > $3
            ORDER BY organisation_id LIMIT $4
            """,  # noqa: S608 - this module's columns
            search,
            standing,
            after or bytes(16),
            limit,
        )
    return [_organisation(row) for row in rows]


def _organisation(row: asyncpg.Record) -> Organisation:
    *said, standing, created_at_ms = row
    return Organisation(*[*said, Standing(standing), created_at_ms])
