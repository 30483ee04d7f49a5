"""A buyer's orders and tickets, as they look them up."""

import msgspec

from domain.credentials import ticket_code
from domain.ids import EVENT, ORDER, TICKET, TICKET_TYPE, BuyerId, EventId, OrderId, TicketId, text
from services.events import Events
from storage.orders import Order, Orders, TicketRecord

ORDERS_MAX = 200


class TicketView(msgspec.Struct, frozen=True):
    """A ticket; `code` is what its QR shows, "" once it is cancelled."""

    ticket: str
    ticket_type: str
    code: str
    state: str


class OrderView(msgspec.Struct, frozen=True):
    """An order. `state` is one of domain/orders.py, `failure` a refusal code or ""."""

    order: str
    event: str
    state: str
    failure: str
    amount_minor: int
    currency: str
    created_at_ms: int
    tickets: list[TicketView]


class BuyerOrders:
    """Looks orders up, for their own buyer only: those of others are as if they were not there."""

    def __init__(self, orders: Orders, events: Events, ticket_key: bytes) -> None:
        self._orders = orders
        self._events = events
        self._ticket_key = ticket_key

    async def of_buyer(self, buyer_id: BuyerId) -> list[OrderView]:
        """Return the buyer's orders, newest first."""
        orders = await self._orders.of_buyer(buyer_id, ORDERS_MAX)
        tickets = await self._orders.tickets_of([order.order_id for order in orders])
        by_order: dict[OrderId, list[TicketRecord]] = {}
        for ticket in tickets:
            by_order.setdefault(ticket.order_id, []).append(ticket)
        return [await self._view(order, by_order.get(order.order_id, [])) for order in orders]

    async def find(self, buyer_id: BuyerId, order_id: OrderId) -> OrderView | None:
        """Return one of the buyer's orders."""
        order = await self._orders.find(order_id)
        if order is None or order.buyer_id != buyer_id:
            return None
        return await self._view(order, await self._orders.tickets(order_id))

    async def code(self, buyer_id: BuyerId, ticket_id: TicketId) -> str | None:
        """Return the code of one of the buyer's tickets, unless it is cancelled."""
        ticket = await self._orders.ticket(ticket_id)
        if ticket is None or ticket.buyer_id != buyer_id or ticket.state != "issued":
            return None
        return ticket_code(ticket_id, self._ticket_key)

    async def _view(self, order: Order, tickets: list[TicketRecord]) -> OrderView:
        sale = await self._events.by_id(order.event_id)
        return OrderView(
            text(ORDER, order.order_id),
            text(EVENT, EventId(order.event_id)),
            order.state.value,
            order.failure,
            order.amount_minor,
            order.currency,
            order.created_at_ms,
            [
                TicketView(
                    text(TICKET, ticket.ticket_id),
                    sale.types[ticket.ticket_type].text if sale else text(TICKET_TYPE, bytes(16)),
                    ticket_code(ticket.ticket_id, self._ticket_key) if ticket.state == "issued" else "",
                    ticket.state,
                )
                for ticket in tickets
            ],
        )
