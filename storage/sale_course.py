"""When an event's tickets were issued, counted by spans of time.

They are counted where they are, over indexes in the order of their times, and the batches that sell write
nothing for it. A million tickets of one event keep a processor busy for half a second: who asks remembers the
answer for a while (`services.events.course`).
"""

from collections.abc import Sequence

import msgspec

from domain.ids import EventId
from storage.postgres import AnyConnection


class Span(msgspec.Struct, frozen=True):
    """From a time on, until just before another."""

    from_ms: int
    until_ms: int


class Issued(msgspec.Struct, frozen=True):
    """How many tickets were issued, and how many of them are not good any more."""

    sold: int
    cancelled: int


async def first_issued_ms(connection: AnyConnection, event_id: EventId) -> int | None:
    """Return when the first ticket of an event was issued, None while there is none."""
    found: int | None = await connection.fetchval(
        "SELECT min(issued_at) FROM tickets WHERE event_id = $1", event_id
    )
    return found


async def count_issued(connection: AnyConnection, event_id: EventId, spans: Sequence[Span]) -> list[Issued]:
    """Return an event's tickets by when they were issued, span by span, all as they are at one moment."""
    rows = await connection.fetch(
        """
        SELECT (
            SELECT count(*) FROM tickets
            WHERE event_id = $1 AND issued_at >= span.from_at AND issued_at < span.until_at
        ), (
            SELECT count(*) FROM tickets
            WHERE event_id = $1 AND issued_at >= span.from_at AND issued_at < span.until_at
                AND state = 'cancelled'
        )
        FROM unnest($2::timestamptz[], $3::timestamptz[]) WITH ORDINALITY AS span (from_at, until_at, at)
        ORDER BY at
        """,
        event_id,
        [span.from_ms for span in spans],
        [span.until_ms for span in spans],
    )
    return [Issued(*row) for row in rows]
