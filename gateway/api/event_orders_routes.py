"""An event's orders and the people who come, for those who organise it."""

from domain.ids import OrderId
from domain.refusals import Code, Refusal
from domain.roles import Permission
from gateway.api.route import Answer, Call, LimitClass, Route
from gateway.api.streaming import begun
from services.events.attendees import Attendees
from services.events.orders import AnswerList, EventOrderRow, EventOrders
from services.models import Page, PageQuery

_EVENT = "/organisations/{organisation}/events/{event}"
_ORDERS = _EVENT + "/orders"
_CSV = "text/csv"


def routes(orders: EventOrders, attendees: Attendees) -> list[Route]:
    """Return the routes of an event's orders and attendees."""

    async def listed(call: Call) -> Answer | Refusal:
        found = await orders.listed(call.organisation, call.event, call.query)
        return found if isinstance(found, Refusal) else Answer(body=found)

    async def answers(call: Call) -> Answer | Refusal:
        order_id = OrderId(call.path["order"])
        found = await orders.answers(call.who, call.organisation, call.event, order_id)
        return found if isinstance(found, Refusal) else Answer(body=found)

    async def exported(call: Call) -> Answer | Refusal:
        found = await attendees.give(call.who, call.organisation, call.event)
        if isinstance(found, Refusal):
            return found
        headers = {"Content-Disposition": f'attachment; filename="{found.name}"'}
        return Answer(body=await begun(found.parts), content_type=_CSV, headers=headers)

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
        Route(
            method="GET",
            path=_EVENT + "/attendees.csv",
            name="events.attendees",
            tag="Orders",
            summary="An event's tickets with their buyers as CSV; each export is in the audit log",
            access=Permission.PEOPLE_EXPORT,
            handler=exported,
            limit=LimitClass.ORGANIZER,
            gives=_CSV,
            refusals=(Code.BUSY,),
        ),
    ]
