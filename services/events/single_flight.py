"""Many who ask for the same thing at the same time make one question."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class SingleFlight:
    """Questions that are under way."""

    def __init__(self) -> None:
        self._flights: dict[Hashable, asyncio.Future[Any]] = {}

    async def once(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask, or wait for somebody who is asking for the same. Raises what asking raises."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.ensure_future(ask())
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        # Whoever leaves must not end it for the others.
        found: T = await asyncio.shield(flight)
        return found
