"""What a hold needs, and what it costs.

The checks stand in one fixed order, and the first that fails is the refusal: sale open; codes known; ticket
type exists, is shown to this buyer and is in its sales window; price named; quantity; the buyer's limits;
what the codes ask for; stock.

Most holds are plain: fixed prices that add up to no fortune, no codes. They take the short way in
`place_hold`; `_place_fully` says the same and more.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from domain import commands as c
from domain import events as e
from domain.catalogue import LINES_MAX, SaleDefinition, TicketType
from domain.discounts import discounted
from domain.ids import TICKET_TYPE, BuyerId, text
from domain.inventory import Inventory, SaleStatus
from domain.money import AMOUNT_MINOR_MAX
from domain.packed import paired
from domain.pricing import line_prices, shared_lines, tiered
from domain.redeeming import Named, codes_refusal, eligible, is_eligible, named_vouchers
from domain.refusals import Code, Refusal
from domain.vouchers import VoucherKind, VoucherRule

PRICE_NAMED_MAX: Final = 10**9


class Wanted(msgspec.Struct, frozen=True):
    """Tickets of a type in a hold. `price_minor` is what the buyer names, None where the price is fixed."""

    position: int
    quantity: int
    price_minor: int | None


def sale_refusal(state: Inventory, now_ms: int) -> Refusal | None:
    """Return why no hold is taken now, None when the sale is open."""
    if state.status is SaleStatus.OPEN:
        wait_ms = state.opens_at_ms - now_ms
        if wait_ms <= 0:
            return None
        return Refusal(Code.SALE_NOT_OPEN, wait_ms, {"opens_at_ms": state.opens_at_ms})
    return Refusal(_NOT_OPEN[state.status])


_NOT_OPEN: Final = {
    SaleStatus.NEW: Code.SALE_NOT_OPEN,
    SaleStatus.PAUSED: Code.SALE_PAUSED,
    SaleStatus.CLOSED: Code.SALE_CLOSED,
    SaleStatus.CANCELLED: Code.EVENT_CANCELLED,
}


def place_hold(state: Inventory, command: c.PlaceHold, now_ms: int) -> e.Held | Refusal:
    """Decide whether tickets are held."""
    definition = state.definition
    assert definition is not None
    refusal = sale_refusal(state, now_ms)
    if refusal is not None:
        return refusal
    if not 1 <= len(command.lines) <= LINES_MAX:
        return Refusal(
            Code.QUANTITY_OUT_OF_RANGE, None, {"lines": len(command.lines), "lines_max": LINES_MAX}
        )
    if command.codes or command.numbers:
        return _place_fully(state, definition, command, now_ms)
    wrong: Refusal | None = None
    needed: dict[int, int] = {}
    for line in command.lines:
        position = state.type_positions.get(line.ticket_type_id)
        if position is None:
            return Refusal(Code.UNKNOWN_TICKET_TYPE)
        if line.price_minor is not None or not state.is_plain[position]:
            return _place_fully(state, definition, command, now_ms)
        kind = definition.ticket_types[position]
        if kind.sales_start_ms is not None or kind.sales_end_ms is not None:
            refusal = _window_refusal(kind, now_ms)
            if refusal is not None:
                return refusal
        if line.quantity < 1:
            wrong = _no_quantity(kind, line.quantity)
        needed[position] = needed.get(position, 0) + line.quantity
    refusal = (
        wrong or _quantity_refusal(definition, needed) or _limit_refusal(state, command.buyer_id, needed)
    )
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


def _window_refusal(kind: TicketType, now_ms: int) -> Refusal | None:
    if kind.sales_start_ms is not None and now_ms < kind.sales_start_ms:
        details = {"starts_at_ms": kind.sales_start_ms}
        return Refusal(Code.OUTSIDE_SALES_WINDOW, kind.sales_start_ms - now_ms, details)
    if kind.sales_end_ms is not None and now_ms >= kind.sales_end_ms:
        return Refusal(Code.OUTSIDE_SALES_WINDOW, None, {"ended_at_ms": kind.sales_end_ms})
    return None


def _quantity_refusal(definition: SaleDefinition, needed: dict[int, int]) -> Refusal | None:
    for position, quantity in needed.items():
        kind = definition.ticket_types[position]
        if not kind.quantity_min <= quantity <= kind.quantity_max:
            return _no_quantity(kind, quantity)
    return None


def _no_quantity(kind: TicketType, quantity: int) -> Refusal:
    bounds = {"quantity_min": kind.quantity_min, "quantity_max": kind.quantity_max}
    return Refusal(Code.QUANTITY_OUT_OF_RANGE, None, {**bounds, "quantity": quantity})


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
    return _pools_refusal(state, by_pool)


def _pools_refusal(state: Inventory, by_pool: dict[int, int]) -> Refusal | None:
    for pool, quantity in by_pool.items():
        if quantity > state.pools[pool].free:
            return Refusal(Code.SOLD_OUT, None, {"free": state.pools[pool].free})
    return None


# --- holds with more to them ------------------------------------------------------------------------------


def _place_fully(
    state: Inventory, definition: SaleDefinition, command: c.PlaceHold, now_ms: int
) -> e.Held | Refusal:
    named = named_vouchers(state, command)
    if isinstance(named, Refusal):
        return named
    wanted = _wanted(state, definition, command, named, now_ms)
    if isinstance(wanted, Refusal):
        return wanted
    needed: dict[int, int] = {}
    for want in wanted:
        needed[want.position] = needed.get(want.position, 0) + want.quantity
    refusal = (
        _quantity_refusal(definition, needed)
        or _limit_refusal(state, command.buyer_id, needed)
        or _type_limit_refusal(state, definition, command.buyer_id, needed)
    )
    if refusal is not None:
        return refusal
    # A code that shows hidden types and nothing else does no harm to a hold without any: it is left out.
    named = [
        one
        for one in named
        if one.rule.takes_money_off
        or eligible(definition, needed, one.rule)
        or one.rule.kind is not VoucherKind.ACCESS
    ]
    block = next((one for one in named if one.rule.kind is VoucherKind.BLOCK), None)
    refusal = codes_refusal(
        state, definition, command.buyer_id, needed, named, now_ms
    ) or _full_stock_refusal(state, definition, needed, block)
    if refusal is not None:
        return refusal
    lines = _lines(state, definition, wanted, named, block, now_ms)
    if sum(line.quantity * line.unit_price_minor for line in lines) > AMOUNT_MINOR_MAX:
        return Refusal(Code.PRICE_OUT_OF_RANGE, None, {"amount_minor_max": AMOUNT_MINOR_MAX})
    expires_at_ms = now_ms + definition.hold_ttl_ms
    if not named:
        return e.Held(command.operation_id, command.buyer_id, lines, expires_at_ms)
    numbers = tuple(one.number for one in named)
    return e.HeldByCode(command.operation_id, command.buyer_id, lines, expires_at_ms, numbers)


def _wanted(
    state: Inventory,
    definition: SaleDefinition,
    command: c.PlaceHold,
    named: Sequence[Named],
    now_ms: int,
) -> list[Wanted] | Refusal:
    """Return what is wanted, lines of the same type and price together, or why one of them can't be had."""
    wrong: Refusal | None = None
    quantities: dict[tuple[int, int | None], int] = {}
    for line in command.lines:
        position = state.type_positions.get(line.ticket_type_id)
        if position is None:
            return Refusal(Code.UNKNOWN_TICKET_TYPE)
        kind = definition.ticket_types[position]
        # Whoever has no code for a hidden type is told what those are told who made its id up.
        if kind.is_hidden and not any(
            one.rule.kind is not VoucherKind.DISCOUNT and one.rule.is_for(position) for one in named
        ):
            return Refusal(Code.UNKNOWN_TICKET_TYPE)
        if kind.is_retired:
            return Refusal(Code.OUTSIDE_SALES_WINDOW, None, {"reason": "retired"})
        price_minor = _price_named(kind, line)
        refusal = _window_refusal(kind, now_ms) or (price_minor if isinstance(price_minor, Refusal) else None)
        if refusal is not None:
            return refusal
        assert not isinstance(price_minor, Refusal)
        at = (position, price_minor)
        quantities[at] = quantities.get(at, 0) + line.quantity
        if line.quantity < 1:
            wrong = _no_quantity(kind, line.quantity)
    return wrong or [Wanted(position, quantity, price) for (position, price), quantity in quantities.items()]


def _price_named(kind: TicketType, line: c.Line) -> int | Refusal | None:
    if kind.price_min_minor is None:
        if line.price_minor is None:
            return None
        return Refusal(Code.PRICE_OUT_OF_RANGE, None, {"reason": "the price of this type is fixed"})
    price_minor = kind.price_minor if line.price_minor is None else line.price_minor
    highest = max(PRICE_NAMED_MAX, kind.price_minor)
    if kind.price_min_minor <= price_minor <= highest:
        return price_minor
    bounds = {"price_min_minor": kind.price_min_minor, "price_max_minor": highest}
    return Refusal(Code.PRICE_OUT_OF_RANGE, None, {**bounds})


def _type_limit_refusal(
    state: Inventory, definition: SaleDefinition, buyer_id: BuyerId, needed: dict[int, int]
) -> Refusal | None:
    for position, quantity in needed.items():
        kind = definition.ticket_types[position]
        if kind.buyer_limit is None:
            continue
        has = state.type_tally.get(paired(buyer_id, position))
        if has + quantity > kind.buyer_limit:
            named = text(TICKET_TYPE, kind.ticket_type_id)
            return Refusal(
                Code.BUYER_LIMIT, None, {"limit": kind.buyer_limit, "has": has, "ticket_type": named}
            )
    return None


def _full_stock_refusal(
    state: Inventory, definition: SaleDefinition, needed: dict[int, int], block: Named | None
) -> Refusal | None:
    """Places of a block count as stock for those who name it, and for nobody else."""
    by_pool: dict[int, int] = {}
    from_block = 0
    for position, quantity in needed.items():
        is_blocked = block is not None and is_eligible(definition, position, block.rule)
        for pool in definition.ticket_types[position].pools:
            if block is not None and is_blocked and pool == block.rule.block_pool:
                from_block += quantity
            else:
                by_pool[pool] = by_pool.get(pool, 0) + quantity
    if block is not None and from_block > (left := state.vouchers.left[block.number - 1]):
        return Refusal(Code.SOLD_OUT, None, {"free": left})
    return _pools_refusal(state, by_pool)


def _lines(
    state: Inventory,
    definition: SaleDefinition,
    wanted: Sequence[Wanted],
    named: Sequence[Named],
    block: Named | None,
    now_ms: int,
) -> tuple[e.HeldLine, ...]:
    """Return the lines of a hold: prices by tier or as named, places from a block, less what a voucher takes
    off.
    """
    lines: list[e.HeldLine] = []
    for want in wanted:
        kind = definition.ticket_types[want.position]
        if want.price_minor is not None:
            priced = [e.HeldLine(want.position, want.quantity, want.price_minor)]
        else:
            in_tiers = state.types[want.position].tiers
            priced = tiered(kind, want.position, want.quantity, in_tiers, now_ms)
        if block is not None and is_eligible(definition, want.position, block.rule):
            priced = [msgspec.structs.replace(line, block=block.number) for line in priced]
        lines.extend(priced)
    cheaper = next((one.rule for one in named if one.rule.takes_money_off), None)
    if cheaper is not None:
        lines = discounted(lines, [_is_cheaper(definition, line, cheaper) for line in lines], cheaper)
    return shared_lines(tuple(lines))


def _is_cheaper(definition: SaleDefinition, line: e.HeldLine, rule: VoucherRule) -> bool:
    # Off a price that the buyer has named there is nothing to take.
    is_fixed = definition.ticket_types[line.ticket_type].price_min_minor is None
    return is_fixed and is_eligible(definition, line.ticket_type, rule)
