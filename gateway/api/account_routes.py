"""What somebody who is signed in does with their own account."""

from functools import partial

from domain.ids import SessionId
from domain.refusals import Code, Refusal
from domain.roles import Access
from gateway.api.route import Answer, Call, LimitClass, Route
from services.models import Page
from services.orders import BuyerOrders, OrdersQuery, OrderView
from services.own_data import OwnData, OwnDataView
from services.users.capability import Users
from services.users.models import (
    Accepted,
    EmailChange,
    PasswordChange,
    ProfileChange,
    SessionList,
    SteppedUp,
    StepUp,
    UserView,
)

TAG = "My account"

_USER = partial(Route, tag=TAG, access=Access.USER)
_PROOF = partial(_USER, method="POST", limit=LimitClass.SIGN_IN)


def routes(users: Users, orders: BuyerOrders, own_data: OwnData) -> list[Route]:
    """Return the routes of accounts."""
    own, leaving = _Account(users, orders), _Leaving(users, own_data)
    return [
        _USER(
            method="GET",
            path="/me",
            name="me.read",
            summary="Who is signed in",
            handler=own.me,
            answer=UserView,
        ),
        _USER(
            method="PATCH",
            path="/me",
            name="me.update",
            summary="Change name and language",
            handler=own.update,
            body=ProfileChange,
            answer=UserView,
            is_versioned=True,
        ),
        _PROOF(
            path="/me/email",
            name="me.ask_email_change",
            summary="Ask for a link that changes the account's address to another",
            handler=own.ask_email_change,
            body=EmailChange,
            answer=Accepted,
            status=202,
            refusals=(Code.WRONG_PROOF, Code.STEP_UP_NEEDED, Code.BUSY),
        ),
        _PROOF(
            path="/me/password",
            name="me.change_password",
            summary="Replace the password; ends all other sessions",
            handler=own.change_password,
            body=PasswordChange,
            refusals=(Code.WRONG_PROOF, Code.STEP_UP_NEEDED, Code.PASSWORD_WEAK, Code.BUSY),
        ),
        _PROOF(
            path="/me/step-up",
            name="me.step_up",
            summary="Say once more who you are",
            handler=own.step_up,
            body=StepUp,
            answer=SteppedUp,
            refusals=(Code.WRONG_PROOF, Code.BUSY),
        ),
        *_session_routes(own),
        *_leaving_routes(leaving),
    ]


def _session_routes(own: "_Account") -> list[Route]:
    return [
        _USER(
            method="GET",
            path="/me/sessions",
            name="me.sessions",
            summary="Where the account is signed in",
            handler=own.sessions,
            answer=SessionList,
        ),
        _USER(
            method="DELETE",
            path="/me/sessions/{session}",
            name="me.end_session",
            summary="End one of the account's sessions",
            handler=own.end_session,
        ),
        _USER(
            method="GET",
            path="/me/orders",
            name="me.orders",
            summary="The account's orders with their tickets, newest first, those from before it was one too",
            handler=own.orders,
            query=OrdersQuery,
            answer=Page[OrderView],
            refusals=(Code.INVALID,),
        ),
    ]


def _leaving_routes(leaving: "_Leaving") -> list[Route]:
    return [
        _USER(
            method="GET",
            path="/me/data",
            name="me.data",
            summary="Everything that is known of the account's person, as a file; wants a fresh proof",
            handler=leaving.data,
            answer=OwnDataView,
            limit=LimitClass.SIGN_IN,
            refusals=(Code.STEP_UP_NEEDED,),
        ),
        _USER(
            method="DELETE",
            path="/me",
            name="me.erase",
            summary="Erase the account: its person can't be read any more by anybody; wants a fresh proof",
            handler=leaving.erase,
            limit=LimitClass.SIGN_IN,
            refusals=(Code.STEP_UP_NEEDED, Code.LAST_OWNER),
        ),
    ]


class _Leaving:
    def __init__(self, users: Users, own_data: OwnData) -> None:
        self._erasure = users.erasure
        self._own_data = own_data

    async def data(self, call: Call) -> Answer | Refusal:
        found = await self._own_data.of(call.identity)
        headers = {"Content-Disposition": 'attachment; filename="bilten-my-data.json"'}
        return found if isinstance(found, Refusal) else Answer(body=found, headers=headers)

    async def erase(self, call: Call) -> Answer | Refusal:
        return await self._erasure.erase(call.who) or Answer(session_token="")


class _Account:
    def __init__(self, users: Users, orders: BuyerOrders) -> None:
        self._account = users.account
        self._orders = orders

    async def me(self, call: Call) -> Answer | Refusal:
        return _versioned(await self._account.me(call.identity))

    async def update(self, call: Call) -> Answer | Refusal:
        assert call.version is not None
        return _versioned(await self._account.change_profile(call.who, call.version, call.body))

    async def ask_email_change(self, call: Call) -> Answer | Refusal:
        refusal = await self._account.ask_email_change(call.identity, call.body)
        return refusal or Answer(body=Accepted())

    async def change_password(self, call: Call) -> Answer | Refusal:
        done = await self._account.change_password(call.who, call.body)
        return done if isinstance(done, Refusal) else Answer(session_token=done)

    async def step_up(self, call: Call) -> Answer | Refusal:
        done = await self._account.step_up(call.identity, call.body)
        return done if isinstance(done, Refusal) else Answer(body=done[0], session_token=done[1])

    async def sessions(self, call: Call) -> Answer | Refusal:
        return Answer(body=await self._account.sessions(call.identity))

    async def end_session(self, call: Call) -> Answer | Refusal:
        session_id = SessionId(call.path["session"])
        refusal = await self._account.end_session(call.who, session_id)
        is_own = session_id == call.identity.session_id
        return refusal or Answer(session_token="" if is_own else None)

    async def orders(self, call: Call) -> Answer | Refusal:
        buyers = await self._account.buyers(call.identity)
        found = await self._orders.of_buyers(buyers, call.query)
        return found if isinstance(found, Refusal) else Answer(body=found)


def _versioned(found: UserView | Refusal) -> Answer | Refusal:
    return found if isinstance(found, Refusal) else Answer(body=found, version=found.version)
