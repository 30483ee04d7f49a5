"""Placing, extending, releasing and expiring holds. If one of these failed, buyers would lose tickets they
were promised, get tickets nobody may have, or be told the wrong reason.
"""

import itertools

import msgspec
import pytest

from domain import commands as c
from domain import events as e
from domain.catalogue import LINES_MAX
from domain.decisions import Seen, due, expiring
from domain.money import AMOUNT_MINOR_MAX
from domain.refusals import Code, Refusal
from tests.domain.stage import (
    EARLY,
    EVENT,
    EXTENSION_MS,
    NOW_MS,
    REGULAR,
    SEAT,
    SEAT_AND_PARKING,
    STANDING,
    TTL_MS,
    UNKNOWN_TYPE,
    Stage,
    buyer,
    definition,
    op,
)


def test_a_hold_takes_its_places_and_nothing_else() -> None:
    stage = Stage()
    held = stage.hold((REGULAR, 3))
    assert held == e.Held(held.operation_id, buyer(1), (e.HeldLine(0, 3, 3000),), NOW_MS + TTL_MS)
    assert stage.counts() == [(10, 7, 3, 0, 0), (6, 6, 0, 0, 0), (4, 4, 0, 0, 0)]
    assert stage.state.tally.get(buyer(1)) == 3


def test_two_types_share_a_pool() -> None:
    stage = Stage(definition(standing=7))
    stage.hold((REGULAR, 4))
    assert stage.refused(stage.place((EARLY, 4), who=2)) == Refusal(Code.SOLD_OUT, None, {"free": 3})
    stage.hold((EARLY, 3), who=2)
    assert stage.code(stage.place((REGULAR, 1), who=3)) is Code.SOLD_OUT


def test_lines_of_one_hold_that_share_a_pool_are_added_up() -> None:
    """Checked line by line, each would fit and both together would not."""
    stage = Stage(definition(standing=7))
    assert stage.code(stage.place((REGULAR, 4), (EARLY, 4))) is Code.SOLD_OUT
    stage.hold((REGULAR, 4), (EARLY, 3))


def test_all_lines_or_none() -> None:
    stage = Stage(definition(parking=1))
    assert stage.code(stage.place((REGULAR, 2), (SEAT_AND_PARKING, 2))) is Code.SOLD_OUT
    assert stage.counts()[0] == (10, 10, 0, 0, 0)


def test_a_type_of_two_pools_needs_a_place_in_each() -> None:
    stage = Stage(definition(balcony=6, parking=1))
    stage.hold((SEAT_AND_PARKING, 1))
    assert stage.code(stage.place((SEAT_AND_PARKING, 1), who=2)) is Code.SOLD_OUT
    assert stage.counts() == [(10, 10, 0, 0, 0), (6, 5, 1, 0, 0), (1, 0, 1, 0, 0)]
    stage.hold((SEAT, 5), who=2)
    assert stage.state.free_of_type(3) == 0


def test_lines_of_one_type_are_one_quantity() -> None:
    """Else a maximum of six a hold would be six a line."""
    stage = Stage()
    assert stage.code(stage.place((REGULAR, 4), (REGULAR, 3))) is Code.QUANTITY_OUT_OF_RANGE
    assert stage.hold((REGULAR, 4), (REGULAR, 2)).lines == (e.HeldLine(0, 6, 3000),)


@pytest.mark.parametrize("quantity", [0, -1, -(2**40), 7, 2**62])
def test_a_quantity_outside_its_bounds_is_refused(quantity: int) -> None:
    stage = Stage()
    assert stage.code(stage.place((REGULAR, quantity))) is Code.QUANTITY_OUT_OF_RANGE


def test_a_negative_line_cannot_make_room_for_another() -> None:
    stage = Stage(definition(standing=3))
    assert stage.code(stage.place((REGULAR, 6), (EARLY, -4))) is Code.QUANTITY_OUT_OF_RANGE


def test_a_type_has_a_smallest_quantity() -> None:
    stage = Stage()
    refusal = stage.refused(stage.place((EARLY, 1)))
    assert refusal.details == {"quantity_min": 2, "quantity_max": 4, "quantity": 1}


@pytest.mark.parametrize("lines", [0, LINES_MAX + 1])
def test_no_lines_and_too_many_are_refused(lines: int) -> None:
    stage = Stage()
    assert stage.code(stage.place(*[(REGULAR, 1)] * lines)) is Code.QUANTITY_OUT_OF_RANGE


@pytest.mark.parametrize("price_minor", [AMOUNT_MINOR_MAX // 2, AMOUNT_MINOR_MAX // 2 + 1, AMOUNT_MINOR_MAX])
def test_a_hold_costs_no_more_than_an_order_may(price_minor: int) -> None:
    """Its order would be refused by the table, and its buyer told to come back, for ever."""
    sale = definition()
    dear = msgspec.structs.replace(sale.ticket_types[0], price_minor=price_minor)
    stage = Stage(msgspec.structs.replace(sale, ticket_types=(dear, *sale.ticket_types[1:])))
    stage.hold((REGULAR, 1))
    if 2 * price_minor <= AMOUNT_MINOR_MAX:
        stage.hold((REGULAR, 2))
    else:
        assert stage.refused(stage.place((REGULAR, 2))) == Refusal(
            Code.PRICE_OUT_OF_RANGE, None, {"amount_minor_max": AMOUNT_MINOR_MAX}
        )


def test_the_limit_counts_holds_and_sales_together() -> None:
    stage = Stage(definition(buyer_limit=5))
    stage.sold((REGULAR, 2))
    stage.hold((SEAT, 2))
    assert stage.refused(stage.place((REGULAR, 2))) == Refusal(Code.BUYER_LIMIT, None, {"limit": 5, "has": 4})
    stage.hold((REGULAR, 1))
    stage.hold((REGULAR, 2), who=2)


def test_the_window_of_a_type_has_its_start_and_not_its_end() -> None:
    stage = Stage(definition(sales_start_ms=NOW_MS + 1000, sales_end_ms=NOW_MS + 2000))
    stage.now_ms = NOW_MS + 999
    early = stage.refused(stage.place((EARLY, 2)))
    assert (early.code, early.retry_after_ms) == (Code.OUTSIDE_SALES_WINDOW, 1)
    stage.now_ms = NOW_MS + 1000
    stage.hold((EARLY, 2))
    stage.now_ms = NOW_MS + 1999
    stage.hold((EARLY, 2))
    stage.now_ms = NOW_MS + 2000
    late = stage.refused(stage.place((EARLY, 2), who=2))
    assert (late.code, late.retry_after_ms) == (Code.OUTSIDE_SALES_WINDOW, None)


def break_everything(stage: Stage) -> None:
    """Make each check of a hold fail at once: sale, type, window, quantity, limit, stock."""
    stage.hold((REGULAR, 6), who=1)
    stage.hold((REGULAR, 4), who=2)
    stage.do(c.PauseSale(stage.fresh(), stage.state.event_id))


def test_the_checks_stand_in_their_order() -> None:
    """Mend what is refused, one thing after the other, and see the next reason come up; the codes are the
    protocol.
    """
    stage = Stage(definition(buyer_limit=6, sales_start_ms=NOW_MS + 1000))
    break_everything(stage)
    used = next(iter(stage.state.holds))
    # An id that was used by another buyer, while everything else is wrong too
    bad = (UNKNOWN_TYPE, 0)
    seen: list[Code] = [stage.code(stage.place(bad, (EARLY, 0), who=3, operation=used))]
    seen.append(stage.code(stage.place(bad, (EARLY, 0))))
    stage.do(c.OpenSale(stage.fresh(), stage.state.event_id, NOW_MS))
    seen.append(stage.code(stage.place(bad, (EARLY, 0))))
    seen.append(stage.code(stage.place((EARLY, 0))))
    stage.now_ms = NOW_MS + 1000
    seen.append(stage.code(stage.place((EARLY, 0))))
    seen.append(stage.code(stage.place((EARLY, 2))))
    seen.append(stage.code(stage.place((EARLY, 2), who=3)))
    assert seen == [
        Code.OPERATION_REUSED,
        Code.SALE_PAUSED,
        Code.UNKNOWN_TICKET_TYPE,
        Code.OUTSIDE_SALES_WINDOW,
        Code.QUANTITY_OUT_OF_RANGE,
        Code.BUYER_LIMIT,
        Code.SOLD_OUT,
    ]


def test_an_unknown_type_in_any_line_comes_before_the_quantity_of_another() -> None:
    stage = Stage()
    for lines in itertools.permutations([(REGULAR, 0), (UNKNOWN_TYPE, 1)]):
        assert stage.code(stage.place(*lines)) is Code.UNKNOWN_TICKET_TYPE


def test_a_hold_lasts_to_the_millisecond_however_late_the_sweep_is() -> None:
    stage = Stage()
    first, second = stage.hold((REGULAR, 1)), stage.hold((REGULAR, 1))
    stage.now_ms = first.expires_at_ms - 1
    stage.do(stage.sell(first.operation_id, 1))
    stage.now_ms += 1
    assert stage.code(stage.sell(second.operation_id, 1)) is Code.HOLD_EXPIRED
    assert stage.code(stage.extend(second.operation_id)) is Code.HOLD_EXPIRED
    assert stage.code(stage.release(second.operation_id)) is Code.HOLD_EXPIRED
    # Its places are still held until it is swept.
    assert stage.counts()[0] == (10, 8, 1, 1, 0)


def test_what_is_due_is_due_to_the_millisecond() -> None:
    stage = Stage()
    first = stage.hold((REGULAR, 1))
    stage.now_ms += 1
    second = stage.hold((REGULAR, 1), who=2)
    assert due(stage.state, first.expires_at_ms - 1, 10) == []
    assert due(stage.state, first.expires_at_ms, 10) == [e.Expired(first.operation_id, buyer(1))]
    both = due(stage.state, second.expires_at_ms, 10)
    assert [event.hold_id for event in both] == [first.operation_id, second.operation_id]
    assert len(due(stage.state, second.expires_at_ms, 1)) == 1
    for event in both:
        stage.apply(event)
    assert stage.counts()[0] == (10, 10, 0, 0, 0)
    assert stage.state.tally.get(buyer(1)) == 0
    assert stage.code(stage.sell(first.operation_id, 1)) is Code.HOLD_NOT_FOUND


def test_a_hold_that_expires_before_an_older_one_is_due_in_time() -> None:
    """A clock that was ahead and is right again (another node took over) must not keep the holds after it for
    longer.
    """
    stage = Stage()
    stage.now_ms += 3_600_000
    ahead = stage.hold((REGULAR, 1))
    stage.now_ms -= 3_600_000
    behind = stage.hold((REGULAR, 1), who=2)
    assert [event.hold_id for event in due(stage.state, behind.expires_at_ms, 10)] == [behind.operation_id]
    announced = expiring(stage.state, behind.expires_at_ms - 10, behind.expires_at_ms)
    assert announced == [(buyer(2), behind.operation_id, behind.expires_at_ms)]
    both = {event.hold_id for event in due(stage.state, ahead.expires_at_ms, 10)}
    assert both == {ahead.operation_id, behind.operation_id}


def test_a_hold_is_extended_once() -> None:
    stage = Stage()
    held = stage.hold((REGULAR, 1))
    stage.now_ms = held.expires_at_ms - 1
    command = stage.extend(held.operation_id)
    extended = stage.do(command)
    assert extended == e.Extended(command.operation_id, held.operation_id, held.expires_at_ms + EXTENSION_MS)
    assert stage.code(stage.extend(held.operation_id)) is Code.ALREADY_EXTENDED
    assert due(stage.state, held.expires_at_ms, 10) == []
    stage.now_ms = held.expires_at_ms + EXTENSION_MS - 1
    assert not isinstance(stage.ask(stage.sell(held.operation_id, 1)), Refusal)
    stage.now_ms += 1
    assert stage.code(stage.sell(held.operation_id, 1)) is Code.HOLD_EXPIRED
    assert [x.hold_id for x in due(stage.state, stage.now_ms, 10)] == [held.operation_id]


def test_an_extended_hold_does_not_hide_the_ones_behind_it() -> None:
    stage = Stage()
    first, second = stage.hold((REGULAR, 1)), stage.hold((REGULAR, 1), who=2)
    stage.do(stage.extend(first.operation_id))
    assert [x.hold_id for x in due(stage.state, second.expires_at_ms, 10)] == [second.operation_id]


def test_a_released_hold_gives_everything_back_and_is_gone() -> None:
    stage = Stage()
    held = stage.hold((REGULAR, 2), (SEAT_AND_PARKING, 1))
    stage.do(stage.extend(held.operation_id))
    stage.do(stage.release(held.operation_id))
    assert stage.counts() == [(10, 10, 0, 0, 0), (6, 6, 0, 0, 0), (4, 4, 0, 0, 0)]
    assert stage.state.tally.get(buyer(1)) == 0
    assert not stage.state.holds
    assert not stage.state.extended
    assert stage.code(stage.release(held.operation_id)) is Code.HOLD_NOT_FOUND


@pytest.mark.parametrize("what", ["extend", "release", "sell"])
def test_a_hold_of_another_buyer_looks_like_none(what: str) -> None:
    """To answer otherwise would tell whose holds exist, and to obey would let anyone take them."""
    stage = Stage()
    held = stage.hold((REGULAR, 1))
    commands: dict[str, c.AnyCommand] = {
        "extend": stage.extend(held.operation_id, who=2),
        "release": stage.release(held.operation_id, who=2),
        "sell": stage.sell(held.operation_id, 1, who=2),
    }
    assert stage.code(commands[what]) is Code.HOLD_NOT_FOUND


def test_a_pause_and_a_close_leave_holds_as_they_are() -> None:
    stage = Stage()
    first, second = stage.hold((REGULAR, 1)), stage.hold((REGULAR, 1))
    stage.do(c.PauseSale(stage.fresh(), stage.state.event_id))
    stage.do(stage.sell(first.operation_id, 1))
    stage.do(c.CloseSale(stage.fresh(), stage.state.event_id))
    stage.do(stage.sell(second.operation_id, 1))


def test_the_price_is_that_of_the_day_of_the_hold() -> None:
    stage = Stage()
    held = stage.hold((EARLY, 2), (SEAT, 1))
    sold = stage.do(stage.sell(held.operation_id, 3))
    assert isinstance(sold, e.Sold)
    assert sold.lines == held.lines == (e.HeldLine(1, 2, 2000), e.HeldLine(2, 1, 5000))


@pytest.mark.parametrize("tickets", [0, 2, 4])
def test_a_sale_needs_an_id_for_each_ticket(tickets: int) -> None:
    stage = Stage()
    held = stage.hold((REGULAR, 3))
    assert stage.code(stage.sell(held.operation_id, tickets)) is Code.MALFORMED


def test_a_sale_needs_ids_that_differ() -> None:
    """One id for two tickets would issue one ticket for the price of two, or fail in the transaction of
    all.
    """
    stage = Stage()
    held = stage.hold((REGULAR, 2))
    good = stage.sell(held.operation_id, 2)
    twice = c.Sell(op(1), stage.state.event_id, buyer(1), held.operation_id, good.ticket_ids[:1] * 2)
    assert stage.code(twice) is Code.MALFORMED


def test_a_hold_is_sold_at_most_once() -> None:
    stage = Stage()
    held = stage.hold((REGULAR, 1))
    stage.do(stage.sell(held.operation_id, 1))
    assert stage.code(stage.sell(held.operation_id, 1)) is Code.HOLD_NOT_FOUND
    assert stage.code(stage.release(held.operation_id)) is Code.HOLD_NOT_FOUND
    assert stage.counts()[0] == (10, 9, 0, 1, 0)
    assert not isinstance(stage.ask(stage.place((REGULAR, 1))), Seen)


def test_sold_out_is_what_holds_can_not_bring_back() -> None:
    """A list that says "sold out" of what is only reserved sends people away from what comes back."""
    stage = Stage(definition(standing=4, balcony=1, parking=1))
    assert stage.state.sold_out() == ()
    held = stage.hold((REGULAR, 3))
    assert stage.state.sold_out() == ()
    stage.do(stage.sell(held.operation_id, 3))
    # One is left: enough for a regular ticket, too little for an early one, which comes in twos.
    assert stage.state.sold_out() == (1,)
    stage.sold((SEAT_AND_PARKING, 1))
    assert stage.state.sold_out() == (1, 2, 3)
    stage.do(c.ChangeCapacity(stage.fresh(), EVENT, STANDING, 5))
    assert stage.state.sold_out() == (2, 3)
    stage.do(c.Withhold(stage.fresh(), EVENT, STANDING, 2))
    assert stage.state.sold_out() == (0, 1, 2, 3)
