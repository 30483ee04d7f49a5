"""Organisations, as those who run the platform see them."""

from typing import Final

import msgspec

from domain.event_status import Step
from domain.identity import Who
from domain.ids import OrganisationId
from domain.refusals import Code, Refusal
from domain.roles import Role
from domain.standing import Standing
from services.admin.models import OrganisationsQuery
from services.cursors import cursor_of, parts_of
from services.events.steps import Steps
from services.models import Page
from services.organisations.models import OrganisationView
from services.organisations.organisations import Announcing, change_standing, view
from storage import members, organisations
from storage.postgres import Pool, asking


class _Switch(msgspec.Struct, frozen=True):
    """What somebody of the platform does to an organisation; where it stands so already, nothing."""

    action: str
    out_of: Standing
    to: Standing


_SUSPEND: Final = _Switch("organisation.suspend", Standing.ACTIVE, Standing.SUSPENDED)
_UNSUSPEND: Final = _Switch("organisation.unsuspend", Standing.SUSPENDED, Standing.ACTIVE)
_REOPEN: Final = _Switch("organisation.reopen", Standing.CLOSED, Standing.ACTIVE)


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
            standing=query.standing,
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
        done = await self._switch(who, organisation_id, _SUSPEND, reason, now_ms)
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
        return await self._switch(who, organisation_id, _UNSUSPEND, reason, now_ms)

    async def reopen(
        self, who: Who, organisation_id: OrganisationId, reason: str, now_ms: int
    ) -> OrganisationView | Refusal:
        """Let an organisation that was closed act again, as long as it has an owner."""
        return await self._switch(who, organisation_id, _REOPEN, reason, now_ms)

    async def _switch(
        self, who: Who, organisation_id: OrganisationId, switch: _Switch, reason: str, now_ms: int
    ) -> OrganisationView | Refusal:
        async with asking(self._pool) as connection, connection.transaction():
            was = await organisations.lock(connection, organisation_id)
            if was is None:
                return Refusal(Code.NOT_FOUND)
            if was.standing is not switch.to:
                if was.standing is not switch.out_of:
                    return Refusal(Code.ILLEGAL_STEP, None, {"standing": was.standing.value})
                # Who owned it may have erased themselves, and nobody would answer for what it does.
                if switch is _REOPEN and not await members.count(connection, organisation_id, Role.OWNER):
                    return Refusal(Code.LAST_OWNER)
                await change_standing(connection, who, was, switch.to, switch.action, now_ms, reason=reason)
            now = await organisations.find(connection, organisation_id)
        assert now is not None
        await self._announcing.announce_organisation(organisation_id, now.version)
        return view(now)
