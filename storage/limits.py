"""Rate limits that all processes share, kept in Redis.

The rule is GCRA, the generic cell rate algorithm (ITU-T I.371, as virtual scheduling): for each key Redis
keeps one time, that at which the next request would be due if requests came evenly. A request is let through
if that is at most `burst - 1` intervals ahead of now; the time then moves on by one interval. One number a
key, no window edges.

Many callers, one round trip: checks that are asked for while one round trip is under way go together with the
next.
"""

import asyncio
from typing import Final

import redis.asyncio as redis
from redis.exceptions import RedisError

TIMEOUT_S: Final = 0.5
WAITING_MAX: Final = 10_000
CHECKS_A_TRIP_MAX: Final = 500

# KEYS[i]: the limit's key; its value is the theoretical arrival time of the next request, microseconds.
# ARGV[2i-1]: the interval between requests, microseconds; ARGV[2i]: the burst, a count.
# Returns for each key 0 if the request is let through, else the microseconds until it would be.
_GCRA: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local waits = {}
for i, key in ipairs(KEYS) do
    local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    local due = math.max(now, tonumber(redis.call('GET', key) or now))
    local wait = due - now - interval * (burst - 1)
    if wait > 0 then
        waits[i] = math.ceil(wait)
    else
        waits[i] = 0
        local next_due = due + interval
        redis.call('SET', key, string.format('%d', next_due), 'PX', math.ceil((next_due - now) / 1000) + 1)
    end
end
return waits
"""


class _Check:
    __slots__ = ("burst", "interval_us", "key", "wait_ms")

    def __init__(self, key: str, interval_us: int, burst: int) -> None:
        self.key = key
        self.interval_us = interval_us
        self.burst = burst
        self.wait_ms: asyncio.Future[int] = asyncio.get_running_loop().create_future()


class RedisLimits:
    """The limits that a process asks of one Redis."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S)
        self._script = self._redis.register_script(_GCRA)
        self._waiting: list[_Check] = []
        self._trip: asyncio.Task[None] | None = None

    async def take(self, kind: str, key: str, per_s: float, burst: int) -> int:
        """Count a request against a limit.

        Args:
            kind: what is limited.
            key: who is limited; the same key of another kind is another limit.
            per_s: requests a second on average.
            burst: requests that may come at once.

        Returns:
            0 if the request is let through, else the milliseconds until it would be.

        Raises:
            ConnectionError: Redis can't be asked in time, or too many wait for it.
        """
        if len(self._waiting) >= WAITING_MAX:
            raise ConnectionError("too many wait for Redis")
        check = _Check(f"limit:{kind}:{key}", max(1, round(1_000_000 / per_s)), burst)
        self._waiting.append(check)
        if self._trip is None:
            self._trip = asyncio.create_task(self._run())
        return await check.wait_ms

    async def close(self) -> None:
        """End everything."""
        if self._trip is not None:
            self._trip.cancel()
            await asyncio.gather(self._trip, return_exceptions=True)
        await self._redis.aclose()

    async def _run(self) -> None:
        try:
            while self._waiting:
                together = self._waiting[:CHECKS_A_TRIP_MAX]
                del self._waiting[:CHECKS_A_TRIP_MAX]
                await self._ask(together)
        finally:
            self._trip = None

    async def _ask(self, together: list[_Check]) -> None:
        arguments = [number for check in together for number in (check.interval_us, check.burst)]
        try:
            async with asyncio.timeout(TIMEOUT_S):
                waits = await self._script(keys=[check.key for check in together], args=arguments)
        except (RedisError, OSError, TimeoutError) as error:
            for check in together:
                if not check.wait_ms.done():
                    check.wait_ms.set_exception(ConnectionError(f"Redis can't be asked: {error!r}"))
            return
        for check, wait_us in zip(together, waits, strict=True):
            if not check.wait_ms.done():
                check.wait_ms.set_result(-(-wait_us // 1000))
