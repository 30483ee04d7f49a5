"""Who may see the page of an event that is not published yet.

Whoever may not is told what they would be told of a page that does not exist, in the same bytes. Who follows
a link of another site comes without the cookie (it is SameSite=Strict), and is told the same.
"""

from aiohttp import web

from domain.event_status import EventStatus
from domain.identity import Identity, Verdict
from domain.ids import EventId
from domain.roles import Permission
from gateway.api.ports import EventOwners, Identities
from gateway.cookies import SessionCookie
from services.events.reading import Reading
from storage.event_records import EventRecord


class DraftGate:
    """Finds drafts for those who work on them. Raises `ConnectionError` when nobody can say who asks."""

    def __init__(
        self, reading: Reading, identities: Identities, owners: EventOwners, cookie: SessionCookie
    ) -> None:
        self._reading = reading
        self._identities = identities
        self._owners = owners
        self._cookie = cookie

    async def find(self, request: web.Request, name: str) -> EventRecord | None:
        """Return the draft with a slug or TypeID if whoever asks may read it."""
        token = self._cookie.token(request)
        identity = await self._identities.of_session(token) if token else None
        if identity is None or identity.user_id is None:
            return None
        event = await self._reading.anew(name)
        if event is None or event.status != EventStatus.DRAFT:
            return None
        if await self._may_read(identity, event.event_id):
            return event
        # They may have been let in a moment ago.
        fresh = await self._identities.anew(token)
        return event if fresh is not None and await self._may_read(fresh, event.event_id) else None

    async def _may_read(self, identity: Identity, event_id: EventId) -> bool:
        for organisation_id in {member.organisation_id for member in identity.memberships}:
            verdict = identity.judge(Permission.EVENTS_READ, organisation_id, event_id)
            if verdict is Verdict.ALLOWED and await self._owners.works_on(organisation_id, event_id):
                return True
        return False
