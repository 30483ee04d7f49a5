"""Connections that are lent. If these failed, whoever is told to stop while PostgreSQL is silent would wait
for it for ever: a gateway that drains, a shard that moves.
"""

import asyncio
import time

import pytest

from storage.postgres import asking, close_pool, create_pool
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
