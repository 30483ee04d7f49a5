"""What somebody does with their own account: name, language, address, password, sessions, a fresh proof."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec

from domain.identity import Identity, Origin, Who
from domain.ids import SESSION, USER, BuyerId, SessionId, UserId, text
from domain.refusals import Code, Refusal
from services.audit import CHANGED, only_changes
from services.notifications.port import Mail, Mailer
from services.sessions import hashed, is_token
from services.users.attempts import Attempts
from services.users.auditing import told
from services.users.background import Background
from services.users.identities import Identities
from services.users.mails import AccountLetters
from services.users.models import (
    EmailChange,
    MembershipView,
    PasswordChange,
    ProfileChange,
    SessionList,
    SessionView,
    SteppedUp,
    StepUp,
    UserView,
)
from services.users.opening import SessionOpening
from services.users.passkeys import Passkeys
from services.users.passwords import Passwords
from services.users.people import lookup_of, new_token, person_of
from services.users.second_factor import SecondFactors
from services.vault import Vault
from storage.account_tokens import AccountTokens, NewToken, Purpose
from storage.accounts import Accounts, User
from storage.second_factors import SecondFactorStore
from storage.user_sessions import UserSessions

CHANGE_MS: Final = 24 * 3_600_000
_WRONG_PROOF: Final = Refusal(Code.WRONG_PROOF)
_UNAUTHENTICATED: Final = Refusal(Code.UNAUTHENTICATED)
_LINK_NOT_VALID: Final = Refusal(Code.LINK_NOT_VALID)


class MembershipViews(Protocol):
    """Shows somebody what they are in organisations."""

    async def views_of(self, identity: Identity) -> Sequence[MembershipView]:
        """Return the memberships of an identity with the names of their organisations."""
        ...


class AccountService:
    """Methods take the identity of the session that asks, which is a user's, and raise `ConnectionError` when
    PostgreSQL or Redis is away.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        sessions: UserSessions,
        tokens: AccountTokens,
        factors: SecondFactorStore,
        second_factors: SecondFactors,
        passkeys: Passkeys,
        opening: SessionOpening,
        identities: Identities,
        passwords: Passwords,
        attempts: Attempts,
        vault: Vault,
        mailer: Mailer,
        letters: AccountLetters,
        background: Background,
        memberships: MembershipViews | None,
        clock: Callable[[], int],
    ) -> None:
        self._accounts = accounts
        self._sessions = sessions
        self._tokens = tokens
        self._factors = factors
        self._second_factors = second_factors
        self._passkeys = passkeys
        self._opening = opening
        self._identities = identities
        self._passwords = passwords
        self._attempts = attempts
        self._vault = vault
        self._mailer = mailer
        self._letters = letters
        self._background = background
        self._memberships = memberships
        self._clock = clock

    # --- who somebody is ----------------------------------------------------------------------------------

    async def me(self, identity: Identity) -> UserView | Refusal:
        """Return what somebody may see of themselves."""
        user = await self._user(identity)
        return _UNAUTHENTICATED if user is None else await self._view(user, identity)

    async def change_profile(self, who: Who, version: int, change: ProfileChange) -> UserView | Refusal:
        """Change name and language, if nobody has since `version`."""
        user_id, now_ms = _user_id(who.identity), self._clock()
        sealed = None
        if change.name is not None:
            sealed = await self._vault.seal(user_id, "users", "name_sealed", change.name)
        was = await self._user(who.identity)
        if was is None:
            return _UNAUTHENTICATED
        # Only whoever has changed `was` and nothing newer gets to the entry: `version` sees to that.
        before, after = only_changes({"locale": was.locale}, {"locale": change.locale or was.locale})
        if sealed:
            after["name"] = CHANGED
        entry = told(who.origin, "user.update", now_ms, before=before, **after)
        user = await self._accounts.change_profile(user_id, version, sealed, change.locale, now_ms, entry)
        return Refusal(Code.VERSION_CONFLICT) if user is None else await self._view(user, who.identity)

    async def buyers(self, identity: Identity) -> list[BuyerId]:
        """Return as whom a guest, or a user, now and as a guest before, buys."""
        if identity.user_id is not None:
            return await self._accounts.buyers_of(identity.user_id)
        return [] if identity.buyer_id is None else [identity.buyer_id]

    # --- address and password -----------------------------------------------------------------------------

    async def ask_email_change(self, identity: Identity, asked: EmailChange) -> Refusal | None:
        """Send a letter to a new address, whose link makes it the account's. That another account has it is
        told to its owner, by mail, and not to who asks.
        """
        user = await self._user(identity)
        if user is None:
            return _UNAUTHENTICATED
        refusal = await self._proof_refusal(user, identity, asked.password)
        if refusal is None:
            refusal = await self._attempts.letter(lookup_of(self._vault, asked.email))
        if refusal is None and self._background.is_full:
            refusal = Refusal(Code.BUSY, 1_000)
        if refusal is None:
            self._background.start("a change of address", self._offer_email(user, asked.email))
        return refusal

    async def confirm_email(self, token: str, origin: Origin) -> Refusal | None:
        """Make an address the account's with the token of its letter."""
        if not is_token(token):
            return _LINK_NOT_VALID
        now_ms = self._clock()
        entry = told(origin, "user.change_email", now_ms, email=CHANGED)
        changed = await self._accounts.change_email(hashed(token), now_ms, entry)
        if changed is None:
            return _LINK_NOT_VALID
        before = await person_of(self._vault, changed[0])
        self._tell(self._letters.email_changed(before))
        return None

    async def change_password(self, who: Who, asked: PasswordChange) -> str | Refusal:
        """Replace the password and end all other sessions. Returns this session's new token."""
        identity = who.identity
        user = await self._user(identity)
        if user is None or identity.session_id is None:
            return _UNAUTHENTICATED
        refusal = await self._proof_refusal(user, identity, asked.old)
        if refusal is not None:
            return refusal
        person = await person_of(self._vault, user)
        refusal = await self._passwords.weakness(asked.new, (person.email.partition("@")[0], person.name))
        if refusal is not None:
            return refusal
        password_hash = await self._passwords.hash(asked.new)
        if isinstance(password_hash, Refusal):
            return password_hash
        now_ms = self._clock()
        others = {each.session_id for each in await self._sessions.of_user(user.user_id, now_ms)}
        entry = told(who.origin, "user.change_password", now_ms)
        if not await self._accounts.change_password(user, password_hash, identity.session_id, now_ms, entry):
            return _WRONG_PROOF
        self._identities.forget(others)
        self._tell(self._letters.password_changed(person))
        rotated = await self._opening.rotate(identity.session_id)
        return _UNAUTHENTICATED if rotated is None else rotated[0]

    # --- sessions -----------------------------------------------------------------------------------------

    async def sessions(self, identity: Identity) -> SessionList:
        """Return where somebody is signed in, the last used first."""
        listed = await self._sessions.of_user(_user_id(identity), self._clock())
        return SessionList(
            items=tuple(
                SessionView(
                    id=text(SESSION, each.session_id),
                    device=each.device,
                    created_at_ms=each.created_at_ms,
                    last_used_at_ms=each.last_used_at_ms,
                    expires_at_ms=each.expires_at_ms,
                    is_current=each.session_id == identity.session_id,
                )
                for each in listed
            )
        )

    async def end_session(self, who: Who, session_id: SessionId) -> Refusal | None:
        """End one session of somebody's own."""
        user_id = _user_id(who.identity)
        ended = told(who.origin, "user.end_session", self._clock(), session=text(SESSION, session_id))
        if not await self._sessions.end(user_id, session_id, ended(user_id)):
            return Refusal(Code.NOT_FOUND)
        self._identities.forget({session_id})
        return None

    async def step_up(self, identity: Identity, asked: StepUp) -> tuple[SteppedUp, str] | Refusal:
        """Take a fresh proof. Who has a second factor has to show that one. Returns the session's new
        token.
        """
        user = await self._user(identity)
        if user is None or identity.session_id is None:
            return _UNAUTHENTICATED
        has_factor = (await self._factors.of_user(user.user_id)).is_any
        refusal: Refusal | None = _WRONG_PROOF
        if asked.passkey is not None:
            if await self._passkeys.verify(asked.passkey) == user.user_id:
                refusal = None
        elif asked.code is not None and has_factor:
            refusal = await self._attempts.code(user.user_id)
            if refusal is None and not await self._second_factors.check(user.user_id, asked.code):
                refusal = _WRONG_PROOF
        elif asked.password is not None and not has_factor:
            refusal = await self._password_refusal(user, asked.password)
        if refusal is not None:
            return refusal
        rotated = await self._opening.rotate(
            identity.session_id, is_stepped_up=True, with_second_factor=True if has_factor else None
        )
        return _UNAUTHENTICATED if rotated is None else (SteppedUp(until_ms=rotated[1]), rotated[0])

    # --- what they share ----------------------------------------------------------------------------------

    async def _user(self, identity: Identity) -> User | None:
        return await self._accounts.find(_user_id(identity))

    async def _proof_refusal(self, user: User, identity: Identity, password: str) -> Refusal | None:
        """Return why somebody may not change what gets them in: the password, and whoever has a second factor
        shows that as well, or a stolen password would be enough to take the account.
        """
        has_factor = (await self._factors.of_user(user.user_id)).is_any
        if has_factor and identity.stepped_up_until_ms <= self._clock():
            return Refusal(Code.STEP_UP_NEEDED)
        return await self._password_refusal(user, password)

    async def _password_refusal(self, user: User, password: str) -> Refusal | None:
        refusal = await self._attempts.password(user.email_lookup)
        if refusal is not None:
            return refusal
        matches = await self._passwords.matches(user.password_hash, password)
        if isinstance(matches, Refusal):
            return matches
        return None if matches else _WRONG_PROOF

    async def _offer_email(self, user: User, email: str) -> None:
        lookup = lookup_of(self._vault, email)
        known = await self._accounts.find_by_email(lookup)
        if known is not None and known.user_id != user.user_id:
            person = await person_of(self._vault, known)
            await self._mailer.send(self._letters.email_in_use(person))
            return
        person = await person_of(self._vault, user)
        token, token_hash = new_token()
        sealed = await self._vault.seal(user.user_id, "users", "email_sealed", email)
        until_ms = self._clock() + CHANGE_MS
        asked = NewToken(token_hash, Purpose.EMAIL_CHANGE, user.user_id, until_ms, sealed, lookup)
        if not await self._tokens.issue(asked, is_only=True, stamp=user.stamp):
            return
        # Nobody has said yet that the address is theirs, so no name goes there.
        there = msgspec.structs.replace(person, email=email, name="")
        await self._mailer.send(self._letters.confirm_email(there, token))

    def _tell(self, mail: Mail) -> None:
        self._background.start("a letter", self._mailer.send(mail))

    async def _view(self, user: User, identity: Identity) -> UserView:
        person = await person_of(self._vault, user)
        factors = await self._factors.of_user(user.user_id)
        memberships: Sequence[MembershipView] = ()
        if self._memberships is not None:
            memberships = await self._memberships.views_of(identity)
        return UserView(
            id=text(USER, user.user_id),
            email=person.email,
            name=person.name,
            locale=user.locale,
            version=user.version,
            platform_role=identity.platform_role,
            has_totp=factors.has_totp,
            passkeys=factors.passkeys,
            recovery_codes_left=factors.recovery_codes,
            stepped_up_until_ms=identity.stepped_up_until_ms,
            memberships=tuple(memberships),
        )


def _user_id(identity: Identity) -> UserId:
    """Return whose identity this is; routes of users are served to users only."""
    assert identity.user_id is not None
    return identity.user_id
