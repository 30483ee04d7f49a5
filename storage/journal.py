"""The journal of every event, and the port through which the sale shards write and read it.

One `Batch` is one transaction: it is refused as a whole if its writer has been fenced, it is durable as a
whole when `commit` returns, and after `Unknown` nobody knows until the journal is read again. An `Entry`
packs all that one batch decided for one event, because one row a batch costs PostgreSQL a tenth of one row a
decision.

Two implementations pass one contract suite (`tests/storage/journal_contract.py`): `storage.postgres_journal`
and `storage.memory_journal`, which the simulation crashes, delays and forks.
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from domain.commands import SoldOrder
from domain.ids import BuyerId, EventId, OperationId, OrderId, TicketId


class Fenced(Exception):
    """Another incarnation of this shard has started: this one must write nothing more and end."""


class Unknown(Exception):
    """The transaction may or may not have committed: forget what was decided and read the journal again."""


class Refused(Exception):
    """PostgreSQL refused the batch: nothing of it is there. A bug, a full disk, or an entry that does not
    follow its event's last one.
    """


class Entry(msgspec.Struct, frozen=True):
    """What one batch decided for one event.

    Attributes:
        seq_first, seq_last: numbers of the first and last event in `body`; dense from 1 on, entry after
            entry.
        at_ms: when it was decided.
        body: `domain.events.pack` of the events, in their order.
    """

    event_id: EventId
    seq_first: int
    seq_last: int
    at_ms: int
    body: bytes


class OperationRow(msgspec.Struct, frozen=True):
    """A finished operation that leaves memory; `answer` is `domain.events.pack` of the one event it
    caused.
    """

    operation_id: OperationId
    event_id: EventId
    at_ms: int
    answer: bytes


class TicketRow(msgspec.Struct, frozen=True):
    """A ticket to be issued; `ticket_type` is the position in the event's definition."""

    ticket_id: TicketId
    order_id: OrderId
    event_id: EventId
    buyer_id: BuyerId
    ticket_type: int


class CancelledTicket(msgspec.Struct, frozen=True):
    """A ticket to be taken back."""

    ticket_id: TicketId
    order_id: OrderId


class Standing(msgspec.Struct, frozen=True):
    """Which of an event's ticket types are sold out after its event number `seq`, by position."""

    event_id: EventId
    seq: int
    sold_out: tuple[int, ...]


class Batch(msgspec.Struct, frozen=True):
    """Everything one turn of a shard decided, to be written in one transaction.

    Orders of `tickets` step to `sold`, and a batch with one for which that is not legal (`domain.orders`) is
    refused; orders all of whose tickets are cancelled become `cancelled`. `standings` has the events of
    `entries` whose standing has changed, or may have.
    """

    shard: int
    epoch: int
    entries: Sequence[Entry]
    operations: Sequence[OperationRow] = ()
    tickets: Sequence[TicketRow] = ()
    cancelled: Sequence[CancelledTicket] = ()
    standings: Sequence[Standing] = ()


class Placement(msgspec.Struct, frozen=True):
    """Where an event is.

    Attributes:
        version: grows with each move.
        seq: number of the newest event in its journal, 0 if it has none and so no snapshot either.
    """

    event_id: EventId
    shard: int
    version: int
    seq: int


class Journal(Protocol):
    """What a shard needs of the durable record.

    Every method may raise `ConnectionError` when the store can't be reached, and `Refused` when it can and
    will not. Only `commit` tells, by `Unknown`, that it may have had an effect all the same; the others are
    asked again, and `renew` is fenced if it had one (docs/decisions/renewal-after-unknown.md).
    """

    async def claim(self, shard: int, owner: str) -> int:
        """Start a new incarnation of a shard and return its epoch; every older one is fenced from then on."""
        ...

    async def renew(self, shard: int, epoch: int) -> int:
        """Give the newest incarnation of a shard the next epoch, and return it. Raises `Fenced`.

        When this returns, every batch of the epoch before has either committed or never will: what an
        `Unknown` left open is settled, and the journal can be read.
        """
        ...

    async def commit(self, batch: Batch) -> None:
        """Write a batch: when this returns it is durable. Raises `Fenced`, `Refused`, `Unknown`,
        `ConnectionError`.
        """
        ...

    async def read(self, event_id: EventId, after_seq: int, limit: int) -> list[Entry]:
        """Return at most `limit` entries whose events come after `after_seq`, in their order."""
        ...

    async def find_operations(self, operation_ids: Sequence[OperationId]) -> dict[OperationId, bytes]:
        """Return the packed answers of those operations that left memory and are recorded."""
        ...

    async def find_orders(self, order_ids: Sequence[OrderId]) -> dict[OrderId, SoldOrder]:
        """Return the sold orders among these, with the state of each ticket."""
        ...

    async def find_sellable(self, order_ids: Sequence[OrderId]) -> set[OrderId]:
        """Return those of the orders that may be sold: placed or authorised."""
        ...

    async def save_snapshot(self, shard: int, epoch: int, event_id: EventId, seq: int, body: bytes) -> None:
        """Store a snapshot, dropping all but the newest two of the event. Raises `Fenced`."""
        ...

    async def load_snapshots(self, event_id: EventId) -> list[bytes]:
        """Return the stored snapshots, newest first."""
        ...

    async def placement(self, event_id: EventId, shard_if_new: int) -> Placement:
        """Return where an event is, placing it on `shard_if_new` if it is nowhere yet."""
        ...

    async def move(self, shard: int, epoch: int, event_id: EventId, to_shard: int) -> None:
        """Place an event elsewhere, as the incarnation that owns it. Raises `Fenced`; `Refused` if it is not
        there.
        """
        ...

    async def placed_on(self, shard: int, active_since_ms: int) -> list[EventId]:
        """Return the events on a shard whose journal has grown since a time: the ones that may have live
        holds.
        """
        ...
