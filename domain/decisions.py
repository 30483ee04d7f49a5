"""Deciding: what a command leads to. `decide` reads the state and returns a record of what happens; it
touches nothing.

An operation that was seen before is answered as it was then. Everything else has its rules: those of holds
are in `domain.placing`, those of an organizer in `domain.organizing`, and what becomes of a hold is here.
"""

from collections.abc import Callable
from itertools import islice
from typing import Any, Final

import msgspec

from domain import commands as c
from domain import events as e
from domain.ids import BuyerId, HoldId
from domain.inventory import Inventory, SaleStatus
from domain.organizing import (
    cancel_event,
    change_capacity,
    change_voucher,
    change_withheld,
    configure,
    define_vouchers,
    reconfigure,
    retire_vouchers,
)
from domain.placing import place_hold
from domain.redeeming import count_uses, explain_code
from domain.refusals import Code, Refusal


class Seen(msgspec.Struct, frozen=True):
    """The operation was done before: this is its first answer, and nothing happens now."""

    answer: e.AnyEvent | e.CodeExplained | e.UsesCounted | Refusal


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


def _live_hold(state: Inventory, hold_id: HoldId, buyer_id: BuyerId, now_ms: int) -> e.Held | Refusal:
    """Return a hold that the buyer has and that is not over yet, however late the sweep is."""
    hold = state.holds.get(hold_id)
    if hold is not None and hold.buyer_id == buyer_id:
        return hold if now_ms < state.expires_at_ms(hold) else Refusal(Code.HOLD_EXPIRED)
    # Whose hold it was is not told to others: theirs looks like one that never was.
    return Refusal(Code.HOLD_NOT_FOUND)


def _explain_code(state: Inventory, command: c.ExplainCode, now_ms: int) -> Seen | Refusal:
    explained = explain_code(state, command, now_ms)
    return explained if isinstance(explained, Refusal) else Seen(explained)


def _count_uses(state: Inventory, command: c.CountUses, _now_ms: int) -> Seen | Refusal:
    counted = count_uses(state, command)
    return counted if isinstance(counted, Refusal) else Seen(counted)


def _extend_hold(state: Inventory, command: c.ExtendHold, now_ms: int) -> e.Extended | Refusal:
    if state.status is SaleStatus.CANCELLED:
        return Refusal(Code.EVENT_CANCELLED)
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
    if state.status is SaleStatus.CANCELLED:
        return Refusal(Code.EVENT_CANCELLED)
    hold = _live_hold(state, command.hold_id, command.buyer_id, now_ms)
    if isinstance(hold, Refusal):
        return hold
    tickets = sum(line.quantity for line in hold.lines)
    if len(command.ticket_ids) != tickets or len(set(command.ticket_ids)) != tickets:
        return Refusal(Code.MALFORMED, None, {"field": "ticket_ids"})
    # Sorted: so a ticket's line, hence its price, is known from the order's lines and the tickets' ids alone.
    ids = tuple(sorted(command.ticket_ids))
    vouchers = hold.vouchers if type(hold) is e.HeldByCode else ()
    return e.Sold(command.operation_id, command.hold_id, hold.buyer_id, hold.lines, ids, vouchers)


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
    is_last = all(ticket.is_cancelled or ticket.ticket_id in wanted for ticket in order.tickets)
    tiers = _tiers_to_leave(state, chosen)
    blocks = tuple(ticket.block for ticket in chosen)
    return e.Cancelled(
        command.operation_id,
        command.order_id,
        order.buyer_id,
        tuple(ticket.ticket_id for ticket in chosen),
        tuple(ticket.ticket_type for ticket in chosen),
        tiers if any(tiers) else (),
        blocks if any(blocks) else (),
        order.vouchers if is_last else (),
    )


def _tiers_to_leave(state: Inventory, tickets: list[c.SoldTicket]) -> tuple[int, ...]:
    """Return the tiers that tickets count back from: their own, unless the durable record has forgotten them
    and that tier has no ticket; then the fullest.
    """
    leaving: dict[tuple[int, int], int] = {}
    tiers = []
    for ticket in tickets:
        kind = state.types[ticket.ticket_type]

        def room(tier: int, at: int = ticket.ticket_type) -> int:
            return state.types[at].in_tier(tier) - leaving.get((at, tier), 0)

        tier = ticket.tier
        if kind.tiers and room(tier) <= 0:
            tier = max((0, *kind.tiers), key=room)
        leaving[ticket.ticket_type, tier] = leaving.get((ticket.ticket_type, tier), 0) + 1
        tiers.append(tier)
    return tuple(tiers)


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


_DECISIONS: Final[dict[type, Callable[[Inventory, Any, int], e.AnyEvent | Refusal | Seen]]] = {
    c.Configure: configure,
    c.Reconfigure: reconfigure,
    c.OpenSale: _change_sale,
    c.PauseSale: _change_sale,
    c.CloseSale: _change_sale,
    c.CancelEvent: cancel_event,
    c.PlaceHold: place_hold,
    c.ExtendHold: _extend_hold,
    c.ReleaseHold: _release_hold,
    c.Sell: _sell,
    c.CancelTickets: _cancel_tickets,
    c.Withhold: change_withheld,
    c.ReturnWithheld: change_withheld,
    c.ChangeCapacity: change_capacity,
    c.DefineVouchers: define_vouchers,
    c.ChangeVoucher: change_voucher,
    c.RetireVouchers: retire_vouchers,
    c.ExplainCode: _explain_code,
    c.CountUses: _count_uses,
}

_EVENT_OF_COMMAND: Final = {
    c.Configure: e.Configured,
    c.Reconfigure: e.Reconfigured,
    c.OpenSale: e.SaleOpened,
    c.PauseSale: e.SalePaused,
    c.CloseSale: e.SaleClosed,
    c.CancelEvent: e.EventCancelled,
    c.PlaceHold: e.Held,
    c.ExtendHold: e.Extended,
    c.ReleaseHold: e.Released,
    c.Sell: e.Sold,
    c.CancelTickets: e.Cancelled,
    c.Withhold: e.Withheld,
    c.ReturnWithheld: e.Returned,
    c.ChangeCapacity: e.CapacityChanged,
    c.DefineVouchers: e.VouchersDefined,
    c.ChangeVoucher: e.VoucherChanged,
    c.RetireVouchers: e.VouchersRetired,
    c.ExplainCode: e.CodeExplained,
    c.CountUses: e.UsesCounted,
}


def due(state: Inventory, now_ms: int, limit: int) -> list[e.Expired]:
    """Return the expiry of at most `limit` holds whose time is over."""
    late = islice(state.expiries.between(None, now_ms), limit)
    return [e.Expired(hold.operation_id, hold.buyer_id) for hold, _ in late]


def expiring(state: Inventory, after_ms: int, until_ms: int) -> list[tuple[BuyerId, HoldId, int]]:
    """Return (buyer, hold, expires at) of the holds that expire after one time and not after another."""
    return [
        (hold.buyer_id, hold.operation_id, expires_at_ms)
        for hold, expires_at_ms in state.expiries.between(after_ms, until_ms)
    ]
