"""Whose an event is. It never changes, so what was found once is kept."""

from collections import OrderedDict
from typing import Final

from domain.ids import EventId, OrganisationId
from storage.postgres import Pool, asking

_KEPT_MAX: Final = 20_000


class EventOwners:
    """Answers from memory where it can."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._known: OrderedDict[EventId, OrganisationId] = OrderedDict()

    async def owner(self, event_id: EventId) -> OrganisationId | None:
        """Return the organisation whose event this is, None if there is no such event. Raises
        `ConnectionError`.
        """
        known = self._known.get(event_id)
        if known is not None:
            self._known.move_to_end(event_id)
            return known
        async with asking(self._pool) as connection:
            found: OrganisationId | None = await connection.fetchval(
                "SELECT organisation_id FROM events WHERE event_id = $1", event_id
            )
        if found is not None:
            self._known[event_id] = found
            if len(self._known) > _KEPT_MAX:
                self._known.popitem(last=False)
        return found
