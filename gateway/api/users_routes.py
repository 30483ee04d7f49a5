"""Signing up, in and out, and getting back into an account."""

from functools import partial

from domain.refusals import Code, Refusal
from domain.roles import Access
from gateway.api.route import Answer, Call, LimitClass, Route
from services.users.capability import Users
from services.users.models import (
    Accepted,
    Confirmation,
    Confirmed,
    EmailBody,
    EndedSessions,
    NewPassword,
    PasskeyAnswer,
    PasskeyOptions,
    SecondFactor,
    SignIn,
    SignInAnswer,
    SignUp,
    TokenBody,
)
from services.users.sign_in import SignedIn

TAG = "Accounts"

_SIGN_IN = partial(Route, method="POST", tag=TAG, access=Access.ANYONE, limit=LimitClass.SIGN_IN)
_SIGN_UP = partial(Route, method="POST", tag=TAG, access=Access.ANYONE, limit=LimitClass.SIGN_UP)


def routes(users: Users) -> list[Route]:
    """Return the routes of people who are not signed in."""
    up, back, signing = _SigningUp(users), _GettingBack(users), _SigningIn(users)
    return [
        _SIGN_UP(
            path="/sign-up",
            name="users.sign_up",
            summary="Ask for an account; a link follows by mail, whatever the address",
            handler=up.sign_up,
            body=SignUp,
            answer=Accepted,
            status=202,
            refusals=(Code.PASSWORD_WEAK, Code.BUSY),
        ),
        _SIGN_UP(
            path="/sign-up/confirm",
            name="users.confirm_sign_up",
            summary="Confirm an address with the token of the link",
            handler=up.confirm,
            body=Confirmation,
            answer=Confirmed,
            refusals=(Code.LINK_NOT_VALID, Code.INVALID, Code.WRONG_PROOF, Code.BUSY),
        ),
        _SIGN_UP(
            path="/password-reset",
            name="users.ask_password_reset",
            summary="Ask for a link with which the password is replaced, whatever the address",
            handler=back.ask_reset,
            body=EmailBody,
            answer=Accepted,
            status=202,
            refusals=(Code.BUSY,),
        ),
        _SIGN_IN(
            path="/password-reset/confirm",
            name="users.reset_password",
            summary="Replace the password with the token of the link; ends every session",
            handler=back.reset,
            body=NewPassword,
            refusals=(Code.LINK_NOT_VALID, Code.PASSWORD_WEAK, Code.BUSY),
        ),
        _SIGN_UP(
            path="/me/email/confirm",
            name="users.confirm_email",
            summary="Make an address the account's with the token of the link",
            handler=back.confirm_email,
            body=TokenBody,
            refusals=(Code.LINK_NOT_VALID,),
        ),
        *_sign_in_routes(signing),
    ]


def _sign_in_routes(signing: "_SigningIn") -> list[Route]:
    return [
        _SIGN_IN(
            path="/sign-in",
            name="users.sign_in",
            summary="Sign in, or be told that a second factor is needed",
            handler=signing.sign_in,
            body=SignIn,
            answer=SignInAnswer,
            refusals=(Code.SIGN_IN_FAILED, Code.BUSY),
        ),
        _SIGN_IN(
            path="/sign-in/second-factor",
            name="users.sign_in_with_code",
            summary="Finish signing in with a code of the app, or a recovery code",
            handler=signing.second_factor,
            body=SecondFactor,
            answer=SignInAnswer,
            refusals=(Code.SIGN_IN_FAILED,),
        ),
        _SIGN_IN(
            path="/sign-in/passkey/options",
            name="users.passkey_options",
            summary="What a page needs to have a passkey used, for signing in or a fresh proof",
            handler=signing.passkey_options,
            answer=PasskeyOptions,
        ),
        _SIGN_IN(
            path="/sign-in/passkey",
            name="users.sign_in_with_passkey",
            summary="Sign in with a passkey",
            handler=signing.passkey,
            body=PasskeyAnswer,
            answer=SignInAnswer,
            refusals=(Code.SIGN_IN_FAILED,),
        ),
        Route(
            method="POST",
            path="/sign-out",
            name="users.sign_out",
            tag=TAG,
            summary="End this session",
            access=Access.ANYONE,
            handler=signing.sign_out,
        ),
        Route(
            method="POST",
            path="/sign-out-everywhere",
            name="users.sign_out_everywhere",
            tag=TAG,
            summary="End all sessions of the account",
            access=Access.USER,
            handler=signing.sign_out_everywhere,
            answer=EndedSessions,
        ),
    ]


class _SigningUp:
    def __init__(self, users: Users) -> None:
        self._up = users.signing_up

    async def sign_up(self, call: Call) -> Answer | Refusal:
        # A user's own buyer is theirs already; a second account begins with a fresh one.
        guest = call.identity.buyer_id if call.identity.user_id is None else None
        refusal = await self._up.sign_up(call.body, guest)
        return refusal or Answer(body=Accepted())

    async def confirm(self, call: Call) -> Answer | Refusal:
        done = await self._up.confirm(call.body, call.session_token, call.origin)
        return done if isinstance(done, Refusal) else Answer(body=done[0], session_token=done[1] or None)


class _GettingBack:
    def __init__(self, users: Users) -> None:
        self._up = users.signing_up
        self._account = users.account

    async def ask_reset(self, call: Call) -> Answer | Refusal:
        refusal = await self._up.ask_reset(call.body.email)
        return refusal or Answer(body=Accepted())

    async def reset(self, call: Call) -> Answer | Refusal:
        return await self._up.reset(call.body, call.origin) or Answer()

    async def confirm_email(self, call: Call) -> Answer | Refusal:
        return await self._account.confirm_email(call.body.token, call.origin) or Answer()


class _SigningIn:
    def __init__(self, users: Users) -> None:
        self._in = users.signing_in
        self._factors = users.factors

    async def sign_in(self, call: Call) -> Answer | Refusal:
        return _signed(await self._in.sign_in(call.body, call.session_token, call.origin))

    async def second_factor(self, call: Call) -> Answer | Refusal:
        return _signed(await self._in.second_factor(call.body, call.session_token, call.origin))

    async def passkey_options(self, _: Call) -> Answer | Refusal:
        return Answer(body=await self._factors.sign_in_options())

    async def passkey(self, call: Call) -> Answer | Refusal:
        return _signed(await self._factors.sign_in(call.body, call.session_token, call.origin))

    async def sign_out(self, call: Call) -> Answer | Refusal:
        await self._in.sign_out(call.session_token)
        return Answer(session_token="")

    async def sign_out_everywhere(self, call: Call) -> Answer | Refusal:
        assert call.identity.user_id is not None
        count = await self._in.sign_out_everywhere(call.identity.user_id, call.origin)
        return Answer(body=EndedSessions(count=count), session_token="")


def _signed(done: SignedIn | Refusal) -> Answer | Refusal:
    if isinstance(done, Refusal):
        return done
    return Answer(body=done.answer, session_token=done.session_token or None)
