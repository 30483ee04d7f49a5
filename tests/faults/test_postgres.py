"""PostgreSQL stops in mid-commit, or the connection to it is cut between a commit and its answer. If one of
these failed, a buyer could be told of tickets that are not there, or get them twice, or the sale would need a
person to go on.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from actors.ports import ShardHandle, ShardLost, ShardSettings, steady_clock
from actors.refs import LaneSettings, Shards
from actors.sale import SaleShard
from cluster.embedded import EmbeddedPostgres
from storage.migrate import migrate
from storage.postgres import Pool, create_pool
from storage.postgres_journal import PostgresJournal
from tests.faults.audit import audit
from tests.faults.crowd import Crowd
from tests.faults.cutting_proxy import Cut, CuttingProxy

pytestmark = pytest.mark.timeout(3600)

LANES = LaneSettings(calls_max=3, call_ms_max=2_000, patience_ms=30_000)


class Nobody:
    async def publish(self, notices: list[tuple[str, bytes]]) -> None:
        pass


class Watchman:
    """Has a shard in this process, and starts another when it has ended, as Ray does."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.starts = 0
        self.shard: SaleShard | None = None

    async def connect(self, number: int) -> ShardHandle:
        if self.shard is None or self.shard.ended.is_set():
            shard = SaleShard(
                number,
                PostgresJournal(self.pool),
                Nobody(),
                steady_clock(),
                ShardSettings(snapshot_events_min=200),
                owner=f"start {self.starts}",
            )
            try:
                await shard.start()
            except ConnectionError as error:
                raise ShardLost(str(error)) from error
            self.starts += 1
            self.shard = shard
        return self

    async def submit(self, packed: bytes) -> bytes:
        if self.shard is None or self.shard.ended.is_set():
            raise ShardLost("it has ended")
        return await self.shard.submit(packed)

    async def state(self, event_id: bytes) -> bytes | None:
        return None


@asynccontextmanager
async def selling(dsn: str, own_dsn: str, seed: int) -> AsyncIterator[tuple[Crowd, Watchman, Pool]]:
    """A crowd that buys from a shard which reaches PostgreSQL at `dsn`; the audit reaches it at `own_dsn`."""
    async with (
        await create_pool(own_dsn, application_name="test", connections_max=4) as pool,
        await create_pool(dsn, application_name="shard", connections_max=3) as shards_pool,
    ):
        watchman = Watchman(shards_pool)
        shards = Shards(PostgresJournal(shards_pool), watchman.connect, 1, LANES)
        crowd = Crowd(shards.ask, pool, seed)
        try:
            await crowd.open()
            yield crowd, watchman, pool
            await crowd.close()
            await audit(pool, crowd)
        finally:
            await shards.close()
            if watchman.shard is not None:
                await watchman.shard.kill()


async def cut_between_commit_and_answer(dsn: str, cuts: int, cut: Cut) -> None:
    async with CuttingProxy(dsn) as proxy, selling(proxy.dsn, dsn, cuts) as (crowd, watchman, _):
        for number in range(cuts):
            await crowd.until(3)
            proxy.cut = cut
            async with asyncio.timeout(30):
                while proxy.cuts <= number:
                    await asyncio.sleep(0.005)
        await crowd.until(10)
        assert proxy.cuts == cuts
        assert watchman.starts == 1, "one shard has to come through all of it"


async def test_a_commit_whose_answer_is_lost_has_one_effect(migrated_dsn: str) -> None:
    await cut_between_commit_and_answer(migrated_dsn, 8, Cut.AFTER)


async def test_a_commit_that_never_arrived_has_one_effect(migrated_dsn: str) -> None:
    await cut_between_commit_and_answer(migrated_dsn, 8, Cut.BEFORE)


@pytest.mark.soak
@pytest.mark.parametrize("cut", [Cut.AFTER, Cut.BEFORE])
async def test_a_hundred_commits_whose_answer_is_lost(migrated_dsn: str, cut: Cut) -> None:
    await cut_between_commit_and_answer(migrated_dsn, 100, cut)


async def stopped_in_mid_commit(folder: Path, rounds: int) -> None:
    server = EmbeddedPostgres(folder, shared_buffers_mb=64)
    server.start()
    try:
        await migrate(server.dsn())
        async with selling(server.dsn(), server.dsn(), rounds) as (crowd, _, _pool):
            for _ in range(rounds):
                await crowd.until(20)
                await asyncio.to_thread(server.stop, "immediate")
                await asyncio.to_thread(server.start)
                await crowd.until(20)
    finally:
        server.stop("immediate")


async def test_postgres_stopped_in_mid_commit(servers_folder: Path) -> None:
    await stopped_in_mid_commit(servers_folder / "stopped", 3)


@pytest.mark.soak
async def test_postgres_stopped_in_mid_commit_fifty_times(servers_folder: Path) -> None:
    await stopped_in_mid_commit(servers_folder / "stopped-often", 50)
