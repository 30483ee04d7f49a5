"""What is said to and by the service of organisations."""

from typing import Literal, Self

from pydantic import model_validator

from domain.roles import WHOLE_ORGANISATION, Role
from domain.standing import Standing
from services.models import (
    Email,
    EventRef,
    InvitationRef,
    LongText,
    MemberRef,
    Model,
    Name,
    OrganisationRef,
    Slug,
    TimeMs,
    Token,
    UserRef,
    Version,
    WebAddress,
    unfit,
)


class NewOrganisation(Model):
    """An organisation to be made; whoever makes it owns it."""

    name: Name
    slug: Slug
    """What its page's address ends in."""


class OrganisationPatch(Model):
    """What is to change of the profile; what is not said stays as it is."""

    name: Name = "name"
    slug: Slug = "name"
    description: LongText = ""
    """Markdown."""
    website: WebAddress | Literal[""] = ""
    contact_email: Email | Literal[""] = ""
    """Shown to everybody."""
    require_second_factor: bool = False
    """Members who sign in without a second factor may do nothing until they have set one up."""


class OrganisationView(Model):
    """An organisation, as its members see it."""

    id: OrganisationRef
    name: str
    slug: Slug
    description: str
    website: str
    contact_email: str
    require_second_factor: bool
    standing: Standing
    version: Version
    created_at_ms: TimeMs


class MemberView(Model):
    """Somebody with a role."""

    id: MemberRef
    user: UserRef
    name: str
    email: str
    role: Role
    event: EventRef | None
    """Where the role holds; None for the whole organisation."""
    version: Version
    joined_at_ms: TimeMs


class MemberChange(Model):
    """Another role for a member."""

    role: Role


class NewInvitation(Model):
    """Who is to join, and as what."""

    email: Email
    role: Role
    event: EventRef | None = None
    """Where the role holds; None for the whole organisation. Owners and admins are so for all of it."""

    @model_validator(mode="after")
    def _scope(self) -> Self:
        if self.event is not None and self.role in WHOLE_ORGANISATION:
            raise unfit("role_not_for_event", "This role is held for a whole organisation only.")
        return self


class InvitationView(Model):
    """An invitation that nobody has accepted yet."""

    id: InvitationRef
    email: str
    role: Role
    event: EventRef | None
    created_at_ms: TimeMs
    expires_at_ms: TimeMs
    is_expired: bool


class Acceptance(Model):
    """What the link of an invitation carries."""

    token: Token


class Joined(Model):
    """What somebody is now."""

    organisation: OrganisationRef
    name: str
    role: Role
    event: EventRef | None


class Leaving(Model):
    """What somebody leaves, with every role they have there."""

    organisation: OrganisationRef
