"""Organisations, as those who run the platform see them."""

import msgspec

from domain import ids
from domain.event_status import Step
from domain.identity import Who
from domain.ids import OrganisationId
from domain.refusals import Code, Refusal
from services.admin.models import OrganisationsQuery
from services.audit import entry_for
from services.cursors import cursor_of, parts_of
from services.events.steps import Steps
from services.models import Page
from services.organisations.models import OrganisationView
from services.organisations.organisations import Announcing, view
from storage import organisations
from storage.audit_log import record
from storage.postgres import Pool, asking


class OrganisationAdministration:
    """Every method raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, pool: Pool, steps: Steps, announcing: Announcing) -> None:
        self._pool = pool
        self._announcing = announcing
        self._steps = steps

    async def list(self, query: OrganisationsQuery) -> Page[OrganisationView] | Refusal:
        """Return a part of all organisations, oldest first."""
        after = parts_of(query.cursor, 16) if query.cursor else (None,)
        if after is None:
            return Refusal(Code.INVALID, None, {"field": "cursor"})
        found = await organisations.list_all(
            self._pool,
            search=query.q,
            only_suspended=query.only_suspended,
            after=OrganisationId(after[0]) if after[0] else None,
            limit=query.limit + 1,
        )
        shown = found[: query.limit]
        return Page[OrganisationView](
            items=tuple(view(organisation) for organisation in shown),
            next_cursor=cursor_of(shown[-1].organisation_id) if len(found) > query.limit else None,
        )

    async def suspend(
        self, who: Who, organisation_id: OrganisationId, reason: str, now_ms: int
    ) -> OrganisationView | Refusal:
        """Keep everybody from acting for an organisation, its keys included, within a second, take its page
        and its events off the site, and pause its sales. What could not be paused, because a shard was away,
        is when it is suspended once more.
        """
        done = await self._switch(who, organisation_id, "organisation.suspend", reason, now_ms, now_ms)
        if not isinstance(done, Refusal):
            # The request has had its effect; what follows from it is in transactions of its own.
            who = msgspec.structs.replace(who, origin=msgspec.structs.replace(who.origin, attempt=None))
            for event_id in await organisations.selling(self._pool, organisation_id):
                # One that has nothing to pause any more refuses the step.
                await self._steps.take(who, organisation_id, event_id, Step.PAUSE)
        return done

    async def unsuspend(
        self, who: Who, organisation_id: OrganisationId, reason: str, now_ms: int
    ) -> OrganisationView | Refusal:
        """Let an organisation act again. Its sales stay paused until it resumes them itself."""
        return await self._switch(who, organisation_id, "organisation.unsuspend", reason, None, now_ms)

    async def _switch(
        self,
        who: Who,
        organisation_id: OrganisationId,
        action: str,
        reason: str,
        suspended_at_ms: int | None,
        now_ms: int,
    ) -> OrganisationView | Refusal:
        target = ids.text(ids.ORGANISATION, organisation_id)
        async with asking(self._pool) as connection, connection.transaction():
            was = await organisations.lock(connection, organisation_id)
            if was is None:
                return Refusal(Code.NOT_FOUND)
            if (was.suspended_at_ms is None) != (suspended_at_ms is None):
                await organisations.suspend(connection, organisation_id, suspended_at_ms)
                # Its owners are to see it in their log, and the platform's people in theirs. Everybody locks
                # chains in this order.
                for chain in (organisation_id, None):
                    await record(
                        connection,
                        entry_for(
                            who,
                            action,
                            target,
                            organisation_id=chain,
                            at_ms=now_ms,
                            before={"is_suspended": was.suspended_at_ms is not None},
                            after={"is_suspended": suspended_at_ms is not None, "reason": reason},
                        ),
                    )
            now = await organisations.find(connection, organisation_id)
        assert now is not None
        await self._announcing.announce_organisation(organisation_id, now.version)
        return view(now)
