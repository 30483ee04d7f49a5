"""Shared rate limits: what is let through, for whom, and what happens without Redis."""

import asyncio

import pytest
import redis.asyncio as redis

from cluster import processes
from storage.limits import RedisLimits
from tests.servers import PATIENT_MS


async def test_a_burst_is_let_through_and_the_next_is_told_when(redis_url: str) -> None:
    limits = RedisLimits(redis_url, PATIENT_MS)
    assert [await limits.take("purchase", "anna", 0.5, 3) for _ in range(3)] == [0, 0, 0]
    wait_ms = await limits.take("purchase", "anna", 0.5, 3)
    assert 1_000 < wait_ms <= 2_000
    await limits.close()


async def test_a_refused_request_does_not_count(redis_url: str) -> None:
    limits = RedisLimits(redis_url, PATIENT_MS)
    await limits.take("purchase", "anna", 10.0, 1)
    waits = [await limits.take("purchase", "anna", 10.0, 1) for _ in range(20)]
    assert max(waits) <= 100, "being refused must not push the next turn further away"
    await limits.close()


async def test_limits_of_other_people_and_kinds_are_their_own(redis_url: str) -> None:
    limits = RedisLimits(redis_url, PATIENT_MS)
    assert await limits.take("purchase", "anna", 0.1, 1) == 0
    assert await limits.take("purchase", "berta", 0.1, 1) == 0
    assert await limits.take("socket", "anna", 0.1, 1) == 0
    assert await limits.take("purchase", "anna", 0.1, 1) > 0
    await limits.close()


async def test_two_processes_share_a_limit(redis_url: str) -> None:
    one, other = RedisLimits(redis_url, PATIENT_MS), RedisLimits(redis_url, PATIENT_MS)
    takes = [limits.take("purchase", "anna", 0.01, 5) for limits in (one, other) for _ in range(10)]
    waits = await asyncio.gather(*takes)
    assert waits.count(0) == 5
    await one.close()
    await other.close()


async def test_a_flushed_redis_is_asked_as_before(redis_url: str) -> None:
    limits = RedisLimits(redis_url, PATIENT_MS)
    await limits.take("purchase", "anna", 0.1, 1)
    async with redis.Redis.from_url(redis_url) as connection:
        await connection.flushall()
        await connection.script_flush()
    assert await limits.take("purchase", "anna", 0.1, 1) == 0
    await limits.close()


async def test_a_redis_that_does_not_answer_is_away_after_a_while() -> None:
    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(swallow, "127.0.0.1", 0) as silent:
        limits = RedisLimits(f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}/0", timeout_ms=50)
        with pytest.raises(ConnectionError):
            await limits.take("purchase", "anna", 1.0, 1)
        await limits.close()


async def test_without_redis_the_caller_is_told_so() -> None:
    limits = RedisLimits(f"redis://127.0.0.1:{processes.free_port()}/0")
    with pytest.raises(ConnectionError):
        await limits.take("purchase", "anna", 1.0, 1)
    await limits.close()
