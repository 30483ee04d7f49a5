"""Events as pages show them, in Redis: one copy for all gateways, and the word that one is out of date.

Everything in here may be lost at any time. A copy is written only if it is not older than what was announced
since: a reader that was slow to write must not bring an old page back.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Final, Protocol

import msgspec
import redis.asyncio as redis
from redis.exceptions import RedisError

from domain.ids import EventId, OrganisationId
from storage.batcher import Batcher, Full
from storage.ending import end
from storage.event_records import EventRecord

CHANNEL: Final = "catalogue"
KEPT_S: Final = 20
_ANNOUNCED_S: Final = 3_600
_TIMEOUT_S: Final = 0.5
# After a failure Redis is left alone for this long: a page must not wait for it each time.
_REST_S: Final = 1.0
# What could not be told is tried so often, until copies from before are gone anyway.
_TELL_AGAIN_S: Final = 0.25
_UNTOLD_MAX: Final = 10_000
_TOGETHER_MAX: Final = 64

# KEYS: the copy, what was announced. ARGV: revision, copy, seconds.
_PUT: Final = """
if tonumber(redis.call('GET', KEYS[2]) or '0') > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""
# KEYS: the copy, what was announced. ARGV: revision, seconds, channel, message.
_ANNOUNCE: Final = """
if tonumber(redis.call('GET', KEYS[2]) or '0') < tonumber(ARGV[1]) then
    redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
end
redis.call('DEL', KEYS[1])
return redis.call('PUBLISH', ARGV[3], ARGV[4])
"""


class Word(msgspec.Struct, frozen=True, array_like=True):
    """An event has changed, or an organisation, and with it what is said of all its events.

    Attributes:
        event_id: empty if it is about an organisation.
        slug, revision: of the event, from whoever changed the catalogue.
        sold_seq: of what is sold out, from the shard that sells it, which knows nothing of the rest.
        organisation_id, organisation_version: empty and 0 if it is about an event.
    """

    event_id: EventId = EventId(b"")
    slug: str = ""
    revision: int = 0
    sold_seq: int = 0
    organisation_id: OrganisationId = OrganisationId(b"")
    organisation_version: int = 0

    def packed(self) -> bytes:
        """Return the message."""
        return msgspec.msgpack.encode(self)


class Subscribing(Protocol):
    """As much of `storage.fanout.RedisFanout` as is needed here."""

    async def subscribe(self, channel: str, heard: Callable[[bytes], None]) -> None: ...

    def on_reconnect(self, callback: Callable[[], None]) -> None: ...


_decode: Final = msgspec.msgpack.Decoder(EventRecord).decode
_word: Final = msgspec.msgpack.Decoder(Word).decode


class EventPages:
    """The copies in Redis. Nothing here raises: a Redis that is away has no copies.

    Attributes:
        failures: how often Redis could not be asked.
    """

    def __init__(self, url: str, fanout: Subscribing) -> None:
        self._redis = redis.Redis.from_url(
            url, socket_connect_timeout=_TIMEOUT_S, socket_timeout=_TIMEOUT_S, socket_keepalive=True
        )
        self._fanout = fanout
        self._finding: Batcher[str, EventRecord | None] = Batcher(self._find_all, batch_max=_TOGETHER_MAX)
        self._put = self._redis.register_script(_PUT)
        self._announce = self._redis.register_script(_ANNOUNCE)
        self._rests_until = 0.0
        self._untold: deque[tuple[float, Callable[[], Awaitable[Any]]]] = deque()
        self._telling: asyncio.Task[None] | None = None
        self.failures = 0

    async def listen(self, heard: Callable[[Word], None], missed: Callable[[], None]) -> None:
        """Have functions called when an event has changed, and when such words may have been missed."""
        self._fanout.on_reconnect(missed)
        await self._fanout.subscribe(CHANNEL, lambda payload: heard(_word(payload)))

    async def find(self, slug: str) -> EventRecord | None:
        """Return the copy of the event with an address if there is one."""
        try:
            return await self._finding.put(slug)
        except Full:
            return None

    async def _find_all(self, slugs: list[str]) -> list[EventRecord | None]:
        packed: list[Any] = [None] * len(slugs)
        if asyncio.get_running_loop().time() >= self._rests_until:
            with self._failing():
                packed = await self._redis.mget([_page(slug) for slug in slugs])
        return [None if each is None else _unpacked(each) for each in packed]

    async def put(self, event: EventRecord) -> None:
        """Keep a copy for the other gateways."""
        if asyncio.get_running_loop().time() < self._rests_until:
            return
        keys = [_page(event.slug), _announced(event.event_id)]
        with self._failing():
            await self._put(keys=keys, args=[event.revision, msgspec.msgpack.encode(event), KEPT_S])

    async def announce(self, event: EventRecord) -> None:
        """Tell every gateway that what it has of an event is out of date, as soon as Redis takes it."""
        word = Word(event.event_id, event.slug, event.revision).packed()
        keys = [_page(event.slug), _announced(event.event_id)]
        await self._say(
            partial(self._announce, keys=keys, args=[event.revision, _ANNOUNCED_S, CHANNEL, word])
        )

    async def tell(self, word: Word) -> None:
        """Tell every gateway something. Copies in Redis that are older are not used by who hears it."""
        await self._say(partial(self._redis.publish, CHANNEL, word.packed()))

    async def close(self) -> None:
        """Close the connections."""
        if self._telling is not None:
            await end([self._telling])
        await self._redis.aclose()

    async def _say(self, say: Callable[[], Awaitable[Any]]) -> None:
        with self._failing():
            await say()
            return
        # Words carry versions, so they may come late and in any order.
        if len(self._untold) < _UNTOLD_MAX:
            self._untold.append((asyncio.get_running_loop().time() + KEPT_S, say))
        if self._telling is None:
            self._telling = asyncio.create_task(self._say_again())

    async def _say_again(self) -> None:
        try:
            while self._untold:
                await asyncio.sleep(_TELL_AGAIN_S)
                with self._failing():
                    while self._untold:
                        give_up_at, say = self._untold[0]
                        if asyncio.get_running_loop().time() < give_up_at:
                            await say()
                        self._untold.popleft()
        finally:
            self._telling = None

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (RedisError, OSError, TimeoutError):
            self.failures += 1
            self._rests_until = asyncio.get_running_loop().time() + _REST_S


def _unpacked(packed: bytes) -> EventRecord | None:
    try:
        return _decode(packed)
    except msgspec.MsgspecError:
        # Written by another version of this code.
        return None


def _page(slug: str) -> str:
    return f"page:{slug}"


def _announced(event_id: EventId) -> str:
    return f"announced:{event_id.hex()}"
