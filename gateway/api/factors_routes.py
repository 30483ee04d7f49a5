"""Second factors: an authenticator app, its recovery codes, passkeys. All of it wants a fresh proof."""

from functools import partial

from domain.ids import PasskeyId
from domain.refusals import Code, Refusal
from domain.roles import Access
from gateway.api.route import Answer, Call, LimitClass, Route
from services.users.capability import Users
from services.users.models import (
    CodeBody,
    NewPasskey,
    PasskeyList,
    PasskeyOptions,
    PasskeyView,
    RecoveryCodes,
    TotpSecret,
)

TAG = "My second factor"

_USER = partial(Route, tag=TAG, access=Access.USER)
_PROVEN = partial(_USER, refusals=(Code.STEP_UP_NEEDED,))


def routes(users: Users) -> list[Route]:
    """Return the routes of second factors."""
    own = _Factors(users)
    return [
        _PROVEN(
            method="POST",
            path="/me/totp",
            name="me.offer_totp",
            summary="A fresh secret for an authenticator app; counts once a code of it is confirmed",
            handler=own.offer_totp,
            answer=TotpSecret,
        ),
        _PROVEN(
            method="POST",
            path="/me/totp/confirm",
            name="me.confirm_totp",
            summary="Confirm the app with a code of it; gives the recovery codes, once",
            handler=own.confirm_totp,
            body=CodeBody,
            answer=RecoveryCodes,
            limit=LimitClass.SIGN_IN,
        ),
        _PROVEN(
            method="DELETE",
            path="/me/totp",
            name="me.drop_totp",
            summary="Take the app and its recovery codes away",
            handler=own.drop_totp,
        ),
        _PROVEN(
            method="POST",
            path="/me/passkeys/options",
            name="me.passkey_options",
            summary="What a page needs to have a passkey made",
            handler=own.passkey_options,
            answer=PasskeyOptions,
        ),
        _PROVEN(
            method="POST",
            path="/me/passkeys",
            name="me.add_passkey",
            summary="Keep a passkey",
            handler=own.add_passkey,
            body=NewPasskey,
            answer=PasskeyView,
            status=201,
        ),
        _USER(
            method="GET",
            path="/me/passkeys",
            name="me.passkeys",
            summary="The account's passkeys",
            handler=own.passkeys,
            answer=PasskeyList,
        ),
        _PROVEN(
            method="DELETE",
            path="/me/passkeys/{passkey}",
            name="me.drop_passkey",
            summary="Forget a passkey",
            handler=own.drop_passkey,
        ),
    ]


class _Factors:
    def __init__(self, users: Users) -> None:
        self._factors = users.factors

    async def offer_totp(self, call: Call) -> Answer | Refusal:
        done = await self._factors.offer_totp(call.identity)
        return done if isinstance(done, Refusal) else Answer(body=done)

    async def confirm_totp(self, call: Call) -> Answer | Refusal:
        done = await self._factors.confirm_totp(call.who, call.body.code)
        return done if isinstance(done, Refusal) else Answer(body=done[0], session_token=done[1])

    async def drop_totp(self, call: Call) -> Answer | Refusal:
        done = await self._factors.drop_totp(call.who)
        return done if isinstance(done, Refusal) else Answer(session_token=done)

    async def passkeys(self, call: Call) -> Answer | Refusal:
        return Answer(body=await self._factors.passkeys(call.identity))

    async def passkey_options(self, call: Call) -> Answer | Refusal:
        done = await self._factors.passkey_registration(call.identity)
        return done if isinstance(done, Refusal) else Answer(body=done)

    async def add_passkey(self, call: Call) -> Answer | Refusal:
        done = await self._factors.add_passkey(call.who, call.body)
        return done if isinstance(done, Refusal) else Answer(body=done[0], session_token=done[1])

    async def drop_passkey(self, call: Call) -> Answer | Refusal:
        done = await self._factors.drop_passkey(call.who, PasskeyId(call.path["passkey"]))
        return done if isinstance(done, Refusal) else Answer(session_token=done)
