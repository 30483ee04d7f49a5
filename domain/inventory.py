"""The inventory of one event: its counts, its live holds, what each buyer has, and how an event changes them.

`apply(state, event)` is the only thing that changes the state, and it cannot fail: what is applied has been
decided (`domain.decisions`). So what recovery does with the journal is exactly what the actor did with its
commands.

A hold is a two-phase transfer: it is pending until its time is over, and then at most once one of sold,
released, expired. For every pool, after every event::

    free + held + sold + withheld == capacity

What else is limited is counted beside it, and asserted as well: tickets by price tier, uses of vouchers,
places kept for their blocks (docs/decisions/prices-and-vouchers.md).
"""

import enum
from collections.abc import Callable, Iterable
from typing import Any, Final

from domain import events as e
from domain.catalogue import SaleDefinition
from domain.counts import PoolCounts, TypeCounts
from domain.ids import BuyerId, EventId, HoldId
from domain.offers import TypeOffer
from domain.operations import OperationMemory
from domain.packed import PackedCounter, paired
from domain.vouchers import Vouchers


class SaleStatus(enum.IntEnum):
    """Where the sale of an event stands; `decisions.sale_refusal` says what each means for a hold."""

    NEW = 0
    OPEN = 1
    PAUSED = 2
    CLOSED = 3
    CANCELLED = 4


class Inventory:
    """The state of one event's sale. Changed by `apply` only.

    Attributes:
        seq: how many events were applied; the next one has this number plus one in the journal.
        holds: the live holds, each as the event that made it, in the order of placing.
        extended: the new expiry of those that were extended.
        early: those that expire before one placed earlier. Holds of an event last equally long, so there are
        such holds
            only where a clock went backwards: when another node took over, or was set right.
        newest_expiry_ms: the latest expiry among the live holds that are not early, without extensions.
        tally: tickets in holds and sales together, by buyer.
        definition_seq: the number of the event that made the definition what it is.
        is_plain: by type, whether window, quantity and stock are all there is to ask.
        limited: types that have or had a limit per buyer; `type_tally` counts theirs, by buyer and type.
        offers: what was last made of the definition for `domain.notices`, None when it has changed since.
    """

    __slots__ = (
        "definition", "definition_seq", "early", "event_id", "extended", "holds", "is_plain", "limited",
        "newest_expiry_ms", "offers", "opens_at_ms", "operations", "pools", "pools_of_type", "seq", "status",
        "tally", "type_positions", "type_tally", "types", "vouchers",
    )  # fmt: skip

    def __init__(self, event_id: EventId) -> None:
        self.event_id = event_id
        self.seq = 0
        self.definition: SaleDefinition | None = None
        self.status = SaleStatus.NEW
        self.opens_at_ms = 0
        self.pools: list[PoolCounts] = []
        self.types: list[TypeCounts] = []
        self.pools_of_type: list[tuple[PoolCounts, ...]] = []
        self.type_positions: dict[bytes, int] = {}
        self.holds: dict[HoldId, e.Held] = {}
        self.extended: dict[HoldId, int] = {}
        self.early: dict[HoldId, None] = {}
        self.newest_expiry_ms = 0
        self.tally = PackedCounter()
        self.operations = OperationMemory()
        self.definition_seq = 0
        self.is_plain: list[bool] = []
        self.limited: set[int] = set()
        self.type_tally = PackedCounter()
        self.vouchers = Vouchers()
        self.offers: tuple[TypeOffer, ...] | None = None

    @property
    def needs_sold(self) -> bool:
        """Whether taking tickets back needs more of their sale than their types."""
        return len(self.vouchers) > 0 or any(kind.tiers for kind in self.types)

    def expires_at_ms(self, hold: e.Held) -> int:
        """Return when a live hold expires, its extension included."""
        return self.extended.get(hold.operation_id, hold.expires_at_ms)

    def keep_hold(self, hold: e.Held) -> None:
        """Add to the live holds."""
        self.holds[hold.operation_id] = hold
        if hold.expires_at_ms < self.newest_expiry_ms:
            self.early[hold.operation_id] = None
        else:
            self.newest_expiry_ms = hold.expires_at_ms

    def free_of_type(self, position: int) -> int:
        """Return how many tickets of a type could be held now: the scarcest of its pools."""
        pools = self.pools_of_type[position]
        return pools[0].free if len(pools) == 1 else min(pool.free for pool in pools)

    def sold_out(self) -> tuple[int, ...]:
        """Return the positions of the types of which everything is sold, or too little left to be had.

        What is held counts as left: most of it is paid for, but some comes back within minutes
        (docs/decisions/sold-out.md).
        """
        if self.definition is None:
            return ()
        return tuple(
            position
            for position, kind in enumerate(self.definition.ticket_types)
            if min(pool.free + pool.held for pool in self.pools_of_type[position]) < kind.quantity_min
        )

    def adopt(self, definition: SaleDefinition) -> None:
        """Take over a definition. What it adds to the one before has nothing held or sold yet."""
        self.definition = definition
        self.pools.extend(PoolCounts(pool.capacity) for pool in definition.pools[len(self.pools) :])
        self.types.extend(TypeCounts() for _ in definition.ticket_types[len(self.types) :])
        self.type_positions = {kind.ticket_type_id: at for at, kind in enumerate(definition.ticket_types)}
        self.pools_of_type = [tuple(self.pools[at] for at in kind.pools) for kind in definition.ticket_types]
        self.is_plain = [kind.is_plain for kind in definition.ticket_types]
        self.offers = None

    def count_limited(self, positions: set[int]) -> None:
        """Count these types by buyer from now on, live holds included."""
        fresh = positions - self.limited
        self.limited |= fresh
        for hold in self.holds.values() if fresh else ():
            for line in hold.lines:
                if line.ticket_type in fresh:
                    self.type_tally.add(paired(hold.buyer_id, line.ticket_type), line.quantity)


def apply(state: Inventory, event: e.AnyEvent) -> None:
    """Change the state by an event that was decided on this very state."""
    _APPLY[type(event)](state, event)
    state.seq += 1


def _count(state: Inventory, position: int, held: int, sold: int) -> None:
    """Move tickets of a type: positive takes from what is free, negative gives back to it."""
    counts = state.types[position]
    counts.held += held
    counts.sold += sold
    for pool in state.pools_of_type[position]:
        pool.held += held
        pool.sold += sold
        pool.free -= held + sold
        pool.check()


def _count_line(state: Inventory, line: e.HeldLine, quantity: int) -> None:
    """Hold tickets of a line that is in a tier or from a block; a negative quantity gives them back."""
    _count_special(state, line.ticket_type, line.tier, line.block, quantity, 0)


def _count_special(state: Inventory, position: int, tier: int, block: int, held: int, sold: int) -> None:
    counts = state.types[position]
    if tier:
        counts.tiers[tier] = counts.tiers.get(tier, 0) + held + sold
        state.offers = None
    # What comes back to a block that was retired is free.
    if block and not state.vouchers.is_retired[block - 1]:
        _unblock(state, block, held + sold)
    _count(state, position, held, sold)
    assert counts.in_tier(tier) >= 0 <= counts.in_tier(0), (position, tier, counts.tiers)


def _unblock(state: Inventory, block: int, quantity: int) -> None:
    """Make places of a block free, so that they can be taken at once; a negative quantity puts them back."""
    at = state.vouchers.rule(block).block_pool
    assert at is not None
    pool = state.pools[at]
    state.vouchers.left[block - 1] -= quantity
    pool.blocked -= quantity
    pool.withheld -= quantity
    pool.free += quantity
    assert 0 <= pool.blocked <= pool.withheld, (pool.blocked, pool.withheld)


def _configured(state: Inventory, event: e.Configured | e.Reconfigured) -> None:
    if isinstance(event, e.Configured):  # Perhaps anew: it has not opened, so nothing is held or sold.
        state.pools, state.types, state.limited, state.vouchers = [], [], set(), Vouchers()
    state.adopt(event.definition)
    state.definition_seq = state.seq + 1
    kinds = enumerate(event.definition.ticket_types)
    state.count_limited({at for at, kind in kinds if kind.buyer_limit is not None})
    state.operations.remember(event.operation_id, event)


def _sale_opened(state: Inventory, event: e.SaleOpened) -> None:
    state.status = SaleStatus.OPEN
    state.opens_at_ms = event.opens_at_ms
    state.operations.remember(event.operation_id, event)


def _sale_paused(state: Inventory, event: e.SalePaused) -> None:
    state.status = SaleStatus.PAUSED
    state.operations.remember(event.operation_id, event)


def _sale_closed(state: Inventory, event: e.SaleClosed) -> None:
    state.status = SaleStatus.CLOSED
    state.operations.remember(event.operation_id, event)


def _event_cancelled(state: Inventory, event: e.EventCancelled) -> None:
    state.status = SaleStatus.CANCELLED
    state.operations.remember(event.operation_id, event)


def _held(state: Inventory, event: e.Held) -> None:
    quantity = 0
    for line in event.lines:
        if line.tier or line.block:
            _count_line(state, line, line.quantity)
        else:
            _count(state, line.ticket_type, line.quantity, 0)
        quantity += line.quantity
    state.tally.add(event.buyer_id, quantity)
    if state.limited:
        _tally_types(state, event, 1)
    state.keep_hold(event)


def _held_by_code(state: Inventory, event: e.HeldByCode) -> None:
    _held(state, event)
    _count_uses(state, event, 1, 0)


def _count_uses(state: Inventory, hold: e.Held, held: int, used: int) -> None:
    assert isinstance(hold, e.HeldByCode)
    for number in hold.vouchers:
        state.vouchers.count(number, hold.buyer_id, held, used)


def _tally_types(state: Inventory, hold: e.Held, sign: int) -> None:
    for line in hold.lines:
        if line.ticket_type in state.limited:
            state.type_tally.add(paired(hold.buyer_id, line.ticket_type), sign * line.quantity)


def _extended(state: Inventory, event: e.Extended) -> None:
    state.extended[event.hold_id] = event.expires_at_ms
    state.operations.remember(event.operation_id, event)


def _end_hold(state: Inventory, hold_id: HoldId) -> e.Held:
    """Take a hold out of the live ones; from here on it is remembered as a finished operation."""
    hold = state.holds.pop(hold_id)
    state.extended.pop(hold_id, None)
    state.early.pop(hold_id, None)
    if not state.holds:
        state.newest_expiry_ms = 0
    state.operations.remember(hold_id, hold)
    return hold


def _give_back(state: Inventory, hold: e.Held) -> None:
    for line in hold.lines:
        if line.tier or line.block:
            _count_line(state, line, -line.quantity)
        else:
            _count(state, line.ticket_type, -line.quantity, 0)
    state.tally.add(hold.buyer_id, -sum(line.quantity for line in hold.lines))
    if state.limited:
        _tally_types(state, hold, -1)
    if type(hold) is e.HeldByCode:
        _count_uses(state, hold, -1, 0)


def _released(state: Inventory, event: e.Released) -> None:
    _give_back(state, _end_hold(state, event.hold_id))
    state.operations.remember(event.operation_id, event)


def _expired(state: Inventory, event: e.Expired) -> None:
    _give_back(state, _end_hold(state, event.hold_id))


def _sold(state: Inventory, event: e.Sold) -> None:
    hold = _end_hold(state, event.hold_id)
    for line in hold.lines:
        _count(state, line.ticket_type, -line.quantity, line.quantity)
    if type(hold) is e.HeldByCode:
        _count_uses(state, hold, -1, 1)
    state.operations.remember(event.operation_id, event)


def _cancelled(state: Inventory, event: e.Cancelled) -> None:
    nothing = (0,) * len(event.ticket_types)
    for position, tier, block in zip(
        event.ticket_types, event.tiers or nothing, event.blocks or nothing, strict=True
    ):
        _count_special(state, position, tier, block, 0, -1)
        if position in state.limited:
            _untally_type(state, event.buyer_id, position)
    state.tally.add(event.buyer_id, -len(event.ticket_types))
    for number in event.vouchers:
        state.vouchers.count(number, event.buyer_id, 0, -1)
    state.operations.remember(event.operation_id, event)


def _untally_type(state: Inventory, buyer_id: BuyerId, position: int) -> None:
    # What was sold before the type had a limit was never counted.
    pair = paired(buyer_id, position)
    if state.type_tally.get(pair):
        state.type_tally.add(pair, -1)


def _withheld(state: Inventory, event: e.Withheld) -> None:
    _withhold(state.pools[event.pool], event.quantity)
    state.operations.remember(event.operation_id, event)


def _returned(state: Inventory, event: e.Returned) -> None:
    _withhold(state.pools[event.pool], -event.quantity)
    state.operations.remember(event.operation_id, event)


def _withhold(pool: PoolCounts, quantity: int) -> None:
    pool.withheld += quantity
    pool.free -= quantity
    pool.check()


def _capacity_changed(state: Inventory, event: e.CapacityChanged) -> None:
    pool = state.pools[event.pool]
    pool.free += event.capacity - pool.capacity
    pool.capacity = event.capacity
    pool.check()
    state.operations.remember(event.operation_id, event)


def _vouchers_defined(state: Inventory, event: e.VouchersDefined) -> None:
    assert event.first_number == len(state.vouchers) + 1
    state.vouchers.add(event.rule, event.codes)
    _block(state, event.rule.block_pool, event.rule.block_quantity * len(event.codes))
    state.operations.remember(event.operation_id, event)


def _block(state: Inventory, at: int | None, quantity: int) -> None:
    """Take free places of a pool for blocks; a negative quantity gives them back to the sale."""
    if at is not None and quantity:
        pool = state.pools[at]
        pool.blocked += quantity
        _withhold(pool, quantity)
        assert 0 <= pool.blocked <= pool.withheld, (pool.blocked, pool.withheld)


def _voucher_changed(state: Inventory, event: e.VoucherChanged) -> None:
    more = event.rule.block_quantity - state.vouchers.rule(event.number).block_quantity
    state.vouchers.change(event.number, event.rule)
    _block(state, event.rule.block_pool, more)
    state.operations.remember(event.operation_id, event)


def _vouchers_retired(state: Inventory, event: e.VouchersRetired) -> None:
    for number in event.numbers:
        _block(state, state.vouchers.rule(number).block_pool, -state.vouchers.retire(number))
    state.operations.remember(event.operation_id, event)


_APPLY: Final[dict[type, Callable[[Inventory, Any], None]]] = {
    e.Configured: _configured,
    e.SaleOpened: _sale_opened,
    e.SalePaused: _sale_paused,
    e.SaleClosed: _sale_closed,
    e.Held: _held,
    e.HeldByCode: _held_by_code,
    e.Extended: _extended,
    e.Released: _released,
    e.Expired: _expired,
    e.Sold: _sold,
    e.Cancelled: _cancelled,
    e.Withheld: _withheld,
    e.Returned: _returned,
    e.CapacityChanged: _capacity_changed,
    e.Reconfigured: _configured,
    e.EventCancelled: _event_cancelled,
    e.VouchersDefined: _vouchers_defined,
    e.VoucherChanged: _voucher_changed,
    e.VouchersRetired: _vouchers_retired,
}


def replay(state: Inventory, history: Iterable[e.AnyEvent]) -> Inventory:
    """Apply events in their order and return the state."""
    for event in history:
        apply(state, event)
    return state
