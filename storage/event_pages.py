"""Events as pages show them and lists of them, in Redis: one copy for all gateways, and the word that one is
out of date.

Everything in here may be lost at any time. A copy of an event is written only if it is not older than what
was announced since: a reader that was slow to write must not bring an old page back.

A copy of a list has nothing to compare, so all lists have one generation, which every announcement raises in
the step that says its word. A reader asks for the generation before it asks PostgreSQL, and what it read is
kept under that one, however late; only copies of the generation that holds are used. So a copy that is used
was read after every change that was announced.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import redis.asyncio as redis
from redis.exceptions import RedisError

from domain.ids import EventId, OrganisationId
from storage.batcher import Batcher, Full
from storage.ending import end
from storage.event_records import EventRecord

CHANNEL: Final = "catalogue"
# Of lists. It begins with the time, so that after a loss none comes again that somebody may still know.
GENERATION: Final = "lists"
KEPT_S: Final = 20
LIST_KEPT_S: Final = 5
LIST_BYTES_MAX: Final = 262_144
# What one process has in Redis of lists at most: whoever looks for many things must not fill it.
LISTS_MAX: Final = 1_000
LISTS_BYTES_MAX: Final = 16 << 20
_ANNOUNCED_S: Final = 3_600
_TIMEOUT_S: Final = 0.5
# After a failure Redis is left alone for this long: a page must not wait for it each time.
_REST_S: Final = 1.0
# What could not be told is tried so often, until copies from before are gone anyway.
_TELL_AGAIN_S: Final = 0.25
_UNTOLD_MAX: Final = 10_000
_TOGETHER_MAX: Final = 64
_LISTS_TOGETHER_MAX: Final = 16

_RAISE_IT: Final = """
local function raise(key)
    if redis.call('EXISTS', key) == 0 then
        local now = redis.call('TIME')
        redis.call('SET', key, now[1] .. string.format('%06d', now[2]))
    end
    return redis.call('INCR', key)
end
"""
# KEYS: the generation.
RAISE: Final = f"{_RAISE_IT} return raise(KEYS[1])"
# KEYS: the copy, what was announced. ARGV: revision, copy, seconds.
_PUT: Final = """
if tonumber(redis.call('GET', KEYS[2]) or '0') > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""
# KEYS: the copy, what was announced, the generation. ARGV: revision, seconds, channel, message.
_ANNOUNCE: Final = f"""
{_RAISE_IT}
if tonumber(redis.call('GET', KEYS[2]) or '0') < tonumber(ARGV[1]) then
    redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
end
redis.call('DEL', KEYS[1])
raise(KEYS[3])
return redis.call('PUBLISH', ARGV[3], ARGV[4])
"""
# KEYS: the generation. ARGV: channel, message.
_TELL: Final = f"""
{_RAISE_IT}
raise(KEYS[1])
return redis.call('PUBLISH', ARGV[1], ARGV[2])
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


class Looked(NamedTuple):
    """What Redis has of a list.

    Attributes:
        generation: what is read of PostgreSQL from now on may be kept under it; None if nothing may.
        copy: of this generation.
    """

    generation: bytes | None = None
    copy: bytes | None = None


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
        self._looking: Batcher[str, Looked] = Batcher(self._look_all, batch_max=_LISTS_TOGETHER_MAX)
        self._put = self._redis.register_script(_PUT)
        self._announce = self._redis.register_script(_ANNOUNCE)
        self._tell = self._redis.register_script(_TELL)
        self._raise = self._redis.register_script(RAISE)
        # When copies of lists are gone that are from here, and their sizes.
        self._lists: deque[tuple[float, int]] = deque()
        self._lists_bytes = 0
        self._saying = 0
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

    async def look(self, name: str) -> Looked:
        """Return the copy of a list if there is one, and under what one may be kept that is read now."""
        try:
            return await self._looking.put(name)
        except Full:
            return Looked()

    async def _look_all(self, names: list[str]) -> list[Looked]:
        # What Redis has not taken yet has not made its lists old.
        if not (self._saying or self._untold or asyncio.get_running_loop().time() < self._rests_until):
            with self._failing():
                found: list[Any] = await self._redis.mget([GENERATION, *map(_list, names)])
                generation, *copies = found
                if generation is None:
                    generation = str(await self._raise(keys=[GENERATION])).encode()
                return [Looked(generation, _of(generation, copy)) for copy in copies]
        return [Looked()] * len(names)

    async def put_list(self, name: str, generation: bytes, packed: bytes) -> None:
        """Keep a copy of a list that was read after `generation` was, for all gateways and a short while."""
        now = asyncio.get_running_loop().time()
        while self._lists and self._lists[0][0] <= now:
            self._lists_bytes -= self._lists.popleft()[1]
        is_little = len(self._lists) < LISTS_MAX and self._lists_bytes + len(packed) <= LISTS_BYTES_MAX
        if now < self._rests_until or len(packed) > LIST_BYTES_MAX or not is_little:
            return
        self._lists.append((now + LIST_KEPT_S, len(packed)))
        self._lists_bytes += len(packed)
        with self._failing():
            await self._redis.set(_list(name), generation + b"\0" + packed, ex=LIST_KEPT_S)

    async def announce(self, event: EventRecord) -> None:
        """Tell every gateway that what it has of an event is out of date, as soon as Redis takes it."""
        word = Word(event.event_id, event.slug, event.revision).packed()
        keys = [_page(event.slug), _announced(event.event_id), GENERATION]
        await self._say(
            partial(self._announce, keys=keys, args=[event.revision, _ANNOUNCED_S, CHANNEL, word])
        )

    async def tell(self, word: Word) -> None:
        """Tell every gateway something. Copies of events that are older are not used by who hears it."""
        await self._say(partial(self._tell, keys=[GENERATION], args=[CHANNEL, word.packed()]))

    async def close(self) -> None:
        """Close the connections."""
        if self._telling is not None:
            await end([self._telling])
        await self._redis.aclose()

    async def _say(self, say: Callable[[], Awaitable[Any]]) -> None:
        self._saying += 1
        try:
            with self._failing():
                await say()
                return
        finally:
            self._saying -= 1
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


def _list(name: str) -> str:
    return f"list:{name}"


def _of(generation: bytes, copy: bytes | None) -> bytes | None:
    """Return what a copy has if it is of a generation."""
    if copy is None:
        return None
    kept_under, _, packed = copy.partition(b"\0")
    return packed if kept_under == generation else None


def _announced(event_id: EventId) -> str:
    return f"announced:{event_id.hex()}"
