"""Sessions, and the tickets with which a session opens a websocket."""

from collections.abc import Awaitable, Callable

from domain.ids import BUYER, text
from domain.refusals import Code, Refusal
from domain.roles import Access
from gateway.api.route import Answer, Call, Route
from services.models import BuyerRef, Model, TimeMs, Token
from services.sessions import Sessions

TAG = "Sessions"


class SessionAnswer(Model):
    """Whose session this is, and the server's time by which a page sets its clock."""

    buyer: BuyerRef
    server_time_ms: TimeMs


class SocketTicket(Model):
    """A ticket for `/ws?ticket=…`, good once and for `expires_in_ms`."""

    ticket: Token
    expires_in_ms: int


def routes(sessions: Sessions, may_open: Callable[[str], Awaitable[Refusal | None]]) -> list[Route]:
    """Return the routes of sessions.

    Args:
        sessions: opens them.
        may_open: says why an address may not open one more now.
    """

    async def begin(call: Call) -> Answer | Refusal:
        buyer_id, token = call.identity.buyer_id, None
        if buyer_id is None:
            refusal = await may_open(call.origin.address)
            if refusal is not None:
                return refusal
            opened = await sessions.open()
            buyer_id, token = opened.buyer_id, opened.token
        body = SessionAnswer(buyer=text(BUYER, buyer_id), server_time_ms=call.now_ms)
        return Answer(body=body, session_token=token)

    async def ticket(call: Call) -> Answer | Refusal:
        issued = await sessions.issue_ticket(call.session_token)
        if issued is None:
            return Refusal(Code.UNAUTHENTICATED)
        return Answer(body=SocketTicket(ticket=issued[0], expires_in_ms=issued[1]))

    return [
        Route(
            method="POST",
            path="/session",
            name="session.begin",
            tag=TAG,
            summary="The session that the cookie names, or a new one for a guest",
            access=Access.ANYONE,
            handler=begin,
            answer=SessionAnswer,
        ),
        Route(
            method="POST",
            path="/socket-ticket",
            name="session.socket_ticket",
            tag=TAG,
            summary="A ticket that opens one websocket",
            access=Access.SESSION,
            handler=ticket,
            answer=SocketTicket,
        ),
    ]
