"""The wrapped keys of persons. What is in this table opens nothing without a key-encryption key. Who was
erased has a row without a key, and never gets another.

Thousands whose names are shown on one page cost one statement, because every call is batched.
"""

from collections.abc import Sequence

import msgspec

from storage.batcher import Batcher
from storage.postgres import AnyConnection, Pool, asking


class WrappedKey(msgspec.Struct, frozen=True):
    """A person's key, wrapped by the key-encryption key with the number `version`."""

    person_id: bytes
    version: int
    wrapped: bytes


class PersonKeys:
    """Every method raises `ConnectionError` when PostgreSQL is away, and may be repeated."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._finding: Batcher[bytes, WrappedKey | None] = Batcher(self._find_all)
        self._keeping: Batcher[WrappedKey, WrappedKey | None] = Batcher(self._keep_all)

    async def find(self, person_id: bytes) -> WrappedKey | None:
        """Return a person's key."""
        return await self._finding.put(person_id)

    async def find_many(self, person_ids: Sequence[bytes]) -> dict[bytes, WrappedKey]:
        """Return the keys of people, in one statement; those without one are not in it."""
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                """
                SELECT person_id, key_version, wrapped FROM person_keys
                WHERE person_id = ANY ($1) AND wrapped IS NOT NULL
                """,
                person_ids,
            )
        return {row["person_id"]: WrappedKey(*row) for row in rows}

    async def keep(self, key: WrappedKey) -> WrappedKey:
        """Store a person's first key. Returns the one that is there: of two who make one at the same time,
        both get the first.

        Raises `ConnectionError` also for somebody who was erased while a request of theirs was under way:
        asked again, it finds nobody.
        """
        kept = await self._keeping.put(key)
        if kept is None:
            raise ConnectionError("this person was erased")
        return kept

    async def outdated(self, newest: int, limit: int) -> list[WrappedKey]:
        """Return some of the keys that are wrapped by an older key-encryption key than the newest."""
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                """
                SELECT person_id, key_version, wrapped FROM person_keys
                WHERE key_version < $1 ORDER BY key_version, person_id LIMIT $2
                """,
                newest,
                limit,
            )
        return [WrappedKey(*row) for row in rows]

    async def rewrap(self, replaced: Sequence[tuple[WrappedKey, WrappedKey]]) -> int:
        """Replace keys by the same ones wrapped anew, as far as nobody did so before. Returns how many."""
        async with asking(self._pool) as connection:
            done = await connection.fetch(
                """
                UPDATE person_keys SET key_version = new.version, wrapped = new.wrapped
                FROM unnest($1::uuid[], $2::int[], $3::int[], $4::bytea[])
                    AS new (person_id, old_version, version, wrapped)
                WHERE person_keys.person_id = new.person_id AND person_keys.key_version = new.old_version
                RETURNING 1
                """,
                [new.person_id for _, new in replaced],
                [old.version for old, _ in replaced],
                [new.version for _, new in replaced],
                [new.wrapped for _, new in replaced],
            )
        return len(done)

    async def count_by_version(self) -> dict[int, int]:
        """Return how many keys each key-encryption key wraps."""
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                """
                SELECT key_version, count(*) FROM person_keys WHERE key_version IS NOT NULL
                GROUP BY 1 ORDER BY 1
                """
            )
        return {row[0]: row[1] for row in rows}

    async def forget(self, person_id: bytes) -> None:
        """Delete a person's key: what was sealed under it can't be read any more, in backups neither."""
        async with asking(self._pool) as connection:
            await connection.execute("DELETE FROM person_keys WHERE person_id = $1", person_id)

    async def _find_all(self, person_ids: list[bytes]) -> list[WrappedKey | None]:
        found = await self.find_many(person_ids)
        return [found.get(person_id) for person_id in person_ids]

    async def _keep_all(self, keys: list[WrappedKey]) -> list[WrappedKey | None]:
        first = {key.person_id: key for key in reversed(keys)}
        async with asking(self._pool) as connection:
            await connection.execute(
                """
                INSERT INTO person_keys (person_id, key_version, wrapped)
                SELECT * FROM unnest($1::uuid[], $2::int[], $3::bytea[])
                ON CONFLICT (person_id) DO NOTHING
                """,
                list(first),
                [key.version for key in first.values()],
                [key.wrapped for key in first.values()],
            )
        return await self._find_all([key.person_id for key in keys])


async def forget_people(connection: AnyConnection, person_ids: Sequence[bytes]) -> None:
    """Destroy the keys of people for good, in the caller's transaction: nothing of theirs can be read any
    more, and nothing be sealed for them again.
    """
    await connection.execute(
        """
        INSERT INTO person_keys (person_id, key_version, wrapped)
        SELECT person_id, NULL, NULL FROM unnest($1::uuid[]) AS gone (person_id)
        ON CONFLICT (person_id) DO UPDATE SET key_version = NULL, wrapped = NULL
        """,
        person_ids,
    )
