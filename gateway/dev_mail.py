"""The mailbox of the embedded stack as a page: what would have been sent, for who tries Bilten on their own
machine. There is no such page where a real mail server is set, and none for requests from elsewhere: links in
mails open accounts.
"""

import asyncio
import datetime as dt
import email
import email.policy
import html
import re
from email.message import EmailMessage
from pathlib import Path
from typing import Final

import msgspec
from aiohttp import web

from gateway.limits import is_loopback
from gateway.problems import plain_problem

SHOWN_MAX: Final = 100
_NAME: Final = re.compile(r"\d{13}-\d{6}")
_ABOUT: Final = (
    '<p>What <a href="/">Bilten</a> would have sent, the newest first. Nothing here leaves this machine.</p>'
)
_URL: Final = re.compile(r"https?://[^\s<>\"']+")


class Letter(msgspec.Struct, frozen=True):
    """A mail that was kept."""

    name: str
    to: str
    subject: str
    text: str


class DevMail:
    """Shows the mails of a folder that `cluster.embedded_smtp` writes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def routes(self) -> list[web.RouteDef]:
        """Return what is answered where."""
        return [
            web.get("/dev/mail", self.newest),
            web.get("/dev/mail.json", self.newest_json),
            web.get("/dev/mail/{name}", self.one),
        ]

    async def newest(self, request: web.Request) -> web.Response:
        """The newest mails; `?to=` shows those to one address."""
        if not is_loopback(request.remote or ""):
            return _not_here()
        letters = await self._read(request.query.get("to", ""))
        rows = "".join(
            f'<li><a href="/dev/mail/{letter.name}">{html.escape(letter.subject)}</a> '
            f"<span><bdi>{html.escape(letter.to)}</bdi> {_sent(letter)}</span></li>"
            for letter in letters
        )
        empty = "<p>No mail yet. Sign up, and the first one is here in a moment.</p>"
        return _page("Mail", _ABOUT + (f'<ol class="mails">{rows}</ol>' if rows else empty))

    async def newest_json(self, request: web.Request) -> web.Response:
        """The same for programs."""
        if not is_loopback(request.remote or ""):
            return _not_here()
        letters = await self._read(request.query.get("to", ""))
        return web.Response(body=msgspec.json.encode(letters), content_type="application/json")

    async def one(self, request: web.Request) -> web.Response:
        """One mail, as its text part says it."""
        name = request.match_info["name"]
        if not is_loopback(request.remote or "") or not _NAME.fullmatch(name):
            return _not_here()
        letter = await asyncio.to_thread(_letter, self._folder / f"{name}.eml")
        if letter is None:
            return _not_here()
        return _page(
            letter.subject,
            f"<p>To <bdi>{html.escape(letter.to)}</bdi>, {_sent(letter)}</p>"
            f'<pre>{_linked(letter.text)}</pre><p><a href="/dev/mail">All mail</a></p>',
        )

    async def _read(self, to: str) -> list[Letter]:
        return await asyncio.to_thread(_letters, self._folder, to)


def _letters(folder: Path, to: str) -> list[Letter]:
    found: list[Letter] = []
    for path in sorted(folder.glob("*.eml"), reverse=True):
        letter = _letter(path)
        if letter is not None and (not to or letter.to == to):
            found.append(letter)
        if len(found) == SHOWN_MAX:
            break
    return found


def _letter(path: Path) -> Letter | None:
    try:
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    except OSError:
        return None
    assert isinstance(message, EmailMessage)
    part = message.get_body(("plain",))
    text = str(part.get_content()) if part is not None else ""
    return Letter(path.stem, str(message["To"] or ""), str(message["Subject"] or ""), text)


def _linked(text: str) -> str:
    parts, end = [], 0
    for match in _URL.finditer(text):
        url = html.escape(match[0])
        parts += [html.escape(text[end : match.start()]), f'<a href="{url}" rel="noreferrer">{url}</a>']
        end = match.end()
    return "".join([*parts, html.escape(text[end:])])


def _sent(letter: Letter) -> str:
    # Its name begins with when it came, in ms since the epoch.
    at = dt.datetime.fromtimestamp(int(letter.name[:13]) / 1000, dt.UTC)
    return f'<time datetime="{at:%Y-%m-%dT%H:%M:%SZ}">{at:%d %b %Y, %H:%M:%S} UTC</time>'


def _page(title: str, body: str) -> web.Response:
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        '<meta name="color-scheme" content="light dark">'
        '<link rel="icon" href="/static/shared/icon.svg" type="image/svg+xml">'
        '<link rel="stylesheet" href="/static/shared/tokens.css">'
        '<link rel="stylesheet" href="/static/shared/components.css">'
        '<link rel="stylesheet" href="/static/dev/mail.css"></head>'
        f'<body class="mail"><main><h1><bdi>{html.escape(title)}</bdi></h1>{body}</main></body></html>'
    )
    return web.Response(text=text, content_type="text/html", headers={"Cache-Control": "no-store"})


def _not_here() -> web.Response:
    return plain_problem(404, "There is nothing here.")
