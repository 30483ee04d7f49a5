"""Migrations run at every start of every process, on databases that hold sold tickets. A second process, an
edited file, or a month without a partition must not stop or damage anything.
"""

import asyncio
import datetime as dt
from pathlib import Path

import pytest

from domain.orders import UNFINISHED, OrderState
from storage.migrate import MigrationChanged, migrate
from storage.partitions import ensure_partitions, misplaced
from storage.postgres import AnyConnection, Pool, connect


def ms(year: int, month: int, day: int) -> int:
    return int(dt.datetime(year, month, day, tzinfo=dt.UTC).timestamp() * 1000)


def files(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.sql").write_text(text)
    return folder


async def test_everything_is_applied_once(postgres_dsn: str) -> None:
    applied = await migrate(postgres_dsn)
    assert applied == sorted(applied)
    assert applied[0] == "0001_journal.sql"
    assert await migrate(postgres_dsn) == []


async def test_processes_that_start_together_queue_up(postgres_dsn: str) -> None:
    applied = await asyncio.gather(*(migrate(postgres_dsn) for _ in range(4)))
    assert sorted(map(bool, applied)) == [False, False, False, True]


async def test_an_edited_file_is_named_and_refused(postgres_dsn: str, tmp_path: Path) -> None:
    folder = files(tmp_path, **{"0001_one": "CREATE TABLE one ()", "0002_two": "CREATE TABLE two ()"})
    await migrate(postgres_dsn, folder=folder)
    files(folder, **{"0001_one": "CREATE TABLE one (a int)", "0003_three": "CREATE TABLE three ()"})
    with pytest.raises(MigrationChanged, match=r"0001_one\.sql was edited"):
        await migrate(postgres_dsn, folder=folder)
    connection = await connect(postgres_dsn, application_name="test")
    assert await connection.fetchval("SELECT to_regclass('three')") is None
    await connection.close()


async def test_only_forward(postgres_dsn: str, tmp_path: Path) -> None:
    folder = files(tmp_path, **{"0002_two": "CREATE TABLE two ()"})
    await migrate(postgres_dsn, folder=folder)
    with pytest.raises(MigrationChanged, match=r"0001_late\.sql comes before"):
        await migrate(postgres_dsn, folder=files(folder, **{"0001_late": "SELECT 1"}))
    (folder / "0001_late.sql").unlink()
    (folder / "0002_two.sql").unlink()
    with pytest.raises(MigrationChanged, match=r"0002_two\.sql was applied"):
        await migrate(postgres_dsn, folder=folder)
    with pytest.raises(MigrationChanged, match="NNNN"):
        await migrate(postgres_dsn, folder=files(folder, third="SELECT 1"))


async def test_a_number_is_taken_once(postgres_dsn: str, tmp_path: Path) -> None:
    folder = files(tmp_path, **{"0001_one": "SELECT 1", "0001_other": "SELECT 1"})
    with pytest.raises(MigrationChanged, match=r"0001_other\.sql: 0001_one\.sql has this number"):
        await migrate(postgres_dsn, folder=folder)


async def test_a_migration_that_fails_leaves_nothing(postgres_dsn: str, tmp_path: Path) -> None:
    folder = files(tmp_path, **{"0001_one": "CREATE TABLE one (); SELECT 1 / 0"})
    with pytest.raises(Exception, match="division by zero"):
        await migrate(postgres_dsn, folder=folder)
    files(folder, **{"0001_one": "CREATE TABLE one ()"})
    assert await migrate(postgres_dsn, folder=folder) == ["0001_one.sql"]


async def test_order_states_are_those_of_the_domain(pool: Pool) -> None:
    """A state that the table refuses would strand every order that reaches it."""
    definitions = await pool.fetch(
        "SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint "
        "WHERE conrelid = 'orders'::regclass AND contype = 'c'"
    )
    checks = [row["text"] for row in definitions if "state" in row["text"]]
    quoted = [{part for part in check.split("'") if part in list(OrderState)} for check in checks]
    assert sorted(quoted, key=len) == [set(UNFINISHED), set(OrderState)]


async def test_every_foreign_key_is_indexed(pool: Pool) -> None:
    """Without, deleting or updating the row that is referred to reads the whole table."""
    missing = await pool.fetch("""
        SELECT conrelid::regclass::text AS relation, conname FROM pg_constraint AS key
        WHERE contype = 'f' AND NOT EXISTS (
            SELECT FROM pg_index WHERE indrelid = conrelid AND indpred IS NULL
                AND (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey)
    """)
    assert [tuple(row) for row in missing] == []


async def test_money_is_whole_and_times_have_zones(pool: Pool) -> None:
    columns = await pool.fetch("""
        SELECT table_name, column_name, data_type FROM information_schema.columns
        WHERE table_schema IN ('public', 'sandbox')
    """)
    for row in columns:
        assert row["data_type"] not in {
            "timestamp without time zone",
            "real",
            "double precision",
            "numeric",
            "money",
        }
        if row["column_name"].endswith("_minor"):
            assert row["data_type"] == "bigint", row
    unchecked = await pool.fetch("""
        SELECT attrelid::regclass::text, attname FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid AND relkind = 'r'
        WHERE (attname LIKE '%\\_minor' OR attname = 'currency') AND NOT EXISTS (
            SELECT FROM pg_constraint WHERE conrelid = attrelid AND contype = 'c' AND conkey @> ARRAY[attnum])
    """)
    assert [tuple(row) for row in unchecked] == []


async def add_row(connection: AnyConnection | Pool, at_ms: int) -> None:
    await connection.execute(
        "INSERT INTO journal (event_id, seq, seq_last, at, shard, epoch, body) "
        "VALUES ($1, $2, $2, $3, 0, 1, '')",
        bytes(16),
        at_ms,
        at_ms,
    )


async def test_months_are_made_ahead(postgres_dsn: str) -> None:
    await migrate(postgres_dsn, now_ms=ms(2031, 12, 1) - 1)
    connection = await connect(postgres_dsn, application_name="test")
    made = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'journal'::regclass ORDER BY 1"
    assert [row[0] for row in await connection.fetch(made)] == [
        "journal_2031_11", "journal_2031_12", "journal_2032_01", "journal_default",
    ]  # fmt: skip
    assert await ensure_partitions(connection, ms(2031, 11, 30)) == []
    assert await ensure_partitions(connection, ms(2031, 12, 1)) == ["journal_2032_02"]
    await connection.close()


async def test_a_row_without_a_month_is_taken_and_moved_later(pool: Pool) -> None:
    """A sale must not stop because the daily call did not run, nor a month become impossible to make because
    of it.
    """
    january, february = ms(2041, 2, 1) - 1000, ms(2041, 2, 1)
    for at_ms in (ms(2040, 12, 31), january, february, ms(2051, 1, 1)):
        await add_row(pool, at_ms)
    before = await pool.fetch("SELECT seq, at, xid FROM journal ORDER BY seq")
    async with pool.acquire() as connection:
        assert await misplaced(connection) == 4
        assert await ensure_partitions(connection, ms(2041, 1, 10)) == [
            "journal_2041_01",
            "journal_2041_02",
            "journal_2041_03",
        ]
        assert await misplaced(connection) == 2
    assert await pool.fetch("SELECT seq, at, xid FROM journal ORDER BY seq") == before
    assert await pool.fetchval("SELECT count(*) FROM journal_2041_01") == 1
    await add_row(pool, january + 1)
    assert await pool.fetchval("SELECT count(*) FROM journal_2041_02") == 2 - (january + 1 < february)


async def test_making_a_month_does_not_stop_writers(pool: Pool) -> None:
    """The daily call runs in the middle of a sale: an open transaction that has written must not deadlock
    with it.
    """
    async with pool.acquire() as writer, pool.acquire() as maker:
        transaction = writer.transaction()
        await transaction.start()
        now_ms = ms(2042, 5, 5)
        await ensure_partitions(maker, now_ms)
        await add_row(writer, now_ms)
        assert await ensure_partitions(maker, ms(2042, 8, 1))
        await transaction.commit()


async def test_two_who_make_months_at_once(pool: Pool) -> None:
    async with pool.acquire() as one, pool.acquire() as other:
        made = await asyncio.gather(
            ensure_partitions(one, ms(2043, 1, 1)), ensure_partitions(other, ms(2043, 1, 1))
        )
    assert sorted(name for names in made for name in names) == [
        "journal_2043_01",
        "journal_2043_02",
        "journal_2043_03",
    ]
