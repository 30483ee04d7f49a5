"""An event's orders, for those who organise it."""

from domain.ids import OrderId
from domain.refusals import Code, Refusal
from domain.roles import Permission
from gateway.api.route import Answer, Call, LimitClass, Route
from services.events.orders import AnswerList, EventOrderRow, EventOrders
from services.models import Page, PageQuery

_ORDERS = "/organisations/{organisation}/events/{event}/orders"


def routes(orders: EventOrders) -> list[Route]:
    """Return the routes of an event's orders."""

    async def listed(call: Call) -> Answer | Refusal:
        found = await orders.listed(call.organisation, call.event, call.query)
        return found if isinstance(found, Refusal) else Answer(body=found)

    async def answers(call: Call) -> Answer | Refusal:
        order_id = OrderId(call.path["order"])
        found = await orders.answers(call.who, call.organisation, call.event, order_id)
        return found if isinstance(found, Refusal) else Answer(body=found)

    return [
        Route(
            method="GET",
            path=_ORDERS,
            name="events.orders",
            tag="Orders",
            summary="An event's orders, newest first, without their buyers",
            access=Permission.ORDERS_READ,
            handler=listed,
            limit=LimitClass.ORGANIZER,
            query=PageQuery,
            answer=Page[EventOrderRow],
            refusals=(Code.INVALID,),
        ),
        Route(
            method="GET",
            path=_ORDERS + "/{order}/answers",
            name="events.order_answers",
            tag="Orders",
            summary="What the buyer of an order answered; each look is in the audit log",
            access=Permission.PEOPLE_READ,
            handler=answers,
            limit=LimitClass.ORGANIZER,
            answer=AnswerList,
        ),
    ]
