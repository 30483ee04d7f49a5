"""Do the tables agree with each other? Questions whose answer is always no if Bilten keeps its promises.

The tickets of a type, in the order of their ids, belong to the order's lines of that type in theirs
(docs/decisions/prices-and-vouchers.md): so a ticket's price is known.

Each is one query over one event; `storage.journal_tools.verify` asks them after it has replayed the event's
journal, within the same snapshot.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from domain.ids import EventId
from storage.postgres import AnyConnection

# Name -> a query that returns how many times the promise is broken for event $1.
BROKEN: Final[Mapping[str, str]] = {
    "orders that are sold and have no tickets": """
        SELECT count(*) FROM orders
        WHERE event_id = $1 AND state IN ('sold', 'paid')
            AND NOT EXISTS (SELECT FROM tickets WHERE tickets.order_id = orders.order_id)
    """,
    "tickets of orders that were never sold": """
        SELECT count(*) FROM tickets JOIN orders USING (order_id)
        WHERE tickets.event_id = $1 AND orders.state NOT IN ('sold', 'paid', 'cancelled')
    """,
    "tickets of another event than their order, or of another buyer": """
        SELECT count(*) FROM tickets JOIN orders USING (order_id)
        WHERE tickets.event_id = $1
            AND (tickets.event_id <> orders.event_id OR tickets.buyer_id <> orders.buyer_id)
    """,
    "orders with more or fewer tickets of a type than their lines": """
        SELECT count(*) FROM (
            SELECT order_id, ticket_type, sum(quantity) AS quantity
            FROM order_lines JOIN orders USING (order_id)
            WHERE event_id = $1 AND state IN ('sold', 'paid', 'cancelled')
            GROUP BY order_id, ticket_type
        ) AS wanted
        FULL JOIN (
            SELECT order_id, ticket_type, count(*) AS issued FROM tickets WHERE event_id = $1
            GROUP BY order_id, ticket_type
        ) AS given USING (order_id, ticket_type)
        WHERE quantity IS DISTINCT FROM issued
    """,
    "orders whose amount is not the sum of their lines": """
        SELECT count(*) FROM orders
        WHERE event_id = $1 AND amount_minor <> (
            SELECT coalesce(sum(quantity * unit_price_minor), 0) FROM order_lines
            WHERE order_lines.order_id = orders.order_id)
    """,
    "holds that two orders were sold from": """
        SELECT count(*) FROM (
            SELECT hold_id FROM orders WHERE event_id = $1 AND state IN ('sold', 'paid', 'cancelled')
            GROUP BY hold_id HAVING count(*) > 1
        ) AS twice
    """,
    "cancelled orders with tickets that are not": """
        SELECT count(*) FROM tickets JOIN orders USING (order_id)
        WHERE tickets.event_id = $1 AND orders.state = 'cancelled' AND tickets.state = 'issued'
    """,
    "payments of another amount or currency than their order": """
        SELECT count(*) FROM orders LEFT JOIN payments ON payment_id = order_id
        WHERE event_id = $1 AND (payments.amount_minor, payments.currency)
            IS DISTINCT FROM (orders.amount_minor, orders.currency)
    """,
    "paid orders where captured - refunded is not what is issued": """
        SELECT count(*) FROM orders JOIN payments ON payment_id = order_id
        WHERE event_id = $1 AND orders.state = 'paid' AND captured_minor - refunded_minor <> (
            SELECT coalesce(sum(unit_price_minor), 0)
            FROM (
                SELECT ticket_type, state,
                    row_number() OVER (PARTITION BY ticket_type ORDER BY ticket_id) AS number
                FROM tickets WHERE tickets.order_id = orders.order_id
            ) AS ticket
            JOIN (
                SELECT ticket_type, quantity, unit_price_minor,
                    sum(quantity) OVER (PARTITION BY ticket_type ORDER BY position) AS last
                FROM order_lines WHERE order_lines.order_id = orders.order_id
            ) AS line ON line.ticket_type = ticket.ticket_type
                AND number > last - quantity AND number <= last
            WHERE ticket.state = 'issued')
    """,
    "failed orders that were charged": """
        SELECT count(*) FROM orders JOIN payments ON payment_id = order_id
        WHERE event_id = $1 AND orders.state = 'failed' AND captured_minor > refunded_minor
    """,
}


class Sums(msgspec.Struct, frozen=True):
    """What an event amounts to; money is in the minor unit of the event's currency.

    Attributes:
        issued, cancelled: tickets.
        unfinished: orders that somebody still has to take further.
        uncaptured_minor: of orders that are sold and not paid yet.
    """

    orders: int
    unfinished: int
    issued: int
    cancelled: int
    captured_minor: int
    refunded_minor: int
    uncaptured_minor: int


async def broken_promises(connection: AnyConnection, event_id: EventId) -> dict[str, int]:
    """Return how often each promise of `BROKEN` is broken for an event; what is kept is left out."""
    counts = {name: await connection.fetchval(query, event_id) for name, query in BROKEN.items()}
    return {name: count for name, count in counts.items() if count}


async def issued_by_type(connection: AnyConnection, event_id: EventId) -> dict[int, int]:
    """Return the number of issued tickets by the position of their type."""
    rows = await connection.fetch(
        """
        SELECT ticket_type, count(*) AS issued FROM tickets
        WHERE event_id = $1 AND state = 'issued'
        GROUP BY ticket_type
        """,
        event_id,
    )
    return {row["ticket_type"]: row["issued"] for row in rows}


async def sums(connection: AnyConnection, event_id: EventId) -> Sums:
    """Return what an event amounts to."""
    row = await connection.fetchrow(
        """
        SELECT count(*) AS orders, count(*) FILTER (WHERE finished_at IS NULL) AS unfinished,
            (SELECT count(*) FROM tickets WHERE event_id = $1 AND state = 'issued') AS issued,
            (SELECT count(*) FROM tickets WHERE event_id = $1 AND state = 'cancelled') AS cancelled,
            coalesce(sum(captured_minor), 0)::bigint AS captured_minor,
            coalesce(sum(refunded_minor), 0)::bigint AS refunded_minor,
            coalesce(sum(orders.amount_minor) FILTER (WHERE orders.state = 'sold'), 0)::bigint
                AS uncaptured_minor
        FROM orders LEFT JOIN payments ON payment_id = order_id
        WHERE event_id = $1
        """,
        event_id,
    )
    assert row is not None
    return Sums(*row)
