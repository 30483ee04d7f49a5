"""Connections that are lent. If these failed, whoever is told to stop while PostgreSQL is silent would wait
for it for ever: a gateway that drains, a shard that moves.
"""

import asyncio
import time

import pytest

from storage.journal import Refused
from storage.postgres import asking, close_pool, create_pool, is_passing, using
from tests.storage.cuttable import proxied


async def test_who_is_cancelled_does_not_wait_for_a_silent_server(shared_dsn: str) -> None:
    async with proxied(shared_dsn) as (proxy, dsn):
        pool = await create_pool(dsn, application_name="test", connections_max=1)

        async def ask() -> None:
            async with asking(pool) as connection:
                await connection.fetchval("SELECT 1")
                proxy.is_deaf = True
                began.set_result(None)
                await connection.fetchval("SELECT 2")

        began: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        asked = asyncio.create_task(ask())
        await began
        started = time.monotonic()
        asked.cancel()
        with pytest.raises((asyncio.CancelledError, ConnectionError)):
            await asyncio.wait_for(asked, 30)
        assert time.monotonic() - started < 10
        proxy.is_deaf = False
        async with asking(pool) as connection:
            assert await connection.fetchval("SELECT 3") == 3, "the pool has its place back"
        await close_pool(pool)


@pytest.mark.parametrize(
    ("sqlstate", "is_so"),
    [
        *((sqlstate, True) for sqlstate in ("40001", "40P01", "53300", "55P03", "25006")),
        *((sqlstate, False) for sqlstate in ("23514", "42P01", "25001")),
    ],
)
async def test_what_passes_is_no_mistake_of_ours(shared_dsn: str, sqlstate: str, is_so: bool) -> None:
    """A broken rule that looked like a busy server would be tried again for ever, and nobody would look."""
    pool = await create_pool(shared_dsn, application_name="test", connections_max=1)
    with pytest.raises(Refused) as refused:
        async with using(pool) as connection:
            await connection.execute(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{sqlstate}'; END $$")
    assert is_passing(refused.value) is is_so
    await close_pool(pool)
