"""A sale shard is killed, stopped and replaced, or its node is lost, while people buy. If one of these
failed, a crash would lose what buyers were promised, sell a place twice, or leave the sale standing still.
"""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from statistics import median

import pytest
import ray

from actors.host import HostSettings, connect_through_ray, ensure_shard, move_event, stop_shard
from actors.ports import ShardHandle, ShardLost, ShardSettings, steady_clock
from actors.refs import LaneSettings, Shards
from actors.sale import SaleShard
from cluster.ray_head import RayHead
from storage.postgres import Pool, create_pool
from storage.postgres_journal import PostgresJournal
from tests.faults.audit import audit
from tests.faults.crowd import Crowd
from tests.measured import Measured

pytestmark = [pytest.mark.ray, pytest.mark.timeout(3600)]

EVENTS = 8
LANES = LaneSettings(calls_max=3, call_ms_max=1_500, patience_ms=30_000)


class Nobody:
    async def publish(self, notices: list[tuple[str, bytes]]) -> None:
        pass


class LocalShard:
    """A successor in this process."""

    def __init__(self, shard: SaleShard) -> None:
        self.shard = shard

    async def submit(self, packed: bytes) -> bytes:
        if self.shard.ended.is_set():
            raise ShardLost("fenced")
        return await self.shard.submit(packed)

    async def state(self, event_id: bytes) -> bytes | None:
        return await self.shard.state(event_id)  # type: ignore[arg-type]


@pytest.fixture
async def pool(migrated_dsn: str) -> AsyncIterator[Pool]:
    async with await create_pool(migrated_dsn, application_name="test", connections_max=6) as made:
        yield made


@pytest.fixture
def host(migrated_dsn: str, redis_url: str) -> HostSettings:
    return HostSettings(migrated_dsn, redis_url, ShardSettings(snapshot_events_min=200))


async def shards_up(count: int, host: HostSettings) -> dict[int, int]:
    """Start shards, or wait for those that Ray is restarting; their process ids."""
    pids = {}
    for number in range(count):
        async with asyncio.timeout(60):
            while True:
                try:
                    pids[number] = (await asyncio.wait_for(ensure_shard(number, host), 10))[0]
                    break
                except (ShardLost, TimeoutError):
                    await asyncio.sleep(0.1)
    return pids


async def stop_shards(count: int) -> None:
    await asyncio.gather(*(stop_shard(number) for number in range(count)), return_exceptions=True)


async def another_than(pid: int, host: HostSettings) -> int:
    """Wait until Ray has started shard 0 again; the new process id."""
    while (now := (await shards_up(1, host))[0]) == pid:
        await asyncio.sleep(0.02)
    return now


async def killed_in_mid_batch(pool: Pool, host: HostSettings, rounds: int) -> list[float]:
    """Returns how long after each kill the next operation was acknowledged, in seconds."""
    shards = Shards(PostgresJournal(pool), connect_through_ray(), 1, LANES)
    crowd = Crowd(shards.ask, pool, seed=rounds)
    recovered_s = []
    try:
        victim = (await shards_up(1, host))[0]
        await crowd.open()
        for _ in range(rounds):
            await crowd.until(20)
            os.kill(victim, signal.SIGKILL)
            killed_at = time.monotonic()
            victim = await another_than(victim, host)
            await crowd.until(5)
            # What had committed may still have been on its way; that is no recovery.
            first_at = next(at for at in crowd.acknowledged_at if at > killed_at + 0.2)
            recovered_s.append(first_at - killed_at)
        await crowd.close()
        await audit(pool, crowd)
    finally:
        await shards.close()
        await stop_shards(1)
    return recovered_s


async def stopped_and_continued(pool: Pool, host: HostSettings, rounds: int) -> None:
    current: dict[str, ShardHandle] = {}
    through_ray = connect_through_ray()

    async def connect(number: int) -> ShardHandle:
        return current["handle"] if "handle" in current else await through_ray(number)

    shards = Shards(PostgresJournal(pool), connect, 1, LANES)
    crowd = Crowd(shards.ask, pool, seed=rounds)
    try:
        (zombie,) = (await shards_up(1, host)).values()
        await crowd.open()
        for _ in range(rounds):
            await crowd.until(10)
            os.kill(zombie, signal.SIGSTOP)
            successor = SaleShard(
                0, PostgresJournal(pool), Nobody(), steady_clock(), host.shard, owner="successor"
            )
            try:
                await successor.start()
                current["handle"] = LocalShard(successor)
                await crowd.until(10)
            finally:
                os.kill(zombie, signal.SIGCONT)
            await crowd.until(10)
            # A new process takes over from the successor, which is then the zombie.
            os.kill(zombie, signal.SIGKILL)
            zombie = await another_than(zombie, host)
            del current["handle"]
            await crowd.until(10)
            await successor.kill()
        await crowd.close()
        history = await audit(pool, crowd)
        assert history.acknowledged
    finally:
        await shards.close()
        await stop_shards(1)


@pytest.mark.usefixtures("ray_head")
async def test_a_shard_killed_in_mid_batch(pool: Pool, host: HostSettings, measured: Measured) -> None:
    recovered_s = await killed_in_mid_batch(pool, host, 3)
    measured(f"recovered after {[round(each, 2) for each in recovered_s]} s")


@pytest.mark.soak
@pytest.mark.usefixtures("ray_head")
async def test_a_shard_killed_in_mid_batch_a_hundred_times(
    pool: Pool, host: HostSettings, measured: Measured
) -> None:
    recovered_s = await killed_in_mid_batch(pool, host, 100)
    measured(f"recovered after {median(recovered_s):.2f} s in the median, {max(recovered_s):.2f} s at most")


@pytest.mark.usefixtures("ray_head")
async def test_no_batch_of_an_old_epoch_commits(pool: Pool, host: HostSettings) -> None:
    await stopped_and_continued(pool, host, 2)


@pytest.mark.soak
@pytest.mark.usefixtures("ray_head")
async def test_no_batch_of_an_old_epoch_commits_in_a_hundred_tries(pool: Pool, host: HostSettings) -> None:
    await stopped_and_continued(pool, host, 100)


async def a_node_is_lost(pool: Pool, host: HostSettings, ray_head: RayHead, rounds: int) -> None:
    count = 4
    shards = Shards(PostgresJournal(pool), connect_through_ray(), count, LANES)
    crowd = Crowd(shards.ask, pool, seed=rounds, events=EVENTS)
    try:
        for number in range(rounds):
            node = ray_head.add_node()
            pids = await shards_on_two_nodes(count, host)
            if number == 0:
                await crowd.open()
            await crowd.until(20)
            await asyncio.to_thread(ray_head.lose_node, node)
            await crowd.until(40)
            assert set(await shards_up(count, host)) == set(pids)
        await crowd.close()
        history = await audit(pool, crowd)
        assert all(history.book(event_id).tickets for event_id in crowd.event_ids[:EVENTS])
    finally:
        await shards.close()
        await stop_shards(count)


async def moved_to_and_fro(pool: Pool, host: HostSettings, rounds: int) -> None:
    journal = PostgresJournal(pool)
    shards = Shards(journal, connect_through_ray(), 2, LANES)
    crowd = Crowd(shards.ask, pool, seed=rounds)
    try:
        await shards_up(2, host)
        await crowd.open()
        for number in range(rounds):
            await crowd.until(20)
            event_id = crowd.event_ids[number % len(crowd.event_ids)]
            here = (await journal.placement(event_id, 0)).shard
            assert await move_event(event_id, here, 1 - here)
            assert (await journal.placement(event_id, 0)).shard == 1 - here
        await crowd.until(20)
        await crowd.close()
        assert (await audit(pool, crowd)).acknowledged
    finally:
        await shards.close()
        await stop_shards(2)


@pytest.mark.usefixtures("ray_head")
async def test_events_move_between_shards_while_they_sell(pool: Pool, host: HostSettings) -> None:
    """A hot event gets a shard of its own, and nobody's hold or ticket is lost or made twice by it."""
    await moved_to_and_fro(pool, host, 6)


async def shards_on_two_nodes(count: int, host: HostSettings) -> dict[int, int]:
    """Start all shards anew, until they are on both nodes; their process ids.

    Ray spreads them as well as it can, and for a moment may not count on the new node yet.
    """
    for _ in range(10):
        await stop_shards(count)
        pids = await shards_up(count, host)
        actors = await asyncio.to_thread(alive_actors)
        homes = {actor["node_id"] for actor in actors if actor["name"].startswith("sale-shard-")}
        if len(homes) == 2:
            return pids
    raise AssertionError(f"all shards are on one node: {actors}")


def alive_actors() -> list[dict[str, str]]:
    """Name and node of each actor that lives."""
    return [
        {"name": actor["Name"], "node_id": actor["Address"]["NodeID"]}
        for actor in ray._private.state.actors().values()
        if actor["State"] == "ALIVE"
    ]


async def test_one_of_two_nodes_is_lost(pool: Pool, host: HostSettings, ray_head: RayHead) -> None:
    """The same code runs on several nodes; events of the other node go on, and those of the lost one
    resume.
    """
    await a_node_is_lost(pool, host, ray_head, 1)


@pytest.mark.soak
async def test_one_of_two_nodes_is_lost_thirty_times(
    pool: Pool, host: HostSettings, ray_head: RayHead
) -> None:
    await a_node_is_lost(pool, host, ray_head, 30)
