"""The journal in PostgreSQL.

`commit` is the hottest statement of the platform: one call of the SQL function `commit_batch`, so one round
trip, one transaction and one flush of the write-ahead log for everything that a turn of a shard decided. As
one statement of common table expressions the same work took as long, could not skip what is empty, and could
not say which part refused.

A batch is safe twice over. The fence keeps out a writer whose shard was started again elsewhere; and even
without it, an entry is only written after exactly the one it was decided on (`journal_heads`), so that two
writers of one event can never both succeed on the same state.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from domain.commands import SoldOrder, SoldTicket
from domain.ids import EventId, OperationId, OrderId
from storage.journal import Batch, Entry, Fenced, Placement, Refused
from storage.postgres import Pool, asking, ids_text, numbers_text, using

NOTIFY_CHANNEL: Final = "journal"
SNAPSHOT_PART_BYTES: Final = 256 * 1024
SNAPSHOT_PAUSE_S: Final = 0.004
NOTIFY_INTERVAL_S: Final = 0.05
_FENCED: Final = "BL001"
# Nothing of such a transaction is there and nothing is wrong with it: it met another one.
_TRY_AGAIN: Final = frozenset({"40001", "40P01", "55P03"})
_TRIES: Final = 3
# Operations and tickets come in hundreds; as texts they cost a fraction (`storage.postgres.ids_text`).
_TEXTS: Final = {
    **dict.fromkeys((8, 9, 12, 13, 14, 15, 17), "uuid"),
    16: "smallint",
}
_PARAMETERS: Final = (f"${at}::text::{_TEXTS[at]}[]" if at in _TEXTS else f"${at}" for at in range(1, 24))
_COMMIT: Final = f"SELECT commit_batch({', '.join(_PARAMETERS)})"


class PostgresJournal:
    """`storage.journal.Journal` on a pool of `storage.postgres.create_pool`."""

    def __init__(self, pool: Pool, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._monotonic_s = monotonic_s
        self._notified_s = -NOTIFY_INTERVAL_S

    async def claim(self, shard: int, owner: str) -> int:
        async with asking(self._pool) as connection:
            epoch: int = await connection.fetchval(
                """
                INSERT INTO shards (shard, epoch, owner) VALUES ($1, 1, $2)
                ON CONFLICT (shard) DO UPDATE
                    SET epoch = shards.epoch + 1, owner = excluded.owner, started_at = now()
                RETURNING epoch
                """,
                shard,
                owner,
            )
        return epoch

    async def renew(self, shard: int, epoch: int) -> int:
        # Waits for the row lock of a batch under way; one that comes later finds another epoch.
        async with asking(self._pool) as connection:
            renewed: int | None = await connection.fetchval(
                "UPDATE shards SET epoch = epoch + 1 WHERE shard = $1 AND epoch = $2 RETURNING epoch",
                shard,
                epoch,
            )
        if renewed is None:
            raise Fenced(f"shard {shard} is not at epoch {epoch} any more")
        return renewed

    async def commit(self, batch: Batch) -> None:
        if not (batch.entries or batch.operations or batch.tickets or batch.cancelled):
            await self._check_fence(batch.shard, batch.epoch)
            return
        arguments = _arguments(batch)
        is_notifying = self._is_notifying()
        for tries_left in reversed(range(_TRIES)):
            try:
                async with using(self._pool) as connection:
                    await connection.fetchval(_COMMIT, *arguments, is_notifying)
                return
            except Refused as refused:
                state = getattr(refused.__cause__, "sqlstate", None)
                if state == _FENCED:
                    raise Fenced(str(refused)) from refused
                if state not in _TRY_AGAIN or not tries_left:
                    raise

    async def _check_fence(self, shard: int, epoch: int) -> None:
        """A batch that writes nothing needs no lock, hence no transaction id and no flush: that no newer
        incarnation is there when this is asked says that what it answers was true then.
        """
        async with using(self._pool) as connection:
            is_newest = "SELECT true FROM shards WHERE shard = $1 AND epoch = $2"
            if not await connection.fetchval(is_newest, shard, epoch):
                raise Fenced(f"shard {shard} is not at epoch {epoch} any more")

    def _is_notifying(self) -> bool:
        """NOTIFY takes a lock of the whole instance at commit, so batches soon after one that did it don't.
        Readers look again for a while after each announcement (`stream.tail`), which finds those.
        """
        now_s = self._monotonic_s()
        if now_s - self._notified_s < NOTIFY_INTERVAL_S:
            return False
        self._notified_s = now_s
        return True

    async def read(self, event_id: EventId, after_seq: int, limit: int) -> list[Entry]:
        # The inner select finds the entry that `after_seq` is in, so that the key bounds the scan from below.
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                """
                SELECT event_id, seq, seq_last, at, body
                FROM journal
                WHERE event_id = $1 AND seq_last > $2 AND seq >= coalesce((
                    SELECT seq FROM journal WHERE event_id = $1 AND seq <= $2 ORDER BY seq DESC LIMIT 1), 1)
                ORDER BY seq
                LIMIT $3
                """,
                event_id,
                after_seq,
                limit,
            )
        return [Entry(*row) for row in rows]

    async def find_operations(self, operation_ids: Sequence[OperationId]) -> dict[OperationId, bytes]:
        if not operation_ids:
            return {}
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                "SELECT op_id, answer FROM operations WHERE op_id = ANY ($1)", operation_ids
            )
        return {row["op_id"]: row["answer"] for row in rows}

    async def find_orders(self, order_ids: Sequence[OrderId]) -> dict[OrderId, SoldOrder]:
        if not order_ids:
            return {}
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                """
                SELECT order_id, event_id, buyer_id, ticket_id, ticket_type,
                    state = 'cancelled' AS is_cancelled
                FROM tickets
                WHERE order_id = ANY ($1)
                ORDER BY order_id, ticket_id
                """,
                order_ids,
            )
        orders: dict[OrderId, SoldOrder] = {}
        for order_id, same_order in groupby(rows, key=itemgetter("order_id")):
            of_order = list(same_order)
            orders[order_id] = SoldOrder(
                order_id,
                of_order[0]["event_id"],
                of_order[0]["buyer_id"],
                tuple(
                    SoldTicket(row["ticket_id"], row["ticket_type"], row["is_cancelled"]) for row in of_order
                ),
            )
        return orders

    async def find_sellable(self, order_ids: Sequence[OrderId]) -> set[OrderId]:
        if not order_ids:
            return set()
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                "SELECT order_id FROM orders WHERE order_id = ANY ($1) AND state IN ('placed', 'authorised')",
                order_ids,
            )
        return {row["order_id"] for row in rows}

    async def save_snapshot(self, shard: int, epoch: int, event_id: EventId, seq: int, body: bytes) -> None:
        snapshot_id = await self._save_parts(event_id, body)
        async with asking(self._pool) as connection, connection.transaction():
            fence = "SELECT 1 FROM shards WHERE shard = $1 AND epoch = $2 FOR SHARE"
            if await connection.fetchval(fence, shard, epoch) is None:
                raise Fenced(f"shard {shard} is not at epoch {epoch} any more")
            # A snapshot ahead of the journal would make what never committed true at the next recovery.
            head = "SELECT 1 FROM journal_heads WHERE event_id = $1 AND seq_last >= $2"
            if await connection.fetchval(head, event_id, seq) is None:
                raise Refused(f"a snapshot of event {event_id.hex()} at {seq}, where its journal is not yet")
            await connection.execute(
                """
                INSERT INTO snapshots (event_id, seq, snapshot_id) VALUES ($1, $2, $3)
                ON CONFLICT DO NOTHING
                """,
                event_id,
                seq,
                snapshot_id,
            )
            await connection.execute(
                """
                DELETE FROM snapshots WHERE event_id = $1 AND seq < (
                    SELECT seq FROM snapshots WHERE event_id = $1 ORDER BY seq DESC OFFSET 1 LIMIT 1)
                """,
                event_id,
            )
            # Also the parts of a snapshot that was never finished: nobody else stores one of this event.
            await connection.execute(
                """
                DELETE FROM snapshot_parts WHERE event_id = $1
                    AND snapshot_id NOT IN (SELECT snapshot_id FROM snapshots WHERE event_id = $1)
                """,
                event_id,
            )

    async def _save_parts(self, event_id: EventId, body: bytes) -> int:
        """Write a snapshot's parts so slowly that the batches between them hardly notice."""
        async with asking(self._pool) as connection:
            snapshot_id: int = await connection.fetchval(
                "SELECT nextval(pg_get_serial_sequence('snapshots', 'snapshot_id'))"
            )
            for part, start in enumerate(range(0, len(body), SNAPSHOT_PART_BYTES)):
                if part:
                    await asyncio.sleep(SNAPSHOT_PAUSE_S)
                # Not flushed by itself: the snapshot's own row is, after them all.
                await connection.execute(
                    """
                    WITH lazy AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true))
                    INSERT INTO snapshot_parts (snapshot_id, part, event_id, body)
                    SELECT $1, $2, $3, $4 FROM lazy
                    """,
                    snapshot_id,
                    part,
                    event_id,
                    body[start : start + SNAPSHOT_PART_BYTES],
                )
        return snapshot_id

    async def load_snapshots(self, event_id: EventId) -> list[bytes]:
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                "SELECT body FROM snapshot_bodies WHERE event_id = $1 ORDER BY seq DESC LIMIT 2", event_id
            )
        return [row["body"] for row in rows]

    async def placement(self, event_id: EventId, shard_if_new: int) -> Placement:
        async with asking(self._pool) as connection:
            row = None
            while row is None:  # until the select sees the row that another one's insert was about
                row = await connection.fetchrow(
                    """
                    WITH placed AS (
                        INSERT INTO placements (event_id, shard)
                        SELECT $1, $2 WHERE NOT EXISTS (SELECT FROM placements WHERE event_id = $1)
                        ON CONFLICT DO NOTHING
                        RETURNING event_id, shard, version
                    )
                    SELECT event_id, shard, version, coalesce(
                        (SELECT seq_last FROM journal_heads WHERE event_id = $1), 0)
                    FROM (
                        SELECT event_id, shard, version FROM placed
                        UNION ALL
                        SELECT event_id, shard, version FROM placements WHERE event_id = $1
                    ) AS found
                    """,
                    event_id,
                    shard_if_new,
                )
        return Placement(*row)

    async def move(self, shard: int, epoch: int, event_id: EventId, to_shard: int) -> None:
        async with asking(self._pool) as connection:
            row = await connection.fetchrow(
                """
                WITH fence AS MATERIALIZED (
                    SELECT shard FROM shards WHERE shard = $1 AND epoch = $2 FOR SHARE
                ), moved AS (
                    UPDATE placements SET shard = $4, version = version + 1, updated_at = now()
                    FROM fence
                    WHERE placements.event_id = $3 AND placements.shard = fence.shard
                    RETURNING placements.version
                )
                SELECT (SELECT count(*) FROM fence) AS fences, (SELECT version FROM moved) AS version
                """,
                shard,
                epoch,
                event_id,
                to_shard,
            )
        assert row is not None
        if not row["fences"]:
            raise Fenced(f"shard {shard} is not at epoch {epoch} any more")
        if row["version"] is None:
            raise Refused(f"event {event_id.hex()} is not on shard {shard}")

    async def placed_on(self, shard: int, active_since_ms: int) -> list[EventId]:
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                """
                SELECT event_id
                FROM placements JOIN journal_heads USING (event_id)
                WHERE placements.shard = $1 AND journal_heads.at >= $2
                ORDER BY event_id
                """,
                shard,
                active_since_ms,
            )
        return [row["event_id"] for row in rows]


def _arguments(batch: Batch) -> tuple[object, ...]:
    """Return the columns of a batch, in the order of the parameters of `commit_batch`."""
    entries, operations, tickets = batch.entries, batch.operations, batch.tickets
    return (
        batch.shard,
        batch.epoch,
        [entry.event_id for entry in entries],
        [entry.seq_first for entry in entries],
        [entry.seq_last for entry in entries],
        [entry.at_ms for entry in entries],
        [entry.body for entry in entries],
        ids_text(row.operation_id for row in operations),
        ids_text(row.event_id for row in operations),
        [row.at_ms for row in operations],
        [row.answer for row in operations],
        ids_text(row.ticket_id for row in tickets),
        ids_text(row.order_id for row in tickets),
        ids_text(row.event_id for row in tickets),
        ids_text(row.buyer_id for row in tickets),
        numbers_text(row.ticket_type for row in tickets),
        # In one order for everybody, so that two statements about the same orders seldom meet in a deadlock.
        ids_text(sorted({row.order_id for row in tickets})),
        [row.ticket_id for row in batch.cancelled],
        [row.order_id for row in batch.cancelled],
        [row.event_id for row in batch.standings],
        [row.seq for row in batch.standings],
        [",".join(map(str, row.sold_out)) for row in batch.standings],
    )
