"""Reading the journal of all events in one order, without gaps.

Transactions commit out of order, so "everything after the last row I saw" skips rows whose transaction began
earlier and committed later. `xid` is the transaction that wrote a row, and `pg_snapshot_xmin` is the oldest
one that is still running: every row below it is there for good, and none can appear there any more. Reading
only those, in the order of (xid, event, seq), misses nothing.

The price is that one transaction which has written something and stays open, anywhere on the server, holds
all readers back until it ends. Nothing of ours does that; `lag_ms` shows when something does.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from storage.journal import Entry
from storage.postgres import Pool, asking, connect, unreachable
from storage.postgres_journal import NOTIFY_CHANNEL


class Position(msgspec.Struct, frozen=True, order=True):
    """Where a row stands in the order of reading. An effect keyed by it can be repeated harmlessly."""

    xid: int
    event_id: bytes
    seq: int


START = Position(0, bytes(16), 0)


class JournalRow(msgspec.Struct, frozen=True):
    """A row and where it stands."""

    position: Position
    entry: Entry


class JournalReader:
    """Reads, and remembers how far each consumer has come. Raises `ConnectionError` without PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self, after: Position, limit: int) -> list[JournalRow]:
        """Return at most `limit` rows after a position that no row can come before any more."""
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                """
                SELECT xid, event_id, seq, seq_last, at, body
                FROM journal
                WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) AND (xid, event_id, seq) > ($1, $2, $3)
                ORDER BY xid, event_id, seq
                LIMIT $4
                """,
                after.xid,
                after.event_id,
                after.seq,
                limit,
            )
        return [
            JournalRow(
                Position(row["xid"], row["event_id"], row["seq"]),
                Entry(row["event_id"], row["seq"], row["seq_last"], row["at"], row["body"]),
            )
            for row in rows
        ]

    async def now(self) -> Position:
        """Return a position after everything that can be read now."""
        async with asking(self._pool) as connection:
            xmin: int = await connection.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())")
        return Position(xmin, bytes(16), 0)

    async def lag_ms(self) -> int:
        """Return for how long the oldest transaction that holds readers back has been running, ms."""
        async with asking(self._pool) as connection:
            lag: int = await connection.fetchval("""
                SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start) * 1000), 0)::bigint
                FROM pg_stat_activity WHERE backend_xid IS NOT NULL
            """)
        return lag

    async def checkpoint(self, consumer: str) -> Position | None:
        """Return how far a consumer has come, None if it never began."""
        async with asking(self._pool) as connection:
            row = await connection.fetchrow(
                "SELECT xid, event_id, seq FROM checkpoints WHERE consumer = $1", consumer
            )
        return None if row is None else Position(*row)

    async def advance(self, consumer: str, to: Position) -> None:
        """Record how far a consumer has come; never backwards."""
        async with asking(self._pool) as connection:
            await connection.execute(
                """
                INSERT INTO checkpoints AS kept (consumer, xid, event_id, seq) VALUES ($1, $2, $3, $4)
                ON CONFLICT (consumer) DO UPDATE
                    SET (xid, event_id, seq, updated_at) = ($2, $3, $4, now())
                    WHERE (kept.xid, kept.event_id, kept.seq) < ($2, $3, $4)
                """,
                consumer,
                to.xid,
                to.event_id,
                to.seq,
            )


class Bell:
    """Rings when something was committed, and when the connection it hangs on is lost."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()
        self.is_lost = False

    def ring(self, *_: object) -> None:
        """Wake whoever waits."""
        self._rung.set()

    def lose(self, *_: object) -> None:
        """Say that it will not ring any more."""
        self.is_lost = True
        self._rung.set()

    async def wait(self, timeout_s: float) -> bool:
        """Wait until it rings or the time is over; returns whether it rang."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._rung.wait()
        rang = self._rung.is_set()
        self._rung.clear()
        return rang


@asynccontextmanager
async def attend(dsn: str, consumer: str) -> AsyncIterator[Bell | None]:
    """Be the one process that reads for a consumer; gives the bell that rings for it, None if another process
    is the one.

    A lock of the session says who it is, so it passes on by itself when a process or its connection is gone.
    Two may overlap for a moment then: effects are keyed by position.

    Raises:
        ConnectionError: PostgreSQL can't be reached.
    """
    connection = await connect(dsn, application_name=f"bilten tail {consumer}")
    try:
        with unreachable():
            if not await connection.fetchval(
                "SELECT pg_try_advisory_lock(hashtext('tail'), hashtext($1))", consumer
            ):
                yield None
                return
            bell = Bell()
            connection.add_termination_listener(bell.lose)
            await connection.add_listener(NOTIFY_CHANNEL, bell.ring)
        yield bell
    finally:
        connection.terminate()
