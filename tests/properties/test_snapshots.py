"""Snapshots: old state + events = new state, whatever was spilled, and bytes that are damaged are never taken
for a state. If this failed, a restart would change what was sold, or a broken file would stop an event for
good.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import events as e
from domain import snapshots
from domain.applying import replay
from domain.inventory import Inventory
from tests.domain.stage import EVENT, REGULAR, SEAT, Stage
from tests.domain.test_operations import one_of_each
from tests.properties.test_inventory import picture, snapshot


def busy() -> Stage:
    stage = Stage(is_configured=False)
    one_of_each(stage)
    return stage


def test_a_copy_is_taken_at_once_and_encoded_later() -> None:
    """The event goes on selling while its snapshot is encoded."""
    stage = Stage()
    stage.hold((REGULAR, 1))
    slices = snapshots.take(stage.state)
    expected = picture(stage.state)
    stage.sold((SEAT, 1))
    assert picture(snapshots.load(snapshots.pack(list(slices)))) == expected


def test_a_snapshot_anywhere_and_the_rest_make_the_same_state() -> None:
    stage = busy()
    for at in range(len(stage.history) + 1):
        early = replay(Inventory(EVENT), stage.history[:at])
        loaded = snapshots.load(snapshot(early))
        assert picture(replay(loaded, stage.history[at:])) == picture(stage.state), at


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=12))
def test_what_was_spilled_stays_known_after_a_snapshot(spills: list[int]) -> None:
    stage = Stage()
    known: dict[bytes, e.AnyEvent] = {}
    for recent_max in spills:
        sold = stage.sold((REGULAR, 1))
        known[sold.hold_id], known[sold.operation_id] = stage.history[-2], sold
        stage.state.operations.spill(recent_max)
        stage.state = snapshots.load(snapshot(stage.state))
        if stage.state.pools[0].free == 0 or stage.state.tally.get(sold.buyer_id) == 8:
            break
    for operation_id, answer in known.items():
        memory = stage.state.operations
        assert memory.answer(operation_id) == answer or memory.is_spilled(operation_id)  # type: ignore[arg-type]


def test_a_snapshot_that_was_cut_is_no_snapshot() -> None:
    body = snapshot(busy().state)
    for length in range(0, len(body), 7):
        with pytest.raises(snapshots.UnknownSnapshot):
            snapshots.load(body[:length])


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_snapshot_with_a_changed_byte_is_no_snapshot(at: int, flip: int) -> None:
    body = bytearray(BODY)
    body[at % len(body)] ^= flip
    with pytest.raises(snapshots.UnknownSnapshot):
        snapshots.load(bytes(body))


BODY = snapshot(busy().state)


@given(st.binary(max_size=200))
def test_no_bytes_but_a_snapshots_are_a_snapshot(body: bytes) -> None:
    with pytest.raises(snapshots.UnknownSnapshot):
        snapshots.load(body)
