"""Reading the audit log: newest first, filtered, in parts."""

from collections.abc import Sequence
from typing import Final

import msgspec

from storage.audit_log import ChainedEntry
from storage.audit_verification import entry_of
from storage.postgres import AnyConnection


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


# Parameters as `_arguments` has them. What is left open has a bound that nothing passes: a condition with OR
# could not say where in an index to begin.
_WANTED: Final = """
    ($1 = '' OR actor = $1) AND ($2 = '' OR starts_with(action, $2)) AND at >= $3 AND at < $4
"""
_AT_MS_MAX: Final = 253_402_300_799_999  # the year 9999
_SEQ_MAX: Final = 2**63 - 1
_CHAIN_MAX: Final = b"\xff" * 16


async def entries_of(
    connection: AnyConnection, chain: bytes, wanted: AuditFilter, before_seq: int | None, limit: int
) -> list[ChainedEntry]:
    """Return entries of one chain before a number, newest first."""
    rows = await connection.fetch(
        _newest(wanted, f"{_WANTED} AND chain = $7 AND seq < $8", order="seq DESC"),
        *_arguments(wanted, limit),
        chain,
        _SEQ_MAX if before_seq is None else before_seq,
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
    rows = await connection.fetch(
        _newest(
            wanted,
            f"{_WANTED} AND (at, chain, seq) < ($7, $8, $9)",
            order="at DESC, chain DESC, seq DESC",
        ),
        *_arguments(wanted, limit),
        *(before or (_AT_MS_MAX, _CHAIN_MAX, _SEQ_MAX)),
    )
    return [entry_of(row) for row in rows]


def _newest(wanted: AuditFilter, condition: str, *, order: str) -> str:
    """Return a statement for the newest entries that meet a condition.

    Those of a target are on two ways, by what it was done to and by whose that is. Each has an index in the
    order that is asked for, so of each no more is read than a page has; no entry is on both.
    """
    ways = ("target = $5", "of_event = $5") if wanted.target else ("$5 = ''",)
    part = "(SELECT * FROM audit_entries WHERE {} AND {} ORDER BY {} LIMIT $6)"
    parts = " UNION ALL ".join(part.format(way, condition, order) for way in ways)
    return f"SELECT * FROM ({parts}) AS newest ORDER BY {order} LIMIT $6"  # noqa: S608 - all of it stands here


async def invitations_since(connection: AnyConnection, chain: bytes, since_ms: int) -> int:
    """Return how many invitations an organisation has sent since a time, those that are gone too."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM audit_entries WHERE chain = $1 AND action = 'invitation.create' AND at >= $2",
        chain,
        since_ms,
    )
    return found


def _arguments(wanted: AuditFilter, limit: int) -> Sequence[object]:
    to_ms = _AT_MS_MAX if wanted.to_ms is None else wanted.to_ms
    return wanted.actor, wanted.action, wanted.from_ms or 0, to_ms, wanted.target, limit
