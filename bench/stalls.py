"""How much of the time the machine itself stands still.

A virtual machine shares its processors, and what others take of them is not always counted as stolen inside
it: work simply takes ten times as long for a while. Whatever is measured meanwhile waits, so a 99th
percentile says nothing of the measured program where that happens for more than a hundredth of the time.
"""

import statistics
import time
from collections.abc import Sequence
from typing import Final

import msgspec

_LAP: Final = 20_000
# A lap that takes this many times the usual was held up; a busy neighbour on the same core makes it two.
_HELD_UP: Final = 3.0


class Stalls(msgspec.Struct, frozen=True):
    """What was seen of a machine that had nothing else to do.

    Attributes:
        share: of the time that was lost, between 0 and 1.
        longest_ms: the longest that was lost at once.
    """

    share: float
    longest_ms: float


def measure_stalls(seconds: float) -> Stalls:
    """Do the same small work over and over, some 0.4 ms each time, and return what was lost."""
    laps: list[float] = []
    begin = before = time.perf_counter()
    while before - begin < seconds:
        for _ in range(_LAP):
            pass
        now = time.perf_counter()
        laps.append(now - before)
        before = now
    return stalls_of(laps)


def stalls_of(laps: Sequence[float]) -> Stalls:
    """Return what was lost in laps of the same work, given in seconds; those in a row are one stall."""
    usual = statistics.median(laps)
    lost = longest = stall = 0.0
    for lap in laps:
        stall = stall + lap - usual if lap > _HELD_UP * usual else 0.0
        lost += lap - usual if stall else 0.0
        longest = max(longest, stall)
    return Stalls(round(lost / sum(laps), 4), round(longest * 1000, 1))
