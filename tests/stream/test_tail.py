"""Everything that follows a sale (the warehouse, mails, alerts) reads through the tail. If it missed a row,
somebody would pay and never hear of it, and no count would ever agree again.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from domain.ids import EventId, uuid7
from storage.journal import Batch, Entry
from storage.journal_reader import START, JournalReader, JournalRow
from storage.postgres import AnyConnection, Pool, close_pool, create_pool
from storage.postgres_journal import PostgresJournal
from stream.tail import Tail, TailSettings

NOW_MS = 1_800_000_000_000
INSERT = """
    INSERT INTO journal (event_id, seq, seq_last, at, shard, epoch, body) VALUES ($1, $2, $2, $3, 0, 1, '')
"""
NAIVE = "SELECT xid, seq FROM journal WHERE xid > $1 ORDER BY xid, event_id, seq"
SETTINGS = TailSettings(rows_max=3, quick_s=0.01, slow_s=0.05, retry_s_max=0.1)
_numbers = itertools.count(1)


def event() -> EventId:
    return EventId(uuid7(NOW_MS, next(_numbers)))


@pytest.fixture
async def pool(migrated_dsn: str) -> AsyncIterator[Pool]:
    pool = await create_pool(migrated_dsn, application_name="test", connections_max=8)
    yield pool
    await close_pool(pool)


class Seen:
    """An effect that keeps what it was given, and fails when told to."""

    def __init__(self) -> None:
        self.rows: list[JournalRow] = []
        self.fail_times = 0

    async def __call__(self, rows: Sequence[JournalRow]) -> None:
        if self.fail_times:
            self.fail_times -= 1
            raise RuntimeError("the effect failed")
        self.rows.extend(rows)

    @property
    def seqs(self) -> list[int]:
        return [row.entry.seq_first for row in self.rows]


@asynccontextmanager
async def running(tail: Tail) -> AsyncIterator[Tail]:
    task = asyncio.create_task(tail.run())
    try:
        yield tail
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.005)


async def insert(connection: AnyConnection | Pool, event_id: EventId, seq: int) -> None:
    await connection.execute(INSERT, event_id, seq, NOW_MS)


async def test_transactions_that_commit_out_of_order(pool: Pool, migrated_dsn: str) -> None:
    """The reader of everything that comes after the newest row it saw misses one here; the tail does not."""
    seen, show = Seen(), event()
    tail = Tail(migrated_dsn, JournalReader(pool), "test", seen, SETTINGS)
    naive_seen: list[int] = []
    naive_last = 0

    async def read_naively() -> None:
        nonlocal naive_last
        for row in await pool.fetch(NAIVE, naive_last):
            naive_seen.append(row["seq"])
            naive_last = row["xid"]

    async def both_read() -> None:
        await read_naively()
        await tail.catch_up()

    async with pool.acquire() as early, pool.acquire() as late:
        first = early.transaction()
        await first.start()
        await insert(early, show, 1)
        second = late.transaction()
        await second.start()
        await insert(late, show, 2)
        await both_read()
        await second.commit()
        await both_read()
        assert naive_seen == [2]
        assert seen.seqs == [], "a row before this one may still come"
        await first.commit()
    await both_read()
    assert naive_seen == [2], "the naive reader has missed the first row for ever"
    assert seen.seqs == [1, 2]


async def test_many_writers_out_of_order_and_nothing_is_missed(pool: Pool, migrated_dsn: str) -> None:
    seen = Seen()
    total, writers = 15, 6
    shows = [event() for _ in range(writers)]

    async def write(show: EventId, rank: int) -> None:
        async with pool.acquire() as connection:
            for seq in range(1, total + 1):
                async with connection.transaction():
                    await insert(connection, show, seq)
                    # Stay open for a while that differs from writer to writer and row to row.
                    for _ in range((rank * 7 + seq * 3) % 11):
                        await connection.execute("SELECT 1")

    reader_pool = await create_pool(migrated_dsn, application_name="reader")
    async with running(Tail(migrated_dsn, JournalReader(reader_pool), "test", seen, SETTINGS)):
        await asyncio.gather(*(write(show, rank) for rank, show in enumerate(shows)))
        await until(lambda: len(seen.rows) >= total * writers)
    for show in shows:
        mine = [row.entry.seq_first for row in seen.rows if row.entry.event_id == show]
        assert mine == list(range(1, total + 1)), "each once, in order"
    assert [row.position for row in seen.rows] == sorted(row.position for row in seen.rows)
    await close_pool(reader_pool)


async def test_it_goes_on_where_the_effect_was_durable(pool: Pool, migrated_dsn: str) -> None:
    """A crash between effect and checkpoint repeats rows; it never skips any."""
    show, reader = event(), JournalReader(pool)
    for seq in range(1, 8):
        await insert(pool, show, seq)
    seen = Seen()
    seen.fail_times = 2
    tail = Tail(migrated_dsn, reader, "test", seen, SETTINGS)
    with pytest.raises(RuntimeError):
        await tail.catch_up()
    assert await reader.checkpoint("test") == START
    async with running(tail):
        await until(lambda: len(seen.rows) == 7)
    assert tail.failures == 1
    again = Seen()
    assert await Tail(migrated_dsn, reader, "test", again, SETTINGS).catch_up() == 0
    await insert(pool, show, 8)
    assert await Tail(migrated_dsn, reader, "test", again, SETTINGS).catch_up() == 1
    assert again.seqs == [8]
    assert await Tail(migrated_dsn, reader, "another", Seen(), SETTINGS).catch_up() == 8


async def test_a_commit_wakes_it(pool: Pool, migrated_dsn: str) -> None:
    """With the slow pace alone every mail and every figure would be late by up to that."""
    seconds = itertools.count()
    seen, journal, show = Seen(), PostgresJournal(pool, lambda: next(seconds)), event()
    epoch = await journal.claim(0, "test")
    slow = TailSettings(quick_s=0.01, quick_looks=2, slow_s=3_600.0)
    async with running(Tail(migrated_dsn, JournalReader(pool), "test", seen, slow)) as tail:
        for seq in range(1, 6):
            await until(lambda: tail.is_slow)
            await journal.commit(Batch(0, epoch, [Entry(show, seq, seq, NOW_MS, b"")]))
            await until(lambda: len(seen.rows) == seq)  # noqa: B023 - called before seq changes


async def test_one_process_reads_and_another_takes_over(pool: Pool, migrated_dsn: str) -> None:
    one_seen, other_seen, show = Seen(), Seen(), event()
    reader = JournalReader(pool)
    one = Tail(migrated_dsn, reader, "test", one_seen, SETTINGS)
    other = Tail(migrated_dsn, reader, "test", other_seen, SETTINGS)
    async with running(other):
        async with running(one):
            await until(lambda: one.is_reading or other.is_reading)
            await insert(pool, show, 1)
            await until(lambda: len(one_seen.rows) + len(other_seen.rows) == 1)
            assert not (one.is_reading and other.is_reading)
        await insert(pool, show, 2)
        await until(lambda: 2 in other_seen.seqs)
    # A row whose effect was done but not yet recorded when its reader ended comes once more.
    assert sorted({*one_seen.seqs, *other_seen.seqs}) == [1, 2]


async def test_it_survives_its_connections(pool: Pool, migrated_dsn: str) -> None:
    seen, show = Seen(), event()
    async with running(Tail(migrated_dsn, JournalReader(pool), "test", seen, SETTINGS)) as tail:
        await insert(pool, show, 1)
        await until(lambda: len(seen.rows) == 1)
        await pool.execute("""
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'bilten tail test'
        """)
        await until(lambda: not tail.is_reading)
        await insert(pool, show, 2)
        await until(lambda: len(seen.rows) == 2)


async def test_a_consumer_of_what_comes_from_now_on(pool: Pool, migrated_dsn: str) -> None:
    show, seen = event(), Seen()
    await insert(pool, show, 1)
    tail = Tail(migrated_dsn, JournalReader(pool), "test", seen, SETTINGS, is_from_now=True)
    assert await tail.catch_up() == 0
    await insert(pool, show, 2)
    assert await tail.catch_up() == 1
    assert seen.seqs == [2]


async def test_what_holds_readers_back_can_be_seen(pool: Pool) -> None:
    reader = JournalReader(pool)
    assert await reader.lag_ms() < 60_000
    async with pool.acquire() as connection, connection.transaction():
        await insert(connection, event(), 1)
        async with asyncio.timeout(10):
            while not await reader.lag_ms():
                await asyncio.sleep(0.005)
