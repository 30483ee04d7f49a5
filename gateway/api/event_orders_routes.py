"""An event's orders, the people who come, and how its sale went, for those who organise it."""

from domain.ids import OrderId
from domain.refusals import Code, Refusal
from domain.roles import Permission
from gateway.api.route import Answer, Call, LimitClass, Route
from gateway.api.streaming import begun
from services.events.attendees import Attendees
from services.events.course import SaleCourse, SaleCourses
from services.events.orders import AnswerList, EventOrderRow, EventOrders
from services.models import Page, PageQuery

_EVENT = "/organisations/{organisation}/events/{event}"
_ORDERS = _EVENT + "/orders"
_CSV = "text/csv"


def routes(orders: EventOrders, attendees: Attendees, courses: SaleCourses) -> list[Route]:
    """Return the routes of an event's orders, its attendees, and how its sale went."""

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

    async def course(call: Call) -> Answer | Refusal:
        found = await courses.of_event(call.organisation, call.event)
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
        Route(
            method="GET",
            path=_EVENT + "/sales",
            name="events.sales",
            tag="Orders",
            summary="What an event has sold, and when, from its first ticket on",
            access=Permission.SALES_WATCH,
            handler=course,
            limit=LimitClass.ORGANIZER,
            answer=SaleCourse,
        ),
    ]
