"""Live updates through Redis: they arrive, the newest state is there, and losing Redis harms nobody."""

import asyncio
from pathlib import Path

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
