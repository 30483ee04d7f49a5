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


async def find(connection: AnyConnection, flag: str) -> Flag | None:
    """Return a flag and lock it, None if it was never set."""
    row = await connection.fetchrow(
        "SELECT flag, is_on, version, updated_at FROM feature_flags WHERE flag = $1 FOR UPDATE", flag
    )
    return None if row is None else Flag(*row)


async def put(connection: AnyConnection, flag: str, is_on: bool, version: int, at_ms: int) -> Flag | None:
    """Set a flag that has this version, 0 if it was never set; None if it has another by now."""
    row = await connection.fetchrow(
        """
        INSERT INTO feature_flags (flag, is_on, updated_at) VALUES ($1, $2, $4)
        ON CONFLICT (flag) DO UPDATE
            SET is_on = excluded.is_on, version = feature_flags.version + 1, updated_at = excluded.updated_at
            WHERE feature_flags.version = $3
        RETURNING flag, is_on, version, updated_at
        """,
        flag,
        is_on,
        version,
        at_ms,
    )
    return None if row is None else Flag(*row)
