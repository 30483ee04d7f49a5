"""Commands: what can be asked of the one writer of an event.

A command travels from the gateway to the shard packed with many others (`pack`, `unpack`). Each carries the
operation id its client made, so that asking twice is harmless, and the event that it is for.
"""

import msgspec

from domain.catalogue import SaleDefinition
from domain.ids import BuyerId, EventId, HoldId, OperationId, OrderId, PoolId, TicketId, TicketTypeId
from domain.vouchers import VoucherCode, VoucherRule


class Command(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What every command carries."""

    operation_id: OperationId
    event_id: EventId


class Line(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """So many tickets of one type. `price_minor` is what the buyer names, where the type lets them."""

    ticket_type_id: TicketTypeId
    quantity: int
    price_minor: int | None = None


class Configure(Command, frozen=True, tag=1):
    """Give an event whose sale has not opened yet its pools and ticket types, in the place of those that it
    may have, vouchers included. Later changes are made by `Reconfigure`.
    """

    definition: SaleDefinition


class OpenSale(Command, frozen=True, tag=2):
    """Open the sale, or open it again after a pause. With a time ahead, it opens by itself at that time."""

    opens_at_ms: int


class PauseSale(Command, frozen=True, tag=3):
    """Take no new holds; those that are there can still be bought."""


class CloseSale(Command, frozen=True, tag=4):
    """End the sale for good; holds that are there can still be bought until they expire."""


class PlaceHold(Command, frozen=True, tag=5):
    """Reserve tickets, all lines or none. The hold is named by the operation id.

    Attributes:
        codes: of vouchers, hashed (`domain.codes`).
        numbers: of vouchers that the buyer has named before, where a hold that is over is placed anew; never
            from a client.
    """

    buyer_id: BuyerId
    lines: tuple[Line, ...]
    codes: tuple[VoucherCode, ...] = ()
    numbers: tuple[int, ...] = ()


class ExtendHold(Command, frozen=True, tag=6):
    """Give a hold its one extension."""

    buyer_id: BuyerId
    hold_id: HoldId


class ReleaseHold(Command, frozen=True, tag=7):
    """Give a hold back before it expires."""

    buyer_id: BuyerId
    hold_id: HoldId


class Sell(Command, frozen=True, tag=8):
    """Turn a hold into tickets. The order is named by the operation id.

    Attributes:
        ticket_ids: fresh ids, one a ticket of the hold, given to the lines in their order.
    """

    buyer_id: BuyerId
    hold_id: HoldId
    ticket_ids: tuple[TicketId, ...]


class SoldTicket(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A ticket as the durable record has it; `ticket_type` is its position in the definition.

    Attributes:
        tier, block: numbers, as in the line that it was sold by; the shard fills them in.
    """

    ticket_id: TicketId
    ticket_type: int
    is_cancelled: bool
    tier: int = 0
    block: int = 0


class SoldOrder(msgspec.Struct, frozen=True, array_like=True):
    """An order as the durable record has it. `vouchers` are the numbers of those that it was bought with; the
    shard fills them in.
    """

    order_id: OrderId
    event_id: EventId
    buyer_id: BuyerId
    tickets: tuple[SoldTicket, ...]
    vouchers: tuple[int, ...] = ()


class CancelTickets(Command, frozen=True, tag=9):
    """Take back sold tickets; their places are free at once.

    Attributes:
        ticket_ids: which of the order's tickets; empty means all that are not cancelled.
        order: what the durable record says of the order. The shard fills it in itself, whatever came with the
            command, because what is sold is not kept in memory.
    """

    order_id: OrderId
    ticket_ids: tuple[TicketId, ...] = ()
    order: SoldOrder | None = None


class Withhold(Command, frozen=True, tag=10):
    """Take free places of a pool out of the sale, for the organizer's own use."""

    pool_id: PoolId
    quantity: int


class ReturnWithheld(Command, frozen=True, tag=11):
    """Give withheld places back to the sale."""

    pool_id: PoolId
    quantity: int


class ChangeCapacity(Command, frozen=True, tag=12):
    """Set a pool's capacity; never below what is held, sold and withheld."""

    pool_id: PoolId
    capacity: int


class Reconfigure(Command, frozen=True, tag=13):
    """Give an event another definition. Pools and ticket types may be added at the end; none may be missing.

    The capacities of pools that are there are not looked at: they have a command of their own.
    """

    definition: SaleDefinition


class CancelEvent(Command, frozen=True, tag=14):
    """Stop the sale for good, holds included. Tickets are taken back by `CancelTickets`, as ever."""


class DefineVouchers(Command, frozen=True, tag=15):
    """Make vouchers of one rule, all or none; at most `vouchers.CODES_A_COMMAND_MAX`."""

    rule: VoucherRule
    codes: tuple[VoucherCode, ...]


class ChangeVoucher(Command, frozen=True, tag=16):
    """Give a voucher another rule of the same kind."""

    code: VoucherCode
    rule: VoucherRule


class RetireVouchers(Command, frozen=True, tag=17):
    """End vouchers, all or none; holds that have a use of them keep it."""

    codes: tuple[VoucherCode, ...]


class ExplainCode(Command, frozen=True, tag=18):
    """Ask what a code is good for, without using it. Answered by `events.CodeExplained`."""

    buyer_id: BuyerId
    code: VoucherCode


class CountUses(Command, frozen=True, tag=19):
    """Ask how often vouchers are in use; at most `vouchers.CODES_A_COMMAND_MAX`. Answered by
    `events.UsesCounted`.
    """

    codes: tuple[VoucherCode, ...]


AnyCommand = (
    Configure
    | OpenSale
    | PauseSale
    | CloseSale
    | PlaceHold
    | ExtendHold
    | ReleaseHold
    | Sell
    | CancelTickets
    | Withhold
    | ReturnWithheld
    | ChangeCapacity
    | Reconfigure
    | CancelEvent
    | DefineVouchers
    | ChangeVoucher
    | RetireVouchers
    | ExplainCode
    | CountUses
)

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[AnyCommand])

pack = _encoder.encode
unpack = _decoder.decode
