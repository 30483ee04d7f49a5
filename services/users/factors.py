"""Setting second factors up and taking them away, with what goes with it: a fresh proof before, a new token
for the session and a letter after.

Whoever finds a browser signed in must not be able to lock its owner out with a factor of their own, so a
proof is needed for the first one too: the password.
"""

from collections.abc import Callable
from typing import Final

from domain.identity import Identity, Origin, Who
from domain.ids import PasskeyId, SessionId, UserId
from domain.refusals import Code, Refusal
from services.notifications.port import Mailer
from services.users.attempts import Attempts
from services.users.auditing import told
from services.users.background import Background
from services.users.mails import AccountLetters, FactorChange
from services.users.models import (
    NewPasskey,
    PasskeyAnswer,
    PasskeyList,
    PasskeyOptions,
    PasskeyView,
    RecoveryCodes,
    TotpSecret,
)
from services.users.opening import SessionOpening
from services.users.passkeys import Passkeys
from services.users.people import Person, person_of
from services.users.second_factor import SecondFactors
from services.users.sign_in import FAILED, SignedIn, SigningIn
from services.vault import Vault
from storage.accounts import Accounts, Told
from storage.second_factors import SecondFactorStore

_UNAUTHENTICATED: Final = Refusal(Code.UNAUTHENTICATED)


class FactorService:
    """Methods take the identity of a user's session, and raise `ConnectionError` when PostgreSQL or Redis is
    away.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        second_factors: SecondFactors,
        store: SecondFactorStore,
        passkeys: Passkeys,
        signing_in: SigningIn,
        opening: SessionOpening,
        attempts: Attempts,
        vault: Vault,
        mailer: Mailer,
        letters: AccountLetters,
        background: Background,
        clock: Callable[[], int],
    ) -> None:
        self._accounts = accounts
        self._second_factors = second_factors
        self._store = store
        self._passkeys = passkeys
        self._signing_in = signing_in
        self._opening = opening
        self._attempts = attempts
        self._vault = vault
        self._mailer = mailer
        self._letters = letters
        self._background = background
        self._clock = clock

    # --- the app ------------------------------------------------------------------------------------------

    async def offer_totp(self, identity: Identity) -> TotpSecret | Refusal:
        """Return a fresh secret for an app; it counts once a code of it was confirmed."""
        person = await self._person(identity)
        if person is None:
            return _UNAUTHENTICATED
        refusal = self._proof_missing(identity)
        if refusal is not None:
            return refusal
        offered = await self._second_factors.offer(_user_id(identity), person.email)
        if offered is None:
            return Refusal(Code.ILLEGAL_STEP, None, {"field": "totp"})
        return TotpSecret(secret=offered[0], uri=offered[1])

    async def confirm_totp(self, who: Who, code: str) -> tuple[RecoveryCodes, str] | Refusal:
        """Make the offered secret count. Returns the recovery codes, and the session's new token."""
        identity = who.identity
        user_id = _user_id(identity)
        refusal = await self._attempts.code(user_id) or self._proof_missing(identity)
        if refusal is not None:
            return refusal
        entry = self._told(who, "user.add_totp")
        codes = await self._second_factors.confirm(user_id, _session_id(identity), code, entry)
        if codes is None:
            return Refusal(Code.WRONG_PROOF)
        token = await self._changed(identity, FactorChange.TOTP_ADDED, is_added=True)
        return _UNAUTHENTICATED if token is None else (RecoveryCodes(codes=tuple(codes)), token)

    async def drop_totp(self, who: Who) -> str | Refusal:
        """Take the app and its recovery codes away. Returns the session's new token."""
        identity = who.identity
        refusal = self._proof_missing(identity)
        if refusal is not None:
            return refusal
        if not await self._store.drop_totp(_user_id(identity), self._told(who, "user.drop_totp")):
            return Refusal(Code.NOT_FOUND)
        token = await self._changed(identity, FactorChange.TOTP_DROPPED)
        return _UNAUTHENTICATED if token is None else token

    # --- passkeys -----------------------------------------------------------------------------------------

    async def passkeys(self, identity: Identity) -> PasskeyList:
        """Return somebody's passkeys."""
        return await self._passkeys.of_user(_user_id(identity))

    async def passkey_registration(self, identity: Identity) -> PasskeyOptions | Refusal:
        """Return what a page needs to have a passkey made."""
        person = await self._person(identity)
        if person is None:
            return _UNAUTHENTICATED
        refusal = self._proof_missing(identity)
        return refusal or await self._passkeys.registration_options(_user_id(identity), person)

    async def add_passkey(self, who: Who, asked: NewPasskey) -> tuple[PasskeyView, str] | Refusal:
        """Keep a passkey. Returns it, and the session's new token."""
        identity = who.identity
        refusal = self._proof_missing(identity)
        if refusal is not None:
            return refusal
        entry = self._told(who, "user.add_passkey")
        kept = await self._passkeys.register(_user_id(identity), _session_id(identity), asked, entry)
        if isinstance(kept, Refusal):
            return kept
        token = await self._changed(identity, FactorChange.PASSKEY_ADDED, is_added=True)
        return _UNAUTHENTICATED if token is None else (kept, token)

    async def drop_passkey(self, who: Who, passkey_id: PasskeyId) -> str | Refusal:
        """Forget a passkey. Returns the session's new token."""
        identity = who.identity
        refusal = self._proof_missing(identity)
        if refusal is None:
            entry = self._told(who, "user.drop_passkey")
            refusal = await self._passkeys.drop(_user_id(identity), passkey_id, entry)
        if refusal is not None:
            return refusal
        token = await self._changed(identity, FactorChange.PASSKEY_DROPPED)
        return _UNAUTHENTICATED if token is None else token

    async def sign_in_options(self) -> PasskeyOptions:
        """Return what a page needs to sign somebody in with a passkey."""
        return await self._passkeys.options()

    async def sign_in(self, asked: PasskeyAnswer, replaced: str, origin: Origin) -> SignedIn | Refusal:
        """Sign in with a passkey alone."""
        user_id = await self._passkeys.verify(asked)
        return FAILED if user_id is None else await self._signing_in.with_passkey(user_id, replaced, origin)

    # --- what they share ----------------------------------------------------------------------------------

    def _told(self, who: Who, action: str) -> Told:
        return told(who.origin, action, self._clock())

    def _proof_missing(self, identity: Identity) -> Refusal | None:
        """Return why somebody may not touch factors now: the last proof is too old."""
        return None if identity.stepped_up_until_ms > self._clock() else Refusal(Code.STEP_UP_NEEDED)

    async def _changed(
        self, identity: Identity, change: FactorChange, *, is_added: bool = False
    ) -> str | None:
        """Say so by mail, and give the session a new token: what it may do has changed. One that has just
        shown a factor that was added is one with a factor.
        """
        person = await self._person(identity)
        if person is not None:
            letter = self._letters.second_factor_changed(person, change)
            self._background.start("a letter", self._mailer.send(letter))
        rotated = await self._opening.rotate(_session_id(identity), with_second_factor=is_added or None)
        return None if rotated is None else rotated[0]

    async def _person(self, identity: Identity) -> Person | None:
        user = await self._accounts.find(_user_id(identity))
        return None if user is None else await person_of(self._vault, user)


def _user_id(identity: Identity) -> UserId:
    assert identity.user_id is not None
    return identity.user_id


def _session_id(identity: Identity) -> SessionId:
    assert identity.session_id is not None
    return identity.session_id
