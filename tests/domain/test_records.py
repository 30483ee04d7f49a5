"""The small parts: money, refusals, order states, ticket codes, prices. If one failed, amounts would be
wrong, a refusal would have no sentence or status, an order would take an impossible step, or a forged code
would open a gate.
"""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import pricing
from domain.credentials import ticket_code, ticket_of
from domain.events import HeldLine
from domain.ids import TicketId
from domain.money import CurrencyMismatch, Money, currency_exponent
from domain.orders import SELLABLE, STEPS, UNFINISHED, OrderState, OrderStep, step
from domain.refusals import HTTP_STATUS, MESSAGES, Code, Refusal
from tests.domain.stage import definition

# --- money -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (0, "EUR", "0.00 EUR"),
        (5, "EUR", "0.05 EUR"),
        (-5, "EUR", "-0.05 EUR"),
        (123_456, "USD", "1234.56 USD"),
        (-100, "USD", "-1.00 USD"),
        (1500, "JPY", "1500 JPY"),
        (-1500, "KRW", "-1500 KRW"),
        (1234, "KWD", "1.234 KWD"),
        (12345, "UYW", "1.2345 UYW"),
    ],
)
def test_an_amount_is_written_with_its_currencys_digits(minor: int, currency: str, text: str) -> None:
    assert str(Money(minor, currency)) == text


def test_amounts_add_and_multiply() -> None:
    assert Money(150, "EUR") * 3 + Money(-50, "EUR") == Money(400, "EUR")


def test_amounts_of_two_currencies_do_not_add() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "EUR") + Money(1, "USD")


def test_most_currencies_have_two_digits() -> None:
    assert (currency_exponent("EUR"), currency_exponent("JPY"), currency_exponent("BHD")) == (2, 0, 3)


# --- refusals --------------------------------------------------------------------------------------------


def test_every_code_has_a_sentence_and_a_status() -> None:
    assert set(MESSAGES) == set(HTTP_STATUS) == set(Code)
    assert all(400 <= status < 600 for status in HTTP_STATUS.values())
    assert all(sentence.endswith(".") for sentence in MESSAGES.values())
    assert Refusal(Code.SOLD_OUT).message == MESSAGES[Code.SOLD_OUT]


# --- orders ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("state", "taken"), list(itertools.product(OrderState, OrderStep)))
def test_a_step_is_in_the_table_or_leads_nowhere(state: OrderState, taken: OrderStep) -> None:
    assert step(state, taken) == STEPS.get((state, taken))


def test_every_state_is_reached_and_every_unfinished_one_can_be_finished() -> None:
    reached = {OrderState.PLACED} | set(STEPS.values())
    assert reached == set(OrderState)
    finished = {OrderState.PAID, OrderState.FAILED, OrderState.CANCELLED}
    assert set(OrderState) - finished == UNFINISHED
    for state in UNFINISHED:
        found, seen = {state}, set[OrderState]()
        while found - seen:
            seen |= found
            found = {to for (origin, _), to in STEPS.items() if origin in seen}
        assert found & finished, state


def test_what_failed_was_never_sold_and_what_was_sold_never_fails() -> None:
    """A failed order is not charged: nothing that has tickets may get there."""
    after_sale, found = set[OrderState](), {OrderState.SOLD}
    while found - after_sale:
        after_sale |= found
        found = {to for (origin, _), to in STEPS.items() if origin in after_sale}
    assert OrderState.FAILED not in after_sale
    assert OrderState.VOIDING not in after_sale


def test_what_was_given_up_or_sold_is_not_sold() -> None:
    assert {OrderState.PLACED, OrderState.AUTHORISED} == SELLABLE


# --- ticket codes ----------------------------------------------------------------------------------------

KEY = b"k" * 32
TICKET = TicketId(bytes(range(16)))


def test_a_code_is_genuine_for_its_ticket_and_key() -> None:
    code = ticket_code(TICKET, KEY)
    assert code.startswith("BT1.ticket_")
    assert ticket_of(code, KEY) == TICKET
    assert ticket_of(code, b"x" * 32) is None


@pytest.mark.parametrize("at", range(len(ticket_code(TICKET, KEY))))
def test_a_code_with_any_character_changed_is_not(at: int) -> None:
    """The last character of the signature carries two bits that decode to nothing: it must not be free
    either.
    """
    code = ticket_code(TICKET, KEY)
    for other in "AB.01_z":
        if code[at] != other:
            assert ticket_of(code[:at] + other + code[at + 1 :], KEY) is None


@given(st.text(st.characters(), max_size=80) | st.builds("BT1.{}.{}".format, st.text(), st.text()))
def test_no_text_breaks_the_check_or_passes_it(text: str) -> None:
    assert ticket_of(text, KEY) is None


def test_half_a_surrogate_pair_is_no_signature() -> None:
    assert ticket_of(ticket_code(TICKET, KEY)[:-1] + "\ud800", KEY) is None


# --- prices ----------------------------------------------------------------------------------------------


def test_a_hold_costs_quantity_times_price() -> None:
    lines = pricing.line_prices(definition(), {0: 3, 2: 1})
    assert lines == (HeldLine(0, 3, 3000), HeldLine(2, 1, 5000))
    assert pricing.total(lines, "EUR") == Money(14_000, "EUR")
    assert pricing.total((), "EUR") == Money(0, "EUR")


def test_holds_of_one_shape_share_their_lines() -> None:
    """A hundred thousand live holds fit in memory because of it."""
    lines = pricing.line_prices(definition(), {0: 3})
    assert pricing.line_prices(definition(), {0: 3}) is lines
    assert pricing.shared_lines((HeldLine(0, 3, 3000),)) is lines
