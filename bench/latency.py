"""Percentiles of latencies: nearest rank, so that every figure is one that somebody really waited."""

import math
from collections.abc import Sequence

import msgspec


class Latency(msgspec.Struct, frozen=True):
    """How long something took, in milliseconds. All zero when nothing was measured."""

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    p999_ms: float
    max_ms: float


def nearest_rank(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0 to 1) of the ordered values do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def latency(seconds: Sequence[float]) -> Latency:
    """Return the percentiles of durations given in seconds."""
    ordered = sorted(seconds)
    shares = (0.50, 0.95, 0.99, 0.999, 1.0)
    return Latency(len(ordered), *(round(nearest_rank(ordered, share) * 1000, 3) for share in shares))
