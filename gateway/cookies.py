"""The cookie that holds a session's token."""

from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

SESSION_MS: Final = 14 * 86_400_000


class SessionCookie:
    """Over https it is a `__Host-` cookie: this host's only, for all paths, and never sent in the clear.
    Browsers take those over https only, and over http refuse the Secure flag that they demand.

    Args:
        public_url: the address that people type.
        session_ms: as long as any session may last; how long one does is the server's to say.
    """

    def __init__(self, public_url: str, session_ms: int = SESSION_MS) -> None:
        self._max_age_s = session_ms // 1000
        self._is_https = urlsplit(public_url).scheme == "https"
        self.name = "__Host-bilten" if self._is_https else "bilten"

    def token(self, request: web.Request) -> str:
        """Return what the request's cookie holds, "" without one."""
        return request.cookies.get(self.name, "")

    def put(self, response: web.Response, token: str) -> None:
        """Have the browser keep another token, or with "" forget the one it has."""
        response.set_cookie(
            self.name,
            token,
            max_age=self._max_age_s if token else 0,
            path="/",
            secure=self._is_https,
            httponly=True,
            samesite="Strict",
        )
