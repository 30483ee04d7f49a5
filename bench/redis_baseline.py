"""How others sell one hot event with Redis: a Lua script counts down and writes the hold, and the append-only
file makes it durable, at once (`always`) or within a second (`everysec`).

Measured three ways, because with Redis the client decides:

- `redis_always`, `redis_everysec`: redis-py with hiredis, 64 callers, each with a connection of its own from
  the pool, which is what a Python application has. redis-py costs more processor time than the server.
- `…_lean`: the same 64 connections with a few lines around hiredis instead of a library.
- `…_pipelined`: the same few lines, all callers on four connections: the best that can be done, if an
  application's requests meet in one process and somebody writes this client.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Final, cast
from urllib.parse import urlsplit

import hiredis
import redis.asyncio as redis

from bench.load import Load, measure
from bench.servers import valkey

CALLERS: Final = 64
PIPES: Final = 4

# KEYS[1] the counter of what is free, KEYS[2] the hold; ARGV: how many, buyer, expiry in ms.
_HOLD: Final = """
local free = tonumber(redis.call('GET', KEYS[1]))
local quantity = tonumber(ARGV[1])
if free < quantity then return 0 end
redis.call('DECRBY', KEYS[1], quantity)
redis.call('HSET', KEYS[2], 'buyer', ARGV[2], 'quantity', quantity, 'expires_at_ms', ARGV[3])
return 1
"""


class RedisConnection(asyncio.Protocol):
    """Requests in, replies out in their order; what is asked in one turn of the loop leaves in one write."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader()
        self._waiting: deque[asyncio.Future[object]] = deque()
        self._outgoing: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes, but do what they do.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            future = self._waiting.popleft()
            if isinstance(reply, hiredis.HiredisError):
                future.set_exception(reply)
            else:
                future.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_exception(exc or ConnectionError("Redis closed the connection"))

    def ask(self, *words: str | bytes | float) -> asyncio.Future[object]:
        future: asyncio.Future[object] = self._loop.create_future()
        self._waiting.append(future)
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(hiredis.pack_command(words))  # type: ignore[arg-type]  # its stub means one word
        return future

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        assert self._transport is not None
        self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()


@asynccontextmanager
async def connections(url: str, number: int) -> AsyncIterator[list[RedisConnection]]:
    """So many authenticated connections."""
    address = urlsplit(url)
    assert address.hostname is not None
    assert address.port is not None
    loop = asyncio.get_running_loop()
    made: list[RedisConnection] = []
    try:
        for _ in range(number):
            _, connection = await loop.create_connection(RedisConnection, address.hostname, address.port)
            made.append(connection)
            await connection.ask("AUTH", address.password or "")
        yield made
    finally:
        for connection in made:
            connection.close()


async def hold_load(url: str, callers: int, pipes: int, seconds: float) -> Load:
    """Measure holds by so many callers on so many connections."""
    numbers = count(1)
    async with connections(url, pipes) as made:
        script = await made[0].ask("SCRIPT", "LOAD", _HOLD)
        assert isinstance(script, str | bytes)
        await made[0].ask("SET", "free", 2_000_000_000)

        async def hold() -> None:
            number = next(numbers)
            held = await made[number % pipes].ask(
                "EVALSHA", script, 2, "free", f"hold:{number}", 1, number, 1_800_000_000_000
            )
            assert held == 1

        return await measure(callers, hold, seconds)


async def library_load(url: str, callers: int, seconds: float) -> Load:
    """Measure holds through redis-py."""
    numbers = count(1)
    pool = redis.BlockingConnectionPool.from_url(url, max_connections=callers, timeout=None)
    client = redis.Redis(connection_pool=pool)
    script = await client.script_load(_HOLD)
    await client.set("free", 2_000_000_000)

    async def hold() -> None:
        number = next(numbers)
        held = await client.evalsha(script, 2, "free", f"hold:{number}", "1", str(number), "1800000000000")
        assert held == 1

    try:
        return await measure(callers, hold, seconds)
    finally:
        await client.aclose()


async def run_redis(under: Path, seconds: float, *, is_quick: bool) -> Mapping[str, Load]:
    """Measure both settings of the append-only file, each on a fresh server; quickly, only through redis-py
    and pipelined.
    """
    loads = {}
    for name in ("always", "everysec"):
        options = {"appendonly": "yes", "appendfsync": name}
        with valkey(under, f"valkey-{name}", options) as server:
            loads[f"redis_{name}"] = await library_load(server.url(), CALLERS, seconds)
            if not is_quick:
                loads[f"redis_{name}_lean"] = await hold_load(server.url(), CALLERS, CALLERS, seconds)
            loads[f"redis_{name}_pipelined"] = await hold_load(server.url(), CALLERS, PIPES, seconds)
    return loads
