"""An event's orders as its organiser sees them: no buyer, no payment."""

import msgspec

from domain.ids import EventId, OrderId
from storage.orders import AFTER_ALL, OrderLine
from storage.postgres import AnyConnection


class EventOrder(msgspec.Struct, frozen=True):
    """An order; `ticket_count` is of what was ordered, `answer_count` of what its buyer answered."""

    order_id: OrderId
    state: str
    failure: str
    amount_minor: int
    currency: str
    created_at_ms: int
    ticket_count: int
    answer_count: int


async def orders_of_event(
    connection: AnyConnection, event_id: EventId, before: tuple[int, bytes] | None, limit: int
) -> list[EventOrder]:
    """Return as many orders of an event, newest first, that are older than one that was made then and has
    this id; None for the newest.
    """
    rows = await connection.fetch(
        """
        SELECT order_id, state, failure, amount_minor, currency, created_at,
            (SELECT coalesce(sum(quantity), 0) FROM order_lines WHERE order_lines.order_id = orders.order_id),
            (SELECT count(*) FROM order_answers WHERE order_answers.order_id = orders.order_id)
        FROM orders
        WHERE event_id = $1 AND (created_at, order_id) < ($2::timestamptz, $3::uuid)
        ORDER BY created_at DESC, order_id DESC
        LIMIT $4
        """,
        event_id,
        *(before or AFTER_ALL),
        limit,
    )
    return [EventOrder(*row) for row in rows]


async def lines_of_order(
    connection: AnyConnection, event_id: EventId, order_id: OrderId
) -> list[OrderLine] | None:
    """Return what an order of an event is of, None if it is not one of its."""
    if not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM orders WHERE order_id = $1 AND event_id = $2)", order_id, event_id
    ):
        return None
    rows = await connection.fetch(
        """
        SELECT ticket_type, quantity, unit_price_minor
        FROM order_lines WHERE order_id = $1 ORDER BY position
        """,
        order_id,
    )
    return [OrderLine(*row) for row in rows]
