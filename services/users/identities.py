"""Who a session is: asked for every request, so kept for a moment in this process.

What is kept is at most `kept_ms` old, and sockets of ended sessions are looked for as often: what was revoked
anywhere is refused within a second everywhere, without anybody having to be told.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import msgspec

from domain.identity import Identity, Membership
from domain.ids import SessionId, UserId
from services.sessions import hashed, is_token
from storage.user_sessions import LiveSession, UserSessions

KEPT_MS: Final = 400
KEPT_MAX: Final = 20_000
# How exact "last used" is; each session costs one write in this time.
TOUCHED_EVERY_MS: Final = 300_000


class Memberships(Protocol):
    """Knows what somebody is in organisations."""

    async def memberships_of(self, user_id: UserId, *, with_second_factor: bool) -> Sequence[Membership]:
        """Return the roles of a user; those of organisations that require a second factor are barred without
        one. Raises `ConnectionError`.
        """
        ...


class Keys(Protocol):
    """Knows API keys and device tokens."""

    async def of_key(self, token: str) -> Identity | None:
        """Return who a key or a device's token is. Raises `ConnectionError`."""
        ...


class _Kept(msgspec.Struct):
    identity: Identity | None
    until_ms: int


class Identities:
    """Says who somebody is. Methods raise `ConnectionError` when PostgreSQL is away.

    Attributes:
        asked, found: lookups, and those that needed no statement, for metrics.
    """

    def __init__(
        self,
        sessions: UserSessions,
        memberships: Memberships | None,
        keys: Keys | None,
        clock: Callable[[], int],
        kept_ms: int = KEPT_MS,
    ) -> None:
        self._sessions = sessions
        self._memberships = memberships
        self._keys = keys
        self._clock = clock
        self._kept_ms = kept_ms
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._under_way: dict[bytes, asyncio.Task[Identity | None]] = {}
        self.asked = 0
        self.found = 0

    async def of_session(self, token: str) -> Identity | None:
        """Return who a session's token is, a guest's too; None if it opens nothing."""
        if not is_token(token):
            return None
        token_hash = hashed(token)
        return await self._once(token_hash, lambda: self._sessions.find(token_hash, self._clock()))

    async def anew(self, token: str) -> Identity | None:
        """Return who a session's token is as it is stored now, whatever is kept here.

        For who was about to be refused: what they may not do any more may be up to `kept_ms` late, what they
        have just been given must not be.
        """
        if not is_token(token):
            return None
        token_hash = hashed(token)
        return await self._look(token_hash, lambda: self._sessions.find(token_hash, self._clock()))

    async def of_session_id(self, session_id: SessionId) -> Identity | None:
        """Return who a user's session is now, as an open socket asks for each thing that needs a right."""
        return await self._once(session_id, lambda: self._sessions.find_by_id(session_id, self._clock()))

    async def of_key(self, token: str) -> Identity | None:
        """Return who an API key or a device's token is."""
        return None if self._keys is None else await self._keys.of_key(token)

    def counts(self) -> dict[str, int]:
        """Return what metrics show."""
        return {"asked": self.asked, "found": self.found, "kept": len(self._kept)}

    def forget(self, ended: set[SessionId]) -> None:
        """Forget what is kept of sessions that have ended."""
        for key, kept in list(self._kept.items()):
            if kept.identity is not None and kept.identity.session_id in ended:
                del self._kept[key]

    async def _once(self, key: bytes, find: Callable[[], Awaitable[LiveSession | None]]) -> Identity | None:
        self.asked += 1
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept.until_ms:
            self.found += 1
            return kept.identity
        # Many requests of one page come at once: one of them asks. It goes on when that one is cancelled.
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(self._look(key, find))
            self._under_way[key] = task
            # Its own entry: `anew` asks beside it, and must not end what others wait for.
            task.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(task)

    async def _look(self, key: bytes, find: Callable[[], Awaitable[LiveSession | None]]) -> Identity | None:
        # From before the question: what is revoked while the answer travels must not live longer for it.
        now_ms = self._clock()
        session = await find()
        identity = None if session is None else await self._identity(session, now_ms)
        self._kept[key] = _Kept(identity, now_ms + self._kept_ms)
        self._kept.move_to_end(key)
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return identity

    async def _identity(self, session: LiveSession, now_ms: int) -> Identity:
        if session.user_id is None:
            return Identity(buyer_id=session.buyer_id, session_id=session.session_id)
        if now_ms - (session.last_used_at_ms or 0) > TOUCHED_EVERY_MS:
            await self._sessions.touch(session.session_id, now_ms)
        memberships: Sequence[Membership] = ()
        if self._memberships is not None:
            memberships = await self._memberships.memberships_of(
                session.user_id, with_second_factor=session.with_second_factor
            )
        return Identity(
            buyer_id=session.buyer_id,
            user_id=session.user_id,
            session_id=session.session_id,
            memberships=tuple(memberships),
            platform_role=session.platform_role,
            stepped_up_until_ms=session.stepped_up_until_ms or 0,
        )
