"""How often pages are drawn that cost something: those that look for events, the map of the site, QR codes.

They count as the API's reads do, in its class `browse`, by address: whoever opens a page may have no session
yet.
"""

from typing import Final

from aiohttp import web

from domain.identity import Identity
from gateway.api.rates import ApiRates
from gateway.api.route import LimitClass
from gateway.problems import problem

_NOBODY: Final = Identity()


class Browsing:
    """Counts the readers of one gateway process, with all others through Redis."""

    def __init__(self, rates: ApiRates) -> None:
        self._rates = rates

    async def refused(self, request: web.Request) -> web.Response | None:
        """Return the answer to who asks too often, None to everybody else."""
        allowance = await self._rates.take(LimitClass.BROWSE, _NOBODY, request.remote or "")
        return None if allowance.refusal is None else problem(allowance.refusal)
