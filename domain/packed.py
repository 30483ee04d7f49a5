"""A counter for millions of 64-bit keys in some twenty bytes each.

A dict of ints costs about a hundred bytes an entry, and an event with a million sold tickets has to remember
a million buyers and two million operations. This is the classical alternative, an open-addressed table with
linear probing over two flat arrays. It is cut into segments that grow on their own, so that no single
insertion moves more than a 256th of the table, and a small event allocates only the segments it touches.

Keys are the low 64 bits of identifiers whose low 62 bits are random, so they need no hashing, and two
different ones meet with a probability of about n**2 / 2**63. What a meeting does is up to the user of the
table and must be harmless.
"""

from array import array
from collections.abc import Iterator
from struct import Struct
from typing import Final

_SEGMENTS: Final = 256
_SLOTS_MIN: Final = 8
_SLOTS_LARGE: Final = 1_024
_LOAD_NUMERATOR: Final = 5
_LOAD_DENOMINATOR: Final = 10
COUNT_MAX: Final = 65_535


_key: Final = Struct(">8xQ").unpack
_KEY_MASK: Final = (1 << 64) - 1
_PAIRING: Final = 0x9E37_79B9_7F4A_7C15


def paired(identifier: bytes, number: int) -> bytes:
    """Return an identifier for a pair, to be counted by itself. Pairs meet as seldom as identifiers do."""
    # Odd, so that no two numbers move a key to the same place.
    key: int = _key(identifier)[0] ^ number * _PAIRING & _KEY_MASK
    return bytes(8) + key.to_bytes(8, "big")


class _Segment:
    __slots__ = ("counts", "keys", "limit", "mask", "used")

    def __init__(self, slots: int) -> None:
        self.keys = array("Q", bytes(8 * slots))
        self.counts = array("H", bytes(2 * slots))
        self.mask = slots - 1
        self.limit = slots * _LOAD_NUMERATOR // _LOAD_DENOMINATOR
        self.used = 0

    def slot(self, key: int) -> int:
        """Return the slot that has the key, or the empty one where it belongs."""
        keys, mask = self.keys, self.mask
        at = key >> 8 & mask
        while found := keys[at]:
            if found == key:
                break
            at = at + 1 & mask
        return at


class PackedCounter:
    """Counts by 64-bit key; a key that was never counted has 0."""

    __slots__ = ("_segments", "is_untouched")

    def __init__(self) -> None:
        self.is_untouched = True
        self._segments: list[_Segment | None] = [None] * _SEGMENTS

    def get(self, identifier: bytes) -> int:
        """Return the count of an identifier (its last 8 bytes are the key)."""
        # The search of `_Segment.slot` stands here again: this is asked for every hold, and a call costs a
        # third.
        key = _key(identifier)[0] or 1
        segment = self._segments[key & 255]
        if segment is None:
            return 0
        keys, mask = segment.keys, segment.mask
        at = key >> 8 & mask
        while found := keys[at]:
            if found == key:
                return segment.counts[at]
            at = at + 1 & mask
        return 0

    def add(self, identifier: bytes, amount: int) -> None:
        """Add to the count of an identifier. The result must be 0 to `COUNT_MAX`."""
        key = _key(identifier)[0] or 1
        segment = self._segments[key & 255]
        if segment is None:
            self.is_untouched = False
            segment = self._segments[key & 255] = _Segment(_SLOTS_MIN)
        at = segment.slot(key)
        if not segment.keys[at]:
            if segment.used >= segment.limit:
                segment = self._segments[key & 255] = _grown(segment)
                at = segment.slot(key)
            segment.keys[at] = key
            segment.used += 1
        segment.counts[at] += amount

    def items(self) -> Iterator[tuple[int, int]]:
        """Yield (key, count) for every count that is not 0."""
        for segment in self._segments:
            if segment:
                yield from (
                    (key, count) for key, count in zip(segment.keys, segment.counts, strict=True) if count
                )

    def __len__(self) -> int:
        return sum(1 for _ in self.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PackedCounter) and dict(self.items()) == dict(other.items())

    __hash__ = None  # type: ignore[assignment]

    def dump(self) -> list[tuple[bytes, bytes]]:
        """Return the raw arrays, a pair a segment; `load` makes the same table of them."""
        return [(s.keys.tobytes(), s.counts.tobytes()) if s else (b"", b"") for s in self._segments]

    @classmethod
    def load(cls, dumped: list[tuple[bytes, bytes]]) -> "PackedCounter":
        """Return the table that `dump` described."""
        table = cls()
        for number, (keys, counts) in enumerate(dumped):
            if keys:
                segment = _Segment(len(keys) // 8)
                segment.keys, segment.counts = array("Q", keys), array("H", counts)
                segment.used = sum(1 for key in segment.keys if key)
                table._segments[number] = segment
                table.is_untouched = False
        return table


def _grown(segment: _Segment) -> _Segment:
    alive = [(key, count) for key, count in zip(segment.keys, segment.counts, strict=True) if count]
    slots = len(segment.keys)
    # Keys whose count went back to 0 are dropped here; only if that frees too little does the segment grow:
    # small ones fourfold, because moving every key each time it doubles would cost more than all the
    # counting.
    factor = 1 if len(alive) * 2 < segment.limit else 4 if slots < _SLOTS_LARGE else 2
    grown = _Segment(slots * factor)
    for key, count in alive:
        at = grown.slot(key)
        grown.keys[at] = key
        grown.counts[at] = count
    grown.used = len(alive)
    return grown
