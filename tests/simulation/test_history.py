"""The witness of the simulation has to see each kind of broken promise; one that it can't see could happen
unnoticed.
"""

import msgspec
import pytest

from domain import commands as c
from domain import events as e
from domain.catalogue import PriceTier
from domain.refusals import Code, Refusal
from simulation.history import Broken, History
from storage.journal import Batch, Entry
from tests.domain.stage import EVENT, NOW_MS, REGULAR, Stage, order_of


class Witnessed:
    """A stage whose every event is committed before a witness."""

    def __init__(self) -> None:
        self.stage = Stage()
        self.history = History()
        self.history.claimed(0, 1)
        self.written = 0
        self.commit()

    def commit(self, at_ms: int = NOW_MS, epoch: int = 1) -> None:
        new = self.stage.history[self.written :]
        self.write(new, at_ms, epoch)
        self.written += len(new)

    def write(self, events: list[e.AnyEvent], at_ms: int = NOW_MS, epoch: int = 1) -> None:
        seq = self.history.book(EVENT).seq
        entry = Entry(EVENT, seq + 1, seq + len(events), at_ms, e.pack(events))
        self.history.committed(Batch(0, epoch, [entry]))


@pytest.fixture
def witnessed() -> Witnessed:
    return Witnessed()


def test_a_zombie_that_writes_is_seen(witnessed: Witnessed) -> None:
    witnessed.history.claimed(0, 2)
    witnessed.stage.hold((REGULAR, 1))
    with pytest.raises(Broken, match="epoch 1 wrote after epoch 2"):
        witnessed.commit()


def test_an_epoch_given_twice_is_seen(witnessed: Witnessed) -> None:
    with pytest.raises(Broken, match="was given epoch"):
        witnessed.history.claimed(0, 1)


def test_a_gap_in_the_journal_is_seen(witnessed: Witnessed) -> None:
    held = witnessed.stage.hold((REGULAR, 1))
    with pytest.raises(Broken, match="after 2"):
        witnessed.history.committed(Batch(0, 1, [Entry(EVENT, 4, 4, NOW_MS, e.pack([held]))]))


def test_an_oversold_pool_is_seen(witnessed: Witnessed) -> None:
    held = witnessed.stage.hold((REGULAR, 6))
    witnessed.commit()
    other = msgspec.structs.replace(
        held, operation_id=witnessed.stage.fresh(), buyer_id=witnessed.stage.fresh()
    )
    with pytest.raises(Broken, match="oversold"):
        witnessed.write([other])


def test_a_buyer_over_the_limit_is_seen(witnessed: Witnessed) -> None:
    held = witnessed.stage.hold((REGULAR, 5))
    witnessed.commit()
    with pytest.raises(Broken, match="the limit is 8"):
        witnessed.write([msgspec.structs.replace(held, operation_id=witnessed.stage.fresh())])


def test_an_operation_with_two_effects_is_seen(witnessed: Witnessed) -> None:
    held = witnessed.stage.hold((REGULAR, 1))
    witnessed.commit()
    with pytest.raises(Broken, match="two effects"):
        witnessed.write([held])


def test_a_sale_after_the_holds_time_is_seen(witnessed: Witnessed) -> None:
    sold = witnessed.stage.sold((REGULAR, 1))
    with pytest.raises(Broken, match="after the hold expired"):
        witnessed.commit(at_ms=NOW_MS + 60_000)
    assert sold.ticket_ids


def test_an_early_expiry_is_seen(witnessed: Witnessed) -> None:
    held = witnessed.stage.hold((REGULAR, 1))
    witnessed.commit()
    with pytest.raises(Broken, match="before its time"):
        witnessed.write([e.Expired(held.operation_id, held.buyer_id)], NOW_MS + 59_999)


def test_a_hold_that_ends_twice_is_seen(witnessed: Witnessed) -> None:
    sold = witnessed.stage.sold((REGULAR, 1))
    witnessed.commit()
    with pytest.raises(Broken, match="had ended: Sold"):
        witnessed.write([e.Expired(sold.hold_id, sold.buyer_id)], NOW_MS + 60_000)


def test_a_ticket_issued_twice_is_seen(witnessed: Witnessed) -> None:
    first = witnessed.stage.sold((REGULAR, 1))
    second = witnessed.stage.sold((REGULAR, 1))
    witnessed.stage.history[-1] = msgspec.structs.replace(second, ticket_ids=first.ticket_ids)
    with pytest.raises(Broken, match="issued twice"):
        witnessed.commit()


def test_a_ticket_cancelled_twice_is_seen(witnessed: Witnessed) -> None:
    stage = witnessed.stage
    sold = stage.sold((REGULAR, 1))
    made = stage.do(c.CancelTickets(stage.fresh(), EVENT, sold.operation_id, (), order_of(sold)))
    witnessed.commit()
    assert isinstance(made, e.Cancelled)
    with pytest.raises(Broken, match="cancelled twice"):
        witnessed.write([msgspec.structs.replace(made, operation_id=stage.fresh())])


def test_an_answer_before_it_is_durable_is_seen(witnessed: Witnessed) -> None:
    command = witnessed.stage.place((REGULAR, 1))
    held = witnessed.stage.do(command)
    with pytest.raises(Broken, match="the durable record has None"):
        witnessed.history.answered(command, held)
    witnessed.commit()
    witnessed.history.answered(command, held)


def test_a_retry_that_is_refused_after_all_is_seen(witnessed: Witnessed) -> None:
    command = witnessed.stage.place((REGULAR, 1))
    witnessed.history.book(EVENT)
    held = witnessed.stage.do(command)
    witnessed.commit()
    witnessed.history.answered(command, held)
    witnessed.history.answered(command, Refusal(Code.BUSY))
    with pytest.raises(Broken, match="was acknowledged with"):
        witnessed.history.answered(command, Refusal(Code.SOLD_OUT))


def priced(stage: Stage, quantity: int) -> c.Reconfigure:
    """The first tickets of a type at a lower price."""
    assert stage.state.definition is not None
    kinds = stage.state.definition.ticket_types
    first = msgspec.structs.replace(kinds[0], tiers=(PriceTier(1, 500, None, quantity),))
    changed = msgspec.structs.replace(stage.state.definition, ticket_types=(first, *kinds[1:]))
    return c.Reconfigure(stage.fresh(), EVENT, changed)


def test_a_tier_that_is_lowered_in_the_batch_in_which_it_filled_breaks_nothing(witnessed: Witnessed) -> None:
    witnessed.stage.do(priced(witnessed.stage, 2))
    witnessed.commit()
    witnessed.stage.hold((REGULAR, 2))
    witnessed.stage.do(priced(witnessed.stage, 0))
    witnessed.commit()


def test_a_tier_that_is_too_full_is_seen(witnessed: Witnessed) -> None:
    witnessed.stage.do(priced(witnessed.stage, 3))
    witnessed.commit()
    held = witnessed.stage.hold((REGULAR, 2))
    lowered = witnessed.stage.do(priced(witnessed.stage, 1))
    with pytest.raises(Broken, match="tier 1 of type 0 has 2 of 1"):
        witnessed.write([lowered, held])
