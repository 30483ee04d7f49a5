"""Who has an event's tickets, as its organiser takes them along: a part of the orders at a time, and what is
sealed of people as it is stored.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from domain.ids import BuyerId, EventId, OrderId, TicketId
from storage.members import SealedPerson
from storage.order_answers import SealedAnswer, answers_of
from storage.postgres import AnyConnection, Pool, asking

NEWEST: Final = (253_402_300_799_999, b"\xff" * 16)
"""After every order there can be."""


class SoldTicket(msgspec.Struct, frozen=True):
    """A ticket; its place in `SoldOrder.tickets` is the number by which answers name it.

    Attributes:
        ticket_type: the position in the event's definition.
        state: "issued" or "cancelled".
        price_minor: what was paid for this one, whatever a voucher took off.
    """

    ticket_id: TicketId
    ticket_type: int
    state: str
    price_minor: int


class SoldOrder(msgspec.Struct, frozen=True):
    """An order; one that came to nothing has no tickets."""

    order_id: OrderId
    buyer_id: BuyerId
    state: str
    currency: str
    created_at_ms: int
    tickets: tuple[SoldTicket, ...]
    answers: tuple[SealedAnswer, ...]


async def count_tickets(connection: AnyConnection, event_id: EventId) -> int:
    """Return how many tickets of an event there are, cancelled ones too."""
    counted: int = await connection.fetchval("SELECT count(*) FROM tickets WHERE event_id = $1", event_id)
    return counted


async def sold_orders(
    connection: AnyConnection, event_id: EventId, before: tuple[int, bytes], limit: int
) -> list[SoldOrder]:
    """Return as many orders of an event, newest first, that are older than one that was made at a time and
    has an id.
    """
    # The time alone is what the index is entered by; without it, every part would begin at the newest order.
    rows = await connection.fetch(
        """
        SELECT order_id, buyer_id, state, currency, created_at,
            ARRAY(SELECT ROW (ticket_id, ticket_type, state) FROM tickets
                WHERE tickets.order_id = orders.order_id ORDER BY ticket_id) AS tickets,
            ARRAY(SELECT ROW (quantity, unit_price_minor) FROM order_lines
                WHERE order_lines.order_id = orders.order_id ORDER BY position) AS lines
        FROM orders
        WHERE event_id = $1 AND created_at <= $2 AND (created_at, order_id) < ($2, $3::uuid)
        ORDER BY created_at DESC, order_id DESC
        LIMIT $4
        """,
        event_id,
        *before,
        limit,
    )
    answers = await answers_of(connection, [row["order_id"] for row in rows if row["tickets"]])
    return [
        SoldOrder(
            row["order_id"],
            row["buyer_id"],
            row["state"],
            row["currency"],
            row["created_at"],
            _tickets(row["tickets"], row["lines"]),
            tuple(answers.get(row["order_id"], ())),
        )
        for row in rows
    ]


async def people_behind(pool: Pool, buyer_ids: Sequence[BuyerId]) -> dict[BuyerId, SealedPerson]:
    """Return whose the accounts of buyers are; guests, and who was erased, are not among them. Accounts
    belong to no organisation, so this is not asked as one. Raises `ConnectionError`.
    """
    async with asking(pool) as connection:
        rows = await connection.fetch(
            """
            SELECT user_buyers.buyer_id, user_id, name_sealed, email_sealed
            FROM user_buyers JOIN users USING (user_id)
            WHERE user_buyers.buyer_id = ANY ($1)
            """,
            buyer_ids,
        )
    return {buyer_id: SealedPerson(*person) for buyer_id, *person in rows}


def _tickets(
    tickets: Sequence[tuple[TicketId, int, str]], lines: Sequence[tuple[int, int]]
) -> tuple[SoldTicket, ...]:
    # A sale's tickets are sorted, and belong to its lines in their order (`domain.events.Sold`).
    prices = [price for quantity, price in lines for _ in range(quantity)]
    return tuple(SoldTicket(*ticket, price) for ticket, price in zip(tickets, prices, strict=bool(tickets)))
