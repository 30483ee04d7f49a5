"""What a search engine and a messenger's preview are told of an event."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.money import currency_exponent
from gateway.messages import Messages
from gateway.shell import Preview, script_json
from services.events.pages import EventView


def event_preview(event: EventView, url: str, messages: Messages) -> Preview:
    """Return the head of an event's page. `url` is the address of this site, without a slash at its end."""
    json_ld = script_json(_json_ld(event, url))
    return Preview(
        title=messages.text("event.title_of", title=event.title),
        description=event.summary or event.description,
        address=f"{url}/e/{event.slug}",
        image=event.image_url,
        extra=f'\n        <script type="application/ld+json">{json_ld}</script>',
    )


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
