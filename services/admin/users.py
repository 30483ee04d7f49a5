"""Users, as those who run the platform see them: without personal data, unless they say why they need it."""

from collections.abc import Mapping
from typing import Final

from domain import ids
from domain.identity import Who
from domain.ids import SessionId, UserId
from domain.refusals import Code, Refusal
from services.admin.models import Revealed, UserMembership, UserMemberships, UserRow, UsersQuery
from services.audit import entry_for
from services.cursors import cursor_of, parts_of
from services.models import Page
from services.users.models import EndedSessions, OrganisationName, SessionList, SessionView
from services.users.people import lookup_of
from services.vault import Unreadable, Vault
from storage import platform
from storage.audit_log import record
from storage.platform import PlatformUser
from storage.postgres import AnyConnection, Pool, asking
from storage.user_sessions import UserSessions, end_session, end_sessions

_NOT_FOUND: Final = Refusal(Code.NOT_FOUND)


class UserAdministration:
    """Every method raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, pool: Pool, vault: Vault, sessions: UserSessions) -> None:
        self._pool = pool
        self._vault = vault
        self._sessions = sessions

    async def list(self, query: UsersQuery) -> Page[UserRow] | Refusal:
        """Return a part of all users, oldest first."""
        after = parts_of(query.cursor, 16) if query.cursor else (None,)
        if after is None:
            return Refusal(Code.INVALID, None, {"field": "cursor"})
        async with asking(self._pool) as connection:
            found = await platform.list_users(
                connection,
                only_suspended=query.only_suspended,
                after=UserId(after[0]) if after[0] else None,
                limit=query.limit + 1,
            )
        shown = found[: query.limit]
        return Page[UserRow](
            items=tuple(_row(user) for user in shown),
            next_cursor=cursor_of(shown[-1].user_id) if len(found) > query.limit else None,
        )

    async def read(self, user_id: UserId) -> UserRow | Refusal:
        """Return one user."""
        async with asking(self._pool) as connection:
            found = await platform.find_user(connection, user_id)
        return _NOT_FOUND if found is None else _row(found)

    async def memberships(self, user_id: UserId) -> UserMemberships | Refusal:
        """Return what a user is in which organisations."""
        async with asking(self._pool) as connection:
            if await platform.find_user(connection, user_id) is None:
                return _NOT_FOUND
            found = await platform.memberships_of(connection, user_id)
        return UserMemberships(
            items=tuple(
                UserMembership(
                    organisation=OrganisationName(
                        id=ids.text(ids.ORGANISATION, one.organisation_id), slug=one.slug, name=one.name
                    ),
                    standing=one.standing,
                    role=one.role,
                    event=ids.text(ids.EVENT, one.event_id) if one.event_id else None,
                )
                for one in found
            )
        )

    async def find(self, email: str) -> UserRow | Refusal:
        """Return the user of an address that somebody gave us, by its keyed hash."""
        async with asking(self._pool) as connection:
            found = await platform.find_by_address(connection, lookup_of(self._vault, email))
        return _NOT_FOUND if found is None else _row(found)

    async def reveal(self, who: Who, user_id: UserId, reason: str, now_ms: int) -> Revealed | Refusal:
        """Return what is known of a person. That it was looked at, and why, is in the log before it is
        shown.
        """
        async with asking(self._pool) as connection, connection.transaction():
            sealed = await platform.sealed_user(connection, user_id)
            if sealed is None:
                return _NOT_FOUND
            await self._record(connection, who, "people.reveal", user_id, now_ms, {"reason": reason})
        try:
            return Revealed(
                id=ids.text(ids.USER, user_id),
                name=await self._vault.open(user_id, "users", "name_sealed", sealed.name_sealed),
                email=await self._vault.open(user_id, "users", "email_sealed", sealed.email_sealed),
                locale=sealed.locale,
            )
        except Unreadable:
            return _NOT_FOUND

    async def sessions(self, user_id: UserId, now_ms: int) -> SessionList | Refusal:
        """Return a user's sessions, the last used first."""
        async with asking(self._pool) as connection:
            if await platform.find_user(connection, user_id) is None:
                return _NOT_FOUND
        return SessionList(
            items=tuple(
                SessionView(
                    id=ids.text(ids.SESSION, session.session_id),
                    device=session.device,
                    created_at_ms=session.created_at_ms,
                    last_used_at_ms=session.last_used_at_ms,
                    expires_at_ms=session.expires_at_ms,
                    is_current=False,
                )
                for session in await self._sessions.of_user(user_id, now_ms)
            )
        )

    async def end_session(
        self, who: Who, user_id: UserId, session_id: SessionId, now_ms: int
    ) -> Refusal | None:
        """End one of a user's sessions."""
        async with asking(self._pool) as connection, connection.transaction():
            if not await end_session(connection, user_id, session_id):
                return _NOT_FOUND
            after = {"session": ids.text(ids.SESSION, session_id)}
            await self._record(connection, who, "user.end_session", user_id, now_ms, after)
        return None

    async def end_all_sessions(self, who: Who, user_id: UserId, now_ms: int) -> EndedSessions | Refusal:
        """End all of a user's sessions."""
        async with asking(self._pool) as connection, connection.transaction():
            if await platform.find_user(connection, user_id) is None:
                return _NOT_FOUND
            count = await end_sessions(connection, user_id)
            await self._record(connection, who, "user.end_sessions", user_id, now_ms, {"count": count})
        return EndedSessions(count=count)

    async def suspend(self, who: Who, user_id: UserId, reason: str, now_ms: int) -> UserRow | Refusal:
        """Keep a user from signing in, and sign them out everywhere."""
        if user_id == who.identity.user_id:
            return Refusal(Code.ILLEGAL_STEP)
        async with asking(self._pool) as connection, connection.transaction():
            if await platform.find_user(connection, user_id) is None:
                return _NOT_FOUND
            if await platform.suspend_user(connection, user_id, now_ms):
                await end_sessions(connection, user_id)
                await self._record(connection, who, "user.suspend", user_id, now_ms, {"reason": reason})
        return await self.read(user_id)

    async def unsuspend(self, who: Who, user_id: UserId, reason: str, now_ms: int) -> UserRow | Refusal:
        """Let a user sign in again."""
        async with asking(self._pool) as connection, connection.transaction():
            if await platform.find_user(connection, user_id) is None:
                return _NOT_FOUND
            if await platform.unsuspend_user(connection, user_id):
                await self._record(connection, who, "user.unsuspend", user_id, now_ms, {"reason": reason})
        return await self.read(user_id)

    async def _record(
        self,
        connection: AnyConnection,
        who: Who,
        action: str,
        user_id: UserId,
        now_ms: int,
        after: Mapping[str, object],
    ) -> None:
        target = ids.text(ids.USER, user_id)
        await record(
            connection, entry_for(who, action, target, organisation_id=None, at_ms=now_ms, after=after)
        )


def _row(user: PlatformUser) -> UserRow:
    return UserRow(
        id=ids.text(ids.USER, user.user_id),
        state=user.state,
        created_at_ms=user.created_at_ms,
        is_suspended=user.suspended_at_ms is not None,
        platform_role=user.platform_role,
        has_second_factor=user.has_second_factor,
        memberships=user.memberships,
        sessions=user.sessions,
    )
