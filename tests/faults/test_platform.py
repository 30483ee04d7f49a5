"""A gateway is killed while buyers hold and pay; Redis stops, is killed and is flushed; Ray is lost, and
every shard with it. If one of these failed, a retry would buy a second time, money and tickets would not
match, or the sale would stand still.
"""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median
from typing import TypeVar

import psutil
import pytest
import redis

from client.bilten_client import BiltenClient, ClientSettings
from client.errors import GaveUp, NotConnected, Refused
from client.records import Held, Purchased
from cluster import running
from cluster.processes import Identity, wait_until
from domain.ids import EVENT, EventId, parse
from storage.postgres import Pool, create_pool
from tests.faults.audit import check_event
from tests.measured import Measured
from tests.running_platform import RunningPlatform

pytestmark = [pytest.mark.ray, pytest.mark.timeout(3600)]

T = TypeVar("T")
SHARDS = 2
CATALOGUE = """
[organisation]
name = "Faults"
slug = "faults"
[event]
title = "Faults"
slug = "faults"
starts_at = 2030-01-01T20:00:00
time_zone = "Europe/Berlin"
currency = "EUR"
buyer_limit = 10
hold_seconds = 600
[[pools]]
name = "Hall"
capacity = 1000000
[[ticket_types]]
name = "Full"
price = "15.00"
pools = ["Hall"]
"""


@pytest.fixture(scope="module")
def platform(servers_folder: Path) -> Iterator[RunningPlatform]:
    folder = servers_folder / "faults"
    folder.mkdir()
    catalogue = folder / "catalogue.toml"
    catalogue.write_text(CATALOGUE)
    made = RunningPlatform(folder, SHARDS_COUNT=SHARDS, DEMO_OPENS_IN_MS=0, DEMO_CATALOGUE=catalogue)
    made.start()
    yield made
    made.stop()


class Bought:
    """What one buyer did, and the ids to ask for it again."""

    def __init__(self, client: BiltenClient) -> None:
        self.client = client
        self.hold_operation = client.new_operation()
        self.purchase_operation = client.new_operation()
        self.held: Held | None = None
        self.purchased: Purchased | None = None

    async def buy(self, event: str, kind: str) -> None:
        """Hold and pay, asking again under the same ids until there is an answer."""
        await insist(self.client.open)
        self.held = await insist(lambda: self._hold(event, kind))
        self.purchased = await insist(self._pay)

    async def ask_again(self, event: str, kind: str) -> None:
        """The same ids have to give the same hold and the same order."""
        assert await insist(lambda: self._hold(event, kind)) == self.held
        assert await insist(self._pay) == self.purchased

    async def _hold(self, event: str, kind: str) -> Held:
        return await self.client.hold(event, {kind: 2}, operation=self.hold_operation)

    async def _pay(self) -> Purchased:
        assert self.held is not None
        return await self.client.purchase(self.held, "card_ok", operation=self.purchase_operation)


async def insist(do: Callable[[], Awaitable[T]]) -> T:
    """Try until something is answered; `busy` is no answer."""
    async with asyncio.timeout(90):
        while True:
            try:
                return await do()
            except (GaveUp, NotConnected):
                await asyncio.sleep(0.05)
            except Refused as refusal:
                if refusal.code not in {"busy", "rate_limited"}:
                    raise
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def buyers(platform: RunningPlatform, count: int) -> AsyncIterator[tuple[list[Bought], str, str]]:
    """Buyers who have not connected yet, the event and its ticket type."""
    settings = ClientSettings(answer_s=10, http_s=3)
    clients = [BiltenClient(platform.url, settings=settings, rng=random.Random()) for _ in range(count)]
    try:
        view = await insist(lambda: clients[0].event("faults"))
        yield [Bought(client) for client in clients], view["event"], view["ticket_types"][0]["ticket_type"]
    finally:
        await asyncio.gather(*(client.close() for client in clients), return_exceptions=True)


async def audited(platform: RunningPlatform, event: str) -> None:
    """Journal, tables and money agree, once whoever has to has finished every order."""
    event_id = EventId(parse(EVENT, event))
    async with await create_pool(platform.note.dsn, application_name="audit", connections_max=2) as pool:
        await settled(pool, event_id)
        await check_event(pool, event_id)
        issued = await pool.fetchval("SELECT count(*) FROM tickets WHERE event_id = $1", event_id)
        captured = await pool.fetchval(
            "SELECT coalesce(sum(captured_minor - refunded_minor), 0)::bigint FROM sandbox.payments"
        )
        assert captured == issued * 1500


async def settled(pool: Pool, event_id: EventId) -> None:
    """Wait until every order has come to its end."""
    unfinished = """
        SELECT count(*) FROM orders WHERE event_id = $1 AND state NOT IN ('paid', 'failed', 'cancelled')
    """
    async with asyncio.timeout(60):
        while await pool.fetchval(unfinished, event_id):
            await asyncio.sleep(0.1)


async def gateway_killed(platform: RunningPlatform, rounds: int) -> None:
    rng = random.Random(rounds)
    for number in range(rounds):
        async with buyers(platform, 8) as (crowd, event, kind):
            buying = asyncio.gather(*(each.buy(event, kind) for each in crowd))
            await asyncio.sleep(rng.random() * 0.4)  # anywhere in between; there is no condition to wait for
            await asyncio.to_thread(platform.kill, f"gateway-{number % 2 + 1}")
            await buying
            await asyncio.gather(*(each.ask_again(event, kind) for each in crowd))
            assert len({each.purchased.order for each in crowd if each.purchased}) == 8
            await audited(platform, event)


async def test_a_gateway_killed_during_hold_and_pay(platform: RunningPlatform) -> None:
    await gateway_killed(platform, 3)


@pytest.mark.soak
async def test_a_gateway_killed_during_hold_and_pay_a_hundred_times(platform: RunningPlatform) -> None:
    await gateway_killed(platform, 100)


async def redis_broken(platform: RunningPlatform, rounds: int) -> None:
    for _ in range(rounds):
        async with buyers(platform, 4) as (crowd, event, kind):
            buying = asyncio.gather(*(each.buy(event, kind) for each in crowd))
            await asyncio.to_thread(platform.kill, "redis")
            with redis.Redis.from_url(platform.note.redis_url) as connection:
                assert wait_until(lambda: _answers(connection), 30)
                connection.flushall()
            await buying
            await asyncio.gather(*(each.ask_again(event, kind) for each in crowd))
            await audited(platform, event)


def _answers(connection: redis.Redis) -> bool:
    try:
        return bool(connection.ping())
    except redis.RedisError:
        return False


async def test_redis_killed_and_flushed(platform: RunningPlatform) -> None:
    await redis_broken(platform, 2)


@pytest.mark.soak
async def test_redis_killed_and_flushed_fifty_times(platform: RunningPlatform) -> None:
    await redis_broken(platform, 50)


async def test_without_redis_people_hold_but_nobody_pays(platform: RunningPlatform) -> None:
    """Holding goes on; paying is refused, because its limit is what keeps stolen cards from being tried
    out.
    """
    async with buyers(platform, 1) as ((buyer,), event, kind):
        await insist(buyer.client.open)
        (pid,) = (part.process.pid for part in platform.note.parts if part.name == "redis")
        os.kill(pid, signal.SIGSTOP)
        try:
            buyer.held = await insist(lambda: buyer._hold(event, kind))
            buyer.client._settings = ClientSettings(answer_s=5)  # with less patience than it has otherwise
            with pytest.raises((Refused, GaveUp)) as raised:
                await buyer._pay()
            assert isinstance(raised.value, GaveUp) or getattr(raised.value, "code", "") == "busy"
        finally:
            os.kill(pid, signal.SIGCONT)
        buyer.client._settings = ClientSettings(answer_s=10)
        buyer.purchased = await insist(buyer._pay)
        await buyer.ask_again(event, kind)


def kill_ray(platform: RunningPlatform, victim: str) -> None:
    """Kill a process of the local Ray, or all of them; returns when the shards that it had are gone."""
    (leader,) = (part.process.pid for part in platform.note.parts if part.name == "ray")
    head = psutil.Process(leader)
    shards: list[Identity] = []

    def found() -> bool:
        shards[:] = filter(None, (Identity.of(shard.pid) for shard in running.read_shards(platform.data)))
        return len(shards) == SHARDS

    assert wait_until(found, 30), "not every shard is known"
    family = {process: process.name() for process in head.children(recursive=True)} | {head: "leader"}
    for process, name in family.items():
        if victim in {name, "everything"}:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
    gone = wait_until(lambda: not any(shard.process() for shard in shards), 30)
    assert gone, "a shard has outlived its Ray"


async def ray_lost(platform: RunningPlatform, victims: list[str]) -> list[float]:
    """Returns how long after each loss those had tickets who came when there was no shard, in seconds."""
    recovered_s = []
    for victim in victims:
        supervisor = platform.note.supervisor
        async with buyers(platform, 12) as (crowd, event, kind):
            before, during, after = crowd[:4], crowd[4:8], crowd[8:]
            await asyncio.gather(*(each.buy(event, kind) for each in before))
            buying = asyncio.gather(*(each.buy(event, kind) for each in during))
            killed_at = time.monotonic()
            await asyncio.to_thread(kill_ray, platform, victim)
            await asyncio.gather(*(each.buy(event, kind) for each in after))
            recovered_s.append(time.monotonic() - killed_at)
            await buying
            await asyncio.gather(*(each.ask_again(event, kind) for each in crowd))
            assert len({each.purchased.order for each in crowd if each.purchased}) == len(crowd)
            await audited(platform, event)
        assert platform.note.supervisor == supervisor, "it has to come back by itself"
    return recovered_s


# Each of these is another way of losing the head: the leader is what is watched, the control store knows the
# actors, the raylet is their parent.
RAY_VICTIMS = ["gcs_server", "leader", "raylet", "everything"]


async def test_ray_lost(platform: RunningPlatform, measured: Measured) -> None:
    """The platform comes back by itself: Ray is started again, and the shards are made again on it."""
    (recovered_s,) = await ray_lost(platform, ["gcs_server"])
    measured(f"sold again after {recovered_s:.1f} s")


@pytest.mark.soak
async def test_ray_lost_thirty_times(platform: RunningPlatform, measured: Measured) -> None:
    recovered_s = await ray_lost(platform, [RAY_VICTIMS[number % 4] for number in range(30)])
    measured(f"sold again after {median(recovered_s):.1f} s in the median, {max(recovered_s):.1f} s at most")
