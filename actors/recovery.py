"""Recovery: the newest snapshot that can be read, and the journal after it, make the state that was."""

from typing import Final

from domain import events, snapshots
from domain.applying import replay
from domain.ids import EventId
from domain.inventory import Inventory
from storage.journal import Entry, Journal

ENTRIES_A_READ: Final = 200


class JournalGap(Exception):
    """The journal of an event is not dense: it was tampered with, or cut. Nothing may be sold on it."""


async def recover(journal: Journal, event_id: EventId) -> tuple[Inventory, int]:
    """Return the state of an event as the durable record has it, and how many of its events the snapshot had
    that it began with.

    Raises:
        JournalGap: entries are missing.
        ConnectionError: the store can't be reached.
    """
    state = await _from_snapshot(journal, event_id) or Inventory(event_id)
    snapshot_seq = state.seq
    is_more = True
    while is_more:
        entries = await journal.read(event_id, state.seq, ENTRIES_A_READ)
        for entry in entries:
            _replay_entry(state, entry)
        is_more = len(entries) == ENTRIES_A_READ
    return state, snapshot_seq


async def _from_snapshot(journal: Journal, event_id: EventId) -> Inventory | None:
    for body in await journal.load_snapshots(event_id):
        try:
            return snapshots.load(body)
        except snapshots.UnknownSnapshot:
            continue  # an older one, or the journal from its start, gives the same state, only later
    return None


def _replay_entry(state: Inventory, entry: Entry) -> None:
    # A snapshot may be newer than the beginning of the entry that it was taken after.
    skipped = state.seq + 1 - entry.seq_first
    history = events.unpack(entry.body)
    if skipped < 0 or len(history) != entry.seq_last - entry.seq_first + 1:
        raise JournalGap(f"event {state.event_id.hex()}: entry {entry.seq_first} after {state.seq}")
    replay(state, history[skipped:])
