"""How an event changes the inventory.

`apply(state, event)` is the only thing that changes the state, and it cannot fail: what is applied has been
decided (`domain.decisions`). So what recovery does with the journal is exactly what the actor did with its
commands.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from domain import events as e
from domain.counts import PoolCounts
from domain.ids import BuyerId, HoldId
from domain.inventory import Inventory, SaleStatus
from domain.packed import paired
from domain.vouchers import Vouchers


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
    state.extend_hold(event.hold_id, event.expires_at_ms)
    state.operations.remember(event.operation_id, event)


def _end_hold(state: Inventory, hold_id: HoldId) -> e.Held:
    """Take a hold out of the live ones; from here on it is remembered as a finished operation."""
    hold = state.end_hold(hold_id)
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
