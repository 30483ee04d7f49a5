"""`bilten serve shards`: makes the shard actors, sees that each answers, and drains them at the end.

The actors are Ray's: they live on its nodes, and Ray starts a dead one again. What is done here is to make
those that are not there, to nudge a restarted one to load its state before the first buyer asks, to note
their pids, to take in the events of shards that are not run any more, and to keep the house of the tables:
months ahead made, what is over forgotten.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable

from actors.homes import rehome
from actors.host import HostSettings, ensure_shard, stop_shard
from actors.ports import ShardLost, steady_clock
from cluster import running
from cluster.running import ShardProcess
from cluster.settings import Settings
from storage.housekeeping import keep_house
from storage.journal import Refused
from storage.placements import placed_beyond
from storage.postgres import create_pool
from storage.postgres_journal import PostgresJournal

LOOK_EVERY_S = 0.5
ANSWER_S = 10.0
FIRST_ANSWER_S = 60.0
KEEP_HOUSE_EVERY_S = 3600.0
KEEP_HOUSE_AGAIN_S = 60.0

log = logging.getLogger(__name__)


async def serve_shards(settings: Settings, host: HostSettings, ready: Callable[[], None]) -> None:
    """Runs until SIGTERM or SIGINT. Raises ShardLost when a shard does not come up at the start."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    count = settings.shards.count
    data_path = settings.data_path
    data_path.mkdir(parents=True, exist_ok=True)

    found = await asyncio.gather(*(_ensure(shard, host, FIRST_ANSWER_S) for shard in range(count)))
    shards = [process for process in found if process is not None]
    if len(shards) < count:
        raise ShardLost(f"{count - len(shards)} of {count} shards did not start")
    running.write_shards(data_path, shards)
    await _rehome(settings)
    ready()
    log.info("%d shards answer", count)

    housekeeping = asyncio.create_task(_keep_house(settings.postgres.dsn))
    while not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
        except TimeoutError:
            now = await asyncio.gather(*(_ensure(shard, host, ANSWER_S) for shard in range(count)))
            answering = [process for process in now if process is not None]
            if answering != shards:
                shards = answering
                log.info("shards now run as %s", {each.shard: each.pid for each in shards})
                running.write_shards(data_path, shards)

    housekeeping.cancel()
    log.info("draining")
    async with asyncio.timeout(settings.shards.drain_ms / 1000):
        await asyncio.gather(*(stop_shard(shard) for shard in range(count)))


async def _rehome(settings: Settings) -> None:
    """Give the events of shards that run no more, because there were more of them once, to those that do."""
    count, owner = settings.shards.count, f"{os.uname().nodename}:{os.getpid()}"
    async with await create_pool(
        settings.postgres.dsn, application_name="bilten shards", connections_max=1
    ) as pool:
        if beyond := await placed_beyond(pool, count):
            moved = await rehome(PostgresJournal(pool), beyond, count, owner)
            log.info("%d events of shards beyond %d have gone to those below", moved, count)


async def _keep_house(dsn: str) -> None:
    clock = steady_clock()
    while True:
        pause_s = KEEP_HOUSE_EVERY_S
        try:
            async with await create_pool(
                dsn, application_name="bilten housekeeping", connections_max=1
            ) as pool:
                kept = await keep_house(pool, clock())
            log.info("kept house: %s", kept)
            # Some thousand orders a second finish more operations in a minute than are forgotten in an hour.
            if kept.is_behind:
                pause_s = KEEP_HOUSE_AGAIN_S
        except (ConnectionError, Refused) as error:
            log.warning("could not keep house: %r", error)
            pause_s = KEEP_HOUSE_AGAIN_S
        except Exception:
            log.exception("could not keep house")
        await asyncio.sleep(pause_s)


async def _ensure(shard: int, host: HostSettings, timeout_s: float) -> ShardProcess | None:
    try:
        async with asyncio.timeout(timeout_s):
            pid, _epoch = await ensure_shard(shard, host)
    except (ShardLost, TimeoutError) as error:
        log.warning("shard %d does not answer: %r", shard, error)
        return None
    return ShardProcess(shard=shard, pid=pid)
