"""Rate limits that all processes share, kept in Redis.

The rule is GCRA, the generic cell rate algorithm (ITU-T I.371, as virtual scheduling): for each key Redis
keeps one time, that at which the next request would be due if requests came evenly. A request is let through
if that is at most `burst - 1` intervals ahead of now; the time then moves on by one interval. One number a
key, no window edges. The algorithm and its script are throttled-py's (docs/decisions/rate-limits.md).

Many callers, one round trip: checks that are asked for while one round trip is under way go together with the
next.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from typing import Any, Final

import msgspec
from redis.exceptions import NoScriptError, RedisError
from throttled.asyncio.rate_limiter.gcra import GCRARateLimiter
from throttled.asyncio.store import BaseAtomicAction, RedisStore
from throttled.rate_limiter import Quota, Rate
from throttled.rate_limiter.gcra import RedisLimitAtomicActionSpec

from storage.batcher import Batcher

WAITING_MAX: Final = 10_000
CHECKS_A_TRIP_MAX: Final = 500
_RATES_MAX: Final = 1_000
# Slower than one in an hour is as slow as one in an hour.
_PERIOD_S_MAX: Final = 3_600

_Check = tuple[str, Sequence[Any]]

# The library's script, once for each key: one command and one answer cost a fraction of as many.
_SCRIPT: Final = f"""
    -- KEYS: of the limits. ARGV: for each key as many as the library's script takes.
    local function check(KEYS, ARGV)
        {RedisLimitAtomicActionSpec.SCRIPTS}
    end
    local each = #ARGV / #KEYS
    local answers = {{}}
    for number, key in ipairs(KEYS) do
        local arguments = {{}}
        for at = 1, each do
            arguments[at] = ARGV[(number - 1) * each + at]
        end
        answers[number] = check({{key}}, arguments)
    end
    return answers
"""


class Taken(msgspec.Struct, frozen=True):
    """What a limit says.

    Attributes:
        wait_ms: 0 if the request is let through, else when it would be.
        remaining: requests that may still come at once.
        reset_ms: when as many may come as at first.
    """

    wait_ms: int
    remaining: int
    reset_ms: int


class _Trips:
    """Takes checks to Redis, many at a time."""

    def __init__(self, store: RedisStore, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._redis: Any = store._backend.get_client()  # noqa: SLF001 - the store has no name for it
        self._sha = ""
        self.checks: Batcher[_Check, Sequence[Any]] = Batcher(
            self._run, batch_max=CHECKS_A_TRIP_MAX, waiting_max=WAITING_MAX
        )

    async def close(self) -> None:
        await self._redis.aclose()

    async def _run(self, checks: list[_Check]) -> list[Sequence[Any]]:
        try:
            async with asyncio.timeout(self._timeout_s):
                if not self._sha:
                    await self._load()
                try:
                    return await self._ask(checks)
                except NoScriptError:
                    # Redis was restarted. Nothing of the batch was done: the first of it failed, and so all.
                    await self._load()
                    return await self._ask(checks)
        except (RedisError, OSError, TimeoutError) as error:
            raise ConnectionError(f"Redis can't be asked: {error!r}") from error

    async def _load(self) -> None:
        self._sha = await self._redis.script_load(_SCRIPT)

    async def _ask(self, checks: list[_Check]) -> list[Sequence[Any]]:
        keys = [key for key, _ in checks]
        arguments = [argument for _, given in checks for argument in given]
        found: list[Sequence[Any]] = await self._redis.evalsha(self._sha, len(keys), *keys, *arguments)
        return found


class RedisLimits:
    """The limits that a process asks of one Redis."""

    def __init__(self, url: str, timeout_ms: int = 500) -> None:
        """Redis counts as away when it has not answered after `timeout_ms`."""
        timeout_s = timeout_ms / 1000
        self._store = RedisStore(
            server=url, options={"SOCKET_TIMEOUT": timeout_s, "SOCKET_CONNECT_TIMEOUT": timeout_s}
        )
        self._trips = trips = _Trips(self._store, timeout_s)

        class Together(RedisLimitAtomicActionSpec, BaseAtomicAction):
            """Asks Redis together with whoever else asks."""

            STORE_TYPE = RedisStore.TYPE

            async def do(self, keys: Sequence[Any], args: Sequence[Any] | None) -> tuple[int | float, ...]:
                found = await trips.checks.put((keys[0], args or ()))
                limited, remaining, reset_after, retry_after = found
                return limited, remaining, float(reset_after), float(retry_after)

        self._together = Together
        self._by_rate: dict[tuple[float, int], GCRARateLimiter] = {}

    async def take(self, kind: str, key: str, per_s: float, burst: int) -> int:
        """Count a request against a limit, as `count` does. Returns 0 if it is let through, else the
        milliseconds until it would be.
        """
        return (await self.count(kind, key, per_s, burst)).wait_ms

    async def count(self, kind: str, key: str, per_s: float, burst: int) -> Taken:
        """Count a request against a limit.

        Args:
            kind: what is limited.
            key: who is limited; the same key of another kind is another limit.
            per_s: requests a second on average.
            burst: requests that may come at once.

        Raises:
            ConnectionError: Redis can't be asked in time, or too many wait for it.
        """
        result = await self._limiter(per_s, burst).limit(f"{kind}:{key}")
        state = result.state
        wait_ms = max(1, -int(-state.retry_after * 1000 // 1)) if result.limited else 0
        return Taken(wait_ms, int(state.remaining), max(0, round(state.reset_after * 1000)))

    async def close(self) -> None:
        """End everything."""
        await self._trips.close()

    def _limiter(self, per_s: float, burst: int) -> GCRARateLimiter:
        limiter = self._by_rate.get((per_s, burst))
        if limiter is None:
            if len(self._by_rate) >= _RATES_MAX:
                self._by_rate.clear()
            ratio = max(Fraction(per_s).limit_denominator(_PERIOD_S_MAX), Fraction(1, _PERIOD_S_MAX))
            quota = Quota(Rate(timedelta(seconds=ratio.denominator), ratio.numerator), burst)
            limiter = GCRARateLimiter(quota, self._store, [self._together], key_prefix="limit")
            self._by_rate[per_s, burst] = limiter
        return limiter
