"""Discounts, codes, and what comes back: the small rules, each with its figures. If one of these failed, a
discount would make or lose a cent, a code be refused for how it was typed, or a use be lost with a cancelled
order.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import commands as c
from domain import events as e
from domain.catalogue import PriceTier, SaleDefinition, problems
from domain.codes import code_key, fingerprint, normalised
from domain.discounts import discounted, half_up, shared
from domain.events import HeldLine
from domain.ids import EventId
from domain.refusals import Code
from domain.vouchers import VOUCHERS_MAX, VoucherCode, VoucherKind, VoucherRule, rule_problems
from tests.domain.stage import CODE_KEY, EVENT, REGULAR, SEAT, Stage, code, definition, identifier, order_of

TENTH = VoucherRule(VoucherKind.DISCOUNT, 1_000, uses_max=1)


def with_tiers(*tiers: PriceTier) -> SaleDefinition:
    plain = definition()
    first = msgspec.structs.replace(plain.ticket_types[0], tiers=tiers)
    return msgspec.structs.replace(plain, ticket_types=(first, *plain.ticket_types[1:]))


def define(stage: Stage, rule: VoucherRule, *codes: str) -> None:
    stage.do(c.DefineVouchers(stage.fresh(), EVENT, rule, tuple(map(code, codes))))


# --- rounding --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("above", "rounded"), [(0, 0), (4, 0), (5, 1), (14, 1), (15, 2), (25, 3)])
def test_a_half_is_rounded_up(above: int, rounded: int) -> None:
    assert half_up(above, 10) == rounded


def test_a_line_whose_discount_does_not_divide_is_cut_in_two() -> None:
    """10% of 3 x 3.33 is 0.999, half up 1.00: one ticket 0.34 less, two 0.33."""
    lines = discounted([HeldLine(0, 3, 333)], [True], TENTH)
    assert lines == [HeldLine(0, 1, 299, 34), HeldLine(0, 2, 300, 33)]


def test_an_amount_off_the_order_is_shared_and_what_is_left_falls_to_the_largest_line() -> None:
    assert shared(100, [100, 100, 101]) == [33, 33, 34]
    assert shared(1_000, [10, 20, 30]) == [10, 20, 30]
    assert shared(9, [1] * 20) == [1] * 9 + [0] * 11
    assert shared(5, [0, 0]) == [0, 0]


@given(st.integers(0, 10_000), st.lists(st.integers(0, 5_000), max_size=20))
def test_a_shared_amount_is_whole_and_takes_from_no_line_more_than_it_costs(
    amount: int, totals: list[int]
) -> None:
    shares = shared(amount, totals)
    assert sum(shares) == min(amount, sum(totals))
    assert all(0 <= share <= total for share, total in zip(shares, totals, strict=True))


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 999), st.booleans()), min_size=1, max_size=6),
    st.sampled_from(
        [
            VoucherRule(VoucherKind.DISCOUNT, 3_333),
            VoucherRule(VoucherKind.DISCOUNT, 10_000),
            VoucherRule(VoucherKind.DISCOUNT, amount_minor=50),
            VoucherRule(VoucherKind.DISCOUNT, amount_minor=777, is_per_order=True),
        ]
    ),
)
def test_no_discount_makes_a_price_negative_or_loses_a_ticket(
    given_lines: list[tuple[int, int, bool]], rule: VoucherRule
) -> None:
    lines = [HeldLine(at, quantity, unit) for at, (quantity, unit, _) in enumerate(given_lines)]
    made = discounted(lines, [eligible for _, _, eligible in given_lines], rule)
    assert all(line.unit_price_minor >= 0 <= line.unit_discount_minor for line in made)
    for line, (_, unit, eligible) in zip(lines, given_lines, strict=True):
        parts = [part for part in made if part.ticket_type == line.ticket_type]
        assert sum(part.quantity for part in parts) == line.quantity
        assert all(part.unit_price_minor + part.unit_discount_minor == unit for part in parts)
        assert eligible or not any(part.unit_discount_minor for part in parts)


# --- codes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed", ["SUMMER25", "summer25", " Summer 25\t", "summer-25", "ＳＵＭＭＥＲ２５", "s_ummer–25"]
)
def test_a_code_is_the_same_however_it_is_typed(typed: str) -> None:
    assert fingerprint(CODE_KEY, EVENT, typed) == code("SUMMER25")


def test_a_hashed_code_belongs_to_its_key_and_event() -> None:
    other = EventId(identifier(1, 2))
    assert len({code("A"), fingerprint(CODE_KEY, other, "A"), fingerprint(code_key(b"x"), EVENT, "A")}) == 3
    assert len(code("A")) == 16
    assert normalised(" -_ ") == ""


def test_codes_have_bounds_and_are_made_once() -> None:
    stage = Stage()
    define(stage, TENTH, "A")
    again = c.DefineVouchers(stage.fresh(), EVENT, TENTH, (code("B"), code("A")))
    assert stage.refused(again).details == {"index": 1}
    short = c.DefineVouchers(stage.fresh(), EVENT, TENTH, (VoucherCode(b"short"),))
    assert stage.code(short) is Code.MALFORMED
    number = 0
    while number < VOUCHERS_MAX - 2_000:
        codes = tuple(VoucherCode(identifier(9, number + at)) for at in range(2_000))
        stage.do(c.DefineVouchers(stage.fresh(), EVENT, TENTH, codes))
        number += 2_000
    codes = tuple(VoucherCode(identifier(9, number + at)) for at in range(2_000))
    assert stage.code(c.DefineVouchers(stage.fresh(), EVENT, TENTH, codes)) is Code.VOUCHER_LIMIT


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (VoucherRule(VoucherKind.DISCOUNT), "takes something off"),
        (VoucherRule(VoucherKind.DISCOUNT, 10_001), "percent_bp"),
        (VoucherRule(VoucherKind.DISCOUNT, 1, 1), "not both"),
        (VoucherRule(VoucherKind.DISCOUNT, 1, types=(9,)), "does not have"),
        (VoucherRule(VoucherKind.DISCOUNT, 1, types=(0, 0)), "twice"),
        (VoucherRule(VoucherKind.DISCOUNT, 1, uses_max=0), "uses_max"),
        (VoucherRule(VoucherKind.DISCOUNT, 1, per_buyer_max=0), "per_buyer_max"),
        (VoucherRule(VoucherKind.DISCOUNT, 1, quantity_min=0), "quantity_min"),
        (VoucherRule(VoucherKind.DISCOUNT, 1, starts_ms=5, ends_ms=5), "ends before"),
        (VoucherRule(VoucherKind.DISCOUNT, 1, block_pool=0), "only a block"),
        (VoucherRule(VoucherKind.BLOCK, block_pool=9, block_quantity=1), "pools"),
        (VoucherRule(VoucherKind.BLOCK, block_pool=0), "block_quantity"),
        (VoucherRule(VoucherKind.BLOCK, types=(2,), block_pool=0, block_quantity=1), "draws from its pool"),
    ],
)
def test_a_rule_that_cannot_be_used_is_told_why(wrong: VoucherRule, says: str) -> None:
    assert any(says in problem for problem in rule_problems(wrong, definition())), wrong


@pytest.mark.parametrize(
    ("tier", "says"),
    [
        (PriceTier(0, 1, None, 1), "number"),
        (PriceTier(1, -1, None, 1), "price"),
        (PriceTier(1, 1, None, -1), "quantity"),
        (PriceTier(1, 1), "neither"),
    ],
)
def test_a_tier_that_cannot_be_sold_is_told_why(tier: PriceTier, says: str) -> None:
    assert any(says in problem for problem in problems(with_tiers(tier)))


# --- what comes back -------------------------------------------------------------------------------------


def test_a_use_comes_back_with_the_last_ticket_only() -> None:
    stage = Stage()
    define(stage, TENTH, "A")
    sold = stage.sold((REGULAR, 2), codes=("A",))
    first = sold.ticket_ids[:1]
    stage.do(c.CancelTickets(stage.fresh(), EVENT, sold.operation_id, first, order_of(sold)))
    assert stage.code(stage.place((SEAT, 1), codes=("A",))) is Code.VOUCHER_USED_UP
    rest = order_of(sold, frozenset(first))
    stage.do(c.CancelTickets(stage.fresh(), EVENT, sold.operation_id, (), rest))
    stage.hold((SEAT, 1), codes=("A",))


def test_an_expired_early_bird_is_on_sale_as_an_early_bird_again() -> None:
    stage = Stage(with_tiers(PriceTier(1, 1_000, None, 2)))
    early = stage.hold((REGULAR, 2))
    assert stage.hold((REGULAR, 1), who=2).lines == (HeldLine(0, 1, 3_000),)
    stage.apply(e.Expired(early.operation_id, early.buyer_id))
    assert stage.hold((REGULAR, 1), who=3).lines == (HeldLine(0, 1, 1_000, tier=1),)


def test_tickets_whose_sale_was_forgotten_count_back_from_a_tier_that_has_some() -> None:
    """The record of operations is kept for a month after the event; the counts must be right for ever."""
    stage = Stage(with_tiers(PriceTier(1, 1_000, None, 3)))
    sold = stage.sold((REGULAR, 3))
    tickets = tuple(c.SoldTicket(ticket_id, 0, False) for ticket_id in sold.ticket_ids)
    forgotten = c.SoldOrder(sold.operation_id, EVENT, sold.buyer_id, tickets)
    made = stage.do(c.CancelTickets(stage.fresh(), EVENT, sold.operation_id, (), forgotten))
    assert isinstance(made, e.Cancelled)
    assert made.tiers == (1, 1, 1)
    assert stage.state.types[0].in_tier(1) == 0


def test_places_left_of_a_block_come_back_when_it_is_retired_and_those_held_later() -> None:
    stage = Stage()
    define(stage, VoucherRule(VoucherKind.BLOCK, block_pool=0, block_quantity=5), "A")
    assert stage.counts()[0] == (10, 5, 0, 0, 5)
    held = stage.hold((REGULAR, 2), codes=("A",))
    assert stage.counts()[0] == (10, 5, 2, 0, 3)
    back = c.ReturnWithheld(stage.fresh(), EVENT, definition().pools[0].pool_id, 1)
    assert stage.refused(back).details == {"free": 0}
    stage.do(c.RetireVouchers(stage.fresh(), EVENT, (code("A"),)))
    assert stage.counts()[0] == (10, 8, 2, 0, 0)
    stage.do(stage.release(held.operation_id))
    assert stage.counts()[0] == (10, 10, 0, 0, 0)


def test_a_limit_of_a_type_counts_holds_that_were_there_before_it() -> None:
    stage = Stage()
    stage.hold((REGULAR, 2))
    plain = definition()
    limited = msgspec.structs.replace(plain.ticket_types[0], buyer_limit=3)
    new = msgspec.structs.replace(plain, ticket_types=(limited, *plain.ticket_types[1:]))
    stage.do(c.Reconfigure(stage.fresh(), EVENT, new))
    refusal = stage.refused(stage.place((REGULAR, 2)))
    assert refusal.code is Code.BUYER_LIMIT
    assert (refusal.details["limit"], refusal.details["has"]) == (3, 2)
    stage.hold((REGULAR, 1))
    stage.hold((SEAT, 1))
