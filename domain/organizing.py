"""What an organizer may change: the definition, capacities, vouchers, and whether the event takes place."""

from typing import Final

import msgspec

from domain import commands as c
from domain import events as e
from domain.catalogue import CAPACITY_MAX, Pool, SaleDefinition, problems
from domain.inventory import Inventory, SaleStatus
from domain.refusals import Code, Refusal
from domain.vouchers import (
    CODES_A_COMMAND_MAX,
    VOUCHERS_MAX,
    VoucherKind,
    VoucherRule,
    rule_problems,
)

_CODE_BYTES: Final = 16


def configure(state: Inventory, command: c.Configure, _now_ms: int) -> e.Configured | Refusal:
    """Decide whether an event gets its definition: anew until its sale opens, because what follows a
    definition may be refused, and a draft goes on being edited then.
    """
    if state.definition is not None and state.status is not SaleStatus.NEW:
        return Refusal(Code.ILLEGAL_STEP)
    refusal = _definition_refusal(state, command.definition)
    return refusal or e.Configured(command.operation_id, command.definition)


def reconfigure(state: Inventory, command: c.Reconfigure, _now_ms: int) -> e.Reconfigured | Refusal:
    """Decide whether an event gets another definition."""
    if state.status is SaleStatus.CANCELLED:
        return Refusal(Code.EVENT_CANCELLED)
    refusal = _definition_refusal(state, command.definition)
    if refusal is not None:
        return refusal
    wrong = _changes_wrong(state, command.definition)
    if wrong:
        return _malformed("definition", wrong)
    there = [
        Pool(pool.pool_id, counts.capacity)
        for pool, counts in zip(command.definition.pools, state.pools, strict=False)
    ]
    pools = (*there, *command.definition.pools[len(there) :])
    return e.Reconfigured(command.operation_id, msgspec.structs.replace(command.definition, pools=pools))


def _definition_refusal(state: Inventory, definition: SaleDefinition) -> Refusal | None:
    wrong = problems(definition)
    if definition.event_id != state.event_id:
        wrong.append("the definition is that of another event")
    return _malformed("definition", wrong[0]) if wrong else None


def _changes_wrong(state: Inventory, new: SaleDefinition) -> str | None:
    """Return which promise a new definition would break, given one that is good by itself."""
    old = state.definition
    assert old is not None
    if new.currency != old.currency:
        return f"the currency stays {old.currency}"
    if [pool.pool_id for pool in new.pools[: len(old.pools)]] != [pool.pool_id for pool in old.pools]:
        return "pools stay where they are, new ones come after them"
    type_ids = [kind.ticket_type_id for kind in new.ticket_types[: len(old.ticket_types)]]
    if type_ids != [kind.ticket_type_id for kind in old.ticket_types]:
        return "ticket types stay where they are, new ones come after them"
    for number, (before, after, counts) in enumerate(
        zip(old.ticket_types, new.ticket_types, state.types, strict=False), 1
    ):
        if before.pools != after.pools and counts.held + counts.sold:
            return f"ticket type {number} is held or sold, so it goes on drawing from the same pools"
    return None


def cancel_event(state: Inventory, command: c.CancelEvent, _now_ms: int) -> e.EventCancelled | Refusal:
    """Decide whether an event is cancelled: once."""
    if state.status is SaleStatus.CANCELLED:
        return Refusal(Code.ILLEGAL_STEP, None, {"status": "cancelled"})
    return e.EventCancelled(command.operation_id)


def _pool_position(state: Inventory, pool_id: bytes) -> int | None:
    assert state.definition is not None
    found = (position for position, pool in enumerate(state.definition.pools) if pool.pool_id == pool_id)
    return next(found, None)


def change_withheld(
    state: Inventory, command: c.Withhold | c.ReturnWithheld, _now_ms: int
) -> e.Withheld | e.Returned | Refusal:
    """Decide whether places leave the sale or come back to it. Those of vouchers' blocks stay."""
    position = _pool_position(state, command.pool_id)
    if position is None:
        return Refusal(Code.UNKNOWN_POOL)
    pool = state.pools[position]
    there = pool.free if isinstance(command, c.Withhold) else pool.withheld - pool.blocked
    if command.quantity < 1:
        return Refusal(Code.QUANTITY_OUT_OF_RANGE, None, {"quantity_min": 1, "quantity_max": there})
    if command.quantity > there:
        return Refusal(Code.SOLD_OUT, None, {"free": there})
    made = e.Withheld if isinstance(command, c.Withhold) else e.Returned
    return made(command.operation_id, position, command.quantity)


def change_capacity(state: Inventory, command: c.ChangeCapacity, _now_ms: int) -> e.CapacityChanged | Refusal:
    """Decide whether a pool gets another capacity."""
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


def define_vouchers(state: Inventory, command: c.DefineVouchers, _now_ms: int) -> e.VouchersDefined | Refusal:
    """Decide whether an event gets new vouchers, all of them or none."""
    if state.status is SaleStatus.CANCELLED:
        return Refusal(Code.EVENT_CANCELLED)
    codes, rule, vouchers = command.codes, command.rule, state.vouchers
    if not 1 <= len(codes) <= CODES_A_COMMAND_MAX or len(vouchers) + len(codes) > VOUCHERS_MAX:
        bounds = {"codes_max": CODES_A_COMMAND_MAX, "vouchers_max": VOUCHERS_MAX, "vouchers": len(vouchers)}
        return Refusal(Code.VOUCHER_LIMIT, None, {**bounds})
    if any(len(code) != _CODE_BYTES for code in codes):
        return _malformed("codes", f"a hashed code has {_CODE_BYTES} bytes")
    known: set[bytes] = set()
    for index, code in enumerate(codes):
        if code in vouchers.numbers or code in known:
            return Refusal(Code.VOUCHER_EXISTS, None, {"index": index})
        known.add(code)
    return (
        _rule_refusal(state, rule)
        or _block_refusal(state, rule, rule.block_quantity * len(codes))
        or e.VouchersDefined(command.operation_id, len(vouchers) + 1, rule, codes)
    )


def change_voucher(state: Inventory, command: c.ChangeVoucher, _now_ms: int) -> e.VoucherChanged | Refusal:
    """Decide whether a voucher gets another rule."""
    vouchers, rule = state.vouchers, command.rule
    number = vouchers.numbers.get(command.code)
    if number is None or vouchers.is_retired[number - 1]:
        return Refusal(Code.VOUCHER_UNKNOWN)
    refusal = _rule_refusal(state, rule)
    if refusal is not None:
        return refusal
    old, in_use = vouchers.rule(number), vouchers.in_use(number)
    if (rule.kind, rule.block_pool) != (old.kind, old.block_pool):
        return _malformed("rule", "kind and block_pool stay as they are")
    if (rule.per_buyer_max is None) != (old.per_buyer_max is None) and in_use:
        return _malformed("rule", "a limit per buyer comes or goes only while nobody has used the code")
    if rule.uses_max is not None and rule.uses_max < in_use:
        return Refusal(Code.CAPACITY_IN_USE, None, {"capacity_min": in_use})
    if rule.kind is VoucherKind.BLOCK:
        taken = old.block_quantity - vouchers.left[number - 1]
        if rule.block_quantity < taken:
            return Refusal(Code.CAPACITY_IN_USE, None, {"capacity_min": taken})
        refusal = _block_refusal(state, rule, rule.block_quantity - old.block_quantity)
    return refusal or e.VoucherChanged(command.operation_id, number, rule)


def retire_vouchers(state: Inventory, command: c.RetireVouchers, _now_ms: int) -> e.VouchersRetired | Refusal:
    """Decide whether vouchers end, all of them or none. One that was retired before stays so."""
    if not 1 <= len(command.codes) <= CODES_A_COMMAND_MAX:
        return Refusal(Code.VOUCHER_LIMIT, None, {"codes_max": CODES_A_COMMAND_MAX})
    numbers = []
    for index, code in enumerate(command.codes):
        number = state.vouchers.numbers.get(code)
        if number is None:
            return Refusal(Code.VOUCHER_UNKNOWN, None, {"index": index})
        numbers.append(number)
    return e.VouchersRetired(command.operation_id, tuple(numbers))


def _rule_refusal(state: Inventory, rule: VoucherRule) -> Refusal | None:
    assert state.definition is not None
    wrong = rule_problems(rule, state.definition)
    return _malformed("rule", wrong[0]) if wrong else None


def _block_refusal(state: Inventory, rule: VoucherRule, more: int) -> Refusal | None:
    if rule.block_pool is None or more <= (free := state.pools[rule.block_pool].free):
        return None
    return Refusal(Code.SOLD_OUT, None, {"free": free})


def _malformed(field: str, reason: str) -> Refusal:
    return Refusal(Code.MALFORMED, None, {"field": field, "reason": reason})
