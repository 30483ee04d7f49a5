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
from domain.vouchers import Vouchers, VouchersDump

VERSION: Final = 1
SLICE: Final = 2_000
_CHECKSUM_BYTES: Final = 4


class UnknownSnapshot(ValueError):
    """The bytes are not a snapshot of a version that this code reads; the journal has to be replayed from its
    start.
    """


class Header(msgspec.Struct, frozen=True, array_like=True):
    """All of a snapshot but its long lists. What has a default was not there at first.

    Attributes:
        tiers: by type, held and sold together by number of the tier.
        blocked: by pool.
    """

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
    definition_seq: int = 0
    tiers: list[dict[int, int]] = []
    blocked: list[int] = []
    limited: list[int] = []
    type_tally: list[tuple[bytes, bytes]] = []
    vouchers: VouchersDump = VouchersDump()


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
        state.definition_seq,
        [dict(kind.tiers) for kind in state.types],
        [pool.blocked for pool in state.pools],
        sorted(state.limited),
        state.type_tally.dump() if state.limited else [],
        state.vouchers.dump(),
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
    state.definition_seq = header.definition_seq
    for kind, in_tiers in zip(state.types, header.tiers, strict=False):
        kind.tiers = in_tiers
    for pool, blocked in zip(state.pools, header.blocked, strict=False):
        pool.blocked = blocked
    state.limited = set(header.limited)
    state.type_tally = PackedCounter.load(header.type_tally)
    state.vouchers = Vouchers.load(header.vouchers)
    for hold in holds:
        assert isinstance(hold, e.Held)
        state.keep_hold(_sharing(hold))
    for hold_id, expires_at_ms in header.extended.items():
        state.extend_hold(hold_id, expires_at_ms)
    state.tally = PackedCounter.load(header.tally)
    for event in recent:
        operation_id = getattr(event, "operation_id")  # noqa: B009 - every event but Expired has one, and none of those is here
        state.operations.remember(operation_id, event)
    state.operations.spilled = PackedCounter.load(header.spilled)
    return state


def _sharing(hold: e.Held) -> e.Held:
    """Return a hold whose lines are those that holds alike share."""
    lines = shared_lines(hold.lines)
    if isinstance(hold, e.HeldByCode):
        return e.HeldByCode(hold.operation_id, hold.buyer_id, lines, hold.expires_at_ms, hold.vouchers)
    return e.Held(hold.operation_id, hold.buyer_id, lines, hold.expires_at_ms)
