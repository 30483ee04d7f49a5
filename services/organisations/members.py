"""Who works for an organisation, as what, and who says so.

What changes who may do what in an organisation happens one after the other, with its row locked, and whoever
does it is asked for their roles again then. So two owners who demote each other at once do not both succeed.
"""

from typing import Final

from domain import ids
from domain.identity import Who
from domain.ids import MemberId, OrganisationId, UserId
from domain.refusals import Code, Refusal
from domain.roles import WHOLE_ORGANISATION, Role, may_give
from services.audit import entry_for
from services.cursors import cursor_of, parts_of
from services.models import Page, PageQuery
from services.organisations.models import MemberChange, MemberView
from services.organisations.rights import managing_roles
from services.vault import Unreadable, Vault
from storage import members, organisations
from storage.audit_log import record
from storage.members import Member, SealedPerson
from storage.postgres import AnyConnection, Pool
from storage.tenancy import tenant

_NOT_FOUND: Final = Refusal(Code.NOT_FOUND)


class Members:
    """Every method raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def list(self, organisation_id: OrganisationId, query: PageQuery) -> Page[MemberView] | Refusal:
        """Return a part of the members, in the order of joining."""
        after = parts_of(query.cursor, 16) if query.cursor else (None,)
        if after is None:
            return Refusal(Code.INVALID, None, {"field": "cursor"})
        async with tenant(self._pool, organisation_id) as connection:
            found = await members.list_members(
                connection, organisation_id, MemberId(after[0]) if after[0] else None, query.limit + 1
            )
        shown = found[: query.limit]
        people = await members.sealed_people(self._pool, [member.user_id for member in shown])
        return Page[MemberView](
            items=tuple([await self._view(member, people) for member in shown]),
            next_cursor=cursor_of(shown[-1].member_id) if len(found) > query.limit else None,
        )

    async def change(
        self,
        who: Who,
        organisation_id: OrganisationId,
        member_id: MemberId,
        version: int,
        change: MemberChange,
        now_ms: int,
    ) -> MemberView | Refusal:
        """Give a member another role."""
        async with tenant(self._pool, organisation_id) as connection:
            await organisations.lock(connection, organisation_id)
            member = await members.find(connection, organisation_id, member_id)
            if member is None:
                return _NOT_FOUND
            if member.version != version:
                return Refusal(Code.VERSION_CONFLICT, None, {"version": member.version})
            if member.event_id is not None and change.role in WHOLE_ORGANISATION:
                return Refusal(Code.INVALID, None, {"field": "role"})
            if member.role is not change.role:
                refusal = await self._refusal(connection, who, member, change.role)
                if refusal is not None:
                    return refusal
                await members.update_role(connection, member, change.role)
                await record(
                    connection,
                    entry_for(
                        who,
                        "member.change",
                        ids.text(ids.MEMBER, member_id),
                        organisation_id=organisation_id,
                        at_ms=now_ms,
                        before=_audited(member),
                        after={"role": change.role.value},
                    ),
                )
            changed = await members.find(connection, organisation_id, member_id)
        assert changed is not None
        return await self._view(changed, await members.sealed_people(self._pool, [changed.user_id]))

    async def remove(
        self, who: Who, organisation_id: OrganisationId, member_id: MemberId, version: int, now_ms: int
    ) -> Refusal | None:
        """Take a member's role away."""
        async with tenant(self._pool, organisation_id) as connection:
            await organisations.lock(connection, organisation_id)
            member = await members.find(connection, organisation_id, member_id)
            if member is None:
                return _NOT_FOUND
            if member.version != version:
                return Refusal(Code.VERSION_CONFLICT, None, {"version": member.version})
            refusal = await self._refusal(connection, who, member, None)
            if refusal is not None:
                return refusal
            await self._delete(connection, who, "member.remove", member, now_ms)
        return None

    async def leave(self, who: Who, organisation_id: OrganisationId, now_ms: int) -> Refusal | None:
        """Give up every role that one has in an organisation. The last owner can't."""
        user_id = who.identity.user_id
        if user_id is None:
            return Refusal(Code.UNAUTHENTICATED)
        async with tenant(self._pool, organisation_id) as connection:
            await organisations.lock(connection, organisation_id)
            own = await members.of_user(connection, organisation_id, user_id)
            if not own:
                return _NOT_FOUND
            for member in own:
                if await _is_last_owner(connection, member):
                    return Refusal(Code.LAST_OWNER)
            for member in own:
                await self._delete(connection, who, "member.leave", member, now_ms)
        return None

    async def _refusal(
        self, connection: AnyConnection, who: Who, member: Member, role: Role | None
    ) -> Refusal | None:
        """Say why somebody may not make a member's role another one, or none."""
        own = await managing_roles(connection, member.organisation_id, who.identity)
        if not own:
            return Refusal(Code.FORBIDDEN)
        if not may_give(own, member.role) or (role is not None and not may_give(own, role)):
            return Refusal(Code.ROLE_TOO_HIGH)
        return Refusal(Code.LAST_OWNER) if await _is_last_owner(connection, member) else None

    async def _delete(
        self, connection: AnyConnection, who: Who, action: str, member: Member, now_ms: int
    ) -> None:
        await members.delete(connection, member)
        await record(
            connection,
            entry_for(
                who,
                action,
                ids.text(ids.MEMBER, member.member_id),
                organisation_id=member.organisation_id,
                at_ms=now_ms,
                before=_audited(member),
            ),
        )

    async def _view(self, member: Member, people: dict[UserId, SealedPerson]) -> MemberView:
        person = people.get(member.user_id)
        name, email = ("", "") if person is None else await self._opened(person)
        return MemberView(
            id=ids.text(ids.MEMBER, member.member_id),
            user=ids.text(ids.USER, member.user_id),
            name=name,
            email=email,
            role=member.role,
            event=ids.text(ids.EVENT, member.event_id) if member.event_id else None,
            version=member.version,
            joined_at_ms=member.created_at_ms,
        )

    async def _opened(self, person: SealedPerson) -> tuple[str, str]:
        try:
            return (
                await self._vault.open(person.user_id, "users", "name_sealed", person.name_sealed),
                await self._vault.open(person.user_id, "users", "email_sealed", person.email_sealed),
            )
        except Unreadable:
            # Erased while the list was made.
            return "", ""


async def _is_last_owner(connection: AnyConnection, member: Member) -> bool:
    """Only with the organisation locked."""
    if member.role is not Role.OWNER:
        return False
    return await members.count(connection, member.organisation_id, Role.OWNER) <= 1


def _audited(member: Member) -> dict[str, object]:
    return {
        "user": ids.text(ids.USER, member.user_id),
        "role": member.role.value,
        "event": ids.text(ids.EVENT, member.event_id) if member.event_id else None,
    }
