"""The machine of tests/properties/test_prices.py is not blind: rules that are broken on purpose, one at a
time, have to be found. If one of these failed, the machine would prove nothing about that rule.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from domain import applying, decisions, discounts, organizing, placing, redeeming
from domain import events as e
from domain.expiries import SPAN_MS, Expiries
from domain.pricing import tiered
from domain.vouchers import VoucherRule, Vouchers
from tests.properties.test_prices import PricedSale


def tiers_that_keep_what_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    count = applying._count_special

    def counted(state: Any, position: int, tier: int, block: int, held: int, sold: int) -> None:
        count(state, position, tier, block, held, sold)
        if held < 0 and tier:
            state.types[position].tiers[tier] -= held

    monkeypatch.setattr(applying, "_count_special", counted)


def tiers_without_a_quantity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        placing, "tiered", lambda kind, at, quantity, _, now: tiered(kind, at, quantity, {}, now)
    )


def vouchers_that_last_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redeeming, "_uses_refusal", lambda *_: None)


def uses_that_are_lost_when_a_hold_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    count = Vouchers.count
    monkeypatch.setattr(
        Vouchers,
        "count",
        lambda self, number, who, held, used: count(self, number, who, max(held, -used), used),
    )


def uses_that_come_back_with_the_first_cancelled_ticket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decisions, "all", lambda _: True, raising=False)


def blocks_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    def blocked(state: Any, at: int | None, quantity: int) -> None:
        """Count the block, and leave its places in the sale."""
        if at is not None:
            state.pools[at].blocked += quantity

    monkeypatch.setattr(applying, "_block", blocked)


def discounts_rounded_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discounts, "half_up", lambda above, below: above // below)


def hidden_types_that_anybody_gets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(VoucherRule, "is_for", lambda rule_, position: True)


def sweeps_that_trust_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Since a hold may last shorter than the one before it, that order is not the order of expiring."""

    def between(expiries: Any, after_ms: int | None, until_ms: int) -> Iterator[tuple[e.Held, int]]:
        for number in expiries._spans:
            if number * SPAN_MS > until_ms:
                return
            for hold, expires_at_ms in expiries._live(number):
                if (after_ms or 0) < expires_at_ms <= until_ms:
                    yield hold, expires_at_ms

    monkeypatch.setattr(Expiries, "between", between)


def types_that_move(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(organizing, "_changes_wrong", lambda state, new: None)


def a_cancelled_event_that_sells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        applying._APPLY,
        e.EventCancelled,
        lambda state, event: state.operations.remember(event.operation_id, event),
    )


@pytest.mark.parametrize(
    "break_rule",
    [
        tiers_that_keep_what_expires,
        tiers_without_a_quantity,
        vouchers_that_last_for_ever,
        uses_that_are_lost_when_a_hold_ends,
        uses_that_come_back_with_the_first_cancelled_ticket,
        blocks_for_everybody,
        discounts_rounded_down,
        hidden_types_that_anybody_gets,
        sweeps_that_trust_the_order,
        types_that_move,
        a_cancelled_event_that_sells,
    ],
)
def test_a_rule_that_is_broken_is_found(
    break_rule: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    break_rule(monkeypatch)
    quickly = settings(
        max_examples=500,
        stateful_step_count=40,
        deadline=None,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(PricedSale, settings=quickly)
