"""Reading the audit log: newest first, filtered, in parts."""

from collections.abc import Sequence
from typing import Final

import msgspec

from storage.audit_log import ChainedEntry
from storage.audit_verification import entry_of
from storage.postgres import AnyConnection

LOOKED_AT_MAX: Final = 2_000


class AuditFilter(msgspec.Struct, frozen=True):
    """Which entries. None and "" leave something open.

    Attributes:
        action: the beginning of an action, such as "member.".
        target: what something was done to, or the event that this belongs to, such as a voucher's.
        from_ms, to_ms: from this time on, and until before that one.
    """

    actor: str = ""
    action: str = ""
    target: str = ""
    from_ms: int | None = None
    to_ms: int | None = None


async def entries_of(
    connection: AnyConnection, chain: bytes, wanted: AuditFilter, before_seq: int | None, limit: int
) -> list[ChainedEntry]:
    """Return entries of one chain before a number, newest first."""
    rows = await connection.fetch(
        """
        SELECT * FROM audit_entries
        WHERE chain = $1 AND ($2 = '' OR actor = $2) AND ($3 = '' OR starts_with(action, $3))
            AND ($5::timestamptz IS NULL OR at >= $5)
            AND ($4 = '' OR target = $4
                OR NOT starts_with(target, 'event_') AND $4 IN (before ->> 'event', after ->> 'event'))
            AND ($6::timestamptz IS NULL OR at < $6) AND ($7::bigint IS NULL OR seq < $7)
        ORDER BY seq DESC LIMIT $8
        """,
        chain,
        *_arguments(wanted),
        before_seq,
        limit,
    )
    return [entry_of(row) for row in rows]


async def entries_of_all(
    connection: AnyConnection,
    wanted: AuditFilter,
    before: tuple[int, bytes, int] | None,
    limit: int,
) -> list[ChainedEntry]:
    """Return entries of all chains before a place (time, chain, number), newest first; under a role that sees
    all of them.
    """
    at_ms, chain, seq = before or (None, None, None)
    rows = await connection.fetch(
        """
        SELECT * FROM audit_entries
        WHERE ($1 = '' OR actor = $1) AND ($2 = '' OR starts_with(action, $2))
            AND ($3 = '' OR target = $3
                OR NOT starts_with(target, 'event_') AND $3 IN (before ->> 'event', after ->> 'event'))
            AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5)
            AND ($6::timestamptz IS NULL OR (at, chain, seq) < ($6, $7::uuid, $8::bigint))
        ORDER BY at DESC, chain DESC, seq DESC LIMIT $9
        """,
        *_arguments(wanted),
        at_ms,
        chain,
        seq,
        limit,
    )
    return [entry_of(row) for row in rows]


async def actions_since(connection: AnyConnection, chain: bytes, action: str, since_ms: int) -> int:
    """Return how often something was done since a time, of the newest `LOOKED_AT_MAX` entries of a chain."""
    found: int = await connection.fetchval(
        """
        SELECT count(*) FROM (
            SELECT action, at FROM audit_entries WHERE chain = $1 ORDER BY seq DESC LIMIT $4
        ) AS newest
        WHERE action = $2 AND at >= $3
        """,
        chain,
        action,
        since_ms,
        LOOKED_AT_MAX,
    )
    return found


def _arguments(wanted: AuditFilter) -> Sequence[object]:
    return wanted.actor, wanted.action, wanted.target, wanted.from_ms, wanted.to_ms
