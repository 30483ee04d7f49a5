"""What is said to and by the user service."""

from typing import Annotated, Any, Literal

from pydantic import Field

from domain.roles import PlatformRole, Role
from services.models import (
    TOKEN_PATTERN,
    Email,
    EventRef,
    Language,
    Model,
    Name,
    OrganisationRef,
    PasskeyRef,
    Password,
    SessionRef,
    Slug,
    TimeMs,
    Token,
    UserRef,
    Version,
)

Code = Annotated[str, Field(min_length=6, max_length=40, pattern="^[A-Za-z0-9 -]+$")]
"""Six digits of an authenticator app, or a recovery code."""
Credential = Annotated[dict[str, Any], Field(max_length=12)]
"""What `navigator.credentials` gave the page, as `toJSON()` makes it."""


class SignUp(Model):
    """Somebody who wants an account."""

    email: Email
    password: Password
    name: Name
    locale: Language = "en"


class Accepted(Model):
    """What was asked for is on its way, if it can be: the answer is the same either way."""

    is_accepted: Literal[True] = True


class TokenBody(Model):
    """What a link in a mail carries."""

    token: Token


class Confirmation(TokenBody):
    """What confirms an address."""

    password: Password | None = None
    """As it was chosen at sign-up; every browser but the one that signed up is asked for it."""


class Confirmed(Model):
    """An address was confirmed."""

    is_signed_in: bool
    """Whether this browser is signed in by it."""


class SignIn(Model):
    """An address and a password."""

    email: Annotated[str, Field(min_length=1, max_length=254)]
    password: Password


class SecondFactor(Model):
    """The second step of signing in."""

    challenge: Token
    code: Code


class EmailBody(Model):
    """An address."""

    email: Email


class NewPassword(Model):
    """A password instead of one that was forgotten."""

    token: Token
    password: Password


class PasswordChange(Model):
    """A password instead of the present one."""

    old: Password
    new: Password


class EmailChange(Model):
    """An address instead of the present one."""

    email: Email
    password: Password


class ProfileChange(Model):
    """What is given is changed."""

    name: Name | None = None
    locale: Language | None = None


class PasskeyAnswer(Model):
    """What an authenticator answered to a challenge of ours."""

    challenge: Token
    credential: Credential


class StepUp(Model):
    """A fresh proof: the code or a passkey for those who have a second factor, the password for others."""

    password: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(default=None, repr=False)
    code: Code | None = Field(default=None, repr=False)
    passkey: PasskeyAnswer | None = None


class SteppedUp(Model):
    """Until when the proof counts."""

    until_ms: TimeMs


class PasskeyOptions(Model):
    """What the page gives to `navigator.credentials`, and the challenge to send back with what it gets."""

    challenge: Token
    options: dict[str, Any]


class NewPasskey(PasskeyAnswer):
    """A passkey to be kept."""

    name: Name


class PasskeyView(Model):
    """A passkey as its owner sees it."""

    id: PasskeyRef
    name: str
    created_at_ms: TimeMs
    last_used_at_ms: TimeMs | None


class PasskeyList(Model):
    """All passkeys of somebody."""

    items: tuple[PasskeyView, ...]


class TotpSecret(Model):
    """What an authenticator app takes. It counts once a code of it was confirmed."""

    secret: str = Field(repr=False)
    uri: str = Field(repr=False)
    """As a QR code shows it."""


class CodeBody(Model):
    """A code."""

    code: Code


class RecoveryCodes(Model):
    """Shown once. Each is good once, instead of a code of the app."""

    codes: tuple[str, ...] = Field(repr=False)


class OrganisationName(Model):
    """An organisation, as a member sees it."""

    id: OrganisationRef
    slug: Slug
    name: str


class MembershipView(Model):
    """What somebody is in an organisation, or for one event of it."""

    organisation: OrganisationName
    role: Role
    event: EventRef | None
    is_barred: bool
    """The organisation requires a second factor, and this session has none."""


class UserView(Model):
    """Somebody, as they see themselves."""

    id: UserRef
    email: str
    name: str
    locale: str
    version: Version
    platform_role: PlatformRole | None
    has_totp: bool
    passkeys: int
    recovery_codes_left: int
    stepped_up_until_ms: TimeMs
    memberships: tuple[MembershipView, ...]


class SignInAnswer(Model):
    """Who is signed in, or what is still needed."""

    user: UserRef | None = None
    second_factor_needed: bool = False
    methods: tuple[Literal["totp", "passkey", "recovery"], ...] = ()
    challenge: Annotated[str, Field(pattern=TOKEN_PATTERN)] | None = Field(default=None, repr=False)


class SessionView(Model):
    """A session as its owner sees it."""

    id: SessionRef
    device: str
    """A browser and a system; empty if nothing was said."""
    created_at_ms: TimeMs
    last_used_at_ms: TimeMs
    """To within five minutes."""
    expires_at_ms: TimeMs
    is_current: bool


class SessionList(Model):
    """All sessions of somebody."""

    items: tuple[SessionView, ...]


class EndedSessions(Model):
    """How many sessions were ended."""

    count: int
