"""The pages over HTTP: who asks for what is drawn in which language, and how the language is chosen."""

import datetime as dt
import html
import io
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final
from urllib.parse import quote

import segno
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import ValidationError

from domain.refusals import Refusal
from gateway.browsing import Browsing
from gateway.cards import Card, Filters, cards, event_told, more_link, quick_filters
from gateway.draft_gate import DraftGate
from gateway.finer_search import finer_holes, minor_of
from gateway.page_table import EVENT, HOME, ORGANISATION, PRIVACY, SCRIPTED, PageKind
from gateway.pages import event_preview
from gateway.platform_gate import PlatformGate
from gateway.poster import poster
from gateway.shell import LANGUAGE_COOKIE, Preview, Shell, data_block, script_text
from services.events.descriptions import plain, render
from services.events.public_models import EventsQuery
from services.events.public_views import price_max, price_min, public_model
from services.events.reading import Reading
from services.events.searching import search
from services.events.views import status_of
from services.messages import LANGUAGES, Messages
from storage.event_records import EventRecord

_LANGUAGE_S: Final = 365 * 86_400
_QR_BYTES_MAX: Final = 500
_LISTED: Final = 24
# Where the server's time goes in a page that is drawn; no text of an organiser has it as it stands.
_TIME_HOLE: Final = "\0time\0"
_RENDERED_MAX: Final = 500
_ASKED: Final = frozenset(
    {"q", "city", "from", "to", "free", "cursor", "category", "language", "tag", "price_max", "currency"}
)


class Pages:
    """The handlers of the pages of one gateway.

    Args:
        public_url: the address that people type, "" to take it from each request.
    """

    def __init__(
        self,
        shell: Shell,
        reading: Reading,
        gate: PlatformGate,
        drafts: DraftGate,
        browsing: Browsing,
        clock: Callable[[], int],
        public_url: str,
    ) -> None:
        self._shell = shell
        self._gate = gate
        self._drafts = drafts
        self._browsing = browsing
        self._reading = reading
        self._clock = clock
        self._public_url = public_url

    def routes(self) -> list[web.RouteDef]:
        """Return which page is where."""
        scripted = [web.get(kind.path, self._scripted(kind)) for kind in SCRIPTED]
        return [
            web.get(HOME.path, self.home),
            web.get(ORGANISATION.path, self.organisation),
            web.get(EVENT.path, self.event),
            web.get(PRIVACY.path, self.privacy),
            web.get("/language", self.language),
            web.post("/qr.svg", self.qr),
            web.get("/posters/{slug:[a-z0-9-]{1,80}}.svg", self.poster),
            *scripted,
        ]

    async def home(self, request: web.Request) -> web.Response:
        """What is on: a part of the list of all events, or of what is looked for."""
        refused = await self._browsing.refused(request) if request.query else None
        if refused is not None:
            return refused
        messages, query = self._shell.messages(request), events_query(request)
        filters = _filters(query, request.query.get("price", ""))
        today = dt.datetime.fromtimestamp(self._clock() / 1000, dt.UTC).date()
        holes = {
            "q": html.escape(filters.q),
            "city": html.escape(filters.city),
            "since": filters.since,
            "until": filters.until,
            "open": " open" if filters.city or filters.since or filters.until else "",
            "free": '<input type="hidden" name="free" value="true" />' if filters.is_free else "",
            "chips": quick_filters(filters, messages, "/", today),
            "list": await self._list(query, filters, messages, "/"),
            **finer_holes(filters, messages),
        }
        body = self._shell.fill("public/home.html", messages, holes)
        preview = Preview(messages.text("home.title"), messages.text("home.lead"), f"{self._url(request)}/")
        return self._page(request, HOME, messages, body=body, preview=preview)

    async def organisation(self, request: web.Request) -> web.Response:
        """Who sells, and what they have ahead."""
        refused = await self._browsing.refused(request) if request.query else None
        if refused is not None:
            return refused
        profile = await self._reading.organisation(request.match_info["slug"])
        if profile is None:
            raise web.HTTPNotFound
        messages, path = self._shell.messages(request), f"/o/{profile.slug}"
        query = events_query(request).model_copy(update={"organisation": profile.slug})
        description = rendered(profile.description)
        links = [
            (profile.website, messages.text("home.website")),
            (
                profile.contact_email and f"mailto:{quote(profile.contact_email)}",
                messages.text("home.contact"),
            ),
            (f"/calendar/{profile.slug}.ics", messages.text("home.calendar")),
        ]
        shown = [
            f'<a href="{html.escape(address)}" rel="noopener nofollow">{html.escape(said)}</a>'
            for address, said in links
            if address
        ]
        holes = {
            "initial": html.escape(profile.name[:1]),
            "name": f"<bdi>{html.escape(profile.name)}</bdi>",
            # Made safe where it was made.
            "description": description,
            "links": "".join(shown),
            "list": await self._list(query, Filters(), messages, path),
        }
        body = self._shell.fill("public/organisation.html", messages, holes)
        preview = Preview(profile.name, plain(description), f"{self._url(request)}{path}")
        return self._page(request, ORGANISATION, messages, body=body, preview=preview)

    async def event(self, request: web.Request) -> web.Response:
        """An event, with its data for the script that sells it."""
        kept = await self._reading.page(request.match_info["name"])
        if kept is None:
            return await self._draft(request)
        messages, now_ms, url = self._shell.messages(request), self._clock(), self._url(request)
        # The status goes on with the time, everything else with the event's changes.
        status = status_of(kept.event, now_ms)
        # Without an address of its own a site has as many as there are names for it.
        name = f"page {status.value} {messages.language} {url} {request.path_qs}"

        def draw(event: EventRecord) -> tuple[str, str]:
            preview = event_preview(event, status, url, messages)
            drawn = self._event_page(request, messages, event, preview)
            before, _, after = drawn.partition(_TIME_HOLE)
            return before, after

        # Drawn once for each change of the event; only the time differs from reader to reader.
        before, after = self._reading.drawn(kept, name, draw)
        return _response(f"{before}{now_ms}{after}", messages)

    async def _draft(self, request: web.Request) -> web.Response:
        """An event that is not published yet, for those who work on it; for everybody else there is none."""
        event = await self._drafts.find(request, request.match_info["name"])
        if event is None:
            raise web.HTTPNotFound
        messages = self._shell.messages(request)
        # Without an address it is not indexed.
        preview = Preview(messages.text("event.title_of", title=event.title))
        drawn = self._event_page(request, messages, event, preview)
        return _response(drawn.replace(_TIME_HOLE, str(self._clock())), messages)

    def _event_page(
        self, request: web.Request, messages: Messages, event: EventRecord, preview: Preview
    ) -> str:
        """Return the page of an event, with a hole where the server's time goes."""
        now_ms = self._clock()
        said = script_text(public_model(event, now_ms).model_dump_json())
        told = event_told(_card(event, now_ms), event.summary, messages)
        return self._shell.draw(
            EVENT,
            messages,
            request.path_qs,
            preview=preview,
            body=f'<div id="app"></div><noscript>{told}</noscript>',
            data=data_block(f'{{"server_time_ms":{_TIME_HOLE},"event":{said}}}'),
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
        # Only ever an address of this site: a second slash or a backslash would name another host, and so
        # would one behind a tab, which browsers leave out.
        if not re.fullmatch(r"/(?!/)[^\\\x00-\x1f]*", back):
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
        refused = await self._browsing.refused(request)
        if refused is not None:
            return refused
        said = (await request.read()).decode("utf-8", "replace")
        if not said or len(said) > _QR_BYTES_MAX:
            raise web.HTTPBadRequest
        drawn = io.BytesIO()
        segno.make(said, error="m", micro=False).save(
            drawn, kind="svg", border=4, xmldecl=False, dark="#000", light="#fff", omitsize=True
        )
        return web.Response(body=drawn.getvalue(), content_type="image/svg+xml")

    def _scripted(self, kind: PageKind) -> Handler:
        async def handler(request: web.Request) -> web.Response:
            if kind.is_platform:
                await self._gate.admit(request)
            return self._page(request, kind, self._shell.messages(request))

        return handler

    async def _list(self, query: EventsQuery, filters: Filters, messages: Messages, path: str) -> str:
        now_ms = self._clock()
        listed = await search(self._reading, query, now_ms)
        if isinstance(listed, Refusal):
            # A cursor of another list, or a day that no calendar has: the list from its beginning.
            listed = await search(self._reading, EventsQuery(organisation=query.organisation), now_ms)
            assert not isinstance(listed, Refusal)
        if listed.events:
            items = cards([_card(event, now_ms) for event in listed.events], messages, now_ms)
            more = more_link(filters, messages, path, listed.next_cursor)
            return f'<ul class="event-list">{items}</ul>{more}'
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
        return _response(text, messages)

    def _url(self, request: web.Request) -> str:
        return self._public_url or f"{request.scheme}://{request.host}"


def _response(text: str, messages: Messages) -> web.Response:
    headers = {
        "Cache-Control": "no-store",
        "Content-Language": messages.language,
        "Vary": "Cookie, Accept-Language",
    }
    return web.Response(text=text, content_type="text/html", headers=headers)


def events_query(request: web.Request) -> EventsQuery:
    """Return what the address of a list asks for; what can't be meant is left out."""
    said = dict(request.query)
    # People say an amount in units; without one, a currency narrows nothing down.
    minor = minor_of(said.pop("price", ""), said.get("currency", ""))
    said = {**said, "price_max": "" if minor is None else str(minor)}
    if minor is None:
        said.pop("currency", None)
    asked = {name: value for name, value in said.items() if name in _ASKED and value.strip()}
    try:
        return EventsQuery.model_validate_strings({"limit": str(_LISTED), **asked})
    except ValidationError as error:
        wrong = {str(one["loc"][0]) for one in error.errors()}
        kept = {name: value for name, value in asked.items() if name not in wrong}
        return EventsQuery.model_validate_strings({"limit": str(_LISTED), **kept})


@lru_cache(maxsize=_RENDERED_MAX)
def rendered(markdown: str) -> str:
    """Return a description as HTML that can do nothing but be read."""
    return render(markdown)


def _filters(query: EventsQuery, price: str) -> Filters:
    return Filters(
        q=query.q,
        city=query.city,
        since=query.from_ or "",
        until=query.to or "",
        is_free=bool(query.free),
        category=query.category or "",
        language=query.language or "",
        tag=query.tag,
        price="" if query.price_max is None else price.strip(),
        currency=query.currency or "",
    )


def _card(event: EventRecord, now_ms: int) -> Card:
    return Card(
        slug=event.slug,
        title=event.title,
        organiser=event.organisation,
        venue=event.venue,
        city=event.city,
        starts_at_ms=event.starts_at_ms,
        ends_at_ms=event.ends_at_ms,
        time_zone=event.time_zone,
        currency=event.currency,
        standing=status_of(event, now_ms).value,
        image_url=event.image_url,
        opens_at_ms=event.opens_at_ms,
        price_minor=price_min(event),
        is_free=price_max(event) == 0,
    )
