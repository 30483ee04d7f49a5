"""From where pages may use this gateway, and what stops others from using somebody's cookie."""

from typing import Final

from aiohttp import web

_OURS: Final = frozenset({"same-origin", "none"})  # "none": typed, or opened from a bookmark


class Origins:
    """From where a page may use this gateway: its own origin, the public address, and those that settings
    name.
    """

    def __init__(self, public_url: str, allowed: tuple[str, ...]) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in (public_url, *allowed) if origin)

    def allows(self, request: web.Request) -> bool:
        """Say whether the page that makes this request may. Programs send no origin; browsers always do with
        what can change anything, and those of today say how the page relates to us as well.
        """
        origin = request.headers.get("Origin")
        if origin is None:
            return request.headers.get("Sec-Fetch-Site", "none") in _OURS
        origin = origin.lower()
        return origin in self._allowed or origin == f"{request.scheme}://{request.host}".lower()
