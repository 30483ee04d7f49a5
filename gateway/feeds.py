"""Feeds for programs that read the site: calendars of organisations and events, and the map of the site."""

from collections.abc import Callable
from typing import Final
from xml.sax.saxutils import escape

from aiohttp import web

from gateway.browsing import Browsing
from services.events.calendar_feed import feed
from services.events.reading import Reading, wanted_all, wanted_by
from services.events.views import status_of
from storage.event_records import EventRecord

_FEED_MAX: Final = 200
_PART_MAX: Final = 200
# A sitemap has at most 50,000 addresses (sitemaps.org); the soonest are those that are looked for.
_SITEMAP_MAX: Final = 10_000
_HEADERS: Final = {"Cache-Control": "public, max-age=60"}


class Feeds:
    """The handlers of feeds. `public_url` is "" to take the address from each request."""

    def __init__(
        self, reading: Reading, browsing: Browsing, clock: Callable[[], int], public_url: str
    ) -> None:
        self._reading = reading
        self._browsing = browsing
        self._clock = clock
        self._public_url = public_url
        self._sitemap: tuple[int, str] | None = None

    def routes(self) -> list[web.RouteDef]:
        """Return what is where."""
        slug = "{slug:[a-z0-9-]{1,80}}"
        return [
            web.get(f"/calendar/{slug}.ics", self.organisation),
            web.get(f"/calendar/events/{slug}.ics", self.event),
            web.get("/sitemap.xml", self.sitemap),
        ]

    async def organisation(self, request: web.Request) -> web.Response:
        """What an organisation has ahead, as a calendar."""
        profile = await self._reading.organisation(request.match_info["slug"])
        if profile is None:
            raise web.HTTPNotFound
        now_ms = self._clock()
        wanted = wanted_by(profile.organisation_id, now_ms)
        listed = await self._reading.search(wanted, None, _FEED_MAX)
        return self._calendar(request, profile.name, listed.events if listed is not None else ())

    async def event(self, request: web.Request) -> web.Response:
        """One event as a calendar; a cancelled one says so."""
        kept = await self._reading.page(request.match_info["slug"])
        if kept is None:
            raise web.HTTPNotFound
        return self._calendar(request, kept.event.title, (kept.event,))

    async def sitemap(self, request: web.Request) -> web.Response:
        """The pages that there are."""
        refused = await self._browsing.refused(request)
        if refused is not None:
            return refused
        now_ms = self._clock()
        if self._sitemap is None or now_ms - self._sitemap[0] > 60_000:
            self._sitemap = now_ms, await self._addresses(self._url(request), now_ms)
        return web.Response(text=self._sitemap[1], content_type="application/xml", headers=_HEADERS)

    async def _addresses(self, url: str, now_ms: int) -> str:
        slugs: list[str] = []
        cursor: str | None = None
        while len(slugs) < _SITEMAP_MAX:
            listed = await self._reading.search(wanted_all(now_ms), cursor, _PART_MAX)
            if listed is None:
                break
            slugs += [event.slug for event in listed.events]
            cursor = listed.next_cursor
            if cursor is None:
                break
        addresses = [f"{url}/", *(f"{url}/e/{slug}" for slug in slugs)]
        lines = "".join(f"<url><loc>{escape(address)}</loc></url>\n" for address in addresses)
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{lines}</urlset>\n'
        )

    def _calendar(self, request: web.Request, name: str, events: tuple[EventRecord, ...]) -> web.Response:
        now_ms = self._clock()
        body = feed(name, [(event, status_of(event, now_ms)) for event in events], self._url(request))
        return web.Response(body=body, content_type="text/calendar", charset="utf-8", headers=_HEADERS)

    def _url(self, request: web.Request) -> str:
        return self._public_url or f"{request.scheme}://{request.host}"
