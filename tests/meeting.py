"""Has changes meet in the middle of their transactions, as those of two processes may."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from storage.audit_log import PLATFORM
from storage.postgres import Pool

_WAITING: Final = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def at_once(pool: Pool, *changes: Coroutine[Any, Any, Any]) -> list[Any]:
    """Begin changes while nobody can write to the platform's log, in which they end, and let them go on once
    each waits for that, or for another of them. Returns what they return, exceptions too.
    """
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM audit_heads WHERE chain = $1 FOR UPDATE", PLATFORM)
        begun = [asyncio.create_task(change) for change in changes]
        async with asyncio.timeout(20):
            while await pool.fetchval(_WAITING) < len(begun):
                await asyncio.sleep(0.01)
    return await asyncio.gather(*begun, return_exceptions=True)
