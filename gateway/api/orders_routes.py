"""A buyer's orders and tickets."""

import io

import segno

from domain.ids import BuyerId, OrderId, TicketId
from domain.refusals import Code, Refusal
from gateway.api.route import Access, Answer, Call, Route
from services.models import Model
from services.orders import BuyerOrders, OrderView

TAG = "Orders"


class OrderList(Model):
    """A buyer's orders, newest first."""

    orders: tuple[OrderView, ...]


def routes(orders: BuyerOrders) -> list[Route]:
    """Return the routes of the session's own orders."""

    async def listed(call: Call) -> Answer | Refusal:
        return Answer(body=OrderList(orders=tuple(await orders.of_buyer(_buyer(call)))))

    async def read(call: Call) -> Answer | Refusal:
        found = await orders.find(_buyer(call), OrderId(call.path["order"]))
        return Refusal(Code.NOT_FOUND) if found is None else Answer(body=found)

    async def drawn(call: Call) -> Answer | Refusal:
        code = await orders.code(_buyer(call), TicketId(call.path["ticket"]))
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
            summary="The session's orders with their tickets",
            access=Access.SESSION,
            handler=listed,
            answer=OrderList,
        ),
        Route(
            method="GET",
            path="/orders/{order}",
            name="orders.read",
            tag=TAG,
            summary="One order with its tickets",
            access=Access.SESSION,
            handler=read,
            answer=OrderView,
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


def _buyer(call: Call) -> BuyerId:
    assert call.identity.buyer_id is not None
    return call.identity.buyer_id
