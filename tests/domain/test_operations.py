"""Doing an operation twice. If one of these failed, a client that sends again after a lost connection would
buy twice, be refused what it has, or be given what belongs to somebody else.
"""

import msgspec
import pytest

from domain import commands as c
from domain import events as e
from domain.decisions import Seen, repeated
from domain.operations import REFUSED_MAX, SPILL_BATCH_MAX, OperationMemory
from domain.refusals import Code, Refusal
from domain.vouchers import VoucherKind, VoucherRule
from tests.domain.stage import (
    EVENT,
    NOW_MS,
    REGULAR,
    SEAT,
    STANDING,
    TTL_MS,
    Stage,
    buyer,
    code,
    definition,
    op,
    order_of,
    ticket,
)


def one_of_each(stage: Stage) -> list[tuple[c.AnyCommand, e.AnyEvent]]:
    """Do every kind of command once; returns each with its answer."""
    made: list[tuple[c.AnyCommand, e.AnyEvent]] = []

    def do(command: c.AnyCommand) -> e.AnyEvent:
        made.append((command, stage.do(command)))
        return made[-1][1]

    do(c.Configure(op(1), EVENT, definition()))
    do(c.OpenSale(op(2), EVENT, NOW_MS))
    kept = do(stage.place((REGULAR, 1)))
    given_back = do(stage.place((REGULAR, 2)))
    bought = do(stage.place((SEAT, 2)))
    assert isinstance(kept, e.Held)
    assert isinstance(given_back, e.Held)
    assert isinstance(bought, e.Held)
    do(stage.extend(kept.operation_id))
    do(stage.release(given_back.operation_id))
    sold = do(stage.sell(bought.operation_id, 2))
    assert isinstance(sold, e.Sold)
    do(c.CancelTickets(op(3), EVENT, sold.operation_id, (), order_of(sold)))
    do(c.Withhold(op(4), EVENT, STANDING, 2))
    do(c.ReturnWithheld(op(5), EVENT, STANDING, 1))
    do(c.ChangeCapacity(op(6), EVENT, STANDING, 20))
    do(c.Reconfigure(op(9), EVENT, definition(buyer_limit=7)))
    do(c.DefineVouchers(op(10), EVENT, VoucherRule(VoucherKind.DISCOUNT, 1000), (code("A"), code("B"))))
    do(c.ChangeVoucher(op(11), EVENT, code("A"), VoucherRule(VoucherKind.DISCOUNT, 2000)))
    do(stage.place((SEAT, 1), who=2, codes=("A",)))
    do(c.RetireVouchers(op(12), EVENT, (code("B"),)))
    do(c.PauseSale(op(7), EVENT))
    do(c.CloseSale(op(8), EVENT))
    do(c.CancelEvent(op(13), EVENT))
    return made


@pytest.fixture
def stage() -> Stage:
    return Stage(is_configured=False)


def test_every_command_done_again_gets_its_first_answer_and_changes_nothing(stage: Stage) -> None:
    made = one_of_each(stage)
    # What a code is good for is asked, not done.
    assert {type(command) for command, _ in made} == set(c.AnyCommand.__args__) - {c.ExplainCode, c.CountUses}
    before = stage.counts(), stage.state.seq
    stage.now_ms += 10 * TTL_MS
    for command, answer in made:
        assert stage.ask(command) == Seen(answer), command
    assert (stage.counts(), stage.state.seq) == before


def test_an_id_is_good_for_one_command_only(stage: Stage) -> None:
    made = one_of_each(stage)
    for first, _ in made:
        for other, _ in made:
            if type(other) is not type(first):
                reused = msgspec.structs.replace(other, operation_id=first.operation_id)
                assert stage.ask(reused) == Refusal(Code.OPERATION_REUSED), (first, other)


def test_an_id_is_good_for_its_buyer_only() -> None:
    stage = Stage()
    command = stage.place((REGULAR, 1))
    held = stage.do(command)
    assert isinstance(held, e.Held)
    stolen = msgspec.structs.replace(command, buyer_id=buyer(2))
    assert stage.code(stolen) is Code.OPERATION_REUSED
    sell = stage.sell(held.operation_id, 1)
    stage.do(sell)
    assert stage.code(msgspec.structs.replace(sell, buyer_id=buyer(2))) is Code.OPERATION_REUSED


def test_an_id_is_good_for_its_hold_or_order_only() -> None:
    """Else the answer about one hold would pass for an answer about another."""
    stage = Stage()
    first, second = stage.hold((REGULAR, 1)), stage.hold((REGULAR, 1))
    sold = stage.sold((SEAT, 1))
    commands: list[tuple[c.AnyCommand, c.AnyCommand]] = [
        (one, msgspec.structs.replace(one, hold_id=second.operation_id))
        for one in (stage.extend(first.operation_id), stage.release(first.operation_id))
    ]
    cancel = c.CancelTickets(stage.fresh(), EVENT, sold.operation_id, (), order_of(sold))
    commands.append((cancel, msgspec.structs.replace(cancel, order_id=first.operation_id)))
    for one, other in commands:
        stage.do(one)
        assert stage.code(other) is Code.OPERATION_REUSED


def test_an_operation_that_placed_a_hold_is_known_whatever_became_of_the_hold() -> None:
    stage = Stage()
    for end in ("live", "sold", "released", "expired"):
        command = stage.place((REGULAR, 1))
        held = stage.do(command)
        assert isinstance(held, e.Held)
        if end == "sold":
            stage.do(stage.sell(held.operation_id, 1))
        elif end == "released":
            stage.do(stage.release(held.operation_id))
        elif end == "expired":
            stage.apply(e.Expired(held.operation_id, held.buyer_id))
        assert stage.ask(command) == Seen(held), end


def test_a_refusal_is_repeated_while_it_is_remembered() -> None:
    """Else a buyer who was told "sold out" and sends again by accident could end up with tickets."""
    stage = Stage(definition(standing=1))
    held = stage.hold((REGULAR, 1))
    command = stage.place((REGULAR, 1), who=2)
    refusal = stage.refused(command)
    stage.state.operations.remember_refusal(command.operation_id, refusal)
    stage.do(stage.release(held.operation_id))
    assert stage.ask(command) == Seen(refusal)


def test_the_recorded_answer_of_another_command_is_no_answer() -> None:
    stage = Stage()
    held = stage.hold((REGULAR, 1))
    assert repeated(stage.place((REGULAR, 1), operation=held.operation_id), held) == Seen(held)
    assert repeated(c.PauseSale(held.operation_id, EVENT), held) == Refusal(Code.OPERATION_REUSED)


def remembered(memory: OperationMemory, count: int) -> list[e.SalePaused]:
    made = [e.SalePaused(op(number)) for number in range(count)]
    for event in made:
        memory.remember(event.operation_id, event)
    return made


def test_memory_spills_the_oldest_and_knows_that_it_did() -> None:
    memory = OperationMemory()
    made = remembered(memory, 10)
    taken = memory.spill(4)
    assert taken == [(event.operation_id, event) for event in made[:6]]
    for event in made[:6]:
        assert memory.answer(event.operation_id) is None
        assert memory.is_spilled(event.operation_id)
    for event in made[6:]:
        assert memory.answer(event.operation_id) == event
        assert not memory.is_spilled(event.operation_id)
    assert memory.spill(4) == []


def test_a_spill_is_bounded() -> None:
    memory = OperationMemory()
    remembered(memory, SPILL_BATCH_MAX + 50)
    assert len(memory.spill(10)) == SPILL_BATCH_MAX
    assert len(memory.spill(10)) == 40


def test_spilling_one_operation_twice_counts_once() -> None:
    """Recovery replays what was spilled before; the count of a fingerprint must not grow with every
    restart.
    """
    memory = OperationMemory()
    for _ in range(3):
        memory.remember(op(1), e.SalePaused(op(1)))
        memory.spill(0)
    assert memory.spilled.get(op(1)) == 1


def test_refusals_are_forgotten_oldest_first() -> None:
    memory = OperationMemory()
    for number in range(REFUSED_MAX + 1):
        memory.remember_refusal(op(number), Refusal(Code.SOLD_OUT))
    assert memory.answer(op(0)) is None
    assert memory.answer(op(1)) == Refusal(Code.SOLD_OUT)
    assert not memory.is_spilled(ticket(1))  # type: ignore[arg-type]
