"""The selling half of Bilten on servers of a bench's own: PostgreSQL, Valkey, a local Ray and a shard."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterator
from os import environ as environment
from pathlib import Path
from typing import Any

from bench import servers
from bench.load import BenchFailed
from cluster.embedded import EmbeddedPostgres, EmbeddedValkey
from cluster.ray_head import RayHead
from domain import commands as c
from domain import events as e
from domain import ids
from domain.catalogue import Pool, SaleDefinition, TicketType
from domain.ids import EventId, OperationId, PoolId, TicketTypeId
from storage.migrate import migrate

CAPACITY: int = 5_000_000


class SellingPlatform:
    """Running servers; `asking` connects to them."""

    def __init__(
        self, folder: Path, postgres: EmbeddedPostgres, valkey: EmbeddedValkey, ray: RayHead
    ) -> None:
        self.folder = folder
        self.postgres = postgres
        self.valkey = valkey
        self.ray = ray
        self.shard_pids: list[int] = []

    @contextlib.asynccontextmanager
    async def asking(self, shard_count: int = 1, **shard_settings: Any) -> AsyncIterator[Any]:
        """Yield the `actors.refs.Shards` of so many shards, through Ray, which is connected to meanwhile.

        `shard_settings` are fields of `actors.ports.ShardSettings`.
        """
        import ray

        from actors.host import NAMESPACE, HostSettings, connect_through_ray, ensure_shard, stop_shard
        from actors.ports import ShardSettings
        from actors.refs import Shards
        from storage.postgres import create_pool
        from storage.postgres_journal import PostgresJournal

        ray.init(address=self.ray.address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
        settings = HostSettings(self.postgres.dsn(), self.valkey.url(), ShardSettings(**shard_settings))
        started = await asyncio.gather(*(ensure_shard(shard, settings) for shard in range(shard_count)))
        self.shard_pids = [pid for pid, _ in started]
        pool = await create_pool(self.postgres.dsn(), application_name="bilten bench")
        shards = Shards(PostgresJournal(pool), connect_through_ray(), shard_count)
        try:
            yield shards
        finally:
            await shards.close()
            await asyncio.gather(*(stop_shard(shard) for shard in range(shard_count)))
            await pool.close()
            ray.shutdown()

    def parts(self) -> dict[str, list[int]]:
        """The pids that a `CpuMeter` tells apart, the bench's own left out."""
        return {
            "shard": self.shard_pids,
            "postgres": [self.postgres.pid],
            "valkey": [self.valkey.pid],
            "ray": [self.ray.pid],
        }


@contextlib.contextmanager
def selling_platform() -> Iterator[SellingPlatform]:
    """Start everything in a temporary folder, migrated; stop it and remove the folder at the end."""
    with (
        servers.folder() as folder,
        servers.postgres(folder) as postgres,
        servers.valkey(folder, "valkey") as valkey,
    ):
        asyncio.run(migrate(postgres.dsn()))
        head = RayHead(folder / "ray")
        head.start()
        # Written, never read: Ray takes the token of its cluster from nowhere else, when it is imported.
        environment.update(head.environment())
        try:
            yield SellingPlatform(folder, postgres, valkey, head)
        finally:
            head.stop()


class Identifiers:
    """Fresh UUIDv7s, seeded."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def fresh(self) -> bytes:
        return ids.uuid7(time.time_ns() // 1_000_000, self._random.getrandbits(74))


async def open_event(
    shards: Any,
    identifiers: Identifiers,
    capacity: int = CAPACITY,
    hold_ttl_ms: int = 8 * 60_000,
    event_id: EventId | None = None,
) -> tuple[EventId, TicketTypeId]:
    """Make an event with one pool and one type, open its sale, and return both ids."""
    event_id = event_id or EventId(identifiers.fresh())
    type_id = TicketTypeId(identifiers.fresh())
    definition = SaleDefinition(
        event_id,
        "EUR",
        (Pool(PoolId(identifiers.fresh()), capacity),),
        (TicketType(type_id, (0,), 5_000),),
        hold_ttl_ms=hold_ttl_ms,
    )
    configured = await shards.ask(c.Configure(OperationId(identifiers.fresh()), event_id, definition))
    opened = await shards.ask(c.OpenSale(OperationId(identifiers.fresh()), event_id, 0))
    if not isinstance(configured, e.Configured) or not isinstance(opened, e.SaleOpened):
        raise BenchFailed(f"the event could not be opened: {configured} {opened}")
    return event_id, type_id
