"""Naming codes in a hold: which vouchers they are, what they are for, and whether they may be used now."""

from collections.abc import Sequence

import msgspec

from domain import commands as c
from domain import events as e
from domain.catalogue import SaleDefinition
from domain.ids import BuyerId
from domain.inventory import Inventory, SaleStatus
from domain.refusals import Code, Detail, Refusal
from domain.vouchers import CODES_A_COMMAND_MAX, CODES_A_HOLD_MAX, VoucherKind, VoucherRule


class Named(msgspec.Struct, frozen=True):
    """A voucher that a buyer has named."""

    number: int
    rule: VoucherRule


def named_vouchers(state: Inventory, command: c.PlaceHold) -> list[Named] | Refusal:
    """Return the vouchers that a hold names, each once."""
    if len(command.codes) + len(command.numbers) > CODES_A_HOLD_MAX:
        return Refusal(Code.VOUCHER_LIMIT, None, {"codes_max": CODES_A_HOLD_MAX})
    vouchers = state.vouchers
    numbers = dict.fromkeys(command.numbers)
    for index, code in enumerate(command.codes):
        number = vouchers.numbers.get(code)
        if number is None or vouchers.is_retired[number - 1]:
            return Refusal(Code.VOUCHER_UNKNOWN, None, {"index": index})
        numbers[number] = None
    if any(not 1 <= number <= len(vouchers) or vouchers.is_retired[number - 1] for number in numbers):
        return Refusal(Code.VOUCHER_UNKNOWN)
    named = [Named(number, vouchers.rule(number)) for number in numbers]
    if sum(one.rule.takes_money_off for one in named) > 1:
        return Refusal(Code.VOUCHER_LIMIT, None, {"discounts_max": 1})
    if sum(one.rule.kind is VoucherKind.BLOCK for one in named) > 1:
        return Refusal(Code.VOUCHER_LIMIT, None, {"blocks_max": 1})
    return named


def is_eligible(definition: SaleDefinition, position: int, rule: VoucherRule) -> bool:
    """Say whether tickets of a type are among those that a voucher does something for."""
    kind = definition.ticket_types[position]
    if not rule.is_for(position):
        return False
    if rule.kind is VoucherKind.BLOCK and rule.block_pool not in kind.pools:
        return False
    if rule.kind is VoucherKind.ACCESS and not rule.types and not kind.is_hidden:
        return False
    return rule.kind is not VoucherKind.DISCOUNT or kind.price_min_minor is None


def eligible(definition: SaleDefinition, needed: dict[int, int], rule: VoucherRule) -> int:
    """Return how many tickets of a hold a voucher does something for."""
    return sum(quantity for at, quantity in needed.items() if is_eligible(definition, at, rule))


def _window_refusal(rule: VoucherRule, now_ms: int) -> Refusal | None:
    """Return why a voucher can't be used at this time."""
    if rule.starts_ms is not None and now_ms < rule.starts_ms:
        details: dict[str, Detail] = {"reason": "window", "starts_at_ms": rule.starts_ms}
        return Refusal(Code.VOUCHER_NOT_APPLICABLE, rule.starts_ms - now_ms, details)
    if rule.ends_ms is not None and now_ms >= rule.ends_ms:
        details = {"reason": "window", "ended_at_ms": rule.ends_ms}
        return Refusal(Code.VOUCHER_NOT_APPLICABLE, None, details)
    return None


def _uses_refusal(state: Inventory, buyer_id: BuyerId, number: int, rule: VoucherRule) -> Refusal | None:
    if rule.uses_max is not None and state.vouchers.in_use(number) >= rule.uses_max:
        # Some of them may only be held, and come back.
        retry_ms = 10_000 if state.vouchers.held[number - 1] else None
        return Refusal(Code.VOUCHER_USED_UP, retry_ms, {"uses_max": rule.uses_max})
    if rule.per_buyer_max is not None and state.vouchers.has_used(number, buyer_id) >= rule.per_buyer_max:
        return Refusal(Code.VOUCHER_USED_UP, None, {"per_buyer_max": rule.per_buyer_max})
    return None


def codes_refusal(
    state: Inventory,
    definition: SaleDefinition,
    buyer_id: BuyerId,
    needed: dict[int, int],
    named: Sequence[Named],
    now_ms: int,
) -> Refusal | None:
    """Return why a hold may not use the vouchers it names."""
    for one in named:
        refusal = _window_refusal(one.rule, now_ms)
        if refusal is not None:
            return refusal
        there = eligible(definition, needed, one.rule)
        if not there:
            return Refusal(Code.VOUCHER_NOT_APPLICABLE, None, {"reason": "types"})
        if there < one.rule.quantity_min:
            details: dict[str, Detail] = {"reason": "quantity", "quantity_min": one.rule.quantity_min}
            return Refusal(Code.VOUCHER_NOT_APPLICABLE, None, details)
        refusal = _uses_refusal(state, buyer_id, one.number, one.rule)
        if refusal is not None:
            return refusal
    return None


def count_uses(state: Inventory, command: c.CountUses) -> e.UsesCounted | Refusal:
    """Return how often vouchers are in use."""
    if len(command.codes) > CODES_A_COMMAND_MAX:
        return Refusal(Code.VOUCHER_LIMIT, None, {"codes_max": CODES_A_COMMAND_MAX})
    numbers = map(state.vouchers.numbers.get, command.codes)
    uses = (None if number is None else _uses(state, number) for number in numbers)
    return e.UsesCounted(command.operation_id, tuple(uses))


def _uses(state: Inventory, number: int) -> e.Uses:
    vouchers = state.vouchers
    rule = vouchers.rule(number)
    left = None if rule.uses_max is None else rule.uses_max - vouchers.in_use(number)
    block_left = vouchers.left[number - 1] if rule.kind is VoucherKind.BLOCK else None
    return e.Uses(vouchers.held[number - 1], vouchers.used[number - 1], left, block_left)


def explain_code(state: Inventory, command: c.ExplainCode, now_ms: int) -> e.CodeExplained | Refusal:
    """Return what a code is good for now, or why for nothing."""
    definition, vouchers = state.definition, state.vouchers
    assert definition is not None
    if state.status is SaleStatus.CANCELLED:
        return Refusal(Code.EVENT_CANCELLED)
    number = vouchers.numbers.get(command.code)
    if number is None or vouchers.is_retired[number - 1]:
        return Refusal(Code.VOUCHER_UNKNOWN)
    rule = vouchers.rule(number)
    refusal = _window_refusal(rule, now_ms) or _uses_refusal(state, command.buyer_id, number, rule)
    if refusal is not None:
        return refusal
    unlocked = tuple(
        at
        for at, kind in enumerate(definition.ticket_types)
        if kind.is_hidden
        and not kind.is_retired
        and rule.kind is not VoucherKind.DISCOUNT
        and rule.is_for(at)
    )
    left = None if rule.uses_max is None else rule.uses_max - vouchers.in_use(number)
    if rule.kind is VoucherKind.BLOCK:
        left = vouchers.left[number - 1]
    return e.CodeExplained(command.operation_id, rule, unlocked, left)
