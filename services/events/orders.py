"""An event's orders, for those who organise it. The list names nobody. What buyers answered is theirs: only
the organisation that sells sees it, and each look is in its audit log.
"""

from collections.abc import Callable

from domain.identity import Who
from domain.ids import ORDER, EventId, OrderId, OrganisationId, text
from domain.orders import OrderState
from domain.refusals import Code, Refusal
from services.answers import Answers, AnswerView
from services.audit import entry_for
from services.cursors import moment_cursor, moment_of
from services.events.access import Access
from services.events.sales import Events
from services.models import AmountMinor, Currency, Model, OrderRef, Page, PageQuery, TimeMs
from storage import audit_log
from storage.event_orders import EventOrder, lines_of_order, orders_of_event
from storage.order_answers import answers_of
from storage.postgres import Pool
from storage.tenancy import tenant


class EventOrderRow(Model):
    """An order, without its buyer."""

    order: OrderRef
    state: OrderState
    failure: str
    """The code of the refusal that it ended with, or ""."""
    amount_minor: AmountMinor
    currency: Currency
    created_at_ms: TimeMs
    ticket_count: int
    answer_count: int
    """How many answers its buyer gave."""


class AnswerList(Model):
    """What a buyer answered."""

    answers: tuple[AnswerView, ...]


class EventOrders:
    """Looks an event's orders up. Raises `ConnectionError` when PostgreSQL is away."""

    def __init__(
        self, pool: Pool, access: Access, events: Events, answers: Answers, clock: Callable[[], int]
    ) -> None:
        self._pool = pool
        self._access = access
        self._events = events
        self._answers = answers
        self._clock = clock

    async def listed(
        self, organisation_id: OrganisationId, event_id: EventId, query: PageQuery
    ) -> Page[EventOrderRow] | Refusal:
        """Return a part of an event's orders, newest first."""
        before = moment_of(query.cursor) if query.cursor else None
        if query.cursor and before is None:
            return Refusal(Code.INVALID, None, {"field": "cursor"})
        owner = await self._access.owner_to_edit(organisation_id, event_id)
        if isinstance(owner, Refusal):
            return owner
        async with tenant(self._pool, owner) as connection:
            found = await orders_of_event(connection, event_id, before, query.limit + 1)
        shown, is_more = found[: query.limit], len(found) > query.limit
        return Page[EventOrderRow](
            items=tuple(map(_row, shown)),
            next_cursor=moment_cursor(shown[-1].created_at_ms, shown[-1].order_id) if is_more else None,
        )

    async def answers(
        self, who: Who, organisation_id: OrganisationId, event_id: EventId, order_id: OrderId
    ) -> AnswerList | Refusal:
        """Return what the buyer of an order answered. That it was looked at is in the log before it is
        shown.
        """
        found = await self._access.find(organisation_id, event_id)
        if isinstance(found, Refusal):
            return found
        if found.owner != organisation_id:
            return Refusal(Code.FORBIDDEN)
        async with tenant(self._pool, organisation_id) as connection:
            lines = await lines_of_order(connection, event_id, order_id)
            if lines is None:
                return Refusal(Code.NOT_FOUND)
            given = (await answers_of(connection, [order_id])).get(order_id, [])
            if given:
                entry = entry_for(
                    who,
                    "people.read",
                    text(ORDER, order_id),
                    organisation_id=organisation_id,
                    at_ms=self._clock(),
                    after={"answers": len(given)},
                )
                await audit_log.record(connection, entry)
        sale = await self._events.by_id(event_id)
        assert sale is not None, "an event with orders is there"
        return AnswerList(answers=await self._answers.opened(sale, lines, given))


def _row(order: EventOrder) -> EventOrderRow:
    return EventOrderRow(
        order=text(ORDER, order.order_id),
        state=OrderState(order.state),
        failure=order.failure,
        amount_minor=order.amount_minor,
        currency=order.currency,
        created_at_ms=order.created_at_ms,
        ticket_count=order.ticket_count,
        answer_count=order.answer_count,
    )
