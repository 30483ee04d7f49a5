"""Whether an organisation works on an event: its own, or one that another let it in to."""

import msgspec

from domain.ids import EventId, OrganisationId
from domain.refusals import Code, Refusal
from storage.event_owners import EventOwners


class Found(msgspec.Struct, frozen=True):
    """An event that an organisation may see. Work on it is done under its owner's name."""

    owner: OrganisationId
    may_edit: bool


class Access:
    """Looks up who works on events. Every method raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, owners: EventOwners) -> None:
        self._owners = owners

    async def find(self, organisation_id: OrganisationId, event_id: EventId) -> Found | Refusal:
        """Return whose an event is if an organisation may see it; it is not found otherwise."""
        workers = await self._owners.workers(event_id)
        if workers is None:
            return Refusal(Code.NOT_FOUND)
        if workers.owner == organisation_id:
            return Found(workers.owner, may_edit=True)
        may_edit = workers.guests.get(organisation_id)
        return Refusal(Code.NOT_FOUND) if may_edit is None else Found(workers.owner, may_edit)

    async def owner_to_edit(
        self, organisation_id: OrganisationId, event_id: EventId
    ) -> OrganisationId | Refusal:
        """Return whose an event is if an organisation may change it."""
        found = await self.find(organisation_id, event_id)
        if isinstance(found, Refusal):
            return found
        return found.owner if found.may_edit else Refusal(Code.FORBIDDEN)

    def forget(self, event_id: EventId) -> None:
        """Look an event up anew."""
        self._owners.forget(event_id)
