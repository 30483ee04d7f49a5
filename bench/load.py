"""Callers that wait: each does one operation after the other until the time is over."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from bench.latency import Latency, latency


class BenchFailed(Exception):
    """What was to be measured did not work."""


class Load(msgspec.Struct, frozen=True):
    """What a number of callers got done."""

    callers: int
    per_s: float
    latency: Latency


async def measure(
    callers: int, operation: Callable[[], Awaitable[None]], seconds: float, warm_up_s: float = 0.5
) -> Load:
    """Run `operation` in so many callers at once and return its rate and latencies after warming up.

    An operation that raises ends the measurement with its error: a baseline that fails is no baseline.
    """
    begin = time.perf_counter() + warm_up_s
    end = begin + seconds
    durations: list[float] = []

    async def call() -> None:
        while (started := time.perf_counter()) < end:
            await operation()
            finished = time.perf_counter()
            if started >= begin and finished <= end:
                durations.append(finished - started)

    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(call())
    return Load(callers, len(durations) / seconds, latency(durations))
