"""Feature flags. Functions take the connection of the transaction that they are part of."""

import msgspec

from storage.postgres import AnyConnection


class Flag(msgspec.Struct, frozen=True):
    """A switch. Its version starts at 1."""

    flag: str
    is_on: bool
    version: int
    updated_at_ms: int


async def all_flags(connection: AnyConnection) -> list[Flag]:
    """Return every flag that was ever set, by name."""
    rows = await connection.fetch("SELECT flag, is_on, version, updated_at FROM feature_flags ORDER BY flag")
    return [Flag(*row) for row in rows]


async def put(connection: AnyConnection, flag: str, is_on: bool, at_ms: int) -> tuple[bool, Flag]:
    """Set a flag; returns how it was and how it is. One that was never set was off."""
    was = await connection.fetchval("SELECT is_on FROM feature_flags WHERE flag = $1 FOR UPDATE", flag)
    row = await connection.fetchrow(
        """
        INSERT INTO feature_flags (flag, is_on, updated_at) VALUES ($1, $2, $3)
        ON CONFLICT (flag) DO UPDATE
            SET is_on = excluded.is_on, version = feature_flags.version + 1, updated_at = excluded.updated_at
        RETURNING flag, is_on, version, updated_at
        """,
        flag,
        is_on,
        at_ms,
    )
    assert row is not None
    return bool(was), Flag(*row)
