"""Making an account, and getting back into one whose password is forgotten.

Nothing here tells whether an address has an account. Every answer is the same, costs the same work before it
is given (one look-up, and one hash where a password came along), and what differs happens afterwards
(`services.users.background`).

An address is confirmed by the browser that signed up, or by whoever knows the password that was chosen there.
Otherwise somebody could sign up with the address of another person and a password of their own, have that
person press the link, and share the account from then on.
"""

from collections.abc import Callable
from typing import Final

from domain.identity import Origin
from domain.ids import BuyerId, UserId
from domain.refusals import Code, Refusal
from services.notifications.port import Mailer
from services.sessions import hashed, is_token
from services.users.attempts import Attempts
from services.users.auditing import told
from services.users.background import Background
from services.users.mails import AccountLetters
from services.users.models import Confirmation, Confirmed, NewPassword, SignUp
from services.users.opening import SessionOpening
from services.users.passwords import Passwords
from services.users.people import Person, lookup_of, new_token, person_of
from services.vault import Vault
from storage.account_tokens import AccountTokens, NewToken, Purpose
from storage.accounts import Accounts, User, UserState

CONFIRM_MS: Final = 24 * 3_600_000
RESET_MS: Final = 3_600_000
_BUSY: Final = Refusal(Code.BUSY, 1_000)
_LINK_NOT_VALID: Final = Refusal(Code.LINK_NOT_VALID)


class SigningUp:
    """Takes sign-ups and resets. Methods raise `ConnectionError` when PostgreSQL is away."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        tokens: AccountTokens,
        opening: SessionOpening,
        passwords: Passwords,
        attempts: Attempts,
        vault: Vault,
        mailer: Mailer,
        letters: AccountLetters,
        background: Background,
        clock: Callable[[], int],
        new_id: Callable[[], bytes],
    ) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._opening = opening
        self._passwords = passwords
        self._attempts = attempts
        self._vault = vault
        self._mailer = mailer
        self._letters = letters
        self._background = background
        self._clock = clock
        self._new_id = new_id

    async def sign_up(self, asked: SignUp, buyer_id: BuyerId | None) -> Refusal | None:
        """Take a sign-up; a letter follows, whatever the address.

        Args:
            asked: what was filled in.
            buyer_id: of the guest who signs up, whose orders the account will have; None for nobody's.
        """
        personal = (asked.email.partition("@")[0], asked.name)
        lookup = lookup_of(self._vault, asked.email)
        refusal = await self._passwords.weakness(asked.password, personal)
        if refusal is None:
            refusal = await self._attempts.letter(lookup)
        if refusal is None and self._background.is_full:
            refusal = _BUSY
        if refusal is not None:
            return refusal
        password_hash = await self._passwords.hash(asked.password)
        if isinstance(password_hash, Refusal):
            return password_hash
        known = await self._accounts.find_by_email(lookup)
        if known is not None:
            self._background.start("a letter", self._say_already(known))
        else:
            self._background.start("a sign-up", self._keep(asked, password_hash, buyer_id))
        return None

    async def confirm(
        self, asked: Confirmation, session_token: str, origin: Origin
    ) -> tuple[Confirmed, str] | Refusal:
        """Confirm an address with the token of its letter.

        Returns:
            Whether this browser is signed in by it, and the new session's token, "" if it is not.
        """
        if not is_token(asked.token):
            return _LINK_NOT_VALID
        token_hash, now_ms = hashed(asked.token), self._clock()
        token = await self._tokens.find(token_hash, Purpose.SIGN_UP, now_ms)
        waiting = await self._accounts.find_waiting(token.user_id) if token and token.user_id else None
        if waiting is None:
            return _LINK_NOT_VALID
        if not await self._opening.is_of_buyer(session_token, waiting.buyer_id):
            refusal = await self._stranger(waiting, asked.password)
            if refusal is not None:
                return refusal
        # A sign-up is one account and one link, so what was proved is proved of what is confirmed here.
        entry = told(origin, "user.confirm", now_ms)
        user = await self._accounts.confirm(token_hash, BuyerId(self._new_id()), now_ms, entry)
        if user is None:
            return _LINK_NOT_VALID
        opened = await self._opening.open(user, origin, session_token, with_second_factor=False)
        return Confirmed(is_signed_in=opened is not None), opened or ""

    async def _stranger(self, waiting: User, password: str | None) -> Refusal | None:
        """Return why a browser that did not sign up may not confirm; the link stays good."""
        if password is None:
            return Refusal(Code.INVALID, None, {"field": "password", "reason": "required"})
        refusal = await self._attempts.code(waiting.user_id)
        if refusal is not None:
            return refusal
        matches = await self._passwords.matches(waiting.password_hash, password)
        if isinstance(matches, Refusal):
            return matches
        return None if matches else Refusal(Code.WRONG_PROOF)

    async def ask_reset(self, email: str) -> Refusal | None:
        """Send a letter with which the password can be replaced, if there is an account."""
        lookup = lookup_of(self._vault, email)
        refusal = await self._attempts.letter(lookup)
        if refusal is None and self._background.is_full:
            refusal = _BUSY
        if refusal is not None:
            return refusal
        user = await self._accounts.find_by_email(lookup)
        if user is not None:
            self._background.start("a reset", self._send_reset(user))
        return None

    async def reset(self, asked: NewPassword, origin: Origin) -> Refusal | None:
        """Replace a password with the token of a letter, and end every session of the account."""
        if not is_token(asked.token):
            return _LINK_NOT_VALID
        token_hash, now_ms = hashed(asked.token), self._clock()
        token = await self._tokens.find(token_hash, Purpose.PASSWORD_RESET, now_ms)
        user = await self._accounts.find(token.user_id) if token is not None and token.user_id else None
        if user is None:
            return _LINK_NOT_VALID
        person = await person_of(self._vault, user)
        weakness = await self._passwords.weakness(
            asked.password, (person.email.partition("@")[0], person.name)
        )
        if weakness is not None:
            return weakness
        password_hash = await self._passwords.hash(asked.password)
        if isinstance(password_hash, Refusal):
            return password_hash
        # Of two who come with one token, one has it; the look before was only not to hash for nothing.
        entry = told(origin, "user.reset_password", now_ms)
        if await self._accounts.reset_password(token_hash, password_hash, self._clock(), entry) is None:
            return _LINK_NOT_VALID
        # What was changed is changed, whether or not the letter about it finds room.
        letter = self._letters.password_changed(person)
        self._background.start("a letter", self._mailer.send(letter))
        return None

    async def _keep(self, asked: SignUp, password_hash: str, buyer_id: BuyerId | None) -> None:
        user_id = UserId(self._new_id())
        now_ms = self._clock()
        user = User(
            user_id,
            buyer_id or BuyerId(self._new_id()),
            UserState.UNCONFIRMED,
            lookup_of(self._vault, asked.email),
            await self._vault.seal(user_id, "users", "email_sealed", asked.email),
            await self._vault.seal(user_id, "users", "name_sealed", asked.name),
            asked.locale,
            password_hash,
        )
        token, token_hash = new_token()
        await self._accounts.sign_up(
            user, NewToken(token_hash, Purpose.SIGN_UP, user_id, now_ms + CONFIRM_MS), now_ms
        )
        # Without the name: who typed it may be anybody, and it would be their words in our letter.
        person = Person(asked.email, "", asked.locale)
        await self._mailer.send(self._letters.confirm_sign_up(person, token))

    async def _say_already(self, user: User) -> None:
        await self._mailer.send(self._letters.already_signed_up(await person_of(self._vault, user)))

    async def _send_reset(self, user: User) -> None:
        token, token_hash = new_token()
        now_ms = self._clock()
        person = await person_of(self._vault, user)
        asked = NewToken(token_hash, Purpose.PASSWORD_RESET, user.user_id, now_ms + RESET_MS)
        # The address may just have become another: a link that is sent to the old one must open nothing.
        if await self._tokens.issue(asked, is_only=True, address=user.email_lookup):
            await self._mailer.send(self._letters.reset_password(person, token))
