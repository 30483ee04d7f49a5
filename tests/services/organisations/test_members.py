"""Who may do what is changed by those who may, and never so that nobody may any more. If these fail, an
administrator makes themselves an owner, or an organisation is left without one.
"""

import asyncio

import pytest

from domain import ids
from domain.ids import MemberId
from domain.refusals import Code, Refusal
from domain.roles import GRANTS, Permission, Role, may_give
from services.models import Page, PageQuery
from services.organisations.models import MemberChange, MemberView
from tests.services.organisations.stage import Stage


def code(result: object) -> object:
    return result.code if isinstance(result, Refusal) else result


async def change(
    stage: Stage, who: object, organisation_id: object, member: MemberView, role: Role
) -> object:
    return code(
        await stage.members.change(
            who,  # type: ignore[arg-type]
            organisation_id,  # type: ignore[arg-type]
            MemberId(ids.parse(ids.MEMBER, member.id)),
            member.version,
            MemberChange(role=role),
            stage.now_ms,
        )
    )


def test_nobody_gives_what_they_do_not_have() -> None:
    for own in Role:
        for role in Role:
            assert may_give([own], role) == (GRANTS[role] <= GRANTS[own])
    assert not may_give([], Role.VIEWER)
    assert not may_give([Role.ADMIN], Role.OWNER)
    assert may_give([Role.OWNER], Role.OWNER)


async def test_the_list_has_names_that_the_database_does_not(stage: Stage) -> None:
    anna = await stage.user("anna@example.org", "Anna Ørsted")
    organisation_id = await stage.organisation(anna)
    await stage.member(anna, organisation_id, "ben@example.org", Role.SCANNER)
    first = await stage.members.list(organisation_id, PageQuery(limit=1))
    assert isinstance(first, Page)
    assert [(member.name, member.email, member.role) for member in first.items] == [
        ("Anna Ørsted", "anna@example.org", Role.OWNER)
    ]
    second = await stage.members.list(organisation_id, PageQuery(limit=1, cursor=first.next_cursor))
    assert isinstance(second, Page)
    assert [member.email for member in second.items] == ["ben@example.org"]
    assert second.next_cursor is None
    assert code(await stage.members.list(organisation_id, PageQuery(cursor="AAAA"))) is Code.INVALID


async def test_two_owners_who_demote_each_other_do_not_both_succeed(stage: Stage) -> None:
    """Each request was permitted when it came."""
    for attempt in range(5):
        anna = await stage.user(f"anna{attempt}@example.org")
        organisation_id = await stage.organisation(anna, f"north-{attempt}")
        ben = await stage.member(anna, organisation_id, f"ben{attempt}@example.org", Role.OWNER)
        annas = await stage.member_of(organisation_id, anna)
        bens = await stage.member_of(organisation_id, ben)
        results = await asyncio.gather(
            change(stage, anna, organisation_id, bens, Role.ADMIN),
            change(stage, ben, organisation_id, annas, Role.ADMIN),
        )
        assert sorted(isinstance(result, MemberView) for result in results) == [False, True]
        assert Code.ROLE_TOO_HIGH in results
        owners = await stage.pool.fetchval(
            "SELECT count(*) FROM members WHERE organisation_id = $1 AND role = 'owner'", organisation_id
        )
        assert owners == 1


async def test_owners_who_leave_at_once_do_not_all_leave(stage: Stage) -> None:
    anna = await stage.user("anna@example.org")
    organisation_id = await stage.organisation(anna)
    others = [
        await stage.member(anna, organisation_id, f"{number}@example.org", Role.OWNER) for number in range(3)
    ]
    results = await asyncio.gather(
        *(stage.members.leave(who, organisation_id, stage.now_ms) for who in (anna, *others))
    )
    assert sorted(map(str, map(code, results))) == ["None"] * 3 + ["last_owner"]
    assert await stage.pool.fetchval("SELECT array_agg(role) FROM members") == ["owner"]


async def test_the_last_owner_is_neither_removed_nor_demoted(stage: Stage) -> None:
    anna = await stage.user("anna@example.org")
    organisation_id = await stage.organisation(anna)
    member = await stage.member_of(organisation_id, anna)
    assert await change(stage, anna, organisation_id, member, Role.ADMIN) is Code.LAST_OWNER
    removed = await stage.members.remove(
        anna, organisation_id, MemberId(ids.parse(ids.MEMBER, member.id)), 1, stage.now_ms
    )
    assert code(removed) is Code.LAST_OWNER
    assert code(await stage.members.leave(anna, organisation_id, stage.now_ms)) is Code.LAST_OWNER
    assert await stage.log(organisation_id) == ["organisation.create"]


@pytest.mark.parametrize("role", list(Role))
async def test_an_administrator_moves_within_their_own_rights(stage: Stage, role: Role) -> None:
    anna = await stage.user("anna@example.org")
    organisation_id = await stage.organisation(anna)
    admin = await stage.member(anna, organisation_id, "admin@example.org", Role.ADMIN)
    other = await stage.member(anna, organisation_id, "other@example.org", Role.VIEWER)
    member = await stage.member_of(organisation_id, other)
    result = await change(stage, admin, organisation_id, member, role)
    if may_give([Role.ADMIN], role):
        assert isinstance(result, MemberView)
        assert result.role is role
    else:
        assert result is Code.ROLE_TOO_HIGH
    owner = await stage.member_of(organisation_id, anna)
    removed = await stage.members.remove(
        admin, organisation_id, MemberId(ids.parse(ids.MEMBER, owner.id)), owner.version, stage.now_ms
    )
    assert code(removed) is Code.ROLE_TOO_HIGH


@pytest.mark.parametrize("role", [role for role in Role if Permission.MEMBERS_MANAGE not in GRANTS[role]])
async def test_who_may_not_any_more_is_refused_although_the_route_let_them_in(
    stage: Stage, role: Role
) -> None:
    anna = await stage.user("anna@example.org")
    organisation_id = await stage.organisation(anna)
    late = await stage.member(anna, organisation_id, "late@example.org", role)
    member = await stage.member_of(organisation_id, late)
    assert await change(stage, late, organisation_id, member, Role.VIEWER) in (
        {Code.FORBIDDEN} if role is not Role.VIEWER else {member}
    )
    assert code(await stage.invite(late, organisation_id, "x@example.org", Role.VIEWER)) is Code.FORBIDDEN


async def test_a_member_of_another_organisation_is_not_there(stage: Stage) -> None:
    """The same answer as for a member who does not exist."""
    anna, ben = await stage.user("anna@example.org"), await stage.user("ben@example.org")
    ours, theirs = await stage.organisation(anna, "ours"), await stage.organisation(ben, "theirs")
    member = await stage.member_of(theirs, ben)
    assert await change(stage, anna, ours, member, Role.VIEWER) is Code.NOT_FOUND
    removed = await stage.members.remove(
        anna, ours, MemberId(ids.parse(ids.MEMBER, member.id)), 1, stage.now_ms
    )
    assert code(removed) is Code.NOT_FOUND
    assert await stage.roles(ben) == [(theirs, Role.OWNER)]


async def test_a_member_who_was_changed_meanwhile_is_not_removed(stage: Stage) -> None:
    anna = await stage.user("anna@example.org")
    organisation_id = await stage.organisation(anna)
    ben = await stage.member(anna, organisation_id, "ben@example.org", Role.VIEWER)
    member = await stage.member_of(organisation_id, ben)
    assert isinstance(await change(stage, anna, organisation_id, member, Role.ADMIN), MemberView)
    member_id = MemberId(ids.parse(ids.MEMBER, member.id))
    removed = await stage.members.remove(anna, organisation_id, member_id, 1, stage.now_ms)
    assert code(removed) is Code.VERSION_CONFLICT
    assert await stage.members.remove(anna, organisation_id, member_id, 2, stage.now_ms) is None
    assert await stage.roles(ben) == []
    assert (await stage.log(organisation_id))[-2:] == ["member.change", "member.remove"]
