"""Codes that an earlier version stored in the clear. If these failed, they would stay so, or be lost with
whatever was promised for them.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from cluster.migrating import bring_up_to_date
from cluster.processes import StartFailed
from cluster.settings import Settings, TicketSettings
from domain.codes import code_key, fingerprint
from domain.ids import EventId
from services.events.voucher_codes import VoucherCodes
from storage.clear_codes import TOGETHER, seal_clear_codes
from storage.migrate import FOLDER, migrate
from storage.postgres import Pool, close_pool, create_pool
from storage.vouchers import list_vouchers
from tests.gateway.stage import fresh
from tests.searching import forms, in_postgres, marker_in
from tests.storage.rows import add_event

SECRET = b"s" * 32
KEY = code_key(SECRET)


@pytest.fixture
async def earlier(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Pool]:
    """A database as the version before left it."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for file in FOLDER.glob("*.sql"):
        if file.name < "0032":
            shutil.copy(file, folder)
    await migrate(postgres_dsn, folder=folder)
    pool = await create_pool(postgres_dsn, application_name="test", connections_max=2)
    yield pool
    await close_pool(pool)


def settings(folder: Path, secret: bytes = SECRET) -> Settings:
    return Settings(data_dir=str(folder), tickets=TicketSettings(key=secret.hex()))


def bringing(folder: Path, dsn: str) -> Callable[[], list[str]]:
    return lambda: bring_up_to_date(settings(folder), dsn)


async def add_codes(pool: Pool, event_id: EventId, codes: list[str]) -> None:
    await add_event(pool, event_id)
    await pool.executemany(
        "INSERT INTO vouchers (voucher_id, event_id, code, kind) VALUES ($1, $2, $3, 'access')",
        [(fresh(), event_id, code) for code in codes],
    )


async def add_change(pool: Pool, event_id: EventId, kind: str, state: str, effect: bytes = b"") -> None:
    await pool.execute(
        """
        INSERT INTO event_changes (operation_id, event_id, organisation_id, kind, commands, effect, state)
        VALUES ($1, $2, $2, $3, '', $4, $5)
        """,
        fresh(),
        event_id,
        kind,
        effect,
        state,
    )


async def in_files(pool: Pool, marker: str) -> list[str]:
    """The tables whose files on the disk contain a marker, among what was deleted too, or whose statistics
    do.
    """
    await pool.execute("CHECKPOINT")
    found = []
    for table in ("vouchers", "event_changes"):
        written: bytes = await pool.fetchval(
            "SELECT pg_read_binary_file(pg_relation_filepath($1::text::regclass))", table
        )
        sampled: str = await pool.fetchval(
            "SELECT coalesce(string_agg(s::text, ''), '') FROM pg_stats AS s WHERE tablename = $1", table
        )
        if any(form.encode() in written or form in sampled for form in forms(marker)):
            found.append(table)
    return found


async def test_what_was_in_the_clear_is_sealed_and_nowhere_else(
    earlier: Pool, postgres_dsn: str, tmp_path: Path
) -> None:
    marker = marker_in("planted").upper()
    events = [EventId(fresh()), EventId(fresh())]
    codes = {
        events[0]: [f"{marker}{number}" for number in range(TOGETHER + 3)],
        events[1]: [f"{marker}1", f"{marker}2"],
    }
    for event_id, texts in codes.items():
        await add_codes(earlier, event_id, texts)
        for kind in ("vouchers", "edit_voucher", "retire_voucher"):
            await add_change(earlier, event_id, kind, "done", marker.encode())
        await add_change(earlier, event_id, "publish", "done")
    await earlier.execute("ANALYZE vouchers, event_changes")
    assert await in_postgres(earlier, marker) == ["public.vouchers", "public.event_changes"]
    assert await in_files(earlier, marker) == ["vouchers", "event_changes"]

    # Of two that start at once, one does the work.
    done = await asyncio.gather(
        *(asyncio.to_thread(bringing(tmp_path, postgres_dsn)) for _ in range(2)),
    )
    lines = [line for lines in done for line in lines]
    assert "applied 0032_sealed_codes.sql" in lines
    sealed = [int(line.split()[1]) for line in lines if line.startswith("sealed")]
    assert sealed == [sum(map(len, codes.values()))]
    assert await asyncio.to_thread(bringing(tmp_path, postgres_dsn)) == []

    assert await in_postgres(earlier, marker) == []
    assert await in_files(earlier, marker) == []
    assert {row["kind"] for row in await earlier.fetch("SELECT kind FROM event_changes")} == {"publish"}
    for event_id, texts in codes.items():
        async with earlier.acquire() as connection:
            found = await list_vouchers(connection, event_id, None, 2 * TOGETHER)
        read = {VoucherCodes(KEY).read(one): one.fingerprint for one in found}
        assert read == {each: fingerprint(KEY, event_id, each) for each in texts}


async def test_what_was_interrupted_goes_on(earlier: Pool, postgres_dsn: str, tmp_path: Path) -> None:
    event_id = EventId(fresh())
    await add_codes(earlier, event_id, [f"CODE{number}" for number in range(TOGETHER + 3)])
    await migrate(postgres_dsn)
    once = [VoucherCodes(KEY).seal]
    with pytest.raises(IndexError):
        await seal_clear_codes(postgres_dsn, once.pop)
    assert await earlier.fetchval("SELECT count(*) FROM vouchers WHERE clear_code IS NOT NULL") == 3
    assert await asyncio.to_thread(bringing(tmp_path, postgres_dsn)) == ["sealed 3 codes of vouchers"]


@pytest.mark.parametrize("kind", ["vouchers", "edit_voucher", "retire_voucher"])
async def test_a_change_that_only_the_earlier_version_can_finish_is_waited_for(
    earlier: Pool, postgres_dsn: str, tmp_path: Path, kind: str
) -> None:
    """Its codes would be promised by the sale and in no catalogue."""
    event_id = EventId(fresh())
    await add_codes(earlier, event_id, ["EARLY"])
    await add_change(earlier, event_id, kind, "pending")
    with pytest.raises(StartFailed, match="start it once more"):
        await asyncio.to_thread(bringing(tmp_path, postgres_dsn))
    assert await earlier.fetchval("SELECT code FROM vouchers") == "EARLY", "all is as it was"
    await earlier.execute("UPDATE event_changes SET state = 'done'")
    assert (await asyncio.to_thread(bringing(tmp_path, postgres_dsn)))[-1] == "sealed 1 codes of vouchers"


async def test_nothing_is_sealed_with_a_key_that_was_just_made(
    earlier: Pool, postgres_dsn: str, tmp_path: Path
) -> None:
    """Who migrates from another machine would end every code."""
    await add_codes(earlier, EventId(fresh()), ["EARLY"])
    elsewhere = tmp_path / "elsewhere"
    with pytest.raises(StartFailed, match="BILTEN_TICKETS_KEY"):
        await asyncio.to_thread(lambda: bring_up_to_date(settings(elsewhere, b""), postgres_dsn))
    assert not elsewhere.exists()
    assert await asyncio.to_thread(bringing(tmp_path, postgres_dsn)) == ["sealed 1 codes of vouchers"]


async def test_where_there_is_nothing_to_seal_no_key_is_asked_for(postgres_dsn: str, tmp_path: Path) -> None:
    done = await asyncio.to_thread(lambda: bring_up_to_date(settings(tmp_path, b""), postgres_dsn))
    assert done[-1].startswith("applied ")
    assert list(tmp_path.iterdir()) == []
