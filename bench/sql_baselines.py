"""How others sell one hot event with PostgreSQL: four ways, each made as a good engineer would make it.

All of them write a durable row for every hold, on connections of one pool, with prepared statements
(asyncpg prepares and caches by itself), each hold answered after its commit. There are more callers than
connections, as there are in a web application.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Final

import asyncpg

from bench.load import Load, measure

CONNECTIONS: Final = 32
CONNECTIONS_FEW: Final = 8
CALLERS: Final = 64
PLACES: Final = 200_000
PLACES_QUICK: Final = 50_000
QUOTA: Final = 10_000
QUOTA_SOLD: Final = 5_000

_TABLES = """
    DROP SCHEMA IF EXISTS baseline CASCADE;
    CREATE SCHEMA baseline;
    CREATE TABLE baseline.counters (event_id int PRIMARY KEY, free int NOT NULL CHECK (free >= 0))
        WITH (fillfactor = 10);
    CREATE TABLE baseline.holds (
        hold_id bigint PRIMARY KEY,
        event_id int NOT NULL,
        buyer_id bigint NOT NULL,
        expires_at timestamptz NOT NULL
    );
    CREATE INDEX ON baseline.holds (event_id, expires_at);
    CREATE TABLE baseline.places (
        place_id int PRIMARY KEY,
        event_id int NOT NULL,
        hold_id bigint
    ) WITH (fillfactor = 50);
    CREATE INDEX places_free ON baseline.places (event_id, place_id) WHERE hold_id IS NULL;
    CREATE TABLE baseline.positions (position_id int PRIMARY KEY, event_id int NOT NULL, state text NOT NULL);
    CREATE INDEX ON baseline.positions (event_id, state);
    INSERT INTO baseline.counters VALUES (1, 2000000000);
"""

_INSERT_HOLD = "INSERT INTO baseline.holds VALUES ($1, 1, $2, now() + interval '8 minutes')"


class SqlBaselines:
    """The four ways, on one pool."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._numbers = count(1)

    async def for_update(self) -> None:
        """Lock the counter's row, look, count down, insert the hold: what most tutorials teach."""
        number = next(self._numbers)
        async with self._pool.acquire() as connection, connection.transaction():
            free = await connection.fetchval(
                "SELECT free FROM baseline.counters WHERE event_id = 1 FOR UPDATE"
            )
            assert free > 0
            await connection.execute("UPDATE baseline.counters SET free = $1 WHERE event_id = 1", free - 1)
            await connection.execute(_INSERT_HOLD, number, number)

    async def conditional_update(self) -> None:
        """One statement: count down if there is one left, and insert the hold in the same breath."""
        number = next(self._numbers)
        async with self._pool.acquire() as connection:
            held = await connection.fetchval(
                """
                WITH taken AS (
                    UPDATE baseline.counters SET free = free - 1
                    WHERE event_id = 1 AND free >= 1
                    RETURNING event_id
                )
                INSERT INTO baseline.holds
                SELECT $1, event_id, $2, now() + interval '8 minutes' FROM taken
                RETURNING hold_id
                """,
                number,
                number,
            )
            assert held == number

    async def skip_locked(self) -> None:
        """A row for every place; take the first that nobody else is taking, and insert the hold."""
        number = next(self._numbers)
        async with self._pool.acquire() as connection:
            held = await connection.fetchval(
                """
                WITH free AS (
                    SELECT place_id FROM baseline.places
                    WHERE event_id = 1 AND hold_id IS NULL
                    LIMIT 1 FOR UPDATE SKIP LOCKED
                ), taken AS (
                    UPDATE baseline.places SET hold_id = $1 FROM free
                    WHERE places.place_id = free.place_id
                    RETURNING places.event_id
                )
                INSERT INTO baseline.holds
                SELECT $1, event_id, $2, now() + interval '8 minutes' FROM taken
                RETURNING hold_id
                """,
                number,
                number,
            )
            assert held == number

    async def advisory_lock(self) -> None:
        """Lock the event, count again what is sold and what is in carts, insert the cart position: pretix's
        way (`pretix.base.services.quotas` and `.locking`), with its counts as two index-only scans.
        """
        number = next(self._numbers)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(1, 1)")
            sold = await connection.fetchval(
                "SELECT count(*) FROM baseline.positions WHERE event_id = 1 AND state IN ('paid', 'pending')"
            )
            await connection.fetchval(
                "SELECT count(*) FROM baseline.holds WHERE event_id = 1 AND expires_at > now()"
            )
            assert sold < QUOTA
            await connection.execute(_INSERT_HOLD, number, number)


@asynccontextmanager
async def sql_baselines(dsn: str, places: int, connections: int = CONNECTIONS) -> AsyncIterator[SqlBaselines]:
    """The four ways on fresh tables; the tables are dropped at the end."""
    async with asyncpg.create_pool(dsn, min_size=connections, max_size=connections) as pool:
        await pool.execute(_TABLES)
        await pool.execute(
            "INSERT INTO baseline.places SELECT n, 1, NULL FROM generate_series(1, $1::int) n", places
        )
        await pool.execute(
            "INSERT INTO baseline.positions SELECT n, 1, 'paid' FROM generate_series(1, $1::int) n",
            QUOTA_SOLD,
        )
        await pool.execute("VACUUM ANALYZE baseline.places, baseline.positions, baseline.counters")
        try:
            yield SqlBaselines(pool)
        finally:
            await pool.execute("DROP SCHEMA baseline CASCADE")


WAYS: Final[Mapping[str, Callable[[SqlBaselines], Callable[[], Awaitable[None]]]]] = {
    "for_update": lambda baselines: baselines.for_update,
    "conditional_update": lambda baselines: baselines.conditional_update,
    "skip_locked": lambda baselines: baselines.skip_locked,
    "advisory_lock": lambda baselines: baselines.advisory_lock,
}


async def run_sql(dsn: str, seconds: float, *, is_quick: bool) -> Mapping[str, Load]:
    """Measure the four ways one after the other, each on fresh tables; and, unless quick, again on a pool
    that is small enough not to be slowed down by its own queue for the row.
    """
    loads = {}
    places = PLACES_QUICK if is_quick else PLACES
    for connections in (CONNECTIONS,) if is_quick else (CONNECTIONS, CONNECTIONS_FEW):
        for name, way in WAYS.items():
            key = name if connections == CONNECTIONS else f"{name}_{connections}_connections"
            async with sql_baselines(dsn, places if name == "skip_locked" else 1, connections) as baselines:
                loads[key] = await measure(CALLERS, way(baselines), seconds)
    return loads
