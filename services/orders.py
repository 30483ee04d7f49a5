"""A buyer's orders and tickets, as they look them up."""

from collections.abc import Callable, Sequence
from typing import Final

from domain.credentials import ticket_code
from domain.event_status import PUBLIC
from domain.ids import EVENT, ORDER, TICKET, BuyerId, EventId, OrderId, TicketId, parse, text
from domain.orders import OrderState
from domain.refusals import Code, Refusal
from services.answers import Answers, AnswerView
from services.cursors import moment_cursor, moment_of
from services.events import Events
from services.events.models import Status
from services.events.views import status_of
from services.models import (
    AmountMinor,
    Currency,
    EventRef,
    Model,
    OrderRef,
    Page,
    PageQuery,
    Slug,
    TicketRef,
    TicketTypeRef,
    TimeMs,
)
from storage.event_records import EventRecord
from storage.orders import Order, Orders, TicketRecord

# How many orders somebody is given of themselves, and how many are looked up at once for that. Nobody has as
# many; it is what a request may cost.
HANDED_OVER_MAX: Final = 10_000
ORDERS_MAX: Final = 200


class OrdersQuery(PageQuery):
    """Which of somebody's orders."""

    event: EventRef | None = None
    """Those for one event; all if it is not said."""


class TicketView(Model):
    """A ticket."""

    ticket: TicketRef
    ticket_type: TicketTypeRef
    name: str
    """What the ticket's type is called, a hidden one's too."""
    valid_days: tuple[str, ...]
    """The days on which it lets in, such as 2030-05-01; none is all."""
    code: str
    """What its QR shows, "" once it is cancelled."""
    state: str


class OrderedEvent(Model):
    """What the holder of a ticket has to know of its event, as long as they have the ticket."""

    title: str
    slug: Slug | None
    """The address of its page; None once that was put away."""
    status: Status
    starts_at_ms: TimeMs
    ends_at_ms: TimeMs | None
    time_zone: str
    venue_name: str
    city: str


class OrderView(Model):
    """An order."""

    order: OrderRef
    event: EventRef
    about: OrderedEvent
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

    def __init__(
        self, orders: Orders, events: Events, answers: Answers, ticket_key: bytes, clock: Callable[[], int]
    ) -> None:
        self._orders = orders
        self._answers = answers
        self._events = events
        self._ticket_key = ticket_key
        self._clock = clock

    async def of_buyers(self, buyer_ids: Sequence[BuyerId], query: OrdersQuery) -> Page[OrderView] | Refusal:
        """Return a part of the orders of somebody, newest first, as whichever buyer they made them."""
        before = moment_of(query.cursor) if query.cursor else None
        if query.cursor and before is None:
            return Refusal(Code.INVALID, None, {"field": "cursor"})
        event_id = None if query.event is None else EventId(parse(EVENT, query.event))
        found = await self._orders.of_buyers(buyer_ids, query.limit + 1, before=before, event_id=event_id)
        orders, is_more = found[: query.limit], len(found) > query.limit
        cursor = moment_cursor(orders[-1].created_at_ms, orders[-1].order_id) if is_more else None
        return Page[OrderView](items=tuple(await self._views(orders)), next_cursor=cursor)

    async def everything_of(self, buyer_ids: Sequence[BuyerId]) -> tuple[list[OrderDetails], bool]:
        """Return the orders of somebody with what they answered, newest first, and whether these are all: of
        more than `HANDED_OVER_MAX` the oldest are left out.
        """
        found: list[OrderDetails] = []
        before: tuple[int, bytes] | None = None
        while orders := await self._orders.of_buyers(buyer_ids, ORDERS_MAX, before=before):
            if len(found) >= HANDED_OVER_MAX:
                return found, False
            before, answers = (
                (orders[-1].created_at_ms, orders[-1].order_id),
                await self._answers.of_orders(orders),
            )
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
        # Of whatever status: what was bought is known for as long as there is an order.
        event = await self._events.record(order.event_id)
        assert sale is not None, "an event with orders is there"
        assert event is not None, "an event with orders is there"
        sale = await self._events.covering(sale, (ticket.ticket_type for ticket in tickets))
        kinds = {kind.ticket_type_id: kind for kind in event.ticket_types}
        types = [(ticket, sale.types[ticket.ticket_type]) for ticket in tickets]
        return OrderView(
            order=text(ORDER, order.order_id),
            event=text(EVENT, order.event_id),
            about=_about(event, self._clock()),
            state=order.state,
            failure=order.failure,
            amount_minor=order.amount_minor,
            currency=order.currency,
            created_at_ms=order.created_at_ms,
            tickets=tuple(
                TicketView(
                    ticket=text(TICKET, ticket.ticket_id),
                    ticket_type=kind.text,
                    name=known.name if (known := kinds.get(kind.ticket_type_id)) else "",
                    valid_days=tuple(day.isoformat() for day in known.valid_days) if known else (),
                    code=ticket_code(ticket.ticket_id, self._ticket_key) if ticket.state == "issued" else "",
                    state=ticket.state,
                )
                for ticket, kind in types
            ),
        )


def _about(event: EventRecord, now_ms: int) -> OrderedEvent:
    status = status_of(event, now_ms)
    return OrderedEvent.model_construct(
        title=event.title,
        slug=event.slug if status in PUBLIC else None,
        status=status.value,
        starts_at_ms=event.starts_at_ms,
        ends_at_ms=event.ends_at_ms,
        time_zone=event.time_zone,
        venue_name=event.venue,
        city=event.city,
    )
