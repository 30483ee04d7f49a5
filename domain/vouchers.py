"""Vouchers: what a code is good for, and how often it has been used.

A rule is shared by all codes that were made together, and the counts are columns, not objects: an event may
have twenty thousand codes, nearly all of which are used once. A voucher is named inside by its number, from 1
on in the order of making, and for ever.

After every change, for each voucher: held + used <= uses_max, and its block's left + held + sold = quantity.
"""

import enum
from array import array
from collections.abc import Iterable
from typing import Final, NewType

import msgspec

from domain.catalogue import BUYER_LIMIT_MAX, CAPACITY_MAX, SaleDefinition
from domain.ids import BuyerId
from domain.money import AMOUNT_MINOR_MAX
from domain.packed import PackedCounter, paired

VoucherCode = NewType("VoucherCode", bytes)

VOUCHERS_MAX: Final = 20_000
CODES_A_COMMAND_MAX: Final = 2_000
CODES_A_HOLD_MAX: Final = 5
USES_MAX: Final = 5_000_000
WHOLE_BP: Final = 10_000
_CODE_BYTES: Final = 16


class VoucherKind(enum.StrEnum):
    """What a voucher does beside taking money off."""

    DISCOUNT = "discount"
    ACCESS = "access"
    BLOCK = "block"


class VoucherRule(msgspec.Struct, frozen=True, array_like=True):
    """What a code is good for. A use of it is one order.

    Attributes:
        percent_bp: taken off, in hundredths of a percent.
        amount_minor: taken off, instead of percent.
        is_per_order: the amount is shared by the order's tickets; else each ticket costs so much less.
        types: positions of the ticket types that it is for; empty is all (for `access`: all hidden ones).
        uses_max: None is without bound.
        per_buyer_max: uses by one buyer.
        starts_ms, ends_ms: when it may be named in a hold (end excluded).
        quantity_min: how many tickets of its types a hold must have.
        block_pool, block_quantity: the position of a pool, and how many places of it are kept for each code.
    """

    kind: VoucherKind
    percent_bp: int = 0
    amount_minor: int = 0
    is_per_order: bool = False
    types: tuple[int, ...] = ()
    uses_max: int | None = None
    per_buyer_max: int | None = None
    starts_ms: int | None = None
    ends_ms: int | None = None
    quantity_min: int = 1
    block_pool: int | None = None
    block_quantity: int = 0

    @property
    def takes_money_off(self) -> bool:
        """Whether it makes anything cheaper."""
        return bool(self.percent_bp or self.amount_minor)

    def is_for(self, position: int) -> bool:
        """Say whether a ticket type is among its types."""
        return not self.types or position in self.types


def rule_problems(rule: VoucherRule, definition: SaleDefinition) -> list[str]:
    """Return what is wrong with a rule, a sentence each; an empty list means that it can be used."""
    found = []
    if not 0 <= rule.percent_bp <= WHOLE_BP:
        found.append(f"percent_bp is 0 to {WHOLE_BP}, not {rule.percent_bp}")
    if not 0 <= rule.amount_minor <= AMOUNT_MINOR_MAX:
        found.append(f"amount_minor is 0 to {AMOUNT_MINOR_MAX}, not {rule.amount_minor}")
    if rule.percent_bp and rule.amount_minor:
        found.append("it takes off a percentage or an amount, not both")
    if rule.kind is VoucherKind.DISCOUNT and not rule.takes_money_off:
        found.append("a discount takes something off")
    if len(set(rule.types)) != len(rule.types):
        found.append("it names a ticket type twice")
    if any(not 0 <= at < len(definition.ticket_types) for at in rule.types):
        found.append("it is for a ticket type that the event does not have")
    if rule.uses_max is not None and not 1 <= rule.uses_max <= USES_MAX:
        found.append(f"uses_max is 1 to {USES_MAX}, not {rule.uses_max}")
    if rule.per_buyer_max is not None and not 1 <= rule.per_buyer_max <= BUYER_LIMIT_MAX:
        found.append(f"per_buyer_max is 1 to {BUYER_LIMIT_MAX}, not {rule.per_buyer_max}")
    if not 1 <= rule.quantity_min <= BUYER_LIMIT_MAX:
        found.append(f"quantity_min is 1 to {BUYER_LIMIT_MAX}, not {rule.quantity_min}")
    if rule.starts_ms is not None and rule.ends_ms is not None and rule.starts_ms >= rule.ends_ms:
        found.append("it ends before it starts")
    return found + _block_problems(rule, definition)


def _block_problems(rule: VoucherRule, definition: SaleDefinition) -> list[str]:
    if rule.kind is not VoucherKind.BLOCK:
        return ["only a block keeps places"] if rule.block_pool is not None or rule.block_quantity else []
    if rule.block_pool is None or not 0 <= rule.block_pool < len(definition.pools):
        return ["a block keeps places of one of the event's pools"]
    if not 1 <= rule.block_quantity <= CAPACITY_MAX:
        return [f"block_quantity is 1 to {CAPACITY_MAX}, not {rule.block_quantity}"]
    kinds = [kind for at, kind in enumerate(definition.ticket_types) if rule.is_for(at)]
    if not any(rule.block_pool in kind.pools for kind in kinds):
        return ["no ticket type that it is for draws from its pool"]
    return []


class VouchersDump(msgspec.Struct, frozen=True, array_like=True):
    """The vouchers of an event as bytes, a column each."""

    rules: list[VoucherRule] = []
    codes: bytes = b""
    rule_of: bytes = b""
    held: bytes = b""
    used: bytes = b""
    left: bytes = b""
    is_retired: bytes = b""
    by_buyer: list[tuple[bytes, bytes]] = []


class Vouchers:
    """The vouchers of one event. Numbers count from 1; columns from 0.

    Attributes:
        numbers: by code.
        left: what is left of each one's block.
        by_buyer: uses by voucher and buyer, where the rule has a bound on them.
    """

    __slots__ = ("_rule_at", "by_buyer", "held", "is_retired", "left", "numbers", "rule_of", "rules", "used")

    def __init__(self) -> None:
        self.rules: list[VoucherRule] = []
        self._rule_at: dict[VoucherRule, int] = {}
        self.numbers: dict[VoucherCode, int] = {}
        self.rule_of = array("I")
        self.held = array("I")
        self.used = array("I")
        self.left = array("I")
        self.is_retired = bytearray()
        self.by_buyer = PackedCounter()

    def __len__(self) -> int:
        return len(self.rule_of)

    def rule(self, number: int) -> VoucherRule:
        """Return the rule of a voucher."""
        return self.rules[self.rule_of[number - 1]]

    def add(self, rule: VoucherRule, codes: Iterable[VoucherCode]) -> None:
        """Add new vouchers."""
        at = self._place_of(rule)
        for code in codes:
            self.rule_of.append(at)
            self.held.append(0)
            self.used.append(0)
            self.left.append(rule.block_quantity)
            self.is_retired.append(0)
            self.numbers[code] = len(self.rule_of)

    def change(self, number: int, rule: VoucherRule) -> None:
        """Give a voucher another rule. Its block grows or shrinks."""
        self.left[number - 1] += rule.block_quantity - self.rule(number).block_quantity
        self.rule_of[number - 1] = self._place_of(rule)
        self._check(number)

    def retire(self, number: int) -> int:
        """End a voucher. Returns what was left of its block."""
        left = self.left[number - 1]
        self.left[number - 1] = 0
        self.is_retired[number - 1] = 1
        return left

    def count(self, number: int, buyer_id: BuyerId, held: int, used: int) -> None:
        """Move uses: positive takes, negative gives back."""
        self.held[number - 1] += held
        self.used[number - 1] += used
        if self.rule(number).per_buyer_max is not None and held + used:
            self.by_buyer.add(paired(buyer_id, number), held + used)
        self._check(number)

    def has_used(self, number: int, buyer_id: BuyerId) -> int:
        """Return how many uses a buyer has, where that is counted."""
        return self.by_buyer.get(paired(buyer_id, number))

    def in_use(self, number: int) -> int:
        """Return how many uses are held and used."""
        return self.held[number - 1] + self.used[number - 1]

    def _check(self, number: int) -> None:
        uses_max = self.rule(number).uses_max
        assert uses_max is None or self.in_use(number) <= uses_max, (number, self.in_use(number))

    def _place_of(self, rule: VoucherRule) -> int:
        at = self._rule_at.get(rule)
        if at is None:
            at = self._rule_at[rule] = len(self.rules)
            self.rules.append(rule)
        return at

    def dump(self) -> VouchersDump:
        """Return the raw columns; `load` makes the same vouchers of them."""
        return VouchersDump(
            list(self.rules),
            b"".join(self.numbers),
            self.rule_of.tobytes(),
            self.held.tobytes(),
            self.used.tobytes(),
            self.left.tobytes(),
            bytes(self.is_retired),
            self.by_buyer.dump() if len(self) else [],
        )

    @classmethod
    def load(cls, dumped: VouchersDump) -> "Vouchers":
        """Return the vouchers that `dump` described."""
        made = cls()
        made.rules = list(dumped.rules)
        made._rule_at = {rule: at for at, rule in enumerate(made.rules)}
        starts = range(0, len(dumped.codes), _CODE_BYTES)
        made.numbers = {
            VoucherCode(dumped.codes[start : start + _CODE_BYTES]): number
            for number, start in enumerate(starts, 1)
        }
        for column, body in (
            (made.rule_of, dumped.rule_of),
            (made.held, dumped.held),
            (made.used, dumped.used),
            (made.left, dumped.left),
        ):
            column.frombytes(body)
        made.is_retired = bytearray(dumped.is_retired)
        made.by_buyer = PackedCounter.load(dumped.by_buyer)
        return made
