"""Work on one organisation's data, under a role of PostgreSQL that sees nothing else
(docs/decisions/row-level-security.md).

What an organiser's request reads and writes goes through `tenant`. The first wall is the permission that the
route names and the WHERE of each statement; this is the second: a statement that forgets its WHERE finds the
rows of this organisation only, and can't write others.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from domain.ids import OrganisationId
from storage.postgres import AnyConnection, Pool, asking

ROLE: Final = "bilten_tenant"


@asynccontextmanager
async def tenant(pool: Pool, organisation_id: OrganisationId) -> AsyncIterator[AnyConnection]:
    """Lend a connection in a transaction that works on one organisation; it commits when the block is left
    without an exception.

    Role and organisation last as long as the transaction, so the connection goes back as it was.

    Raises:
        ConnectionError: PostgreSQL is away, or went away before it said whether the transaction is there.
        Refused: the server refused a statement; nothing of the transaction is there.
    """
    async with asking(pool) as connection, connection.transaction():
        await enter(connection, organisation_id)
        yield connection


async def enter(connection: AnyConnection, organisation_id: OrganisationId) -> None:
    """Make the rest of a transaction that is open work on one organisation only."""
    await connection.execute(
        "SELECT set_config('role', $1, true), set_config('bilten.organisation', $2, true)",
        ROLE,
        organisation_id.hex(),
    )
