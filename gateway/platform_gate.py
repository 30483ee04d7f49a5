"""Who may see the pages of those who run the platform.

The pages hold nothing of anybody's, and the API asks again; but whoever has no business there is not shown a
door: they are told what they would be told of a page that does not exist. Who follows a link of another site
comes without the cookie (it is SameSite=Strict): then the page's own script finds out who is there.
"""

from urllib.parse import quote

from aiohttp import web

from domain.roles import Permission
from gateway.api.ports import Identities
from gateway.cookies import SessionCookie


class PlatformGate:
    """Asks before a page is drawn. Raises `ConnectionError` when nobody can say who asks."""

    def __init__(self, identities: Identities, cookie: SessionCookie) -> None:
        self._identities = identities
        self._cookie = cookie

    async def admit(self, request: web.Request) -> None:
        """Return if somebody of the platform asks, or nobody knows who.

        Raises:
            web.HTTPFound: a guest, or whose session is over; to the sign-in page, and back here afterwards.
            web.HTTPNotFound: somebody else asks.
        """
        token = self._cookie.token(request)
        if not token:
            return
        identity = await self._identities.of_session(token)
        if identity is None or identity.user_id is None:
            raise web.HTTPFound(
                f"/sign-in?next={quote(request.path_qs, safe='/')}", headers={"Cache-Control": "no-store"}
            )
        if not identity.may_on_platform(Permission.PLATFORM_READ):
            # It may have been given a moment ago.
            fresh = await self._identities.anew(token)
            if fresh is None or not fresh.may_on_platform(Permission.PLATFORM_READ):
                raise web.HTTPNotFound
