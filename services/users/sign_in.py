"""Signing in and out.

An address without an account costs the same as one with: a look-up and a comparison of hashes, and the same
refusal. So does a wrong password for an account that has a second factor: which factors there are is told
only to who has the password.
"""

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from domain.identity import Identity, Origin
from domain.ids import USER, SessionId, UserId, text
from domain.refusals import Code, Refusal
from services.sessions import hashed, is_token
from services.users.attempts import Attempts
from services.users.auditing import told
from services.users.identities import Identities
from services.users.models import SecondFactor, SignIn, SignInAnswer
from services.users.opening import SessionOpening
from services.users.passwords import Passwords
from services.users.people import lookup_of, new_token
from services.users.second_factor import SecondFactors
from services.vault import Vault
from storage.account_tokens import AccountTokens, NewToken, Purpose
from storage.accounts import Accounts, User
from storage.second_factors import Factors, SecondFactorStore
from storage.user_sessions import UserSessions

CHALLENGE_MS: Final = 5 * 60_000
TRIES: Final = 5
FAILED: Final = Refusal(Code.SIGN_IN_FAILED)


class SignedIn(msgspec.Struct, frozen=True):
    """What came of signing in. `session_token` is "" where a second factor is still needed."""

    answer: SignInAnswer
    session_token: str = ""


class SigningIn:
    """Takes sign-ins. Methods raise `ConnectionError` when PostgreSQL or Redis is away: nobody signs in
    without the limits that Redis keeps.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        sessions: UserSessions,
        tokens: AccountTokens,
        factors: SecondFactorStore,
        second_factors: SecondFactors,
        opening: SessionOpening,
        identities: Identities,
        passwords: Passwords,
        attempts: Attempts,
        vault: Vault,
        clock: Callable[[], int],
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._tokens = tokens
        self._factors = factors
        self._second_factors = second_factors
        self._opening = opening
        self._identities = identities
        self._passwords = passwords
        self._attempts = attempts
        self._vault = vault
        self._clock = clock

    async def sign_in(self, asked: SignIn, replaced: str, origin: Origin) -> SignedIn | Refusal:
        """Sign in with a password.

        Args:
            asked: the address and the password.
            replaced: the token of the session that the browser has until now, "" without one; it ends.
            origin: from where.
        """
        lookup = lookup_of(self._vault, asked.email)
        refusal = await self._attempts.password(lookup)
        if refusal is not None:
            return refusal
        user = await self._accounts.find_by_email(lookup)
        matches = await self._passwords.matches(user.password_hash if user else None, asked.password)
        if isinstance(matches, Refusal):
            return matches
        if not matches or user is None:
            return FAILED
        await self._rehash(user, asked.password)
        factors = await self._factors.of_user(user.user_id)
        if factors.is_any:
            return await self._challenge(user, factors)
        return await self._open(user, replaced, origin, with_second_factor=False)

    async def second_factor(self, asked: SecondFactor, replaced: str, origin: Origin) -> SignedIn | Refusal:
        """Finish signing in with a code of the app, or a recovery code. A challenge takes `TRIES` of them."""
        if not is_token(asked.challenge):
            return FAILED
        token_hash, now_ms = hashed(asked.challenge), self._clock()
        token = await self._tokens.try_once(token_hash, Purpose.SECOND_FACTOR, now_ms)
        if token is None or token.user_id is None:
            return FAILED
        refusal = await self._attempts.code(token.user_id)
        if refusal is not None:
            return refusal
        if not await self._second_factors.check(token.user_id, asked.code):
            return FAILED
        # The password may have changed between the steps; then the challenge is gone.
        if await self._tokens.use(token_hash, Purpose.SECOND_FACTOR, now_ms) is None:
            return FAILED
        user = await self._accounts.find(token.user_id)
        if user is None or user.stamp != int.from_bytes(token.payload, "big"):
            return FAILED
        return await self._open(user, replaced, origin, with_second_factor=True)

    async def with_passkey(self, user_id: UserId, replaced: str, origin: Origin) -> SignedIn | Refusal:
        """Sign in somebody whose passkey has just been verified, with their finger or PIN: two factors."""
        user = await self._accounts.find(user_id)
        return FAILED if user is None else await self._open(user, replaced, origin, with_second_factor=True)

    async def sign_out(self, token: str) -> None:
        """End the session of a token."""
        if not is_token(token):
            return
        identity = await self._identities.of_session(token)
        await self._sessions.end_token(hashed(token))
        self._forget(identity)

    async def sign_out_everywhere(self, user_id: UserId, origin: Origin) -> int:
        """End all sessions of somebody. Returns how many."""
        now_ms = self._clock()
        known = {session.session_id for session in await self._sessions.of_user(user_id, now_ms)}
        count = await self._sessions.end_all(
            user_id, lambda count: told(origin, "user.end_sessions", now_ms, count=count)(user_id)
        )
        self._identities.forget(known)
        return count

    def _forget(self, identity: Identity | None) -> None:
        if identity is not None and identity.session_id is not None:
            self._identities.forget({SessionId(identity.session_id)})

    async def _rehash(self, user: User, password: str) -> None:
        """Bring a hash made with older parameters up to today's; if everybody is busy, another time."""
        if self._passwords.is_outdated(user.password_hash):
            anew = await self._passwords.hash(password)
            if not isinstance(anew, Refusal):
                await self._accounts.rehash(user, anew)

    async def _challenge(self, user: User, factors: Factors) -> SignedIn:
        token, token_hash = new_token()
        await self._tokens.issue(
            NewToken(
                token_hash,
                Purpose.SECOND_FACTOR,
                user.user_id,
                self._clock() + CHALLENGE_MS,
                payload=user.stamp.to_bytes(4, "big"),
                tries=TRIES,
            )
        )
        offered: list[tuple[bool, Literal["totp", "passkey", "recovery"]]] = [
            (factors.has_totp, "totp"),
            (factors.passkeys > 0, "passkey"),
            (factors.recovery_codes > 0, "recovery"),
        ]
        methods = tuple(method for is_there, method in offered if is_there)
        return SignedIn(SignInAnswer(second_factor_needed=True, methods=methods, challenge=token))

    async def _open(
        self, user: User, replaced: str, origin: Origin, *, with_second_factor: bool
    ) -> SignedIn | Refusal:
        token = await self._opening.open(user, origin, replaced, with_second_factor=with_second_factor)
        if token is None:
            return FAILED
        return SignedIn(SignInAnswer(user=text(USER, user.user_id)), token)
