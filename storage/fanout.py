"""Live updates through Redis: one channel for each event that somebody follows.

Losing a message is harmless by design, because the next one says it all again, and the newest state of an
event also lies under a key. So nothing here ever raises to a publisher: what can't be published is counted
and dropped.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final

import redis.asyncio as redis
from redis.exceptions import RedisError

from storage.ending import end
from storage.event_pages import CHANNEL, GENERATION, RAISE

STATE_TTL_S: Final = 24 * 3600
PUBLISH_TIMEOUT_S: Final = 1.0
RECONNECT_S_MIN: Final = 0.05
RECONNECT_S_MAX: Final = 2.0
_STATE_CHANNELS: Final = "event:"
# Keeps a subscription open that follows nothing yet; nobody publishes on it.
_IDLE_CHANNEL: Final = "idle"

Heard = Callable[[bytes], None]

log = logging.getLogger(__name__)


class RedisFanout:
    """Publishes and subscribes. Connects when it is first needed, and again whenever the connection is lost.

    Attributes:
        dropped: messages that could not be published.
        reconnects: how often the subscription was lost.
    """

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url, socket_connect_timeout=PUBLISH_TIMEOUT_S, socket_keepalive=True
        )
        self._channels: dict[str, Heard] = {}
        self._pubsub: redis.client.PubSub | None = None
        self._listener: asyncio.Task[None] | None = None
        self._on_reconnect: list[Callable[[], None]] = []
        self._is_away = False
        self.dropped = 0
        self.reconnects = 0

    async def publish(self, notices: list[tuple[str, bytes]]) -> None:
        """Publish (channel, payload) pairs in one round trip; a state replaces the one under its key, and
        when a word on the catalogue is heard, no list in Redis is used any more that is from before it.
        """
        try:
            async with (
                asyncio.timeout(PUBLISH_TIMEOUT_S),
                self._redis.pipeline(transaction=False) as pipeline,
            ):
                if any(channel == CHANNEL for channel, _ in notices):
                    pipeline.eval(RAISE, 1, GENERATION)
                for channel, payload in notices:
                    pipeline.publish(channel, payload)
                    if channel.startswith(_STATE_CHANNELS):
                        pipeline.set(state_key(channel), payload, ex=STATE_TTL_S)
                await pipeline.execute()
        except (RedisError, OSError, TimeoutError) as error:
            self.dropped += len(notices)
            # Twenty times a second the same sentence would bury every other one.
            if not self._is_away:
                log.warning("live updates can't be published: %r", error)
            self._is_away = True
        else:
            if self._is_away:
                log.info("live updates are published again, %d were dropped so far", self.dropped)
            self._is_away = False

    async def newest_state(self, channel: str) -> bytes | None:
        """Return the last state that was published on a channel, None if Redis has none or is away."""
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                found = await self._redis.get(state_key(channel))
        except (RedisError, OSError, TimeoutError):
            return None
        return found if isinstance(found, bytes) else None

    def on_reconnect(self, callback: Callable[[], None]) -> None:
        """Have a function called after messages may have been missed."""
        self._on_reconnect.append(callback)

    async def subscribe(self, channel: str, heard: Heard) -> None:
        """Have a function called with each message of a channel; one function a channel."""
        self._channels[channel] = heard
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen())
        elif self._pubsub is not None:
            # If this fails, the listener notices the same and subscribes to everything again.
            with contextlib.suppress(RedisError, OSError):
                await self._pubsub.subscribe(channel)

    async def unsubscribe(self, channel: str) -> None:
        """End a subscription."""
        self._channels.pop(channel, None)
        if self._pubsub is not None:
            with contextlib.suppress(RedisError, OSError):
                await self._pubsub.unsubscribe(channel)

    async def close(self) -> None:
        """End everything."""
        if self._listener is not None:
            await end([self._listener])
        await self._redis.aclose()

    async def _listen(self) -> None:
        pause_s = RECONNECT_S_MIN
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    first = list(self._channels)
                    await pubsub.subscribe(_IDLE_CHANNEL, *first)
                    self._pubsub = pubsub
                    # Those that were asked for while the connection was being made.
                    if late := self._channels.keys() - set(first):
                        await pubsub.subscribe(*late)
                    if self.reconnects:
                        for callback in self._on_reconnect:
                            callback()
                    pause_s = RECONNECT_S_MIN
                    async for message in pubsub.listen():
                        self._hear(message)
            except (RedisError, OSError) as error:
                log.warning("live updates are interrupted: %r", error)
            except Exception:
                # Whatever it was: if this ended, nobody here would hear of anything until a restart.
                log.exception("live updates are interrupted")
            finally:
                self._pubsub = None
            self.reconnects += 1
            await asyncio.sleep(pause_s)
            pause_s = min(RECONNECT_S_MAX, pause_s * 2)

    def _hear(self, message: dict[str, object]) -> None:
        if message["type"] != "message":
            return
        channel, payload = message["channel"], message["data"]
        assert isinstance(channel, bytes)
        assert isinstance(payload, bytes)
        heard = self._channels.get(channel.decode())
        if heard is None:
            return
        try:
            heard(payload)
        except Exception:
            log.exception("a message on %s could not be taken", channel.decode())


def state_key(channel: str) -> str:
    """Return the key under which the newest state of a channel lies."""
    return "state:" + channel.removeprefix(_STATE_CHANNELS)
