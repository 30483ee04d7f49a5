"""Who may follow a sale as its organizer (`domain.roles.MESSAGES`), and for how long.

Somebody follows as whoever their session is, or by an API key that they name with the request. A socket stays
open for hours, and rights change meanwhile: those who follow are asked for theirs again twice a second. Most
of that costs nothing, because who somebody is stays at hand in this process. Whoever has lost the right, or
whose key was revoked, is disconnected; they come back, ask again, and are refused.
"""

from typing import Final, Protocol
from weakref import WeakKeyDictionary

from domain import wire
from domain.identity import Identity, Verdict
from domain.ids import EventId, SessionId
from gateway.api.ports import EventOwners
from gateway.protocol import permission_of
from gateway.session import Session
from gateway.timers import repeatedly

EVERY_S: Final = 0.4
RIGHTS_CHANGED: Final = 4403
_NEEDED: Final = permission_of(wire.WatchSales)


class SocketIdentities(Protocol):
    """Says who an open socket belongs to now, and who a key is."""

    async def of_session_id(self, session_id: SessionId) -> Identity | None:
        """Return who a user's session is. Raises `ConnectionError`."""
        ...

    async def of_key(self, token: str) -> Identity | None:
        """Return who an API key's or a device's token is. Raises `ConnectionError`."""
        ...

    def forget(self, ended: set[SessionId]) -> None:
        """Look these sessions up anew."""
        ...


class SalesRights:
    """Knows who of this process follows which sale, and by which key; "" is by their session."""

    def __init__(self, identities: SocketIdentities, owners: EventOwners) -> None:
        self._identities = identities
        self._owners = owners
        self._following: WeakKeyDictionary[Session, dict[EventId, str]] = WeakKeyDictionary()

    async def may_follow(self, session: Session, event_id: EventId, key: str) -> bool:
        """Say whether a connection may follow a sale. Raises `ConnectionError`."""
        if await self._is_permitted(session, event_id, key):
            return True
        if key or session.session_id is None or session.user_id is None:
            return False
        # What they were given a moment ago may not be at hand yet.
        self._identities.forget({session.session_id})
        return await self._is_permitted(session, event_id, key)

    def follows(self, session: Session, event_id: EventId, key: str) -> None:
        """Watch over a connection that follows a sale now."""
        self._following.setdefault(session, {})[event_id] = key

    async def watch(self) -> None:
        """Disconnect those who have lost their right, until cancelled.

        Nobody is thrown out because PostgreSQL is away: that is when organizers look most.
        """
        await repeatedly("looking up rights to follow sales", EVERY_S, self._check_all)

    async def _check_all(self) -> None:
        for session, keys in list(self._following.items()):
            await self._check(session, keys)

    async def _check(self, session: Session, keys: dict[EventId, str]) -> None:
        for event_id in keys.keys() - session.events:
            del keys[event_id]
        if session.is_gone or not keys:
            self._following.pop(session, None)
            return
        for event_id, key in list(keys.items()):
            if not await self._is_permitted(session, event_id, key):
                self._following.pop(session, None)
                session.outbox.close(RIGHTS_CHANGED, "your rights have changed")
                return

    async def _is_permitted(self, session: Session, event_id: EventId, key: str) -> bool:
        identity = await self._identity(session, key)
        if identity is None:
            return False
        for organisation_id in {member.organisation_id for member in identity.memberships}:
            verdict = identity.judge(_NEEDED, organisation_id, event_id)
            if verdict is Verdict.ALLOWED and await self._owners.works_on(organisation_id, event_id):
                return True
        return False

    async def _identity(self, session: Session, key: str) -> Identity | None:
        if key:
            return await self._identities.of_key(key)
        if session.session_id is None or session.user_id is None:
            return None
        return await self._identities.of_session_id(session.session_id)
