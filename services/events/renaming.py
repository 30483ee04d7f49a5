"""Events are found by the name that their organisation has, soon after it got another."""

from typing import Final

from services.events.changing import for_ever
from storage.postgres import Pool
from storage.search_texts import make_anew

# Of which the words are made anew in one transaction: others who store one of them wait for that long.
TOGETHER: Final = 100


class Renaming:
    """Makes the words of events anew. Raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def follow(self) -> int:
        """Let some events be found by their organisation's new name, and return how many were looked at."""
        return await make_anew(self._pool, TOGETHER)

    async def run(self, interval_s: float) -> None:
        """Let events be found by new names, for ever."""
        await for_ever(self.follow, interval_s)
