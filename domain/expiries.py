"""When live holds expire: to find those whose time is over takes as long as they are many, and no longer.

Holds are gathered by the second in which they expire, whatever the order in which they were placed: how long
they last may be changed, clocks are set back, and some are extended. A hold that ends earlier is only
counted; its id goes when most of its second have ended, so that no more ids are kept than twice the live
ones, and a few.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from domain import events as e
from domain.ids import HoldId

SPAN_MS: Final = 1_000
"""In long spans many are looked at that have time left, in short ones the spans themselves cost memory."""
ENDED_MIN: Final = 64
"""Fewer than this are never worth looking for."""


class _Span:
    __slots__ = ("hold_ids", "live")

    def __init__(self) -> None:
        self.hold_ids: list[HoldId] = []
        self.live = 0


class Expiries:
    """The live holds of an event by the time of their expiry.

    It looks holds up in the dicts that it is given; who changes those says so here.
    """

    __slots__ = ("_extended", "_first", "_holds", "_spans")

    def __init__(self, holds: Mapping[HoldId, e.Held], extended: Mapping[HoldId, int]) -> None:
        self._holds = holds
        self._extended = extended
        self._spans: dict[int, _Span] = {}
        self._first = 0

    def add(self, hold_id: HoldId, expires_at_ms: int) -> None:
        """Say that a hold expires then."""
        number = expires_at_ms // SPAN_MS
        span = self._spans.get(number)
        if span is None:
            self._first = min(self._first, number) if self._spans else number
            span = self._spans[number] = _Span()
        span.hold_ids.append(hold_id)
        span.live += 1

    def remove(self, expires_at_ms: int) -> None:
        """Say that a hold that was to expire then is not live any more, or expires at another time."""
        number = expires_at_ms // SPAN_MS
        span = self._spans[number]
        span.live -= 1
        if not span.live:
            del self._spans[number]
            if number == self._first:
                self._first = min(self._spans, default=0)
        elif len(span.hold_ids) > 2 * span.live + ENDED_MIN:
            span.hold_ids = [hold.operation_id for hold, _ in self._live(number)]

    def move(self, hold_id: HoldId, from_ms: int, to_ms: int) -> None:
        """Say that a hold expires at another time than it was to."""
        if from_ms // SPAN_MS != to_ms // SPAN_MS:
            self.remove(from_ms)
            self.add(hold_id, to_ms)

    def is_none_until(self, until_ms: int) -> bool:
        """Say at a glance that nothing expires up to a time. False may also mean: look closer."""
        return not self._spans or self._first * SPAN_MS > until_ms

    def between(self, after_ms: int | None, until_ms: int) -> Iterator[tuple[e.Held, int]]:
        """Yield the holds that expire after one time, if one is given, and not after another, each with its
        expiry. Seconds come in their order.
        """
        if self.is_none_until(until_ms):
            return
        first = self._first if after_ms is None else max(self._first, after_ms // SPAN_MS)
        last = until_ms // SPAN_MS
        # After a long pause there may be more seconds in between than seconds in which anything expires.
        is_long = last - first > len(self._spans)
        numbers = sorted(self._spans) if is_long else range(first, last + 1)
        for number in numbers:
            if first <= number <= last and number in self._spans:
                for hold, expires_at_ms in self._live(number):
                    if expires_at_ms <= until_ms and (after_ms is None or expires_at_ms > after_ms):
                        yield hold, expires_at_ms

    def _live(self, number: int) -> Iterator[tuple[e.Held, int]]:
        """Yield what is live of a second: not those that have ended or were moved to another one."""
        holds, extended = self._holds, self._extended
        for hold_id in self._spans[number].hold_ids:
            hold = holds.get(hold_id)
            if hold is not None:
                expires_at_ms = extended.get(hold_id, hold.expires_at_ms)
                if expires_at_ms // SPAN_MS == number:
                    yield hold, expires_at_ms
