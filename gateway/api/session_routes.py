"""Sessions of guests, and the tickets with which a session opens a websocket."""

from domain.ids import BUYER, text
from domain.refusals import Code, Refusal
from gateway.api.route import Access, Answer, Call, Route
from services.models import BuyerRef, Model, TimeMs, Token
from services.sessions import Sessions


class SessionAnswer(Model):
    """Whose session this is."""

    buyer: BuyerRef
    server_time_ms: TimeMs


class SocketTicket(Model):
    """A ticket for `/ws?ticket=…`, good once."""

    ticket: Token
    expires_in_ms: int


def routes(sessions: Sessions) -> list[Route]:
    """Return the routes of guests' sessions."""

    async def read(call: Call) -> Answer | Refusal:
        assert call.identity.buyer_id is not None
        return Answer(
            body=SessionAnswer(buyer=text(BUYER, call.identity.buyer_id), server_time_ms=call.now_ms)
        )

    async def ticket(call: Call) -> Answer | Refusal:
        issued = await sessions.issue_ticket(call.session_token)
        if issued is None:
            return Refusal(Code.UNAUTHENTICATED)
        return Answer(body=SocketTicket(ticket=issued[0], expires_in_ms=issued[1]))

    return [
        Route(
            method="GET",
            path="/session",
            name="session.read",
            tag="Sessions",
            summary="Whose session the cookie is",
            access=Access.SESSION,
            handler=read,
            answer=SessionAnswer,
        ),
        Route(
            method="POST",
            path="/socket-ticket",
            name="session.socket_ticket",
            tag="Sessions",
            summary="A ticket that opens one websocket",
            access=Access.SESSION,
            handler=ticket,
            answer=SocketTicket,
        ),
    ]
