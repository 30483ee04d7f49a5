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
from domain.vouchers import VoucherCode, VoucherRule


class HeldLine(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Tickets of one type, at the price that was agreed when they were held.

    Attributes:
        unit_price_minor: what each costs.
        unit_discount_minor: what was taken off each by a voucher.
        tier: number of the price tier that they count in; 0 is the type's own price.
        block: number of the voucher from whose block their places are; 0 is none.
    """

    ticket_type: int
    quantity: int
    unit_price_minor: int
    unit_discount_minor: int = 0
    tier: int = 0
    block: int = 0


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


class HeldByCode(Held, frozen=True, array_like=True, gc=False, tag=14):
    """A hold that takes a use of each of its vouchers, named by their numbers."""

    vouchers: tuple[int, ...]


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
    """A hold became tickets: `ticket_ids` are sorted, and belong to the lines in their order."""

    operation_id: OrderId
    hold_id: HoldId
    buyer_id: BuyerId
    lines: tuple[HeldLine, ...]
    ticket_ids: tuple[TicketId, ...]
    vouchers: tuple[int, ...] = ()


class Cancelled(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=10):
    """Tickets of an order were taken back.

    Attributes:
        ticket_types: the positions of their types, one a ticket.
        tiers, blocks: the numbers of the tier and block that each ticket counts back to; empty is 0 for all.
        vouchers: the numbers of those that get a use back, because these were the order's last tickets.
    """

    operation_id: OperationId
    order_id: OrderId
    buyer_id: BuyerId
    ticket_ids: tuple[TicketId, ...]
    ticket_types: tuple[int, ...]
    tiers: tuple[int, ...] = ()
    blocks: tuple[int, ...] = ()
    vouchers: tuple[int, ...] = ()


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


class Reconfigured(msgspec.Struct, frozen=True, array_like=True, tag=15):
    """The event has another definition. What is held and sold is as it was."""

    operation_id: OperationId
    definition: SaleDefinition


class EventCancelled(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=16):
    """Nothing is held, extended or sold any more."""

    operation_id: OperationId


class VouchersDefined(msgspec.Struct, frozen=True, array_like=True, tag=17):
    """There are new vouchers, all of one rule. The first has `first_number`, the others follow."""

    operation_id: OperationId
    first_number: int
    rule: VoucherRule
    codes: tuple[VoucherCode, ...]


class VoucherChanged(msgspec.Struct, frozen=True, array_like=True, tag=18):
    """A voucher has another rule; its uses are as they were."""

    operation_id: OperationId
    number: int
    rule: VoucherRule


class VouchersRetired(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=19):
    """Vouchers can't be used any more; what was left of their blocks is back in the sale."""

    operation_id: OperationId
    numbers: tuple[int, ...]


AnyEvent = (
    Configured
    | SaleOpened
    | SalePaused
    | SaleClosed
    | Held
    | HeldByCode
    | Extended
    | Released
    | Expired
    | Sold
    | Cancelled
    | Withheld
    | Returned
    | CapacityChanged
    | Reconfigured
    | EventCancelled
    | VouchersDefined
    | VoucherChanged
    | VouchersRetired
)


class CodeExplained(msgspec.Struct, frozen=True, array_like=True, tag=92):
    """What a code is good for now. Nothing has happened: this is an answer only, and in no journal.

    Attributes:
        unlocked: positions of the hidden types that it shows.
        left: places of its block, or uses, whichever it has; None is without bound.
    """

    operation_id: OperationId
    rule: VoucherRule
    unlocked: tuple[int, ...]
    left: int | None


class Uses(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How often a voucher is in use.

    Attributes:
        held, used: in live holds and in orders.
        left: uses that are left, None without bound.
        block_left: places that are left of its block, None if it keeps none.
    """

    held: int
    used: int
    left: int | None
    block_left: int | None = None


class UsesCounted(msgspec.Struct, frozen=True, array_like=True, tag=93):
    """How often vouchers are in use, in the order of the question; None for codes that the sale does not
    have. An answer only, and in no journal.
    """

    operation_id: OperationId
    uses: tuple[Uses | None, ...]


class Again(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=90):
    """Not decided; send it again. Only between shard and gateway, never to a client.

    Attributes:
        is_elsewhere: the event is not placed on this shard: look its placement up first.
    """

    is_elsewhere: bool


Answer = AnyEvent | CodeExplained | UsesCounted | Refusal | Again

_encoder = msgspec.msgpack.Encoder()
pack: Final = _encoder.encode
unpack: Final = msgspec.msgpack.Decoder(list[AnyEvent]).decode
unpack_one: Final = msgspec.msgpack.Decoder(AnyEvent).decode
unpack_answers: Final = msgspec.msgpack.Decoder(list[Answer]).decode
