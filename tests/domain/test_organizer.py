"""What an organizer changes. If one of these failed, a sale would open at the wrong time, or a pool would
have more promised than it holds.
"""

import pytest

from domain import commands as c
from domain import events as e
from domain.catalogue import CAPACITY_MAX, Pool, SaleDefinition, TicketType, problems
from domain.decisions import SALE_STEPS
from domain.ids import EventId, PoolId, TicketId
from domain.inventory import SaleStatus
from domain.money import AMOUNT_MINOR_MAX
from domain.refusals import Code, Refusal
from tests.domain.stage import (
    BALCONY,
    EVENT,
    NOW_MS,
    REGULAR,
    SEAT_AND_PARKING,
    STANDING,
    Stage,
    buyer,
    definition,
    identifier,
    op,
    order_of,
    ticket,
)


def test_nothing_happens_to_an_event_that_is_not_configured() -> None:
    stage = Stage(is_configured=False)
    assert stage.code(c.OpenSale(op(1), EVENT, NOW_MS)) is Code.NOT_FOUND
    assert stage.code(stage.place((REGULAR, 1))) is Code.NOT_FOUND


@pytest.mark.parametrize("status", set(SaleStatus) - {SaleStatus.NEW})
def test_an_event_is_configured_until_it_opens_and_by_its_own_definition(status: SaleStatus) -> None:
    stage = Stage()
    stage.state.status = status
    assert stage.code(c.Configure(op(1), EVENT, definition())) is Code.ILLEGAL_STEP
    blank = Stage(is_configured=False)
    other = SaleDefinition(EventId(identifier(1, 2)), "EUR", definition().pools, definition().ticket_types)
    assert blank.code(c.Configure(op(1), EVENT, other)) is Code.MALFORMED


def test_a_sale_opens_by_itself_to_the_millisecond() -> None:
    stage = Stage(is_open=False)
    assert stage.code(stage.place((REGULAR, 1))) is Code.SALE_NOT_OPEN
    stage.do(c.OpenSale(op(1), EVENT, NOW_MS + 1000))
    stage.now_ms = NOW_MS + 999
    refusal = stage.refused(stage.place((REGULAR, 1)))
    assert refusal == Refusal(Code.SALE_NOT_OPEN, 1, {"opens_at_ms": NOW_MS + 1000})
    stage.now_ms = NOW_MS + 1000
    stage.hold((REGULAR, 1))


@pytest.mark.parametrize("status", SaleStatus)
@pytest.mark.parametrize("command", SALE_STEPS)
def test_an_illegal_step_of_the_sale_changes_nothing(status: SaleStatus, command: type[c.Command]) -> None:
    stage = Stage(is_open=False)
    ways: dict[SaleStatus, list[c.AnyCommand]] = {
        SaleStatus.NEW: [],
        SaleStatus.OPEN: [c.OpenSale(op(1), EVENT, NOW_MS)],
        SaleStatus.PAUSED: [c.OpenSale(op(1), EVENT, NOW_MS), c.PauseSale(op(2), EVENT)],
        SaleStatus.CLOSED: [c.CloseSale(op(1), EVENT)],
        SaleStatus.CANCELLED: [c.CancelEvent(op(1), EVENT)],
    }
    for way in ways[status]:
        stage.do(way)
    step: c.AnyCommand = (
        c.OpenSale(op(9), EVENT, 5)
        if command is c.OpenSale
        else (c.PauseSale if command is c.PauseSale else c.CloseSale)(op(9), EVENT)
    )
    if status in SALE_STEPS[type(step)]:
        stage.do(step)
    else:
        assert stage.code(step) is Code.ILLEGAL_STEP
        assert stage.state.status is status


def test_closed_is_for_good_and_each_state_has_its_refusal() -> None:
    stage = Stage()
    stage.do(c.PauseSale(op(1), EVENT))
    assert stage.code(stage.place((REGULAR, 1))) is Code.SALE_PAUSED
    stage.do(c.OpenSale(op(2), EVENT, NOW_MS))
    stage.hold((REGULAR, 1))
    stage.do(c.CloseSale(op(3), EVENT))
    assert stage.code(stage.place((REGULAR, 1))) is Code.SALE_CLOSED
    assert stage.code(c.OpenSale(op(4), EVENT, NOW_MS)) is Code.ILLEGAL_STEP


def test_withheld_places_are_not_sold_and_come_back() -> None:
    stage = Stage()
    stage.do(c.Withhold(op(1), EVENT, STANDING, 7))
    assert stage.counts()[0] == (10, 3, 0, 0, 7)
    assert stage.code(stage.place((REGULAR, 4))) is Code.SOLD_OUT
    stage.do(c.ReturnWithheld(op(2), EVENT, STANDING, 2))
    stage.hold((REGULAR, 5))
    assert stage.refused(c.Withhold(op(3), EVENT, STANDING, 1)).details == {"free": 0}
    assert stage.code(c.ReturnWithheld(op(4), EVENT, STANDING, 6)) is Code.SOLD_OUT


@pytest.mark.parametrize("quantity", [0, -1, -(2**40)])
def test_withholding_takes_a_positive_number(quantity: int) -> None:
    """A negative one would make places out of nothing."""
    stage = Stage()
    assert stage.code(c.Withhold(op(1), EVENT, STANDING, quantity)) is Code.QUANTITY_OUT_OF_RANGE
    assert stage.code(c.ReturnWithheld(op(1), EVENT, STANDING, quantity)) is Code.QUANTITY_OUT_OF_RANGE


def test_capacity_never_goes_below_what_is_used() -> None:
    stage = Stage()
    stage.hold((REGULAR, 2))
    stage.sold((REGULAR, 3))
    stage.do(c.Withhold(op(1), EVENT, STANDING, 1))
    assert stage.refused(c.ChangeCapacity(op(2), EVENT, STANDING, 5)) == Refusal(
        Code.CAPACITY_IN_USE, None, {"capacity_min": 6}
    )
    stage.do(c.ChangeCapacity(op(3), EVENT, STANDING, 6))
    assert stage.counts()[0] == (6, 0, 2, 3, 1)
    stage.do(c.ChangeCapacity(op(4), EVENT, STANDING, 30))
    assert stage.counts()[0] == (30, 24, 2, 3, 1)


@pytest.mark.parametrize(
    ("capacity", "code"),
    [(-1, Code.CAPACITY_IN_USE), (CAPACITY_MAX + 1, Code.QUANTITY_OUT_OF_RANGE)],
)
def test_a_capacity_has_bounds(capacity: int, code: Code) -> None:
    assert Stage().code(c.ChangeCapacity(op(1), EVENT, STANDING, capacity)) is code


@pytest.mark.parametrize("make", [c.Withhold, c.ReturnWithheld, c.ChangeCapacity])
def test_a_pool_of_another_event_is_refused(
    make: type[c.Withhold | c.ReturnWithheld | c.ChangeCapacity],
) -> None:
    assert Stage().code(make(op(1), EVENT, PoolId(identifier(2, 99)), 1)) is Code.UNKNOWN_POOL


# --- cancelling ------------------------------------------------------------------------------------------


def test_cancelled_places_are_free_at_once_in_every_pool() -> None:
    stage = Stage()
    sold = stage.sold((SEAT_AND_PARKING, 2), (REGULAR, 1))
    some = sold.ticket_ids[:1]
    stage.do(c.CancelTickets(op(1), EVENT, sold.operation_id, some, order_of(sold)))
    assert stage.counts() == [(10, 9, 0, 1, 0), (6, 5, 0, 1, 0), (4, 3, 0, 1, 0)]
    assert stage.state.tally.get(buyer(1)) == 2
    rest = order_of(sold, frozenset(some))
    made = stage.do(c.CancelTickets(op(2), EVENT, sold.operation_id, (), rest))
    assert isinstance(made, e.Cancelled)
    assert made.ticket_ids == sold.ticket_ids[1:]
    assert stage.counts() == [(10, 10, 0, 0, 0), (6, 6, 0, 0, 0), (4, 4, 0, 0, 0)]
    assert stage.state.tally.get(buyer(1)) == 0


def test_a_ticket_is_cancelled_once() -> None:
    stage = Stage()
    sold = stage.sold((REGULAR, 2))
    first, second = sold.ticket_ids
    known = order_of(sold, frozenset({first}))
    for wanted in [(first,), (first, second)]:
        command = c.CancelTickets(stage.fresh(), EVENT, sold.operation_id, wanted, known)
        assert stage.code(command) is Code.ALREADY_CANCELLED
    gone = order_of(sold, frozenset(sold.ticket_ids))
    assert (
        stage.code(c.CancelTickets(stage.fresh(), EVENT, sold.operation_id, (), gone))
        is Code.ALREADY_CANCELLED
    )


def test_only_tickets_of_the_order_are_cancelled() -> None:
    stage = Stage()
    sold, other = stage.sold((REGULAR, 1)), stage.sold((REGULAR, 1))
    foreign = c.CancelTickets(op(1), EVENT, sold.operation_id, other.ticket_ids, order_of(sold))
    assert stage.code(foreign) is Code.NOT_FOUND
    unknown: tuple[TicketId, ...] = (ticket(1),)
    assert (
        stage.code(c.CancelTickets(op(1), EVENT, sold.operation_id, unknown, order_of(sold)))
        is Code.NOT_FOUND
    )


def test_an_order_that_is_not_there_or_not_meant_is_not_found() -> None:
    stage = Stage()
    sold, other = stage.sold((REGULAR, 1)), stage.sold((REGULAR, 1))
    assert stage.code(c.CancelTickets(op(1), EVENT, sold.operation_id)) is Code.ORDER_NOT_FOUND
    wrong = c.CancelTickets(op(1), EVENT, sold.operation_id, (), order_of(other))
    assert stage.code(wrong) is Code.ORDER_NOT_FOUND


def test_naming_a_ticket_twice_cancels_it_once() -> None:
    stage = Stage()
    sold = stage.sold((REGULAR, 2))
    twice = (sold.ticket_ids[0],) * 2
    stage.do(c.CancelTickets(op(1), EVENT, sold.operation_id, twice, order_of(sold)))
    assert stage.counts()[0] == (10, 9, 0, 1, 0)


# --- definitions -----------------------------------------------------------------------------------------

POOL = Pool(STANDING, 10)
TYPE = TicketType(REGULAR, (0,), 100)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (SaleDefinition(EVENT, "EUR", (), (TYPE,)), "pools"),
        (SaleDefinition(EVENT, "EUR", (POOL,), ()), "ticket types"),
        (SaleDefinition(EVENT, "eur", (POOL,), (TYPE,)), "currency"),
        (SaleDefinition(EVENT, "EURO", (POOL,), (TYPE,)), "currency"),
        (SaleDefinition(EVENT, "EU1", (POOL,), (TYPE,)), "currency"),
        (SaleDefinition(EVENT, "EUR", (POOL,), (TYPE,), 0), "limit per buyer"),
        (SaleDefinition(EVENT, "EUR", (POOL,), (TYPE,), hold_ttl_ms=999), "a hold lasts"),
        (SaleDefinition(EVENT, "EUR", (POOL,), (TYPE,), extension_ms=-1), "extended"),
        (SaleDefinition(EVENT, "EUR", (POOL, POOL), (TYPE,)), "two pools"),
        (SaleDefinition(EVENT, "EUR", (POOL,), (TYPE, TYPE)), "two ticket types"),
        (SaleDefinition(EVENT, "EUR", (Pool(STANDING, -1),), (TYPE,)), "capacity"),
        (SaleDefinition(EVENT, "EUR", (POOL,), (TicketType(REGULAR, (), 1),)), "no pool"),
        (SaleDefinition(EVENT, "EUR", (POOL,), (TicketType(REGULAR, (0, 0), 1),)), "twice"),
        (SaleDefinition(EVENT, "EUR", (POOL,), (TicketType(REGULAR, (1,), 1),)), "does not have"),
        (SaleDefinition(EVENT, "EUR", (POOL,), (TicketType(REGULAR, (-1,), 1),)), "does not have"),
        (SaleDefinition(EVENT, "EUR", (POOL,), (TicketType(REGULAR, (0,), -1),)), "price"),
        (
            SaleDefinition(EVENT, "EUR", (POOL,), (TicketType(REGULAR, (0,), AMOUNT_MINOR_MAX + 1),)),
            "price",
        ),
        (SaleDefinition(EVENT, "EUR", (POOL,), (TicketType(REGULAR, (0,), 1, 0),)), "minimum"),
        (SaleDefinition(EVENT, "EUR", (POOL,), (TicketType(REGULAR, (0,), 1, 3, 2),)), "minimum"),
        (SaleDefinition(EVENT, "EUR", (POOL,), (TicketType(REGULAR, (0,), 1, 1, 2, 5, 5),)), "ends before"),
    ],
)
def test_a_definition_that_cannot_be_sold_is_told_why(wrong: SaleDefinition, says: str) -> None:
    assert any(says in problem for problem in problems(wrong)), problems(wrong)
    refusal = Stage(is_configured=False).refused(c.Configure(op(1), EVENT, wrong))
    assert refusal.code is Code.MALFORMED


def test_a_good_definition_has_no_problems() -> None:
    assert problems(definition()) == []
    assert problems(SaleDefinition(EVENT, "JPY", (Pool(BALCONY, 0),), (TicketType(REGULAR, (0,), 0),))) == []
