"""The sale shard as a Ray actor: detached, named, restarted for ever. Only packed bytes cross its calls.

Ray's name is for finding the actor, not a lock: what keeps two incarnations apart is the epoch in PostgreSQL.
A shard that was fenced ends without being restarted, because its successor is there; one whose loop failed
dies and is restarted.
"""

import asyncio
import gc
import logging
import os
from typing import Any, Final

import msgspec
import ray
from ray.exceptions import RayError

from actors.ports import Connect, ShardHandle, ShardLost, ShardSettings, steady_clock
from actors.sale import SaleShard
from storage.fanout import RedisFanout
from storage.postgres import close_pool, create_pool
from storage.postgres_journal import PostgresJournal

NAMESPACE: Final = "bilten"
PENDING_CALLS_MAX: Final = 200
SHARD_CONNECTIONS: Final = 3
EXIT_FAILED: Final = 70

log = logging.getLogger(__name__)


class HostSettings(msgspec.Struct, frozen=True):
    """What a shard needs to start, passed as bytes because workers do not see a driver's environment."""

    postgres_dsn: str
    redis_url: str
    shard: ShardSettings = ShardSettings()


def actor_name(shard: int) -> str:
    """Return the name under which Ray knows a shard."""
    return f"sale-shard-{shard}"


class SaleShardHost:
    """Runs one `SaleShard` in an actor process."""

    def __init__(self, shard: int, packed_settings: bytes) -> None:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
        self._number = shard
        self._settings = msgspec.msgpack.decode(packed_settings, type=HostSettings)
        self._shard: SaleShard | None = None
        self._starting = asyncio.Lock()
        self._watch: asyncio.Task[None] | None = None

    async def ready(self) -> tuple[int, int]:
        """Start if need be, and return (process id, epoch)."""
        shard = await self._running()
        return os.getpid(), shard.epoch

    async def submit(self, packed: bytes) -> bytes:
        """See `SaleShard.submit`."""
        shard = self._shard
        if shard is None or shard.is_fenced:
            shard = await self._running()
        return await shard.submit(packed)

    async def state(self, event_id: bytes) -> bytes | None:
        """See `SaleShard.state`."""
        return await (await self._running()).state(event_id)  # type: ignore[arg-type]

    async def move_event(self, event_id: bytes, to_shard: int) -> bool:
        """See `SaleShard.move_event`."""
        return await (await self._running()).move_event(event_id, to_shard)  # type: ignore[arg-type]

    async def drain(self) -> None:
        """Finish what waits, store snapshots, and take nothing more."""
        if self._shard is not None:
            await self._shard.drain()

    async def leave(self) -> None:
        """End this actor for good; Ray does not restart it."""
        ray.actor.exit_actor()  # type: ignore[no-untyped-call]

    async def _running(self) -> SaleShard:
        async with self._starting:
            if self._shard is None:
                self._shard = await self._start()
        if self._shard.is_fenced:
            ray.actor.exit_actor()  # type: ignore[no-untyped-call]
        return self._shard

    async def _start(self) -> SaleShard:
        pool = await create_pool(
            self._settings.postgres_dsn,
            application_name=f"bilten {actor_name(self._number)}",
            connections_max=SHARD_CONNECTIONS,
        )
        fanout = RedisFanout(self._settings.redis_url)
        shard = SaleShard(
            self._number,
            PostgresJournal(pool),
            fanout,
            steady_clock(),
            self._settings.shard,
            owner=f"{os.uname().nodename}:{os.getpid()}",
        )
        try:
            await shard.start()
        except BaseException:
            # Ray keeps the process and asks again: what is left open each time would add up.
            await shard.kill()
            await fanout.close()
            await close_pool(pool)
            raise
        self._watch = asyncio.create_task(self._end_with(shard))
        # Millions of long-lived records make full collections slow, and there are no cycles among them.
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 1_000)
        return shard

    async def _end_with(self, shard: SaleShard) -> None:
        await shard.ended.wait()
        if not shard.is_fenced and not shard.is_draining:
            os._exit(EXIT_FAILED)


class _RayShard:
    """A `ShardHandle` whose calls go through Ray."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    async def submit(self, packed: bytes) -> bytes:
        try:
            reply: bytes = await self._actor.submit.remote(packed)
        except RayError as error:
            raise ShardLost(repr(error)) from error
        return reply

    async def state(self, event_id: bytes) -> bytes | None:
        try:
            reply: bytes | None = await self._actor.state.remote(event_id)
        except RayError as error:
            raise ShardLost(repr(error)) from error
        return reply


def connect_through_ray() -> Connect:
    """Return how a process that is connected to Ray finds a shard."""

    async def connect(shard: int) -> ShardHandle:
        try:
            return _RayShard(await asyncio.to_thread(ray.get_actor, actor_name(shard), NAMESPACE))
        except (ValueError, RayError) as error:
            raise ShardLost(f"no actor {actor_name(shard)}") from error

    return connect


async def ensure_shard(shard: int, settings: HostSettings) -> tuple[int, int]:
    """Start a shard's actor unless it runs, and return its (process id, epoch).

    Raises:
        ShardLost: it does not start, or does not answer.
    """
    options = {
        "name": actor_name(shard),
        "namespace": NAMESPACE,
        "lifetime": "detached",
        "get_if_exists": True,
        "max_restarts": -1,
        "max_task_retries": 0,
        "max_pending_calls": PENDING_CALLS_MAX,
        "num_cpus": 0,
        "scheduling_strategy": "SPREAD",
    }
    host: Any = ray.remote(SaleShardHost)
    try:
        actor = await asyncio.to_thread(
            lambda: host.options(**options).remote(shard, msgspec.msgpack.encode(settings))
        )
        answer: tuple[int, int] = await actor.ready.remote()
    except (RayError, ValueError) as error:
        raise ShardLost(repr(error)) from error
    return answer


async def stop_shard(shard: int) -> None:
    """Drain a shard and end its actor, if it runs."""
    try:
        actor = await asyncio.to_thread(ray.get_actor, actor_name(shard), NAMESPACE)
        await actor.drain.remote()
        await actor.leave.remote()
    except (ValueError, RayError) as error:
        log.info("shard %d has ended: %s", shard, type(error).__name__)


async def move_event(event_id: bytes, from_shard: int, to_shard: int) -> bool:
    """Have the shard that owns an event hand it over. Returns False if it could not be done now."""
    try:
        actor = await asyncio.to_thread(ray.get_actor, actor_name(from_shard), NAMESPACE)
        is_moved: bool = await actor.move_event.remote(event_id, to_shard)
    except (ValueError, RayError) as error:
        raise ShardLost(repr(error)) from error
    return is_moved
