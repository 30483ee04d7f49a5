"""A snapshot: the state of an inventory as bytes, such that a snapshot and the events after it make the same
state.

Records in it are immutable or copied when it is taken, so `take` is quick and encoding can be done in slices
while the event goes on selling.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final
from zlib import crc32

import msgspec

from domain import events as e
from domain.catalogue import SaleDefinition
from domain.ids import EventId, HoldId
from domain.inventory import Inventory, SaleStatus
from domain.packed import PackedCounter
from domain.pricing import shared_lines

VERSION: Final = 1
SLICE: Final = 2_000
_CHECKSUM_BYTES: Final = 4


class UnknownSnapshot(ValueError):
    """The bytes are not a snapshot of a version that this code reads; the journal has to be replayed from its
    start.
    """


class Header(msgspec.Struct, frozen=True, array_like=True):
    """All of a snapshot but its long lists."""

    version: int
    event_id: EventId
    seq: int
    definition: SaleDefinition | None
    status: SaleStatus
    opens_at_ms: int
    pools: list[tuple[int, int, int, int, int]]
    types: list[tuple[int, int]]
    extended: dict[HoldId, int]
    tally: list[tuple[bytes, bytes]]
    spilled: list[tuple[bytes, bytes]]


_encode: Final = msgspec.msgpack.Encoder().encode
_header: Final = msgspec.msgpack.Decoder(Header).decode
_parts: Final = msgspec.msgpack.Decoder(list[bytes]).decode


def take(state: Inventory) -> Iterator[bytes]:
    """Copy the state now, and return an iterator that encodes it a slice a step; `pack` joins the slices.

    The copy is made before the first step, so the state may change between steps.
    """
    header = Header(
        VERSION,
        state.event_id,
        state.seq,
        state.definition,
        state.status,
        state.opens_at_ms,
        [pool.as_tuple() for pool in state.pools],
        [(kind.held, kind.sold) for kind in state.types],
        dict(state.extended),
        state.tally.dump(),
        state.operations.spilled.dump(),
    )
    return _slices(header, list(state.holds.values()), list(state.operations.recent.values()))


def _slices(header: Header, holds: list[e.Held], recent: list[e.AnyEvent]) -> Iterator[bytes]:
    yield _encode(header)
    for source in (holds, recent):
        entries = iter(source)
        slices = []
        while part := list(islice(entries, SLICE)):
            slices.append(e.pack(part))
            yield b""
        yield _encode(slices)


def pack(slices: list[bytes]) -> bytes:
    """Join what the steps of `take` gave into the bytes that are stored: a checksum and the parts."""
    body = _encode([part for part in slices if part])
    return crc32(body).to_bytes(_CHECKSUM_BYTES, "big") + body


def load(body: bytes) -> Inventory:
    """Return the state that a snapshot holds.

    Raises:
        UnknownSnapshot: not a snapshot, a damaged one, or one of another version.
    """
    checksum, parts = body[:_CHECKSUM_BYTES], memoryview(body)[_CHECKSUM_BYTES:]
    if crc32(parts).to_bytes(_CHECKSUM_BYTES, "big") != checksum:
        raise UnknownSnapshot("the bytes were damaged")
    try:
        head, holds, recent = _parts(parts)
        header = _header(head)
        if header.version != VERSION:
            raise UnknownSnapshot(f"version {header.version}, this code reads {VERSION}")
        return _restore(header, _events(holds), _events(recent))
    except (msgspec.MsgspecError, ValueError) as error:
        raise UnknownSnapshot(str(error)) from error


def _events(body: bytes) -> Iterator[e.AnyEvent]:
    for part in _parts(body):
        yield from e.unpack(part)


def _restore(header: Header, holds: Iterator[e.AnyEvent], recent: Iterator[e.AnyEvent]) -> Inventory:
    state = Inventory(header.event_id)
    state.seq = header.seq
    if header.definition is not None:
        state.adopt(header.definition)
    state.status = header.status
    state.opens_at_ms = header.opens_at_ms
    for pool, counts in zip(state.pools, header.pools, strict=True):
        pool.capacity, pool.free, pool.held, pool.sold, pool.withheld = counts
        pool.check()
    for kind, (held, sold) in zip(state.types, header.types, strict=True):
        kind.held, kind.sold = held, sold
    for hold in holds:
        assert isinstance(hold, e.Held)
        shared = e.Held(hold.operation_id, hold.buyer_id, shared_lines(hold.lines), hold.expires_at_ms)
        state.keep_hold(shared)
    state.extended = header.extended
    state.tally = PackedCounter.load(header.tally)
    for event in recent:
        operation_id = getattr(event, "operation_id")  # noqa: B009 - every event but Expired has one, and none of those is here
        state.operations.remember(operation_id, event)
    state.operations.spilled = PackedCounter.load(header.spilled)
    return state
