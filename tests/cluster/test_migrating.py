"""Codes that an earlier version stored in the clear. If these failed, they would be lost with whatever was
promised for them.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cluster.migrating import bring_up_to_date
from cluster.processes import StartFailed
from domain.codes import code_key
from domain.ids import EventId
from services.events.voucher_codes import VoucherCodes
from storage.migrate import FOLDER, migrate
from storage.postgres import Pool, close_pool, create_pool
from storage.vouchers import list_vouchers
from tests.gateway.stage import fresh
from tests.storage.rows import add_event

DROPPING = "0038_no_clear_codes_and_counted_invitations.sql"
CODES = VoucherCodes(code_key(b"s" * 32))


@pytest.fixture
async def earlier(postgres_dsn: str, tmp_path: Path) -> AsyncIterator[Pool]:
    """A database as the last version that stored codes in the clear left it."""
    await migrate(postgres_dsn, folder=folder_before("0032", tmp_path))
    pool = await create_pool(postgres_dsn, application_name="test", connections_max=2)
    yield pool
    await close_pool(pool)


def folder_before(number: str, beside: Path) -> Path:
    """The migrations of a version that has none from a number on."""
    folder = beside / number
    folder.mkdir()
    for file in FOLDER.glob("*.sql"):
        if file.name < number:
            shutil.copy(file, folder)
    return folder


async def add_code(pool: Pool, event_id: EventId, code: str) -> None:
    await add_event(pool, event_id)
    await pool.execute(
        "INSERT INTO vouchers (voucher_id, event_id, code, kind) VALUES ($1, $2, $3, 'access')",
        fresh(),
        event_id,
        code,
    )


async def add_change(pool: Pool, event_id: EventId, kind: str, state: str) -> None:
    await pool.execute(
        """
        INSERT INTO event_changes (operation_id, event_id, organisation_id, kind, commands, effect, state)
        VALUES ($1, $2, $2, $3, '', '', $4)
        """,
        fresh(),
        event_id,
        kind,
        state,
    )


async def test_a_code_that_nobody_sealed_yet_is_not_dropped(
    earlier: Pool, postgres_dsn: str, tmp_path: Path
) -> None:
    """Who leaves out every version that could seal is stopped, and goes on once one of them has."""
    event_id = EventId(fresh())
    await add_code(earlier, event_id, "EARLY")
    for _ in range(2):
        with pytest.raises(StartFailed, match=r"0038.*still to be sealed.*without this file"):
            await asyncio.to_thread(bring_up_to_date, postgres_dsn)
        assert await earlier.fetchval("SELECT clear_code FROM vouchers") == "EARLY"
    # That version finds a database that it can work on, and nothing newer.
    assert await migrate(postgres_dsn, folder=folder_before("0038", tmp_path)) == []
    await earlier.execute(
        "UPDATE vouchers SET fingerprint = $1, code_sealed = $2, clear_code = NULL",
        *CODES.seal(event_id, "EARLY"),
    )
    assert (await asyncio.to_thread(bring_up_to_date, postgres_dsn))[0] == DROPPING
    async with earlier.acquire() as connection:
        assert list(map(CODES.read, await list_vouchers(connection, event_id, None, 2))) == ["EARLY"]


async def test_who_has_no_codes_comes_from_any_version(earlier: Pool, postgres_dsn: str) -> None:
    await add_event(earlier, EventId(fresh()))
    applied = await asyncio.to_thread(bring_up_to_date, postgres_dsn)
    assert {"0032_sealed_codes.sql", DROPPING} <= set(applied)
    assert await asyncio.to_thread(bring_up_to_date, postgres_dsn) == []


@pytest.mark.parametrize("kind", ["vouchers", "edit_voucher", "retire_voucher"])
async def test_a_change_that_only_the_earlier_version_can_finish_is_waited_for(
    earlier: Pool, postgres_dsn: str, kind: str
) -> None:
    """Its codes would be promised by the sale and in no catalogue."""
    event_id = EventId(fresh())
    await add_code(earlier, event_id, "EARLY")
    await add_change(earlier, event_id, kind, "pending")
    with pytest.raises(StartFailed, match="start it once more"):
        await asyncio.to_thread(bring_up_to_date, postgres_dsn)
    assert await earlier.fetchval("SELECT code FROM vouchers") == "EARLY", "all is as it was"
