"""Who works on an event: the organisation whose it is, and those that it let in and that have accepted."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from domain.ids import EventId, OrganisationId
from storage.postgres import Pool, asking

FRESH_S: Final = 0.5
CACHED_MAX: Final = 10_000


class Workers(msgspec.Struct, frozen=True):
    """Who works on an event; the values of `guests` say who may change it."""

    owner: OrganisationId
    guests: dict[OrganisationId, bool]


class EventOwners:
    """Looks up who works on events, and remembers it for half a second: grants end at once, as people see it.

    Every method raises `ConnectionError` when PostgreSQL is away.
    """

    def __init__(self, pool: Pool, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._monotonic = monotonic
        self._known: OrderedDict[EventId, tuple[float, Workers]] = OrderedDict()

    async def works_on(self, organisation_id: OrganisationId, event_id: EventId) -> bool:
        """Say whether an organisation may see an event among its own."""
        workers = await self.workers(event_id)
        return workers is not None and (workers.owner == organisation_id or organisation_id in workers.guests)

    async def owner(self, event_id: EventId) -> OrganisationId | None:
        """Return the organisation whose event this is, None if there is no such event."""
        workers = await self.workers(event_id)
        return None if workers is None else workers.owner

    async def workers(self, event_id: EventId) -> Workers | None:
        """Return who works on an event, None if there is no such event."""
        now = self._monotonic()
        known = self._known.get(event_id)
        if known is not None and now - known[0] < FRESH_S:
            return known[1]
        async with asking(self._pool) as connection:
            row = await connection.fetchrow(
                """
                SELECT organisation_id, ARRAY(
                    SELECT ROW (organisation_id, may_edit)
                    FROM event_grants JOIN grant_acceptances USING (event_id, organisation_id)
                    WHERE event_grants.event_id = events.event_id) AS guests
                FROM events WHERE event_id = $1
                """,
                event_id,
            )
        if row is None:
            return None
        workers = Workers(row["organisation_id"], dict(tuple(guest) for guest in row["guests"]))
        self._known[event_id] = now, workers
        self._known.move_to_end(event_id)
        if len(self._known) > CACHED_MAX:
            self._known.popitem(last=False)
        return workers

    def forget(self, event_id: EventId) -> None:
        """Look an event up anew: this process has just changed who works on it."""
        self._known.pop(event_id, None)
