"""What is said to and by those who run the platform."""

from typing import Annotated

from pydantic import Field

from domain.roles import PlatformRole
from services.models import Email, Line, Model, PageQuery, Reason, TimeMs, UserRef, Version


class OrganisationsQuery(PageQuery):
    """Which organisations."""

    q: Annotated[Line, Field(max_length=100)] = ""
    """In the name or the slug."""


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
