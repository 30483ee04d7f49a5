"""The journal in memory: the same promises as the one in PostgreSQL, for the simulation.

It decides in one step, without a clock or randomness of its own, so a run is repeated exactly by its seed.
Only a `gate` makes a commit wait, and only `fail_next` makes one fail.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

import msgspec

from domain.commands import SoldOrder, SoldTicket
from domain.ids import EventId, OperationId, OrderId, TicketId
from domain.orders import SELLABLE, OrderState, OrderStep, step
from storage.journal import Batch, Entry, Fenced, Placement, Refused, Standing, TicketRow, Unknown

_SNAPSHOTS_KEPT = 2


class Moment(StrEnum):
    """Where a commit is when its gate is called."""

    BEFORE = "before"
    AFTER = "after"


Gate = Callable[[Moment, Batch], Awaitable[None]]


class _Ticket(msgspec.Struct):
    row: TicketRow
    is_cancelled: bool = False


class MemoryJournal:
    """`storage.journal.Journal` in a process.

    Attributes:
        gate: awaited before a commit takes effect and again before its writer hears of it; what it raises,
            the writer gets.
        order_states: the orders there are; `authorise` adds one that can be sold.
        standings: what was last written of each event's ticket types.
    """

    def __init__(self) -> None:
        self.gate: Gate | None = None
        self.order_states: dict[OrderId, OrderState] = {}
        self.owners: dict[int, str] = {}
        self._failures: deque[tuple[Exception, bool]] = deque()
        self._epochs: dict[int, int] = {}
        self._entries: dict[EventId, list[Entry]] = {}
        self._operations: dict[OperationId, bytes] = {}
        self._tickets: dict[TicketId, _Ticket] = {}
        self._tickets_of: dict[OrderId, list[_Ticket]] = {}
        self._snapshots: dict[EventId, dict[int, bytes]] = {}
        self._placements: dict[EventId, Placement] = {}
        self.standings: dict[EventId, Standing] = {}

    # --- for those who test with it -------------------------------------------------------------------------

    def authorise(self, order_id: OrderId) -> None:
        """Have an order whose payment is authorised, so that tickets can be issued for it."""
        self.order_states.setdefault(order_id, OrderState.AUTHORISED)

    def fail_next(self, error: Exception, *, is_written: bool | None = None) -> None:
        """Make the next commit that no earlier call is about raise `error`.

        Only for `Unknown` may the batch have been written nevertheless: `is_written` says so.
        """
        if is_written and not isinstance(error, Unknown):
            raise ValueError("only Unknown leaves open what became of the batch")
        self._failures.append((error, bool(is_written)))

    # --- the port -------------------------------------------------------------------------------------------

    async def claim(self, shard: int, owner: str) -> int:
        self._epochs[shard] = self._epochs.get(shard, 0) + 1
        self.owners[shard] = owner
        return self._epochs[shard]

    async def renew(self, shard: int, epoch: int) -> int:
        self._fence(shard, epoch)
        self._epochs[shard] = epoch + 1
        return epoch + 1

    async def commit(self, batch: Batch) -> None:
        if self.gate is not None:
            await self.gate(Moment.BEFORE, batch)
        error, is_written = self._failures.popleft() if self._failures else (None, True)
        if is_written:
            self._check(batch)
            self._write(batch)
        if self.gate is not None:
            await self.gate(Moment.AFTER, batch)
        if error is not None:
            raise error

    def _check(self, batch: Batch) -> None:
        """Raise what PostgreSQL would, in its order, before anything is changed."""
        self._fence(batch.shard, batch.epoch)
        events = {entry.event_id for entry in batch.entries}
        if len(events) < len(batch.entries):
            raise Refused("two entries of one event in a batch")
        for entry in batch.entries:
            if entry.seq_first != self.head(entry.event_id) + 1 or entry.seq_last < entry.seq_first:
                raise Refused(
                    f"entry {entry.seq_first} does not follow {self.head(entry.event_id)} of its event"
                )
        for order_id in {row.order_id for row in batch.tickets}:
            state = self.order_states.get(order_id)
            if state is None or step(state, OrderStep.SELL) is None:
                raise Refused(f"order {order_id.hex()} is not there, given up or sold")
        fresh = {row.ticket_id for row in batch.tickets}
        if len(fresh) < len(batch.tickets) or not fresh.isdisjoint(self._tickets):
            raise Refused("a ticket is issued twice")
        for cancelled in batch.cancelled:
            ticket = self._tickets.get(cancelled.ticket_id)
            if ticket is None or ticket.is_cancelled or ticket.row.order_id != cancelled.order_id:
                raise Refused(f"ticket {cancelled.ticket_id.hex()} can not be taken back")
        if len({row.ticket_id for row in batch.cancelled}) < len(batch.cancelled):
            raise Refused("a ticket is taken back twice")

    def _write(self, batch: Batch) -> None:
        for entry in batch.entries:
            self._entries.setdefault(entry.event_id, []).append(entry)
        for operation in batch.operations:
            self._operations.setdefault(operation.operation_id, operation.answer)
        for row in batch.tickets:
            self.order_states[row.order_id] = OrderState.SOLD
            ticket = self._tickets[row.ticket_id] = _Ticket(row)
            self._tickets_of.setdefault(row.order_id, []).append(ticket)
        for cancelled in batch.cancelled:
            self._tickets[cancelled.ticket_id].is_cancelled = True
        for order_id in {cancelled.order_id for cancelled in batch.cancelled}:
            if all(ticket.is_cancelled for ticket in self._tickets_of[order_id]):
                self.order_states[order_id] = OrderState.CANCELLED
        self.standings.update({standing.event_id: standing for standing in batch.standings})

    def _fence(self, shard: int, epoch: int) -> None:
        if self._epochs.get(shard) != epoch:
            raise Fenced(f"shard {shard} is not at epoch {epoch} any more")

    def head(self, event_id: EventId) -> int:
        """Return the number of the newest event in a journal, 0 for one that has none."""
        entries = self._entries.get(event_id)
        return entries[-1].seq_last if entries else 0

    async def read(self, event_id: EventId, after_seq: int, limit: int) -> list[Entry]:
        entries = self._entries.get(event_id, [])
        first = bisect_right(entries, after_seq, key=lambda entry: entry.seq_last)
        return entries[first : first + limit]

    async def find_operations(self, operation_ids: Sequence[OperationId]) -> dict[OperationId, bytes]:
        return {key: self._operations[key] for key in operation_ids if key in self._operations}

    async def find_orders(self, order_ids: Sequence[OrderId]) -> dict[OrderId, SoldOrder]:
        found = {}
        for order_id in order_ids:
            tickets = sorted(self._tickets_of.get(order_id, []), key=lambda ticket: ticket.row.ticket_id)
            if tickets:
                row = tickets[0].row
                sold = tuple(SoldTicket(t.row.ticket_id, t.row.ticket_type, t.is_cancelled) for t in tickets)
                found[order_id] = SoldOrder(order_id, row.event_id, row.buyer_id, sold)
        return found

    async def find_sellable(self, order_ids: Sequence[OrderId]) -> set[OrderId]:
        return {key for key in order_ids if self.order_states.get(key) in SELLABLE}

    async def save_snapshot(self, shard: int, epoch: int, event_id: EventId, seq: int, body: bytes) -> None:
        self._fence(shard, epoch)
        if seq > self.head(event_id):
            raise Refused(f"a snapshot of event {event_id.hex()} at {seq}, where its journal is not yet")
        kept = self._snapshots.setdefault(event_id, {})
        kept.setdefault(seq, body)
        for old in sorted(kept)[:-_SNAPSHOTS_KEPT]:
            del kept[old]

    async def load_snapshots(self, event_id: EventId) -> list[bytes]:
        kept = self._snapshots.get(event_id, {})
        return [kept[seq] for seq in sorted(kept, reverse=True)]

    async def placement(self, event_id: EventId, shard_if_new: int) -> Placement:
        placed = self._placements.setdefault(event_id, Placement(event_id, shard_if_new, 1, 0))
        return msgspec.structs.replace(placed, seq=self.head(event_id))

    async def move(self, shard: int, epoch: int, event_id: EventId, to_shard: int) -> None:
        self._fence(shard, epoch)
        there = self._placements.get(event_id)
        if there is None or there.shard != shard:
            raise Refused(f"event {event_id.hex()} is not on shard {shard}")
        self._placements[event_id] = msgspec.structs.replace(there, shard=to_shard, version=there.version + 1)

    async def placed_on(self, shard: int, active_since_ms: int) -> list[EventId]:
        return sorted(
            placement.event_id
            for placement in self._placements.values()
            if placement.shard == shard
            and (entries := self._entries.get(placement.event_id))
            and entries[-1].at_ms >= active_since_ms
        )
