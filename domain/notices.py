"""Notices: what a shard tells the gateways after it has committed. Losing one loses nothing: the next says it
all again.
"""

from typing import Final

import msgspec

from domain.ids import BuyerId, EventId, HoldId, PoolId
from domain.inventory import Inventory
from domain.offers import TypeOffer, offers_of


class PoolNotice(msgspec.Struct, frozen=True, array_like=True):
    """Where a pool's capacity is."""

    capacity: int
    free: int
    held: int
    sold: int
    withheld: int


class SaleNotice(msgspec.Struct, frozen=True, array_like=True):
    """The state of an event's sale.

    Attributes:
        version: the number of the newest event in it.
        status: of `domain.inventory.SaleStatus`.
        pools: in the order of the definition.
        free_by_type: what is left of each ticket type, in the order of the definition.
        definition_seq: the number of the event that made the definition what it is.
        offers: the ticket types, in the order of the definition.
        pool_ids: in the order of the definition.
        held_by_type, sold_by_type: tickets of each type, in the order of the definition.
    """

    event_id: EventId
    version: int
    at_ms: int
    status: int
    opens_at_ms: int
    pools: list[PoolNotice]
    free_by_type: list[int]
    definition_seq: int = 0
    offers: tuple[TypeOffer, ...] = ()
    pool_ids: tuple[PoolId, ...] = ()
    currency: str = ""
    held_by_type: list[int] = []
    sold_by_type: list[int] = []


class HoldNotice(msgspec.Struct, frozen=True, array_like=True):
    """Holds whose buyers are to be told: (buyer, hold, expires at, ms) before it happens, (buyer, hold)
    after.
    """

    event_id: EventId
    expiring: list[tuple[BuyerId, HoldId, int]]
    expired: list[tuple[BuyerId, HoldId]]


_encoder: Final = msgspec.msgpack.Encoder()
pack: Final = _encoder.encode
unpack_sale: Final = msgspec.msgpack.Decoder(SaleNotice).decode
unpack_holds: Final = msgspec.msgpack.Decoder(HoldNotice).decode


def sale_notice(state: Inventory, at_ms: int) -> SaleNotice:
    """Return what there is to tell about a state."""
    pools = [PoolNotice(*pool.as_tuple()) for pool in state.pools]
    free_by_type = [state.free_of_type(position) for position in range(len(state.types))]
    definition = state.definition
    if definition is None:
        return SaleNotice(state.event_id, state.seq, at_ms, int(state.status), state.opens_at_ms, [], [])
    if state.offers is None:
        state.offers = offers_of(definition, [kind.tiers for kind in state.types])
    return SaleNotice(
        state.event_id,
        state.seq,
        at_ms,
        int(state.status),
        state.opens_at_ms,
        pools,
        free_by_type,
        state.definition_seq,
        state.offers,
        tuple(pool.pool_id for pool in definition.pools),
        definition.currency,
        [kind.held for kind in state.types],
        [kind.sold for kind in state.types],
    )


def sale_channel(event_id: EventId) -> str:
    """Return the channel on which an event's sale notices are published."""
    return f"event:{event_id.hex()}"


def holds_channel(event_id: EventId) -> str:
    """Return the channel on which an event's hold notices are published."""
    return f"holds:{event_id.hex()}"
