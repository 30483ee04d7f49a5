"""Who may follow a sale as its organizer, and for how long.

A socket stays open for hours, and rights change meanwhile: those who follow are asked for theirs again twice
a second. Most of that costs nothing, because who somebody is stays at hand in this process. Whoever has lost
the right is disconnected; their page comes back, asks again, and is refused.
"""

import asyncio
import logging
from typing import Final, Protocol
from weakref import WeakKeyDictionary

from domain.identity import Identity, Verdict
from domain.ids import EventId, SessionId
from domain.roles import Permission
from gateway.api.ports import EventOwners
from gateway.session import Session

EVERY_S: Final = 0.4
RIGHTS_CHANGED: Final = 4403

log = logging.getLogger(__name__)


class SocketIdentities(Protocol):
    """Says who an open socket belongs to now."""

    async def of_session_id(self, session_id: SessionId) -> Identity | None:
        """Return who a user's session is. Raises `ConnectionError`."""
        ...

    def forget(self, ended: set[SessionId]) -> None:
        """Look these sessions up anew."""
        ...


class SalesRights:
    """Knows who of this process follows which sale by their own right."""

    def __init__(self, identities: SocketIdentities, owners: EventOwners) -> None:
        self._identities = identities
        self._owners = owners
        self._following: WeakKeyDictionary[Session, set[EventId]] = WeakKeyDictionary()

    async def may_follow(self, session: Session, event_id: EventId) -> bool:
        """Say whether a connection's user may follow a sale. Raises `ConnectionError`."""
        if session.session_id is None or session.user_id is None:
            return False
        if await self._is_permitted(session.session_id, event_id):
            return True
        # What they were given a moment ago may not be at hand yet.
        self._identities.forget({session.session_id})
        return await self._is_permitted(session.session_id, event_id)

    def follows(self, session: Session, event_id: EventId) -> None:
        """Watch over a connection that follows a sale now."""
        self._following.setdefault(session, set()).add(event_id)

    async def watch(self) -> None:
        """Disconnect those who have lost their right, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                for session, events in list(self._following.items()):
                    await self._check(session, events)
            except ConnectionError as error:
                # Nobody is thrown out because PostgreSQL is away: that is when organizers look most.
                log.warning("rights to follow sales can't be looked up: %s", error)

    async def _check(self, session: Session, events: set[EventId]) -> None:
        events &= session.events
        if session.is_gone or not events or session.session_id is None:
            self._following.pop(session, None)
            return
        for event_id in list(events):
            if not await self._is_permitted(session.session_id, event_id):
                self._following.pop(session, None)
                session.outbox.close(RIGHTS_CHANGED, "your rights have changed")
                return

    async def _is_permitted(self, session_id: SessionId, event_id: EventId) -> bool:
        identity = await self._identities.of_session_id(session_id)
        if identity is None:
            return False
        for organisation_id in {member.organisation_id for member in identity.memberships}:
            verdict = identity.judge(Permission.SALES_WATCH, organisation_id, event_id)
            if verdict is Verdict.ALLOWED and await self._owners.works_on(organisation_id, event_id):
                return True
        return False
