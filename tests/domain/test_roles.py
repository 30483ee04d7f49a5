"""The table of permissions is what everything else obeys. If these fail, a key can do what only people may,
or somebody gives themselves what they don't have.
"""

from domain.identity import Identity, Membership, Verdict
from domain.ids import EventId, OrganisationId
from domain.roles import (
    DEVICE_SCOPES,
    GRANTS,
    KEY_SCOPES,
    ORGANISATION_PERMISSIONS,
    PLATFORM_PERMISSIONS,
    STEP_UP,
    WHOLE_ORGANISATION,
    Permission,
    Role,
    may_give,
)

OURS, THEIRS = OrganisationId(b"o" * 16), OrganisationId(b"t" * 16)
THIS, THAT = EventId(b"1" * 16), EventId(b"2" * 16)


def test_every_permission_is_somebodys() -> None:
    assert set(GRANTS[Role.OWNER]) == ORGANISATION_PERMISSIONS
    assert set(Permission) == ORGANISATION_PERMISSIONS | PLATFORM_PERMISSIONS
    assert not ORGANISATION_PERMISSIONS & PLATFORM_PERMISSIONS


def test_tokens_change_no_rights() -> None:
    forbidden = STEP_UP | {Permission.MEMBERS_MANAGE, Permission.KEYS_MANAGE} | PLATFORM_PERMISSIONS
    assert not KEY_SCOPES & forbidden
    assert not DEVICE_SCOPES & forbidden


def test_who_manages_members_holds_a_role_for_the_whole() -> None:
    """What members may do is decided for an organisation, so nobody decides it by a role for one event."""
    managing = {role for role in Role if Permission.MEMBERS_MANAGE in GRANTS[role]}
    assert managing == WHOLE_ORGANISATION


def test_giving_is_never_a_way_up() -> None:
    for own in Role:
        reach = {role for role in Role if may_give([own], role)}
        assert {permission for role in reach for permission in GRANTS[role]} <= GRANTS[own]


def test_a_role_counts_where_it_is_held() -> None:
    somebody = Identity(memberships=(Membership(OURS, Role.VIEWER), Membership(OURS, Role.BOX_OFFICE, THIS)))
    assert somebody.judge(Permission.EVENTS_READ, OURS, THAT) is Verdict.ALLOWED
    assert somebody.judge(Permission.TICKETS_SELL, OURS, THIS) is Verdict.ALLOWED
    assert somebody.judge(Permission.TICKETS_SELL, OURS, THAT) is Verdict.FORBIDDEN
    assert somebody.judge(Permission.TICKETS_SELL, OURS) is Verdict.FORBIDDEN
    assert somebody.judge(Permission.EVENTS_READ, THEIRS) is Verdict.HIDDEN


def test_a_barred_role_does_nothing_and_says_why() -> None:
    barred = Identity(memberships=(Membership(OURS, Role.OWNER, is_barred=True),))
    assert barred.judge(Permission.EVENTS_READ, OURS) is Verdict.SECOND_FACTOR_NEEDED
    viewer = Identity(memberships=(Membership(OURS, Role.VIEWER, is_barred=True),))
    assert viewer.judge(Permission.MEMBERS_MANAGE, OURS) is Verdict.FORBIDDEN
