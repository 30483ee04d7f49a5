"""After a fault: what clients saw, the journal and the tables must agree."""

from domain import events as e
from domain.ids import EventId
from simulation.history import Broken, History, brief
from storage.journal import Batch
from storage.postgres import Pool
from storage.postgres_journal import PostgresJournal
from tests.faults.crowd import Crowd

ENTRIES_MAX = 1_000_000


async def audit(pool: Pool, *crowds: Crowd) -> History:
    """Check every rule of faults.md that is about the sale itself. Raises `Broken`."""
    history = History()
    for event_id in [event_id for crowd in crowds for event_id in crowd.event_ids]:
        await _read_journal(pool, history, event_id)
        await _compare_tickets(pool, history, event_id)
    for crowd in crowds:
        for command, answer in crowd.answers:
            history.answered(command, answer)
    return history


async def check_event(pool: Pool, event_id: EventId) -> History:
    """Check one event of which only the record is known, not what clients saw. Raises `Broken`."""
    history = History()
    await _read_journal(pool, history, event_id)
    await _compare_tickets(pool, history, event_id)
    return history


async def _read_journal(pool: Pool, history: History, event_id: EventId) -> None:
    """Replay an event's journal before the witness, which recounts everything after each entry."""
    entries = await PostgresJournal(pool).read(event_id, 0, ENTRIES_MAX)
    writers = await pool.fetch("SELECT shard, epoch FROM journal WHERE event_id = $1 ORDER BY seq", event_id)
    for entry, (shard, epoch) in zip(entries, writers, strict=True):
        if epoch < history.epochs.get(shard, 0):
            raise Broken(f"epoch {epoch} of shard {shard} wrote after epoch {history.epochs[shard]}")
        history.epochs[shard] = epoch
        history.written(Batch(shard, epoch, [entry]))
    standing = await pool.fetchval("SELECT sold_out FROM sale_standings WHERE event_id = $1", event_id)
    history.stands(event_id, tuple(standing or ()))
    history.epochs.clear()  # the next event has a time of its own


async def _compare_tickets(pool: Pool, history: History, event_id: EventId) -> None:
    """The tables that people query say what the journal says."""
    book = history.book(event_id)
    rows = await pool.fetch(
        "SELECT ticket_id, order_id, ticket_type, state = 'cancelled' FROM tickets WHERE event_id = $1",
        event_id,
    )
    if len(rows) != len(book.tickets):
        raise Broken(f"{len(rows)} tickets in the table, {len(book.tickets)} in the journal")
    for ticket_id, order_id, ticket_type, is_cancelled in rows:
        if book.tickets.get(ticket_id) != (order_id, ticket_type):
            raise Broken(f"ticket {brief(ticket_id)} is not what was sold")
        if is_cancelled != (ticket_id in book.cancelled):
            raise Broken(f"ticket {brief(ticket_id)} is cancelled in one place only")
    sold = {event.operation_id for event in book.operations.values() if isinstance(event, e.Sold)}
    states = await pool.fetch(
        "SELECT order_id, state FROM orders WHERE event_id = $1 AND order_id = ANY ($2)", event_id, list(sold)
    )
    if len(states) != len(sold) or any(state not in {"sold", "paid", "cancelled"} for _, state in states):
        raise Broken("an order that was sold does not say so")
