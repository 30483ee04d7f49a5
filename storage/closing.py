"""What an organisation has to have done with before it is closed (docs/decisions/closing-an-organisation.md).

Functions take a connection under the owner's role: the journal is nobody's, and a reader who sees less than
there is would say that nothing is in the way.
"""

from typing import Final

import msgspec

from domain.ids import EventId, OrganisationId
from storage.event_lists import LIVE, OVER_AT
from storage.postgres import AnyConnection

# As long as a reservation can last: the bounds of `hold_ms` and `extension_ms` together.
RESERVED_MAX_MS: Final = 2 * 86_400_000
_OVER: Final = f"{OVER_AT} <= $2::timestamptz"


class InTheWay(msgspec.Struct, frozen=True):
    """What is not over yet.

    Attributes:
        event_id, title: of the first event that is meant.
        events: how many are live, or are being changed.
        orders: how many are not finished.
        reservations: how many tickets are reserved that may still be paid for.
    """

    event_id: EventId
    title: str
    events: int = 0
    orders: int = 0
    reservations: int = 0


async def in_the_way(
    connection: AnyConnection, organisation_id: OrganisationId, now_ms: int
) -> InTheWay | None:
    """Return which events and orders of an organisation are not over, None if all are."""
    events = await connection.fetchrow(
        f"""
        SELECT event_id, title, count(*) OVER () AS found FROM events
        WHERE organisation_id = $1 AND (
            ({LIVE} AND NOT {_OVER})
            OR EXISTS (SELECT FROM event_changes
                WHERE event_changes.event_id = events.event_id AND event_changes.state = 'pending'))
        ORDER BY starts_at, event_id LIMIT 1
        """,  # noqa: S608 - pieces of this module's own
        organisation_id,
        now_ms,
    )
    orders = await connection.fetchrow(
        """
        SELECT event_id, title, count(*) OVER () AS found FROM orders JOIN events USING (event_id)
        WHERE organisation_id = $1 AND finished_at IS NULL
        ORDER BY starts_at, event_id LIMIT 1
        """,
        organisation_id,
    )
    first = events or orders
    if first is None:
        return None
    return InTheWay(
        first["event_id"],
        first["title"],
        events=0 if events is None else events["found"],
        orders=0 if orders is None else orders["found"],
    )


async def not_told(connection: AnyConnection, organisation_id: OrganisationId, now_ms: int) -> list[EventId]:
    """Return the events that time has ended, whose sales have not been told so."""
    rows = await connection.fetch(
        f"SELECT event_id FROM events WHERE organisation_id = $1 AND {LIVE} AND {_OVER}",  # noqa: S608
        organisation_id,
        now_ms,
    )
    return [row["event_id"] for row in rows]


async def moved_lately(
    connection: AnyConnection, organisation_id: OrganisationId, now_ms: int
) -> dict[EventId, str]:
    """Return the events, with their titles, that may have reservations: their sale has moved within the time
    that one lasts. Cancelled ones have none that could be paid for.
    """
    rows = await connection.fetch(
        """
        SELECT event_id, title FROM events JOIN journal_heads USING (event_id)
        WHERE organisation_id = $1 AND status <> 'cancelled' AND at > $2::timestamptz
        """,
        organisation_id,
        now_ms - RESERVED_MAX_MS,
    )
    return {row["event_id"]: row["title"] for row in rows}
