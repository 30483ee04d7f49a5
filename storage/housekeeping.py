"""What has to be done now and then, by anybody: months ahead, and forgetting what is of no use any more.

What is forgotten, and why that is safe, is argued in docs/decisions/what-is-forgotten.md. Every call does a
bounded amount; calling it in several processes at once is harmless.
"""

from typing import Final

import msgspec

from storage.accounts import UNCONFIRMED_KEPT_MS, forget_unconfirmed
from storage.api_tokens import forget_dead
from storage.event_changes import forget_ended
from storage.event_lists import note_past
from storage.invitations import forget_expired
from storage.partitions import ensure_partitions, misplaced
from storage.postgres import AnyConnection, Pool, asking

OPERATIONS_KEPT_MS: Final = 30 * 24 * 3_600_000
# For so long an expired invitation is still in the list, to be sent anew.
INVITATIONS_KEPT_MS: Final = 30 * 24 * 3_600_000
# Longer than an answer is kept: who repeats a request is told what became of its change.
CHANGES_KEPT_MS: Final = 2 * 24 * 3_600_000
# Lists compare times as well, so a day is lost on nobody; a clock that is wrong by hours takes no event away.
PAST_AFTER_MS: Final = 24 * 3_600_000
PAST_A_CALL: Final = 5_000
ROWS_A_CALL: Final = 50_000


class Kept(msgspec.Struct, frozen=True):
    """What a call has done.

    Attributes:
        months: partitions that were made.
        misplaced: rows in the default partition; more than none wants looking at.
        sessions, socket_tickets, operations, repeated_requests, account_tokens, revoked_sessions: rows that
            were forgotten.
        sign_ups: that nobody confirmed.
        invitations: that expired.
        api_tokens: that were revoked or expired long ago.
        event_changes: that came to their end.
        past_events: that lists pass over from now on.
    """

    months: list[str]
    misplaced: int
    sessions: int
    socket_tickets: int
    operations: int
    repeated_requests: int
    account_tokens: int
    revoked_sessions: int
    sign_ups: int
    invitations: int
    api_tokens: int
    event_changes: int
    past_events: int

    @property
    def is_behind(self) -> bool:
        """Whether of anything as much was forgotten as a call forgets, so that there may be more."""
        done = msgspec.structs.asdict(self)
        rows = (done[name] for name in done.keys() - {"months", "misplaced", "past_events"})
        return self.past_events >= PAST_A_CALL or any(count >= ROWS_A_CALL for count in rows)


async def keep_house(pool: Pool, now_ms: int) -> Kept:
    """Do what is due. To be called at start and every hour, and soon again while it is behind. Raises
    `ConnectionError`.
    """
    async with asking(pool) as connection:
        return Kept(
            await ensure_partitions(connection, now_ms),
            await misplaced(connection),
            await _forget(connection, "sessions", "token_hash", now_ms),
            await _forget(connection, "socket_tickets", "ticket_hash", now_ms),
            await prune_operations(connection, now_ms - OPERATIONS_KEPT_MS),
            await _forget(connection, "repeated_requests", "key_hash", now_ms),
            await _forget(connection, "account_tokens", "token_hash", now_ms),
            await _forget(connection, "revoked_sessions", "session_id", now_ms),
            await forget_unconfirmed(connection, now_ms - UNCONFIRMED_KEPT_MS, ROWS_A_CALL),
            await forget_expired(connection, now_ms - INVITATIONS_KEPT_MS, ROWS_A_CALL),
            await forget_dead(connection, now_ms, ROWS_A_CALL),
            await forget_ended(connection, now_ms - CHANGES_KEPT_MS, ROWS_A_CALL),
            await note_past(connection, now_ms - PAST_AFTER_MS, PAST_A_CALL),
        )


async def _forget(connection: AnyConnection, table: str, key: str, now_ms: int) -> int:
    # Looked at once more when it is locked: somebody may just have taken it into use again.
    status = await connection.execute(
        f"""
        DELETE FROM {table} WHERE {key} = ANY (ARRAY(
            SELECT {key} FROM {table} WHERE expires_at < $1 ORDER BY expires_at LIMIT {ROWS_A_CALL}))
            AND expires_at < $1
        """,  # noqa: S608 - the names are this module's own
        now_ms,
    )
    return _rows(status)


async def prune_operations(connection: AnyConnection, before_ms: int) -> int:
    """Forget operations from before a time, of events that were over by then and have no unfinished orders.

    Age alone would not be safe: a shard that does not find an operation decides it anew.
    """
    status = await connection.execute(
        f"""
        DELETE FROM operations WHERE op_id = ANY (ARRAY(
            SELECT op_id FROM operations JOIN events USING (event_id)
            WHERE operations.at < $1 AND coalesce(events.ends_at, events.starts_at) < $1
                AND NOT EXISTS (
                    SELECT FROM orders WHERE orders.event_id = events.event_id AND orders.finished_at IS NULL)
            LIMIT {ROWS_A_CALL}))
        """,  # noqa: S608 - a number of this module's own
        before_ms,
    )
    return _rows(status)


def _rows(status: str) -> int:
    return int(status.rpartition(" ")[2])
