"""What was written before tiers and vouchers were there. If this failed, the journal of an event that was
sold by an earlier version could not be read: nobody could be told what was sold, and nothing more be sold.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from domain import commands as c
from domain import events as e
from domain import notices, snapshots
from domain.applying import replay
from domain.inventory import Inventory
from tests.domain.stage import EVENT

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "recorded" / "version_1.json").read_text(encoding="utf-8")
)


def recorded(name: str) -> bytes:
    return bytes.fromhex(RECORDED[name])


@pytest.mark.parametrize("name", ["of_each", "live"])
def test_a_journal_makes_the_state_that_it_made(name: str) -> None:
    state = replay(Inventory(EVENT), e.unpack(recorded(f"journal_{name}")))
    assert [list(pool.as_tuple()) for pool in state.pools] == RECORDED[f"counts_{name}"]


def test_a_snapshot_is_read() -> None:
    state = snapshots.load(recorded("snapshot_live"))
    assert state.seq == RECORDED["seq_live"]
    assert len(state.holds) == RECORDED["holds_live"]
    assert [list(pool.as_tuple()) for pool in state.pools] == RECORDED["counts_live"]
    assert (len(state.vouchers), state.limited, state.needs_sold) == (0, set(), False)
    again = snapshots.load(snapshots.pack(list(snapshots.take(state))))
    assert again.holds == state.holds


def test_commands_are_read() -> None:
    """A gateway of the version before may still be running while the shards are replaced."""
    commands = c.unpack(recorded("commands"))
    assert [type(command) for command in commands[:3]] == [c.Configure, c.OpenSale, c.PlaceHold]


def test_a_notice_is_read() -> None:
    assert notices.unpack_sale(recorded("notice_live")).offers == ()
