"""What stands around every page: the head, the header with its menu, the footer, in the reader's language.

The template is `web/shared/page.html`. `{{area.name}}` in it, and in the pages' own bodies, is a message of
the catalogues; `$name` is filled here. Messages go in first and holes after them, each in one pass, so that
nothing an organizer wrote is ever read as either.
"""

import html
import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any, Final

import msgspec
from aiohttp import web

from gateway.page_table import PROBLEM, PageKind
from services.messages import Catalogues, Messages

LANGUAGE_COOKIE: Final = "bilten_language"
_SUMMARY_MAX: Final = 200
_MESSAGE: Final = re.compile(r"\{\{([a-z_]+\.[a-z0-9_.]+)\}\}")
_LANGUAGE_NAMES: Final = {"en": "English", "ar": "العربية"}
# The modules that every page starts with: asked for at once, not one after the other.
_MODULES: Final = (
    "vendor/preact.js",
    "vendor/preact-hooks.js",
    "vendor/signals.js",
    "vendor/signals-core.js",
    "vendor/htm.js",
    "shared/html.js",
    "shared/i18n.js",
    "shared/messages.js",
    "shared/page.js",
)
_SECTIONS: Final = (
    ("/", "shared.nav.events"),
    ("/tickets", "shared.nav.tickets"),
    ("/organizer", "shared.nav.organizer"),
)
_ESCAPES: Final = (
    ("<", "\\u003c"),
    (">", "\\u003e"),
    ("&", "\\u0026"),
    ("\u2028", "\\u2028"),
    ("\u2029", "\\u2029"),
)


def script_json(value: Any) -> str:
    """Return a value as JSON that can stand in a script element."""
    return script_text(msgspec.json.encode(value).decode())


def script_text(json_text: str) -> str:
    """Return JSON so that it can stand in a script element: no text in it ends the element."""
    # Each in one pass at C speed; `translate` takes thirty times as long for a page.
    for letter, escape in _ESCAPES:
        json_text = json_text.replace(letter, escape)
    return json_text


def data_block(json_text: str) -> str:
    """Return the data block of a page, of a `script_text`; its script reads it and no browser runs it."""
    return f'<script type="application/json" id="data">{json_text}</script>'


class Preview(msgspec.Struct, frozen=True):
    """What a search engine and a messenger's preview show of a page.

    Attributes:
        address: of the page, absolute; "" for pages that nobody should find.
        extra: further elements of the head, as HTML.
    """

    title: str
    description: str = ""
    address: str = ""
    image: str = ""
    extra: str = ""


class Shell:
    """Draws pages. `web_folder` is the folder `web/`, `passkeys_url` where passkeys work, "" for anywhere."""

    def __init__(self, web_folder: Path, passkeys_url: str = "") -> None:
        self._folder = web_folder
        self._passkeys_url = html.escape(passkeys_url)
        self.catalogues = Catalogues(web_folder / "messages")
        # As many as there are files and languages.
        self._templates: dict[tuple[str, str], tuple[int, Template]] = {}

    def messages(self, request: web.Request) -> Messages:
        """Return the reader's language: what was chosen once, or what the browser asks for."""
        chosen = request.cookies.get(LANGUAGE_COOKIE, "")
        return self.catalogues.chosen(chosen, request.headers.get("Accept-Language", ""))

    def draw(
        self,
        kind: PageKind,
        messages: Messages,
        path: str,
        *,
        preview: Preview | None = None,
        body: str | None = None,
        data: str = "",
    ) -> str:
        """Return a page.

        Args:
            kind: which page.
            messages: the reader's language.
            path: of this page with its query, to come back to when the language is changed.
            preview: None for the page's own title and nothing to be found.
            body: HTML of the main part, None where the script draws it.
            data: a `data_block`.
        """
        if preview is None:
            preview = Preview(messages.text(kind.title))
        return self._template("shared/page.html", messages).substitute(
            lang=messages.language,
            dir=messages.direction,
            areas=" ".join(kind.areas),
            passkeys_url=self._passkeys_url,
            head=_head(preview, messages),
            links=_links(kind, messages),
            skip_to=kind.skip_to,
            skip_text=html.escape(messages.text(kind.skip_text)),
            nav=_sections(messages, path),
            menu=_sections(messages, path),
            languages=_languages(messages, path),
            layout=kind.layout,
            body=self._empty_body(messages) if body is None else body,
            data=data,
        )

    def fill(self, name: str, messages: Messages, holes: Mapping[str, str]) -> str:
        """Return a part of a page from a file below `web/`, its `$holes` filled with HTML."""
        return self._template(name, messages).substitute(holes)

    def error(self, request: web.Request, status: int) -> web.Response:
        """Return an error as a page, for those who asked for one."""
        messages = self.messages(request)
        name = {404: "not_found", 429: "busy", 503: "busy"}.get(status, "failed")
        title = messages.text(f"shared.{name}.title")
        holes = {
            "status": str(status),
            "title": html.escape(title),
            "message": html.escape(messages.text(f"shared.{name}.text")),
        }
        body = self.fill("public/error.html", messages, holes)
        text = self.draw(PROBLEM, messages, request.path_qs, preview=Preview(title), body=body)
        headers = {"Cache-Control": "no-store", "Content-Language": messages.language}
        return web.Response(status=status, text=text, content_type="text/html", headers=headers)

    def _empty_body(self, messages: Messages) -> str:
        return (
            '<div id="app" aria-busy="true"><div class="skeleton" aria-hidden="true">'
            "<span></span><span></span><span></span><span></span></div></div>"
            f'<noscript><p class="noscript">{html.escape(messages.text("shared.noscript"))}</p></noscript>'
        )

    def _template(self, name: str, messages: Messages) -> Template:
        path = self._folder / name
        changed_ns = path.stat().st_mtime_ns
        key = (name, messages.language)
        known = self._templates.get(key)
        if known is None or known[0] != changed_ns:

            def message(match: re.Match[str]) -> str:
                # A dollar sign in a message is no hole.
                return html.escape(messages.text(match[1])).replace("$", "$$")

            text = _MESSAGE.sub(message, path.read_text(encoding="utf-8"))
            known = self._templates[key] = (changed_ns, Template(text))
        return known[1]


def shortened(text: str) -> str:
    """Return a description as previews show it: one line, at most 200 characters, cut between words."""
    summary = " ".join(text.split())
    if len(summary) <= _SUMMARY_MAX:
        return summary
    return summary[: _SUMMARY_MAX - 1].rsplit(" ", 1)[0] + "…"


def _head(preview: Preview, messages: Messages) -> str:
    title = html.escape(preview.title)
    if not preview.address:
        robots = '<meta name="robots" content="noindex" />'
        return f"<title>{title} · Bilten</title>\n        {robots}{preview.extra}"
    summary, address = html.escape(shortened(preview.description)), html.escape(preview.address)
    tags = [
        f"<title>{title}</title>",
        f'<meta name="description" content="{summary}" />',
        f'<link rel="canonical" href="{address}" />',
        '<meta property="og:type" content="website" />',
        '<meta property="og:site_name" content="Bilten" />',
        f'<meta property="og:locale" content="{messages.locale}" />',
        f'<meta property="og:title" content="{title}" />',
        f'<meta property="og:description" content="{summary}" />',
        f'<meta property="og:url" content="{address}" />',
    ]
    if preview.image:
        tags.append(f'<meta property="og:image" content="{html.escape(preview.image)}" />')
    card = "summary_large_image" if preview.image else "summary"
    tags.append(f'<meta name="twitter:card" content="{card}" />')
    return "\n        ".join(tags) + preview.extra


def _links(kind: PageKind, messages: Messages) -> str:
    found = [f'<link rel="stylesheet" href="/static/{style}" />' for style in kind.styles]
    catalogue = f"/static/messages/{messages.language}"
    found += [
        f'<link rel="preload" as="fetch" crossorigin="anonymous" href="{catalogue}/{area}.json" />'
        for area in kind.areas
    ]
    found += [f'<link rel="modulepreload" href="/static/{name}" />' for name in _MODULES]
    found.append('<script type="module" src="/static/shared/page.js"></script>')
    if kind.script:
        found.append(f'<script type="module" src="/static/{kind.script}"></script>')
    return "\n        ".join(found)


def _sections(messages: Messages, path: str) -> str:
    here = path.partition("?")[0]
    links = []
    for address, name in _SECTIONS:
        is_here = here == address or (address != "/" and here.startswith(address))
        current = ' aria-current="page"' if is_here else ""
        links.append(f'<a href="{address}"{current}>{html.escape(messages.text(name))}</a>')
    return "".join(links)


def _languages(messages: Messages, path: str) -> str:
    links = []
    for code, name in _LANGUAGE_NAMES.items():
        current = ' aria-current="true"' if code == messages.language else ""
        query = html.escape(f"/language?to={code}&back={_quoted(path)}")
        links.append(f'<a href="{query}" lang="{code}" hreflang="{code}" rel="nofollow"{current}>{name}</a>')
    return "".join(links)


def _quoted(path: str) -> str:
    return path.replace("%", "%25").replace("&", "%26").replace("#", "%23").replace("+", "%2B")
