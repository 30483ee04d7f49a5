"""Events: what was decided. The journal is made of them, and an event is also the answer to the command that
caused it.

Events are records of fact: applying one cannot fail. Positions (`ticket_type`, `pool`) are those of the
    event's definition, which is itself the first event of its journal.
"""

from typing import Final

import msgspec

from domain.catalogue import SaleDefinition
from domain.ids import BuyerId, HoldId, OperationId, OrderId, TicketId
from domain.refusals import Refusal


class HeldLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Tickets of one type, at the price that was agreed when they were held."""

    ticket_type: int
    quantity: int
    unit_price_minor: int


class Configured(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """The event has its pools and ticket types."""

    operation_id: OperationId
    definition: SaleDefinition


class SaleOpened(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=2):
    """Holds are taken from `opens_at_ms` on."""

    operation_id: OperationId
    opens_at_ms: int


class SalePaused(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=3):
    """No new holds for now."""

    operation_id: OperationId


class SaleClosed(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=4):
    """No new holds any more."""

    operation_id: OperationId


class Held(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=5):
    """Places are reserved until `expires_at_ms`. A live hold is kept in memory as this very record."""

    operation_id: HoldId
    buyer_id: BuyerId
    lines: tuple[HeldLine, ...]
    expires_at_ms: int


class Extended(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=6):
    """A hold lasts until `expires_at_ms` now."""

    operation_id: OperationId
    hold_id: HoldId
    expires_at_ms: int


class Released(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=7):
    """A buyer gave a hold back."""

    operation_id: OperationId
    hold_id: HoldId


class Expired(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=8):
    """A hold's time was over. Nobody asked for it: it has no operation id of its own."""

    hold_id: HoldId
    buyer_id: BuyerId


class Sold(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=9):
    """A hold became tickets: `ticket_ids` belong to the lines in their order."""

    operation_id: OrderId
    hold_id: HoldId
    buyer_id: BuyerId
    lines: tuple[HeldLine, ...]
    ticket_ids: tuple[TicketId, ...]


class Cancelled(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=10):
    """Tickets of an order were taken back; `ticket_types` are the positions of their types, one a ticket."""

    operation_id: OperationId
    order_id: OrderId
    buyer_id: BuyerId
    ticket_ids: tuple[TicketId, ...]
    ticket_types: tuple[int, ...]


class Withheld(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=11):
    """Places of a pool left the sale."""

    operation_id: OperationId
    pool: int
    quantity: int


class Returned(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=12):
    """Withheld places of a pool are back in the sale."""

    operation_id: OperationId
    pool: int
    quantity: int


class CapacityChanged(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=13):
    """A pool has a new capacity."""

    operation_id: OperationId
    pool: int
    capacity: int


AnyEvent = (
    Configured
    | SaleOpened
    | SalePaused
    | SaleClosed
    | Held
    | Extended
    | Released
    | Expired
    | Sold
    | Cancelled
    | Withheld
    | Returned
    | CapacityChanged
)


class Again(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=90):
    """Not decided; send it again. Only between shard and gateway, never to a client.

    Attributes:
        is_elsewhere: the event is not placed on this shard: look its placement up first.
    """

    is_elsewhere: bool


Answer = AnyEvent | Refusal | Again

_encoder = msgspec.msgpack.Encoder()
pack: Final = _encoder.encode
unpack: Final = msgspec.msgpack.Decoder(list[AnyEvent]).decode
unpack_one: Final = msgspec.msgpack.Decoder(AnyEvent).decode
unpack_answers: Final = msgspec.msgpack.Decoder(list[Answer]).decode
