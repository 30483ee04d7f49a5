"""Deciding: what a command leads to. `decide` reads the state and returns a record of what happens; it
touches nothing.

The checks of a hold stand in one fixed order, and the first that fails is the refusal: operation seen before;
    sale open; ticket type exists and is in its sales window; quantity; buyer's limit; stock.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

import msgspec

from domain import commands as c
from domain import events as e
from domain.catalogue import CAPACITY_MAX, SaleDefinition, problems
from domain.ids import BuyerId, HoldId
from domain.inventory import Inventory, SaleStatus
from domain.pricing import line_prices
from domain.refusals import Code, Refusal

LINES_MAX: Final = 20


class Seen(msgspec.Struct, frozen=True):
    """The operation was done before: this is its first answer, and nothing happens now."""

    answer: e.AnyEvent | Refusal


def decide(state: Inventory, command: c.AnyCommand, now_ms: int) -> e.AnyEvent | Refusal | Seen:
    """Return what a command leads to, given the state and the time. Changes nothing.

    The caller has made sure that an operation which `state.operations.is_spilled` points at was looked up
    first.
    """
    seen = first_answer(state, command)
    if seen is not None:
        return seen
    if state.definition is None and not isinstance(command, c.Configure):
        return Refusal(Code.NOT_FOUND)
    return _DECISIONS[type(command)](state, command, now_ms)


def first_answer(state: Inventory, command: c.AnyCommand) -> Seen | Refusal | None:
    """Return the answer that an operation got when it was first done, None for a new one."""
    operation_id = command.operation_id
    answer = state.holds.get(operation_id) or state.operations.answer(operation_id)
    if isinstance(command, c.Sell) and isinstance(answer, Refusal):
        # The order, not the refusal, is what is kept for ever: a payment that came too late for its hold is
        # tried again, under the same order, with a hold placed anew (services/purchases.py).
        return None
    return None if answer is None else repeated(command, answer)


def repeated(command: c.AnyCommand, answer: e.AnyEvent | Refusal) -> Seen | Refusal:
    """Return the recorded answer if it belongs to this command; an id that was used for something else is
    refused.
    """
    if isinstance(answer, Refusal):
        return Seen(answer)
    same_kind = isinstance(answer, _EVENT_OF_COMMAND[type(command)])
    if not same_kind or any(
        getattr(answer, name, value) != value
        for name in ("buyer_id", "hold_id", "order_id")
        if (value := getattr(command, name, None)) is not None
    ):
        return Refusal(Code.OPERATION_REUSED)
    return Seen(answer)


def sale_refusal(state: Inventory, now_ms: int) -> Refusal | None:
    """Return why no hold is taken now, None when the sale is open."""
    if state.status is SaleStatus.OPEN:
        wait_ms = state.opens_at_ms - now_ms
        if wait_ms <= 0:
            return None
        return Refusal(Code.SALE_NOT_OPEN, wait_ms, {"opens_at_ms": state.opens_at_ms})
    if state.status is SaleStatus.PAUSED:
        return Refusal(Code.SALE_PAUSED)
    return Refusal(Code.SALE_CLOSED if state.status is SaleStatus.CLOSED else Code.SALE_NOT_OPEN)


def _place_hold(state: Inventory, command: c.PlaceHold, now_ms: int) -> e.Held | Refusal:
    definition = state.definition
    assert definition is not None
    refusal = sale_refusal(state, now_ms)
    if refusal is not None:
        return refusal
    if not 1 <= len(command.lines) <= LINES_MAX:
        return Refusal(
            Code.QUANTITY_OUT_OF_RANGE, None, {"lines": len(command.lines), "lines_max": LINES_MAX}
        )
    needed: dict[int, int] = {}
    for line in command.lines:
        position = state.type_positions.get(line.ticket_type_id)
        if position is None:
            return Refusal(Code.UNKNOWN_TICKET_TYPE)
        kind = definition.ticket_types[position]
        if kind.sales_start_ms is not None and now_ms < kind.sales_start_ms:
            details = {"starts_at_ms": kind.sales_start_ms}
            return Refusal(Code.OUTSIDE_SALES_WINDOW, kind.sales_start_ms - now_ms, details)
        if kind.sales_end_ms is not None and now_ms >= kind.sales_end_ms:
            return Refusal(Code.OUTSIDE_SALES_WINDOW, None, {"ended_at_ms": kind.sales_end_ms})
        needed[position] = needed.get(position, 0) + line.quantity
    refusal = _quantity_refusal(definition, needed) or _limit_refusal(state, command.buyer_id, needed)
    if refusal is None:
        refusal = _stock_refusal(state, definition, needed)
    if refusal is not None:
        return refusal
    return e.Held(
        command.operation_id,
        command.buyer_id,
        line_prices(definition, needed),
        now_ms + definition.hold_ttl_ms,
    )


def _quantity_refusal(definition: SaleDefinition, needed: dict[int, int]) -> Refusal | None:
    for position, quantity in needed.items():
        kind = definition.ticket_types[position]
        if not kind.quantity_min <= quantity <= kind.quantity_max:
            bounds = {"quantity_min": kind.quantity_min, "quantity_max": kind.quantity_max}
            return Refusal(Code.QUANTITY_OUT_OF_RANGE, None, {**bounds, "quantity": quantity})
    return None


def _limit_refusal(state: Inventory, buyer_id: BuyerId, needed: dict[int, int]) -> Refusal | None:
    assert state.definition is not None
    limit = state.definition.buyer_limit
    has = state.tally.get(buyer_id)
    if has + sum(needed.values()) > limit:
        return Refusal(Code.BUYER_LIMIT, None, {"limit": limit, "has": has})
    return None


def _stock_refusal(state: Inventory, definition: SaleDefinition, needed: dict[int, int]) -> Refusal | None:
    if len(needed) == 1:
        ((position, quantity),) = needed.items()
        if quantity <= (free := state.free_of_type(position)):
            return None
        return Refusal(Code.SOLD_OUT, None, {"free": free})
    by_pool: dict[int, int] = {}
    for position, quantity in needed.items():
        for pool in definition.ticket_types[position].pools:
            by_pool[pool] = by_pool.get(pool, 0) + quantity
    for pool, quantity in by_pool.items():
        if quantity > state.pools[pool].free:
            return Refusal(Code.SOLD_OUT, None, {"free": state.pools[pool].free})
    return None


def _live_hold(state: Inventory, hold_id: HoldId, buyer_id: BuyerId, now_ms: int) -> e.Held | Refusal:
    """Return a hold that the buyer has and that is not over yet, however late the sweep is."""
    hold = state.holds.get(hold_id)
    if hold is not None and hold.buyer_id == buyer_id:
        return hold if now_ms < state.expires_at_ms(hold) else Refusal(Code.HOLD_EXPIRED)
    # Whose hold it was is not told to others: theirs looks like one that never was.
    return Refusal(Code.HOLD_NOT_FOUND)


def _extend_hold(state: Inventory, command: c.ExtendHold, now_ms: int) -> e.Extended | Refusal:
    hold = _live_hold(state, command.hold_id, command.buyer_id, now_ms)
    if isinstance(hold, Refusal):
        return hold
    if command.hold_id in state.extended:
        return Refusal(Code.ALREADY_EXTENDED)
    assert state.definition is not None
    return e.Extended(
        command.operation_id, command.hold_id, hold.expires_at_ms + state.definition.extension_ms
    )


def _release_hold(state: Inventory, command: c.ReleaseHold, now_ms: int) -> e.Released | Refusal:
    hold = _live_hold(state, command.hold_id, command.buyer_id, now_ms)
    return hold if isinstance(hold, Refusal) else e.Released(command.operation_id, command.hold_id)


def _sell(state: Inventory, command: c.Sell, now_ms: int) -> e.Sold | Refusal:
    hold = _live_hold(state, command.hold_id, command.buyer_id, now_ms)
    if isinstance(hold, Refusal):
        return hold
    tickets = sum(line.quantity for line in hold.lines)
    if len(command.ticket_ids) != tickets or len(set(command.ticket_ids)) != tickets:
        return Refusal(Code.MALFORMED, None, {"field": "ticket_ids"})
    return e.Sold(command.operation_id, command.hold_id, hold.buyer_id, hold.lines, command.ticket_ids)


def _cancel_tickets(state: Inventory, command: c.CancelTickets, _now_ms: int) -> e.Cancelled | Refusal:
    order = command.order
    if order is None or order.order_id != command.order_id or order.event_id != state.event_id:
        return Refusal(Code.ORDER_NOT_FOUND)
    wanted = set(command.ticket_ids) or {ticket.ticket_id for ticket in order.tickets}
    if not wanted <= {ticket.ticket_id for ticket in order.tickets}:
        return Refusal(Code.NOT_FOUND, None, {"field": "ticket_ids"})
    chosen = [ticket for ticket in order.tickets if ticket.ticket_id in wanted and not ticket.is_cancelled]
    if not chosen or (command.ticket_ids and len(chosen) != len(wanted)):
        return Refusal(Code.ALREADY_CANCELLED)
    return e.Cancelled(
        command.operation_id,
        command.order_id,
        order.buyer_id,
        tuple(ticket.ticket_id for ticket in chosen),
        tuple(ticket.ticket_type for ticket in chosen),
    )


def _configure(state: Inventory, command: c.Configure, _now_ms: int) -> e.Configured | Refusal:
    if state.definition is not None:
        return Refusal(Code.ILLEGAL_STEP)
    wrong = problems(command.definition)
    if command.definition.event_id != state.event_id:
        wrong.append("the definition is that of another event")
    if wrong:
        return Refusal(Code.MALFORMED, None, {"field": "definition", "reason": wrong[0]})
    return e.Configured(command.operation_id, command.definition)


# What opening, pausing and closing lead from; anything else is an illegal step.
SALE_STEPS: Final = {
    c.OpenSale: frozenset({SaleStatus.NEW, SaleStatus.OPEN, SaleStatus.PAUSED}),
    c.PauseSale: frozenset({SaleStatus.OPEN}),
    c.CloseSale: frozenset({SaleStatus.NEW, SaleStatus.OPEN, SaleStatus.PAUSED}),
}


def _change_sale(
    state: Inventory, command: c.OpenSale | c.PauseSale | c.CloseSale, _now_ms: int
) -> e.SaleOpened | e.SalePaused | e.SaleClosed | Refusal:
    if state.status not in SALE_STEPS[type(command)]:
        return Refusal(Code.ILLEGAL_STEP, None, {"status": state.status.name.lower()})
    if isinstance(command, c.OpenSale):
        return e.SaleOpened(command.operation_id, command.opens_at_ms)
    return (e.SalePaused if isinstance(command, c.PauseSale) else e.SaleClosed)(command.operation_id)


def _pool_position(state: Inventory, pool_id: bytes) -> int | None:
    assert state.definition is not None
    found = (position for position, pool in enumerate(state.definition.pools) if pool.pool_id == pool_id)
    return next(found, None)


def _change_withheld(
    state: Inventory, command: c.Withhold | c.ReturnWithheld, _now_ms: int
) -> e.Withheld | e.Returned | Refusal:
    position = _pool_position(state, command.pool_id)
    if position is None:
        return Refusal(Code.UNKNOWN_POOL)
    pool = state.pools[position]
    there = pool.free if isinstance(command, c.Withhold) else pool.withheld
    if command.quantity < 1:
        return Refusal(Code.QUANTITY_OUT_OF_RANGE, None, {"quantity_min": 1, "quantity_max": there})
    if command.quantity > there:
        return Refusal(Code.SOLD_OUT, None, {"free": there})
    made = e.Withheld if isinstance(command, c.Withhold) else e.Returned
    return made(command.operation_id, position, command.quantity)


def _change_capacity(
    state: Inventory, command: c.ChangeCapacity, _now_ms: int
) -> e.CapacityChanged | Refusal:
    position = _pool_position(state, command.pool_id)
    if position is None:
        return Refusal(Code.UNKNOWN_POOL)
    pool = state.pools[position]
    in_use = pool.capacity - pool.free
    if command.capacity < in_use:
        return Refusal(Code.CAPACITY_IN_USE, None, {"capacity_min": in_use})
    if command.capacity > CAPACITY_MAX:
        return Refusal(
            Code.QUANTITY_OUT_OF_RANGE, None, {"capacity_min": in_use, "capacity_max": CAPACITY_MAX}
        )
    return e.CapacityChanged(command.operation_id, position, command.capacity)


_DECISIONS: Final[dict[type, Callable[[Inventory, Any, int], e.AnyEvent | Refusal]]] = {
    c.Configure: _configure,
    c.OpenSale: _change_sale,
    c.PauseSale: _change_sale,
    c.CloseSale: _change_sale,
    c.PlaceHold: _place_hold,
    c.ExtendHold: _extend_hold,
    c.ReleaseHold: _release_hold,
    c.Sell: _sell,
    c.CancelTickets: _cancel_tickets,
    c.Withhold: _change_withheld,
    c.ReturnWithheld: _change_withheld,
    c.ChangeCapacity: _change_capacity,
}

_EVENT_OF_COMMAND: Final = {
    c.Configure: e.Configured,
    c.OpenSale: e.SaleOpened,
    c.PauseSale: e.SalePaused,
    c.CloseSale: e.SaleClosed,
    c.PlaceHold: e.Held,
    c.ExtendHold: e.Extended,
    c.ReleaseHold: e.Released,
    c.Sell: e.Sold,
    c.CancelTickets: e.Cancelled,
    c.Withhold: e.Withheld,
    c.ReturnWithheld: e.Returned,
    c.ChangeCapacity: e.CapacityChanged,
}


def due(state: Inventory, now_ms: int, limit: int) -> list[e.Expired]:
    """Return the expiry of at most `limit` holds whose time is over."""
    late = islice(_expiring_until(state, now_ms), limit)
    return [e.Expired(hold.operation_id, hold.buyer_id) for hold, _ in late]


def expiring(state: Inventory, after_ms: int, until_ms: int) -> list[tuple[BuyerId, HoldId, int]]:
    """Return (buyer, hold, expires at) of the holds that expire after one time and not after another."""
    return [
        (hold.buyer_id, hold.operation_id, expires_at_ms)
        for hold, expires_at_ms in _expiring_until(state, until_ms)
        if expires_at_ms > after_ms
    ]


def is_quiet_until(state: Inventory, until_ms: int) -> bool:
    """Say at a glance that no live hold expires up to a time. False may also mean: look closer."""
    if state.early:
        return False
    first = next(iter(state.holds.values()), None)
    # An extended hold stands where it was placed, so the first one's own expiry bounds all from below.
    return first is None or first.expires_at_ms > until_ms


def _expiring_until(state: Inventory, until_ms: int) -> Iterator[tuple[e.Held, int]]:
    """Yield the live holds that expire not after a time.

    Every hold of an event lasts equally long, so the order of placing is the order of expiring, and the
    search ends at the first hold that has time left. Those out of order (`Inventory.early`) and the extended
    ones are looked at one by one: they are few.
    """
    for hold_id, expires_at_ms in state.extended.items():
        if expires_at_ms <= until_ms:
            yield state.holds[hold_id], expires_at_ms
    for hold_id in state.early:
        hold = state.holds[hold_id]
        if hold.expires_at_ms <= until_ms and hold_id not in state.extended:
            yield hold, hold.expires_at_ms
    for hold_id, hold in state.holds.items():
        if hold_id in state.extended or hold_id in state.early:
            continue
        if hold.expires_at_ms > until_ms:
            return
        yield hold, hold.expires_at_ms
