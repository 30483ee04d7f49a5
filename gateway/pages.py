"""The pages that are made here: what a search engine, a messenger's preview and the first paint need is in
them.

The pages' own files (`web/public/*.html`) have two holes, `$head` and `$data`. What goes into the first is
escaped for HTML; what goes into the second, and JSON-LD, is JSON in which `<`, `>` and `&` are written as
escapes, so that no text of an organizer ends its script element.
"""

import html
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from domain.money import currency_exponent
from services.events.pages import EventData, EventListData, EventView

_ESCAPES: Final = {
    ord("<"): "\\u003c",
    ord(">"): "\\u003e",
    ord("&"): "\\u0026",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}
_SUMMARY_MAX: Final = 200


def script_json(value: Any) -> str:
    """Return a value as JSON that can stand in a script element."""
    return msgspec.json.encode(value).decode().translate(_ESCAPES)


def event_page(folder: Path, data: EventData, url: str) -> str:
    """Return the page of an event. `url` is the address of this site, without a slash at its end."""
    event = data.event
    head = _head(
        f"{event.title} · Tickets",
        event.summary or event.description,
        f"{url}/e/{event.slug}",
        event.image_url,
    )
    head += f'\n        <script type="application/ld+json">{script_json(_json_ld(event, url))}</script>'
    return _fill(folder / "public" / "event.html", head, data)


def home_page(folder: Path, data: EventListData, url: str) -> str:
    """Return the list of events."""
    head = _head("Bilten · Tickets, live", "What you see is what is left.", f"{url}/", "")
    return _fill(folder / "public" / "index.html", head, data)


def _fill(path: Path, head: str, data: EventData | EventListData) -> str:
    block = f'<script type="application/json" id="data">{script_json(data)}</script>'
    return Template(path.read_text(encoding="utf-8")).safe_substitute(head=head, data=block)


def _head(title: str, description: str, address: str, image: str) -> str:
    summary = " ".join(description.split())
    if len(summary) > _SUMMARY_MAX:
        summary = summary[: _SUMMARY_MAX - 1].rsplit(" ", 1)[0] + "…"
    tags = [
        f"<title>{html.escape(title)}</title>",
        f'<meta name="description" content="{html.escape(summary)}" />',
        f'<link rel="canonical" href="{html.escape(address)}" />',
        '<meta property="og:type" content="website" />',
        '<meta property="og:site_name" content="Bilten" />',
        f'<meta property="og:title" content="{html.escape(title)}" />',
        f'<meta property="og:description" content="{html.escape(summary)}" />',
        f'<meta property="og:url" content="{html.escape(address)}" />',
    ]
    if image:
        tags.append(f'<meta property="og:image" content="{html.escape(image)}" />')
    tags.append(f'<meta name="twitter:card" content="{"summary_large_image" if image else "summary"}" />')
    return "\n        ".join(tags)


def _json_ld(event: EventView, url: str) -> dict[str, Any]:
    """The event in the words of https://schema.org/Event."""
    address = f"{url}/e/{event.slug}"
    found: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Event",
        "name": event.title,
        "description": event.summary or event.description,
        "url": address,
        "startDate": _iso(event.starts_at_ms, event.time_zone),
        "eventStatus": "https://schema.org/"
        + ("EventCancelled" if event.status == "cancelled" else "EventScheduled"),
        "eventAttendanceMode": "https://schema.org/OfflineEventAttendanceMode",
        "location": {
            "@type": "Place",
            "name": event.venue,
            "address": {
                "@type": "PostalAddress",
                "streetAddress": event.address,
                "addressLocality": event.city,
                "addressCountry": event.country,
            },
        },
        "organizer": {"@type": "Organization", "name": event.organiser},
        "offers": [
            {
                "@type": "Offer",
                "name": kind.name,
                "price": _decimal(kind.price_minor, event.currency),
                "priceCurrency": event.currency,
                "url": address,
                **({"validFrom": _iso(event.opens_at_ms, event.time_zone)} if event.opens_at_ms else {}),
            }
            for kind in event.ticket_types
        ],
    }
    if event.ends_at_ms is not None:
        found["endDate"] = _iso(event.ends_at_ms, event.time_zone)
    if event.doors_at_ms is not None:
        found["doorTime"] = _iso(event.doors_at_ms, event.time_zone)
    if event.image_url:
        found["image"] = [event.image_url]
    return found


def _iso(at_ms: int, time_zone: str) -> str:
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
    return datetime.fromtimestamp(at_ms / 1000, zone).isoformat(timespec="seconds")


def _decimal(minor: int, currency: str) -> str:
    exponent = currency_exponent(currency)
    if not exponent:
        return str(minor)
    major, rest = divmod(minor, 10**exponent)
    return f"{major}.{rest:0{exponent}d}"
