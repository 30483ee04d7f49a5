"""Co-organisers: other organisations that an event's own lets see it, or work on it.

Only the owner gives and takes; every method raises `ConnectionError` when PostgreSQL is away.
"""

from collections.abc import Callable

from domain.identity import Who
from domain.ids import EVENT, ORGANISATION, EventId, OrganisationId, parse, text
from domain.refusals import Code, Refusal
from services.audit import entry_for
from services.events.access import Access
from services.events.drafting import invalid
from services.events.models import Grant, GrantRequest, Grants
from storage.audit_log import record
from storage.postgres import Pool, asking
from storage.tenancy import tenant

GRANTS_MAX = 50


class CoOrganisers:
    """Gives and takes grants."""

    def __init__(self, pool: Pool, access: Access, clock: Callable[[], int]) -> None:
        self._pool = pool
        self._access = access
        self._clock = clock

    async def listed(self, organisation_id: OrganisationId, event_id: EventId) -> Grants | Refusal:
        """Return who was let in to an event."""
        found = await self._access.find(organisation_id, event_id)
        if isinstance(found, Refusal):
            return found
        # The names of others are not the tenant's to read, but it has typed their ids itself.
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                """
                SELECT organisation_id, may_edit, name FROM event_grants JOIN organisations
                    USING (organisation_id) WHERE event_id = $1 ORDER BY name, organisation_id
                """,
                event_id,
            )
        return Grants(
            items=tuple(
                Grant(
                    organisation=text(ORGANISATION, row["organisation_id"]),
                    may_edit=row["may_edit"],
                    name=row["name"],
                )
                for row in rows
            )
        )

    async def give(
        self, who: Who, organisation_id: OrganisationId, event_id: EventId, said: GrantRequest
    ) -> Grants | Refusal:
        """Let an organisation in, or change what it may."""
        refusal = await self._not_owner(organisation_id, event_id)
        if refusal is not None:
            return refusal
        guest = OrganisationId(parse(ORGANISATION, said.organisation))
        if guest == organisation_id:
            return invalid("organisation", "is_the_owner")
        async with asking(self._pool) as connection:
            exists = await connection.fetchval(
                "SELECT EXISTS (SELECT FROM organisations WHERE organisation_id = $1)", guest
            )
        if not exists:
            return invalid("organisation", "unknown_id")
        async with tenant(self._pool, organisation_id) as connection:
            if await connection.fetchval(
                "SELECT count(*) >= $3 FROM event_grants WHERE event_id = $1 AND organisation_id <> $2",
                event_id,
                guest,
                GRANTS_MAX,
            ):
                return invalid("organisation", "too_many")
            await connection.execute(
                """
                INSERT INTO event_grants (event_id, organisation_id, may_edit) VALUES ($1, $2, $3)
                ON CONFLICT (event_id, organisation_id) DO UPDATE SET may_edit = excluded.may_edit
                """,
                event_id,
                guest,
                said.may_edit,
            )
            entry = entry_for(
                who,
                "event.grant",
                text(EVENT, event_id),
                organisation_id=organisation_id,
                at_ms=self._clock(),
                after={"organisation": said.organisation, "may_edit": said.may_edit},
            )
            await record(connection, entry)
        self._access.forget(event_id)
        return await self.listed(organisation_id, event_id)

    async def take(
        self, who: Who, organisation_id: OrganisationId, event_id: EventId, said: GrantRequest
    ) -> Grants | Refusal:
        """Let an organisation in no more."""
        refusal = await self._not_owner(organisation_id, event_id)
        if refusal is not None:
            return refusal
        async with tenant(self._pool, organisation_id) as connection:
            status = await connection.execute(
                "DELETE FROM event_grants WHERE event_id = $1 AND organisation_id = $2",
                event_id,
                parse(ORGANISATION, said.organisation),
            )
            if status == "DELETE 0":
                return Refusal(Code.NOT_FOUND)
            entry = entry_for(
                who,
                "event.ungrant",
                text(EVENT, event_id),
                organisation_id=organisation_id,
                at_ms=self._clock(),
                before={"organisation": said.organisation},
            )
            await record(connection, entry)
        self._access.forget(event_id)
        return await self.listed(organisation_id, event_id)

    async def _not_owner(self, organisation_id: OrganisationId, event_id: EventId) -> Refusal | None:
        found = await self._access.find(organisation_id, event_id)
        if isinstance(found, Refusal):
            return found
        return None if found.owner == organisation_id else Refusal(Code.FORBIDDEN)
