"""Closing an organisation (docs/decisions/closing-an-organisation.md).

Sales of events that time has ended are closed first, for good; from then on reservations only become fewer,
so one look at each sale is enough. What is left is decided in one transaction with the organisation's row
locked, which whoever changes an event of it has to share.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

import msgspec

from domain import ids
from domain.identity import Who
from domain.ids import EventId, OrganisationId
from domain.inventory import SaleStatus
from domain.refusals import Code, Refusal
from domain.roles import GRANTS, Permission
from domain.standing import Standing
from services.events.sales import States
from services.events.steps import Steps
from services.organisations.models import OrganisationView
from services.organisations.organisations import Announcing, change_standing, view
from services.organisations.rights import roles_of
from storage import closing, organisations
from storage.closing import InTheWay
from storage.organisations import Organisation
from storage.postgres import AnyConnection, Pool, asking

# Sales that are asked at once.
_TOGETHER: Final = 8
_BUSY: Final = Refusal(Code.BUSY, 1_000)
# What a shard says of a sale that was closed is older than that, and so is what it says of reservations.
_NOT_OVER: Final = frozenset({SaleStatus.OPEN, SaleStatus.PAUSED})


class Closing:
    """Closes organisations. Raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, pool: Pool, steps: Steps, states: States, announcing: Announcing) -> None:
        self._pool = pool
        self._steps = steps
        self._states = states
        self._announcing = announcing

    async def close(
        self, who: Who, organisation_id: OrganisationId, version: int, now_ms: int
    ) -> OrganisationView | Refusal:
        """Close an organisation, unless something of it is not over yet, which is named. Its drafts stay as
        they are, and nobody sees them.
        """
        async with asking(self._pool) as connection:
            was = await organisations.find(connection, organisation_id)
            refusal = await _refusal(connection, who, was, organisation_id, version, now_ms)
            over = await closing.not_told(connection, organisation_id, now_ms)
        if refusal is not None:
            return refusal
        await self._settle(who, organisation_id, over)
        async with asking(self._pool) as connection:
            moved = await closing.moved_lately(connection, organisation_id, now_ms)
            untold = await closing.not_told(connection, organisation_id, now_ms)
        held = await self._reserved(moved)
        if untold or held is None:
            # A shard was away: it is written down where it has to be, and asking again goes on from there.
            return _BUSY
        if held:
            (event_id, *_) = held
            return _in_use(InTheWay(event_id, moved[event_id], reservations=sum(held.values())))
        async with asking(self._pool) as connection, connection.transaction():
            was = await organisations.lock(connection, organisation_id)
            refusal = await _refusal(connection, who, was, organisation_id, version, now_ms)
            if refusal is not None:
                return refusal
            assert was is not None
            if not await _is_looked_through(connection, organisation_id, now_ms, moved):
                return _BUSY
            await change_standing(connection, who, was, Standing.CLOSED, "organisation.close", now_ms)
            closed = await organisations.find(connection, organisation_id)
        assert closed is not None
        await self._announcing.announce_organisation(organisation_id, closed.version)
        return view(closed)

    async def _settle(self, who: Who, organisation_id: OrganisationId, over: list[EventId]) -> None:
        """Close the sales of events that time has ended; who looks again finds those that were not."""
        # Not yet what the request is for, so a repetition begins anew.
        who = msgspec.structs.replace(who, origin=msgspec.structs.replace(who.origin, attempt=None))
        for some in _parts(over):
            await asyncio.gather(*(self._steps.settle(who, organisation_id, each) for each in some))

    async def _reserved(self, moved: Iterable[EventId]) -> dict[EventId, int] | None:
        """Return how many tickets are reserved in which sales, None if one of them can't be asked."""
        held: dict[EventId, int] = {}
        for some in _parts(list(moved)):
            for event_id, state in zip(
                some, await asyncio.gather(*map(self._states.state, some)), strict=True
            ):
                if state is None or state.status in _NOT_OVER:
                    return None
                held[event_id] = sum(pool.held for pool in state.pools)
        return {event_id: quantity for event_id, quantity in held.items() if quantity}


async def _refusal(
    connection: AnyConnection,
    who: Who,
    was: Organisation | None,
    organisation_id: OrganisationId,
    version: int,
    now_ms: int,
) -> Refusal | None:
    """Say why an organisation, as it was read or locked, may not be closed."""
    user_id = who.identity.user_id
    if was is None or was.standing is not Standing.ACTIVE or user_id is None:
        return Refusal(Code.NOT_FOUND)
    roles = await roles_of(connection, organisation_id, user_id)
    if not any(Permission.ORGANISATION_CLOSE in GRANTS[role] for role in roles):
        return Refusal(Code.FORBIDDEN)
    if was.version != version:
        return Refusal(Code.VERSION_CONFLICT, None, {"version": was.version})
    found = await closing.in_the_way(connection, organisation_id, now_ms)
    return None if found is None else _in_use(found)


async def _is_looked_through(
    connection: AnyConnection, organisation_id: OrganisationId, now_ms: int, seen: Iterable[EventId]
) -> bool:
    """Say whether every sale that could have reservations was closed, and then seen without any."""
    if await closing.not_told(connection, organisation_id, now_ms):
        return False
    moved = await closing.moved_lately(connection, organisation_id, now_ms)
    return set(moved) <= set(seen)


def _in_use(found: InTheWay) -> Refusal:
    return Refusal(
        Code.ORGANISATION_IN_USE,
        None,
        {
            "event": ids.text(ids.EVENT, found.event_id),
            "name": found.title,
            "events": found.events,
            "orders": found.orders,
            "reservations": found.reservations,
        },
    )


def _parts(events: list[EventId]) -> list[list[EventId]]:
    return [events[start : start + _TOGETHER] for start in range(0, len(events), _TOGETHER)]
