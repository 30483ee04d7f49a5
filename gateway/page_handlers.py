"""The pages over HTTP: who asks for what is drawn in which language, and how the language is chosen."""

import datetime as dt
import html
import io
import re
from collections.abc import Callable
from typing import Final

import segno
from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.cards import Card, Filters, cards, more_link, quick_filters
from gateway.messages import LANGUAGES, Messages
from gateway.page_table import EVENT, HOME, PRIVACY, SCRIPTED, PageKind
from gateway.pages import event_preview
from gateway.poster import poster
from gateway.shell import LANGUAGE_COOKIE, Preview, Shell, data_block
from services.events import Events
from services.events.pages import EventData, view_of
from storage.catalogue import EventRecord

_LANGUAGE_S: Final = 365 * 86_400
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_TEXT_MAX: Final = 120
_QR_BYTES_MAX: Final = 500


class Pages:
    """The handlers of the pages of one gateway.

    Args:
        public_url: the address that people type, "" to take it from each request.
    """

    def __init__(self, shell: Shell, events: Events, clock: Callable[[], int], public_url: str) -> None:
        self._shell = shell
        self._events = events
        self._clock = clock
        self._public_url = public_url

    def routes(self) -> list[web.RouteDef]:
        """Return which page is where."""
        scripted = [web.get(kind.path, self._scripted(kind)) for kind in SCRIPTED]
        return [
            web.get(HOME.path, self.home),
            web.get(EVENT.path, self.event),
            web.get(PRIVACY.path, self.privacy),
            web.get("/language", self.language),
            web.post("/qr.svg", self.qr),
            web.get("/posters/{slug:[a-z0-9-]{1,80}}.svg", self.poster),
            *scripted,
        ]

    async def home(self, request: web.Request) -> web.Response:
        """What is on: the first page of the list, or of what is looked for."""
        messages = self._shell.messages(request)
        filters = filters_of(request)
        found = [_card(record) for record in await self._events.upcoming() if _matches(record, filters)]
        today = dt.datetime.fromtimestamp(self._clock() / 1000, dt.UTC).date()
        holes = {
            "q": html.escape(filters.q),
            "city": html.escape(filters.city),
            "since": filters.since,
            "until": filters.until,
            "open": " open" if filters.city or filters.since or filters.until else "",
            "free": '<input type="hidden" name="free" value="true" />' if filters.is_free else "",
            "chips": quick_filters(filters, messages, "/", today),
            "list": self._list(found, messages, filters, "/", more_link(filters, messages, "/", None)),
        }
        body = self._shell.fill("public/home.html", messages, holes)
        preview = Preview(messages.text("home.title"), messages.text("home.lead"), f"{self._url(request)}/")
        return self._page(request, HOME, messages, body=body, preview=preview)

    async def event(self, request: web.Request) -> web.Response:
        """An event, with its data for the script that sells it."""
        record = await self._events.page(request.match_info["name"])
        if record is None:
            raise web.HTTPNotFound
        messages = self._shell.messages(request)
        data = EventData(self._clock(), view_of(record))
        noscript = html.escape(messages.text("event.noscript"))
        return self._page(
            request,
            EVENT,
            messages,
            body=f'<div id="app"></div><noscript><p class="noscript">{noscript}</p></noscript>',
            data=data_block(data),
            preview=event_preview(data.event, self._url(request), messages),
        )

    async def privacy(self, request: web.Request) -> web.Response:
        """What is known about people, and what they can do about it."""
        messages = self._shell.messages(request)
        body = self._shell.fill("public/privacy.html", messages, {})
        preview = Preview(
            messages.text("privacy.title"),
            messages.text("privacy.lead"),
            f"{self._url(request)}{PRIVACY.path}",
        )
        return self._page(request, PRIVACY, messages, body=body, preview=preview)

    async def language(self, request: web.Request) -> web.Response:
        """Remember a language and go back to where the reader was."""
        chosen, back = request.query.get("to", ""), request.query.get("back", "/")
        # Only ever an address of this site: a second slash or a backslash would name another host.
        if not re.fullmatch(r"/(?![/\\])[^\\\r\n]*", back):
            back = "/"
        response = web.Response(status=303, headers={"Location": back})
        if chosen in LANGUAGES:
            is_secure = self._url(request).startswith("https:")
            response.set_cookie(
                LANGUAGE_COOKIE, chosen, max_age=_LANGUAGE_S, path="/", samesite="Lax", secure=is_secure
            )
        return response

    async def poster(self, request: web.Request) -> web.Response:
        """The picture of an event that has none of its own."""
        headers = {"Cache-Control": "public, max-age=86400"}
        body = poster(request.match_info["slug"])
        return web.Response(body=body, content_type="image/svg+xml", headers=headers)

    async def qr(self, request: web.Request) -> web.Response:
        """Draw a text as a QR code. It comes in the body: what is secret has no place in an address."""
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise web.HTTPForbidden
        said = (await request.content.read(_QR_BYTES_MAX + 1)).decode("utf-8", "replace")
        if not said or len(said) > _QR_BYTES_MAX:
            raise web.HTTPBadRequest
        drawn = io.BytesIO()
        segno.make(said, error="m", micro=False).save(
            drawn, kind="svg", border=4, xmldecl=False, dark="#000", light="#fff", omitsize=True
        )
        return web.Response(body=drawn.getvalue(), content_type="image/svg+xml")

    def _scripted(self, kind: PageKind) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            return self._page(request, kind, self._shell.messages(request))

        return handler

    def _list(self, found: list[Card], messages: Messages, filters: Filters, path: str, more: str) -> str:
        if found:
            return f'<ul class="event-list">{cards(found, messages, self._clock())}</ul>{more}'
        name = "empty" if filters.is_empty else "none"
        title, text = messages.text(f"home.{name}.title"), messages.text(f"home.{name}.text")
        everything = "" if filters.is_empty else html.escape(messages.text("home.none.all"))
        link = everything and f'<a class="button button-quiet" href="{path}">{everything}</a>'
        return f'<div class="empty"><h2>{html.escape(title)}</h2><p>{html.escape(text)}</p>{link}</div>'

    def _page(
        self,
        request: web.Request,
        kind: PageKind,
        messages: Messages,
        *,
        preview: Preview | None = None,
        body: str | None = None,
        data: str = "",
    ) -> web.Response:
        text = self._shell.draw(kind, messages, request.path_qs, preview=preview, body=body, data=data)
        headers = {
            "Cache-Control": "no-store",
            "Content-Language": messages.language,
            "Vary": "Cookie, Accept-Language",
        }
        return web.Response(text=text, content_type="text/html", headers=headers)

    def _url(self, request: web.Request) -> str:
        return self._public_url or f"{request.scheme}://{request.host}"


def filters_of(request: web.Request) -> Filters:
    """Return what the address of a list asks for; what can't be meant is left out."""
    query = request.query

    def day(name: str) -> str:
        value = query.get(name, "")
        return value if _DAY.fullmatch(value) else ""

    return Filters(
        q=query.get("q", "").strip()[:_TEXT_MAX],
        city=query.get("city", "").strip()[:_TEXT_MAX],
        since=day("from"),
        until=day("to"),
        is_free=query.get("free", "") == "true",
    )


def _matches(record: EventRecord, filters: Filters) -> bool:
    text = f"{record.title} {record.summary} {record.venue} {record.organisation}".casefold()
    day = dt.datetime.fromtimestamp(record.starts_at_ms / 1000, dt.UTC).date().isoformat()
    return (
        all(word in text for word in filters.q.casefold().split())
        and filters.city.casefold() in record.city.casefold()
        and (not filters.since or day >= filters.since)
        and (not filters.until or day <= filters.until)
        and (not filters.is_free or any(kind.price_minor == 0 for kind in record.ticket_types))
    )


def _card(record: EventRecord) -> Card:
    prices = [kind.price_minor for kind in record.ticket_types]
    return Card(
        slug=record.slug,
        title=record.title,
        organiser=record.organisation,
        venue=record.venue,
        city=record.city,
        starts_at_ms=record.starts_at_ms,
        time_zone=record.time_zone,
        currency=record.currency,
        standing=record.status,
        image_url=record.image_url,
        opens_at_ms=record.opens_at_ms,
        price_minor=min(prices) if prices else None,
    )
