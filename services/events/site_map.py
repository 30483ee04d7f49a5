"""What a map of the site names: the pages of events that are ahead, and of organisations that have some.

A map has at most 50,000 addresses (sitemaps.org), so the events are in parts, by the last bits of their ids:
which part an event is in never changes, and nobody has to know how many there are.
"""

import time
from collections.abc import Callable
from typing import Final

from services.events.single_flight import SingleFlight
from storage.event_lists import organisation_slugs, slugs_of_part
from storage.postgres import Pool

PARTS: Final = 16
ADDRESSES_MAX: Final = 50_000
_FRESH_S: Final = 600.0


class SiteMap:
    """The slugs of pages, as of some minutes ago. Every method raises `ConnectionError` when PostgreSQL is
    away.
    """

    def __init__(self, pool: Pool, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._pool = pool
        self._monotonic = monotonic
        # By part; None is the organisations.
        self._kept: dict[int | None, tuple[float, list[str]]] = {}
        self._flights = SingleFlight()

    async def slugs(self, part: int | None) -> list[str]:
        """Return the slugs of a part of the events, or of the organisations."""
        kept = self._kept.get(part)
        if kept is not None and self._monotonic() - kept[0] < _FRESH_S:
            return kept[1]
        # A long list is read once, however many ask, and whoever of them leaves.
        return await self._flights.once(part, lambda: self._read(part))

    async def _read(self, part: int | None) -> list[str]:
        if part is None:
            found = await organisation_slugs(self._pool, ADDRESSES_MAX)
        else:
            found = await slugs_of_part(self._pool, part, PARTS, ADDRESSES_MAX)
        self._kept[part] = self._monotonic(), found
        return found
