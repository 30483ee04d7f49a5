"""Inviting people by mail.

An invitation is bound to its address: whoever gets hold of the link can't use it from another account. It is
good once, until it expires, is taken back or sent anew, and as long as who sent it may still give that role.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from domain import ids
from domain.identity import Who
from domain.ids import EventId, InvitationId, MemberId, OrganisationId, UserId
from domain.refusals import Code, Refusal
from domain.roles import may_give
from domain.standing import Standing
from services.audit import entry_for
from services.cursors import cursor_of, parts_of
from services.models import Page, PageQuery
from services.notifications.port import Mailer
from services.organisations.letters import InvitationLetters
from services.organisations.models import InvitationView, Joined, NewInvitation
from services.organisations.rights import managing_roles, roles_of
from services.sessions import hashed
from services.users.attempts import Attempts
from services.users.people import Person, lookup_of, new_token
from services.vault import Unreadable, Vault
from storage import invitations, members, organisations
from storage.audit_log import record
from storage.audit_reader import invitations_since
from storage.catalogue import title_of
from storage.invitations import Invitation
from storage.members import Member
from storage.organisations import Organisation
from storage.postgres import AnyConnection, Pool
from storage.tenancy import tenant

GOOD_FOR_MS: Final = 7 * 24 * 3_600_000
OPEN_MAX: Final = 200
DAILY_MAX: Final = 200
MEMBERS_MAX: Final = 1_000
_DAY_MS: Final = 24 * 3_600_000
_DAILY_RETRY_MS: Final = 3_600_000
_CREATE: Final = "invitation.create"
_TABLE: Final = "invitations"
_COLUMN: Final = "email_sealed"
_NOT_VALID: Final = Refusal(Code.LINK_NOT_VALID)


class _Sent(msgspec.Struct, frozen=True):
    """What the letter says of an invitation that is stored."""

    organisation: Organisation
    event_title: str | None
    replaced: InvitationId | None


class Invitations:
    """Every method raises `ConnectionError` when PostgreSQL is away."""

    def __init__(
        self,
        pool: Pool,
        vault: Vault,
        mailer: Mailer,
        letters: InvitationLetters,
        new_id: Callable[[], bytes],
        attempts: Attempts,
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._mailer = mailer
        self._letters = letters
        self._new_id = new_id
        self._attempts = attempts

    async def invite(
        self, who: Who, organisation_id: OrganisationId, wanted: NewInvitation, now_ms: int
    ) -> InvitationView | Refusal:
        """Send an invitation. The one before it to the same address, for the same, is void."""
        if who.identity.user_id is None:
            return Refusal(Code.FORBIDDEN)
        email_hash = lookup_of(self._vault, wanted.email)
        # Whoever makes an organisation may write to anybody: not often to the same, and not to many.
        too_often = await self._attempts.invitation(email_hash)
        if too_often is not None:
            return too_often
        invitation_id = InvitationId(self._new_id())
        token, token_hash = new_token()
        invitation = Invitation(
            invitation_id=invitation_id,
            organisation_id=organisation_id,
            event_id=EventId(ids.parse(ids.EVENT, wanted.event)) if wanted.event else None,
            role=wanted.role,
            email_hash=email_hash,
            email_sealed=await self._vault.seal(invitation_id, _TABLE, _COLUMN, wanted.email),
            token_hash=token_hash,
            invited_by=who.identity.user_id,
            created_at_ms=now_ms,
            expires_at_ms=now_ms + GOOD_FOR_MS,
        )
        invited = await members.user_of_address(self._pool, email_hash)
        async with tenant(self._pool, organisation_id) as connection:
            sent = await self._store(connection, who, invitation, invited)
        if isinstance(sent, Refusal):
            await self._vault.forget(invitation_id)
            return sent
        if sent.replaced is not None:
            await self._vault.forget(sent.replaced)
        # Theirs, if they have an account; or else that of who invites them.
        locale = await members.locale_of(self._pool, email_hash, invitation.invited_by)
        to = Person(wanted.email, "", locale)
        await self._mailer.send(
            self._letters.invitation(to, sent.organisation.name, wanted.role, sent.event_title, token)
        )
        return _view(invitation, wanted.email, now_ms)

    async def _store(
        self, connection: AnyConnection, who: Who, invitation: Invitation, invited: UserId | None
    ) -> _Sent | Refusal:
        organisation = await organisations.lock(connection, invitation.organisation_id)
        own = await managing_roles(connection, invitation.organisation_id, who.identity)
        if organisation is None or not own:
            return Refusal(Code.FORBIDDEN)
        if not may_give(own, invitation.role):
            return Refusal(Code.ROLE_TOO_HIGH, None, {"field": "role"})
        title: str | None = None
        if invitation.event_id is not None:
            title = await title_of(connection, invitation.organisation_id, invitation.event_id)
            if title is None:
                return Refusal(Code.NOT_FOUND, None, {"field": "event"})
        if invited is not None:
            roles = await members.of_user(connection, invitation.organisation_id, invited)
            if any(member.event_id == invitation.event_id for member in roles):
                return Refusal(Code.ALREADY_MEMBER, None, {"field": "email"})
        since_ms = invitation.created_at_ms - _DAY_MS
        if await invitations_since(connection, invitation.organisation_id, since_ms) >= DAILY_MAX:
            return Refusal(Code.RATE_LIMITED, _DAILY_RETRY_MS, {"limit": DAILY_MAX})
        if await invitations.count_beside(connection, invitation) >= OPEN_MAX:
            return Refusal(Code.LIMIT_REACHED, None, {"limit": OPEN_MAX})
        # Said to who can make room; whoever was invited can't.
        if await members.count(connection, invitation.organisation_id) >= MEMBERS_MAX:
            return Refusal(Code.LIMIT_REACHED, None, {"limit": MEMBERS_MAX})
        replaced = await invitations.replace(connection, invitation)
        await self._record(connection, who, _CREATE, invitation, invitation.created_at_ms)
        return _Sent(organisation, title, replaced)

    async def list(
        self, organisation_id: OrganisationId, query: PageQuery, now_ms: int
    ) -> Page[InvitationView] | Refusal:
        """Return a part of the invitations that wait to be accepted, oldest first."""
        after = parts_of(query.cursor, 16) if query.cursor else (None,)
        if after is None:
            return Refusal(Code.INVALID, None, {"field": "cursor"})
        async with tenant(self._pool, organisation_id) as connection:
            found = await invitations.list_invitations(
                connection, organisation_id, InvitationId(after[0]) if after[0] else None, query.limit + 1
            )
        shown = found[: query.limit]
        return Page[InvitationView](
            items=tuple([_view(each, await self._address(each), now_ms) for each in shown]),
            next_cursor=cursor_of(shown[-1].invitation_id) if len(found) > query.limit else None,
        )

    async def revoke(
        self, who: Who, organisation_id: OrganisationId, invitation_id: InvitationId, now_ms: int
    ) -> Refusal | None:
        """Take an invitation back: its link opens nothing any more."""
        async with tenant(self._pool, organisation_id) as connection:
            await organisations.lock(connection, organisation_id)
            if not await managing_roles(connection, organisation_id, who.identity):
                return Refusal(Code.FORBIDDEN)
            gone = await invitations.take(connection, organisation_id, invitation_id, None)
            if gone is None:
                return Refusal(Code.NOT_FOUND)
            await self._record(connection, who, "invitation.revoke", gone, now_ms)
        await self._vault.forget(invitation_id)
        return None

    async def accept(self, who: Who, token: str, now_ms: int) -> Joined | Refusal:
        """Join with the token of a link."""
        user_id = who.identity.user_id
        if user_id is None:
            return Refusal(Code.UNAUTHENTICATED)
        invitation = await invitations.find_by_token(self._pool, hashed(token))
        if invitation is None or invitation.expires_at_ms <= now_ms:
            return _NOT_VALID
        if await members.email_lookup_of(self._pool, user_id) != invitation.email_hash:
            return Refusal(Code.OTHER_ADDRESS)
        async with tenant(self._pool, invitation.organisation_id) as connection:
            joined = await self._join(connection, who, user_id, invitation, now_ms)
        if isinstance(joined, Joined):
            await self._vault.forget(invitation.invitation_id)
        return joined

    async def _join(
        self, connection: AnyConnection, who: Who, user_id: UserId, invitation: Invitation, now_ms: int
    ) -> Joined | Refusal:
        organisation_id = invitation.organisation_id
        organisation = await organisations.lock(connection, organisation_id)
        if organisation is None or organisation.standing is not Standing.ACTIVE:
            return _NOT_VALID
        if not may_give(await roles_of(connection, organisation_id, invitation.invited_by), invitation.role):
            return _NOT_VALID
        if await members.count(connection, organisation_id) >= MEMBERS_MAX:
            return Refusal(Code.LIMIT_REACHED, None, {"limit": MEMBERS_MAX})
        own = await members.of_user(connection, organisation_id, user_id)
        if any(member.event_id == invitation.event_id for member in own):
            return Refusal(Code.ALREADY_MEMBER)
        taken = await invitations.take(
            connection, organisation_id, invitation.invitation_id, invitation.token_hash
        )
        if taken is None:
            return _NOT_VALID
        member = Member(
            MemberId(self._new_id()), organisation_id, user_id, taken.role, taken.event_id, 1, now_ms
        )
        await members.insert(connection, member)
        event = ids.text(ids.EVENT, member.event_id) if member.event_id else None
        await record(
            connection,
            entry_for(
                who,
                "member.join",
                ids.text(ids.MEMBER, member.member_id),
                organisation_id=organisation_id,
                at_ms=now_ms,
                after={
                    "user": ids.text(ids.USER, user_id),
                    "role": member.role.value,
                    "event": event,
                    "invitation": ids.text(ids.INVITATION, taken.invitation_id),
                    "invited_by": ids.text(ids.USER, taken.invited_by),
                },
            ),
        )
        return Joined(
            organisation=ids.text(ids.ORGANISATION, organisation_id),
            name=organisation.name,
            role=member.role,
            event=event,
        )

    async def _record(
        self, connection: AnyConnection, who: Who, action: str, invitation: Invitation, now_ms: int
    ) -> None:
        said = {
            "role": invitation.role.value,
            "event": ids.text(ids.EVENT, invitation.event_id) if invitation.event_id else None,
        }
        is_new = action == _CREATE
        await record(
            connection,
            entry_for(
                who,
                action,
                ids.text(ids.INVITATION, invitation.invitation_id),
                organisation_id=invitation.organisation_id,
                at_ms=now_ms,
                before=None if is_new else said,
                after=said if is_new else None,
            ),
        )

    async def _address(self, invitation: Invitation) -> str:
        try:
            return await self._vault.open(invitation.invitation_id, _TABLE, _COLUMN, invitation.email_sealed)
        except Unreadable:
            return ""


def _view(invitation: Invitation, email: str, now_ms: int) -> InvitationView:
    return InvitationView(
        id=ids.text(ids.INVITATION, invitation.invitation_id),
        email=email,
        role=invitation.role,
        event=ids.text(ids.EVENT, invitation.event_id) if invitation.event_id else None,
        created_at_ms=invitation.created_at_ms,
        expires_at_ms=invitation.expires_at_ms,
        is_expired=invitation.expires_at_ms <= now_ms,
    )
