"""A buyer's orders and tickets."""

import io
from collections.abc import Awaitable, Callable, Sequence

import segno

from domain.identity import Identity
from domain.ids import BuyerId, OrderId, TicketId
from domain.refusals import Code, Refusal
from domain.roles import Access
from gateway.api.route import Answer, Call, Route
from services.models import Page
from services.orders import BuyerOrders, OrderDetails, OrdersQuery, OrderView

TAG = "Orders"


def routes(orders: BuyerOrders, buyers_of: Callable[[Identity], Awaitable[Sequence[BuyerId]]]) -> list[Route]:
    """Return the routes of the session's own orders.

    Args:
        orders: looks them up.
        buyers_of: says as whom somebody buys and bought.
    """

    async def listed(call: Call) -> Answer | Refusal:
        found = await orders.of_buyers(await buyers_of(call.identity), call.query)
        return found if isinstance(found, Refusal) else Answer(body=found)

    async def read(call: Call) -> Answer | Refusal:
        found = await orders.find(await buyers_of(call.identity), OrderId(call.path["order"]))
        return Refusal(Code.NOT_FOUND) if found is None else Answer(body=found)

    async def drawn(call: Call) -> Answer | Refusal:
        code = await orders.code(await buyers_of(call.identity), TicketId(call.path["ticket"]))
        if code is None:
            return Refusal(Code.NOT_FOUND)
        drawing = io.BytesIO()
        segno.make(code, error="m", micro=False).save(
            drawing, kind="svg", border=4, xmldecl=False, dark="#000", light="#fff", omitsize=True
        )
        headers = {"Cache-Control": "private, no-store"}
        return Answer(body=drawing.getvalue(), content_type="image/svg+xml", headers=headers)

    return [
        Route(
            method="GET",
            path="/orders",
            name="orders.list",
            tag=TAG,
            summary="The session's orders with their tickets, newest first",
            access=Access.SESSION,
            handler=listed,
            query=OrdersQuery,
            answer=Page[OrderView],
            refusals=(Code.INVALID,),
        ),
        Route(
            method="GET",
            path="/orders/{order}",
            name="orders.read",
            tag=TAG,
            summary="One order with its tickets and what its buyer answered",
            access=Access.SESSION,
            handler=read,
            answer=OrderDetails,
        ),
        Route(
            method="GET",
            path="/tickets/{ticket}/qr.svg",
            name="tickets.draw",
            tag=TAG,
            summary="A ticket's code as a QR code",
            access=Access.SESSION,
            handler=drawn,
            gives="image/svg+xml",
        ),
    ]
