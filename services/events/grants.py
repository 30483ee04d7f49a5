"""Co-organisers: other organisations that an event's own asks to see it, or to work on it.

Only the owner gives, only who is asked accepts, and both may end it. Every method raises `ConnectionError`
when PostgreSQL is away.
"""

from collections.abc import Callable, Mapping
from typing import Final

from domain.identity import Who
from domain.ids import EVENT, ORGANISATION, EventId, OrganisationId, text
from domain.refusals import Code, Refusal
from services.audit import entry_for
from services.events import local_time
from services.events.access import Access
from services.events.drafting import invalid
from services.events.models import Grant, GrantOffer, GrantOffers, GrantRequest, Grants
from storage import event_grants
from storage.audit_log import record
from storage.postgres import AnyConnection, Pool, asking
from storage.tenancy import tenant

GRANTS_MAX: Final = 50


class CoOrganisers:
    """Gives, accepts and ends grants."""

    def __init__(self, pool: Pool, access: Access, clock: Callable[[], int]) -> None:
        self._pool = pool
        self._access = access
        self._clock = clock

    async def listed(self, organisation_id: OrganisationId, event_id: EventId) -> Grants | Refusal:
        """Return who was asked to work on an event."""
        found = await self._access.find(organisation_id, event_id)
        if isinstance(found, Refusal):
            return found
        # The names of others are not the tenant's to read, but it has named them itself.
        async with asking(self._pool) as connection:
            records = await event_grants.of_event(connection, event_id)
        return Grants(
            items=tuple(
                Grant.model_construct(
                    organisation=text(ORGANISATION, one.organisation_id),
                    slug=one.slug,
                    name=one.name,
                    may_edit=one.may_edit,
                    is_accepted=one.is_accepted,
                )
                for one in records
            )
        )

    async def give(
        self, who: Who, organisation_id: OrganisationId, event_id: EventId, said: GrantRequest
    ) -> Grants | Refusal:
        """Ask an organisation, or change what one that was asked may do."""
        refusal = await self._not_owner(organisation_id, event_id)
        if refusal is not None:
            return refusal
        async with asking(self._pool) as connection:
            guest = await event_grants.organisation_named(connection, said.slug)
        if guest is None:
            return invalid("slug", "unknown_organisation")
        if guest == organisation_id:
            return invalid("slug", "is_the_owner")
        async with tenant(self._pool, organisation_id) as connection:
            guests = await event_grants.locked_guests(connection, event_id)
            if len(guests) >= GRANTS_MAX and guest not in guests:
                return invalid("slug", "too_many")
            if guests.get(guest) is not said.may_edit:
                await event_grants.give(connection, event_id, guest, may_edit=said.may_edit)
                told = {"organisation": text(ORGANISATION, guest)}
                before = {**told, "may_edit": guests[guest]} if guest in guests else None
                after = {**told, "may_edit": said.may_edit}
                where = (organisation_id, event_id)
                await self._log(connection, who, "event.grant", *where, before=before, after=after)
        self._access.forget(event_id)
        return await self.listed(organisation_id, event_id)

    async def take(
        self, who: Who, organisation_id: OrganisationId, event_id: EventId, guest: OrganisationId
    ) -> Grants | Refusal:
        """Let an organisation in no more."""
        refusal = await self._not_owner(organisation_id, event_id)
        if refusal is not None:
            return refusal
        async with tenant(self._pool, organisation_id) as connection:
            if not await event_grants.end(connection, event_id, guest):
                return Refusal(Code.NOT_FOUND)
            before = {"organisation": text(ORGANISATION, guest)}
            await self._log(connection, who, "event.ungrant", organisation_id, event_id, before=before)
        self._access.forget(event_id)
        return await self.listed(organisation_id, event_id)

    async def offers(self, organisation_id: OrganisationId) -> GrantOffers:
        """Return which events of others an organisation is asked to work on, or does."""
        # Of events that are not the tenant's yet it sees what it needs to answer.
        async with asking(self._pool) as connection:
            records = await event_grants.of_guest(connection, organisation_id)
        return GrantOffers(
            items=tuple(
                GrantOffer.model_construct(
                    hosted=text(EVENT, one.event_id),
                    title=one.title,
                    organiser=one.organiser,
                    starts_at=local_time.to_text(one.starts_at_ms, one.time_zone),
                    starts_at_ms=one.starts_at_ms,
                    time_zone=one.time_zone,
                    may_edit=one.may_edit,
                    is_accepted=one.is_accepted,
                )
                for one in records
            )
        )

    async def accept(
        self, who: Who, organisation_id: OrganisationId, event_id: EventId
    ) -> GrantOffers | Refusal:
        """Begin to work on an event that an organisation was asked to. Accepting twice is accepting once."""
        async with tenant(self._pool, organisation_id) as connection:
            if not await event_grants.is_asked(connection, event_id, organisation_id):
                return Refusal(Code.NOT_FOUND)
            if await event_grants.accept(connection, event_id, organisation_id):
                await self._log(connection, who, "event.grant_accept", organisation_id, event_id)
        self._access.forget(event_id)
        return await self.offers(organisation_id)

    async def decline(
        self, who: Who, organisation_id: OrganisationId, event_id: EventId
    ) -> GrantOffers | Refusal:
        """Answer that an organisation does not want to work on an event, or not any more."""
        async with tenant(self._pool, organisation_id) as connection:
            if not await event_grants.end(connection, event_id, organisation_id):
                return Refusal(Code.NOT_FOUND)
            await self._log(connection, who, "event.grant_decline", organisation_id, event_id)
        self._access.forget(event_id)
        return await self.offers(organisation_id)

    async def _log(
        self,
        connection: AnyConnection,
        who: Who,
        action: str,
        organisation_id: OrganisationId,
        event_id: EventId,
        *,
        before: Mapping[str, object] | None = None,
        after: Mapping[str, object] | None = None,
    ) -> None:
        entry = entry_for(
            who,
            action,
            text(EVENT, event_id),
            organisation_id=organisation_id,
            at_ms=self._clock(),
            before=before,
            after=after,
        )
        await record(connection, entry)

    async def _not_owner(self, organisation_id: OrganisationId, event_id: EventId) -> Refusal | None:
        found = await self._access.find(organisation_id, event_id)
        if isinstance(found, Refusal):
            return found
        return None if found.owner == organisation_id else Refusal(Code.FORBIDDEN)
