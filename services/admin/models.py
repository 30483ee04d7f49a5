"""What is said to and by those who run the platform."""

from typing import Annotated

from pydantic import Field

from domain.roles import PlatformRole, Role
from domain.standing import Standing
from services.models import (
    Email,
    EventRef,
    Line,
    Model,
    OrganisationRef,
    PageQuery,
    Reason,
    TimeMs,
    UserRef,
    Version,
)
from services.users.models import OrganisationName


class OrganisationsQuery(PageQuery):
    """Which organisations."""

    q: Annotated[Line, Field(max_length=100)] = ""
    """In the name or the slug."""
    standing: Standing | None = None


class UsersQuery(PageQuery):
    """Which users."""

    only_suspended: bool = False


class AddressBody(Model):
    """Whom somebody who asks for help says to be."""

    email: Email


class ReasonBody(Model):
    """Why; it stands in the audit log."""

    reason: Reason


class UserRow(Model):
    """A user, without what they are called."""

    id: UserRef
    state: str
    created_at_ms: TimeMs
    is_suspended: bool
    platform_role: PlatformRole | None
    has_second_factor: bool
    memberships: int
    sessions: int


class UserMembership(Model):
    """What a user is in an organisation, or for one event of it."""

    organisation: OrganisationName
    standing: Standing
    """The organisation's."""
    role: Role
    event: EventRef | None


class UserMemberships(Model):
    """All of a user's roles, in the order of joining."""

    items: tuple[UserMembership, ...]


class Revealed(Model):
    """What is known of a person."""

    id: UserRef
    name: str
    email: str
    locale: str


class FlagBody(Model):
    """Whether it is to be on."""

    is_on: bool


class FlagView(Model):
    """A feature flag."""

    flag: str
    is_on: bool
    version: Annotated[Version, Field(ge=0)]
    """How often it was switched."""
    description: str
    """Empty for a flag that no code asks for."""


class FlagList(Model):
    """All feature flags."""

    items: tuple[FlagView, ...]


class PartHealth(Model):
    """How a part of the platform is."""

    part: str
    is_well: bool
    took_ms: int
    """How long it took to answer."""
    detail: str


class Health(Model):
    """How all parts are."""

    is_well: bool
    parts: tuple[PartHealth, ...]


class AuditFinding(Model):
    """Something in an audit log that is not as it was written."""

    organisation: OrganisationRef | None
    """In whose log; None for the platform's."""
    damage: str
    """One of edit, removal, reorder, cut_tail, forged_head, addition, lost_chain."""
    first: int
    """The number of the first entry that it is about; 0 for the end of the log."""
    last: int
    explanation: str


class AuditVerdict(Model):
    """Whether all audit logs are as they were written."""

    at_ms: TimeMs
    """As of when."""
    is_sound: bool | None
    """None if reading them all would have taken too long for an answer."""
    entries: int
    chains: int
    findings_count: int
    findings: tuple[AuditFinding, ...]
    """The first hundred."""
