"""Live updates through Redis: they arrive, the newest state is there, and losing Redis harms nobody."""

import asyncio
from pathlib import Path

import redis.asyncio as redis

from cluster.embedded import EmbeddedValkey
from storage.fanout import RedisFanout


async def test_what_is_published_is_heard(redis_url: str) -> None:
    sender, receiver = RedisFanout(redis_url), RedisFanout(redis_url)
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    await receiver.subscribe("event:a", heard.put_nowait)
    async with asyncio.timeout(10):
        while heard.empty():
            await sender.publish([("event:b", b"not for us"), ("event:a", b"one")])
            await asyncio.sleep(0.01)
    assert heard.get_nowait() == b"one"
    assert await receiver.newest_state("event:a") == b"one"
    assert await receiver.newest_state("event:c") is None
    await sender.close()
    await receiver.close()


async def test_channels_asked_for_while_connecting_are_heard(redis_url: str) -> None:
    """A gateway that starts subscribes to many events at once; one left out would never be updated."""
    sender, receiver = RedisFanout(redis_url), RedisFanout(redis_url)
    heard: set[str] = set()
    channels = [f"event:{number}" for number in range(20)]
    for channel in channels:
        await receiver.subscribe(channel, lambda _, channel=channel: heard.add(channel))  # type: ignore[misc]
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        while len(heard) < len(channels):
            await sender.publish([(channel, b"") for channel in channels])
            await asyncio.sleep(0.01)
    await receiver.unsubscribe(channels[0])
    heard.clear()
    async with asyncio.timeout(10):
        while len(heard) < len(channels) - 1:
            await sender.publish([(channel, b"") for channel in channels])
            await asyncio.sleep(0.01)
    assert channels[0] not in heard
    await sender.close()
    await receiver.close()


async def test_a_subscription_comes_back_after_redis_was_killed(servers_folder: Path) -> None:
    server = EmbeddedValkey(servers_folder / "fanout")
    server.start()
    sender, receiver = RedisFanout(server.url()), RedisFanout(server.url())
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    missed = asyncio.Event()
    receiver.on_reconnect(missed.set)
    await receiver.subscribe("event:a", heard.put_nowait)
    try:
        server.kill()
        await sender.publish([("event:a", b"lost")])
        assert sender.dropped == 1
        assert await receiver.newest_state("event:a") is None
        server.start()
        async with asyncio.timeout(20):
            while heard.empty() or heard.get_nowait() != b"two":
                await sender.publish([("event:a", b"two")])
                await asyncio.sleep(0.02)
            await missed.wait()
    finally:
        await sender.close()
        await receiver.close()
        server.stop()


async def test_a_failure_after_a_reconnection_does_not_end_the_listening(redis_url: str) -> None:
    """It ended in silence, and every page of that gateway stood still until it was started again."""
    sender, receiver = RedisFanout(redis_url), RedisFanout(redis_url)
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    failures: list[int] = []

    def fail_once() -> None:
        if not failures:
            failures.append(1)
            raise RuntimeError("our own mistake")

    receiver.on_reconnect(fail_once)
    await receiver.subscribe("event:a", heard.put_nowait)

    async def hear() -> None:
        async with asyncio.timeout(10):
            while heard.empty():
                await sender.publish([("event:a", b"one")])
                await asyncio.sleep(0.01)

    await hear()
    async with redis.Redis.from_url(redis_url) as connection:
        await connection.client_kill_filter(_type="pubsub")
    async with asyncio.timeout(10):
        while not failures:
            await asyncio.sleep(0.01)
    while not heard.empty():
        heard.get_nowait()
    await hear()
    await sender.close()
    await receiver.close()
