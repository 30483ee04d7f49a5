"""Who asks. Every request, over HTTP or a websocket, is made by an `Identity`, and what it may do is decided
here, from the table in `domain.roles`.
"""

import enum

import msgspec

from domain.ids import ApiKeyId, BuyerId, DeviceId, EventId, OrganisationId, SessionId, UserId
from domain.roles import GRANTS, PLATFORM_GRANTS, Permission, PlatformRole, Role


class Membership(msgspec.Struct, frozen=True):
    """A role in an organisation, or for one event of it.

    Attributes:
        event_id: None for the whole organisation.
        is_barred: the organisation requires a second factor and this identity signed in without one: the
            role is there, and may do nothing until a second factor is set up.
    """

    organisation_id: OrganisationId
    role: Role
    event_id: EventId | None = None
    is_barred: bool = False


class Verdict(enum.Enum):
    """Whether something may be done. `HIDDEN` is told as if the thing did not exist."""

    ALLOWED = "allowed"
    HIDDEN = "hidden"
    FORBIDDEN = "forbidden"
    SECOND_FACTOR_NEEDED = "second_factor_needed"


class Identity(msgspec.Struct, frozen=True):
    """Somebody, or a program of theirs.

    Attributes:
        buyer_id: under which holds and orders are made; None for keys and devices.
        user_id: None for guests, and for keys and devices, which act for an organisation.
        session_id: the session in use, None for keys and devices.
        scopes: what a key or a device is limited to; None for people.
        stepped_up_until_ms: until when the last proof of who this is counts for what `roles.STEP_UP` names.
    """

    buyer_id: BuyerId | None = None
    user_id: UserId | None = None
    session_id: SessionId | None = None
    api_key_id: ApiKeyId | None = None
    device_id: DeviceId | None = None
    memberships: tuple[Membership, ...] = ()
    platform_role: PlatformRole | None = None
    scopes: frozenset[Permission] | None = None
    stepped_up_until_ms: int = 0

    def judge(
        self, permission: Permission, organisation_id: OrganisationId, event_id: EventId | None = None
    ) -> Verdict:
        """Say whether this identity may do something in an organisation, or to one event of it.

        Who has no role there is not told that it exists. A role for one event counts for that event only.
        """
        roles = [
            member
            for member in self.memberships
            if member.organisation_id == organisation_id
            and (member.event_id is None or member.event_id == event_id)
        ]
        if not roles:
            return Verdict.HIDDEN
        if not any(permission in GRANTS[member.role] for member in roles):
            return Verdict.FORBIDDEN
        if self.scopes is not None and permission not in self.scopes:
            return Verdict.FORBIDDEN
        if not any(permission in GRANTS[member.role] and not member.is_barred for member in roles):
            return Verdict.SECOND_FACTOR_NEEDED
        return Verdict.ALLOWED

    def may_on_platform(self, permission: Permission) -> bool:
        """Say whether this identity has a permission of the platform."""
        return self.platform_role is not None and permission in PLATFORM_GRANTS[self.platform_role]


class Attempt(msgspec.Struct, frozen=True):
    """One try at a request that carries an idempotency key: of all that are made, one has an effect
    (docs/decisions/idempotency-keys.md).
    """

    key_hash: bytes
    worker: bytes


class Origin(msgspec.Struct, frozen=True):
    """From where somebody asks, as the audit log has it, and which attempt of theirs this is; None if they
    did not say that they may ask again.
    """

    address: str
    user_agent: str
    attempt: Attempt | None = None


class Who(msgspec.Struct, frozen=True):
    """Somebody and from where: what every service that changes something is told."""

    identity: Identity
    origin: Origin
