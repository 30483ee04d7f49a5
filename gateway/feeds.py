"""Feeds for programs that read the site: calendars of organisations and events, and the map of the site."""

import hashlib
from collections.abc import Callable
from typing import Final
from xml.sax.saxutils import escape

from aiohttp import ETag, web

from gateway.browsing import Browsing
from services.events.calendar_feed import feed
from services.events.reading import Reading, wanted_by
from services.events.site_map import PARTS
from services.events.views import status_of
from storage.event_records import EventRecord

_FEED_MAX: Final = 200
_SITEMAPS: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"
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

    def routes(self) -> list[web.RouteDef]:
        """Return what is where."""
        slug = "{slug:[a-z0-9-]{1,80}}"
        return [
            web.get(f"/calendar/{slug}.ics", self.organisation),
            web.get(f"/calendar/events/{slug}.ics", self.event),
            web.get("/sitemap.xml", self.sitemap),
            web.get("/sitemaps/organisations.xml", self.organisations_map),
            web.get("/sitemaps/events-{part:[0-9]{1,2}}.xml", self.events_map),
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
        """Where the maps of the site are."""
        url = self._url(request)
        names = ["organisations", *(f"events-{part}" for part in range(PARTS))]
        lines = "".join(
            f"<sitemap><loc>{escape(url)}/sitemaps/{name}.xml</loc></sitemap>\n" for name in names
        )
        return _xml(f'<sitemapindex xmlns="{_SITEMAPS}">\n{lines}</sitemapindex>\n')

    async def events_map(self, request: web.Request) -> web.StreamResponse:
        """The pages of a part of the events."""
        part = int(request.match_info["part"])
        if part >= PARTS:
            raise web.HTTPNotFound
        return await self._map(request, part, "/e/")

    async def organisations_map(self, request: web.Request) -> web.StreamResponse:
        """The pages of organisations, and the home page."""
        return await self._map(request, None, "/o/")

    async def _map(self, request: web.Request, part: int | None, path: str) -> web.StreamResponse:
        refused = await self._browsing.refused(request)
        if refused is not None:
            return refused
        url = escape(self._url(request))
        # A map names one page at least, so the home page is in all of them.
        addresses = [f"{url}/", *(f"{url}{path}{slug}" for slug in await self._reading.site_map.slugs(part))]
        lines = "".join(f"<url><loc>{address}</loc></url>\n" for address in addresses)
        return _xml(f'<urlset xmlns="{_SITEMAPS}">\n{lines}</urlset>\n')

    def _calendar(self, request: web.Request, name: str, events: tuple[EventRecord, ...]) -> web.Response:
        now_ms, url = self._clock(), self._url(request)
        listed = [(event, status_of(event, now_ms)) for event in events]
        # Of what the calendar says, not of its bytes: those have the time at which they were put together.
        told = [name, url, *(f"{event.event_id.hex()} {event.edition} {status}" for event, status in listed)]
        tag = ETag(hashlib.sha256("\0".join(told).encode()).hexdigest()[:32])
        known = request.if_none_match or ()
        response = web.Response(status=304 if tag in known else 200, headers=_HEADERS)
        if response.status == 200:
            response.content_type, response.charset = "text/calendar", "utf-8"
            response.body = feed(name, listed, url, now_ms)
        response.etag = tag
        return response

    def _url(self, request: web.Request) -> str:
        return self._public_url or f"{request.scheme}://{request.host}"


def _xml(text: str) -> web.Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'
    return web.Response(text=text, content_type="application/xml", headers=_HEADERS)
