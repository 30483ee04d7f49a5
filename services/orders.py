"""A buyer's orders and tickets, as they look them up."""

from collections.abc import Sequence
from typing import Final

from domain.credentials import ticket_code
from domain.ids import EVENT, ORDER, TICKET, TICKET_TYPE, BuyerId, EventId, OrderId, TicketId, text
from domain.orders import OrderState
from services.answers import Answers, AnswerView
from services.events import Events
from services.models import AmountMinor, Currency, EventRef, Model, OrderRef, TicketRef, TicketTypeRef, TimeMs
from storage.orders import Order, Orders, TicketRecord

ORDERS_MAX: Final = 200
# How many orders somebody is given of themselves. Nobody has as many; it is what a request may cost.
HANDED_OVER_MAX: Final = 10_000


class TicketView(Model):
    """A ticket."""

    ticket: TicketRef
    ticket_type: TicketTypeRef
    code: str
    """What its QR shows, "" once it is cancelled."""
    state: str


class OrderView(Model):
    """An order."""

    order: OrderRef
    event: EventRef
    state: OrderState
    failure: str
    """The code of the refusal that it ended with, or ""."""
    amount_minor: AmountMinor
    currency: Currency
    created_at_ms: TimeMs
    tickets: tuple[TicketView, ...]


class OrderDetails(OrderView):
    """An order with what its buyer answered."""

    answers: tuple[AnswerView, ...]


class BuyerOrders:
    """Looks orders up, for their own buyer only: those of others are as if they were not there."""

    def __init__(self, orders: Orders, events: Events, answers: Answers, ticket_key: bytes) -> None:
        self._orders = orders
        self._answers = answers
        self._events = events
        self._ticket_key = ticket_key

    async def of_buyers(self, buyer_ids: Sequence[BuyerId]) -> list[OrderView]:
        """Return the orders of somebody, newest first, as whichever buyer they made them."""
        return await self._views(await self._orders.of_buyers(buyer_ids, ORDERS_MAX))

    async def everything_of(self, buyer_ids: Sequence[BuyerId]) -> tuple[list[OrderDetails], bool]:
        """Return the orders of somebody with what they answered, newest first, and whether these are all: of
        more than `HANDED_OVER_MAX` the oldest are left out.
        """
        found: list[OrderDetails] = []
        last: Order | None = None
        while orders := await self._orders.of_buyers(buyer_ids, ORDERS_MAX, last):
            if len(found) >= HANDED_OVER_MAX:
                return found, False
            last, answers = orders[-1], await self._answers.of_orders(orders)
            for order, view in zip(orders, await self._views(orders), strict=True):
                found.append(OrderDetails(**dict(view), answers=answers.get(order.order_id, ())))
        return found, True

    async def find(self, buyer_ids: Sequence[BuyerId], order_id: OrderId) -> OrderDetails | None:
        """Return one of somebody's orders, with what they answered."""
        order = await self._orders.find(order_id)
        if order is None or order.buyer_id not in buyer_ids:
            return None
        view = await self._view(order, await self._orders.tickets(order_id))
        answers = await self._answers.of_orders([order])
        return OrderDetails(**dict(view), answers=answers.get(order_id, ()))

    async def code(self, buyer_ids: Sequence[BuyerId], ticket_id: TicketId) -> str | None:
        """Return the code of one of somebody's tickets, unless it is cancelled."""
        ticket = await self._orders.ticket(ticket_id)
        if ticket is None or ticket.buyer_id not in buyer_ids or ticket.state != "issued":
            return None
        return ticket_code(ticket_id, self._ticket_key)

    async def _views(self, orders: Sequence[Order]) -> list[OrderView]:
        tickets = await self._orders.tickets_of([order.order_id for order in orders])
        by_order: dict[OrderId, list[TicketRecord]] = {}
        for ticket in tickets:
            by_order.setdefault(ticket.order_id, []).append(ticket)
        return [await self._view(order, by_order.get(order.order_id, [])) for order in orders]

    async def _view(self, order: Order, tickets: list[TicketRecord]) -> OrderView:
        sale = await self._events.by_id(order.event_id)
        if sale is not None:
            sale = await self._events.covering(sale, (ticket.ticket_type for ticket in tickets))
        return OrderView(
            order=text(ORDER, order.order_id),
            event=text(EVENT, EventId(order.event_id)),
            state=order.state,
            failure=order.failure,
            amount_minor=order.amount_minor,
            currency=order.currency,
            created_at_ms=order.created_at_ms,
            tickets=tuple(
                TicketView(
                    ticket=text(TICKET, ticket.ticket_id),
                    ticket_type=(
                        sale.types[ticket.ticket_type].text if sale else text(TICKET_TYPE, bytes(16))
                    ),
                    code=ticket_code(ticket.ticket_id, self._ticket_key) if ticket.state == "issued" else "",
                    state=ticket.state,
                )
                for ticket in tickets
            ),
        )
