"""Events in the words of schema.org (https://schema.org/Event), as search engines read them."""

from typing import Any, Final

from domain.event_status import EventStatus
from domain.money import currency_exponent
from services.events.descriptions import plain
from services.events.local_time import iso
from storage.event_records import EventRecord, TicketTypeRecord

DEGREE: Final = 1_000_000
_AVAILABILITY: Final = {
    EventStatus.ON_SALE: "InStock",
    EventStatus.PUBLISHED: "PreOrder",
    EventStatus.SOLD_OUT: "SoldOut",
}


def json_ld(event: EventRecord, status: EventStatus, url: str) -> dict[str, Any]:
    """Return an event. `url` is the address of this site, without a slash at its end."""
    address = f"{url}/e/{event.slug}"
    found: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Event",
        "@id": address,
        "name": event.title,
        "description": event.summary or plain(event.description_html),
        "url": address,
        "startDate": iso(event.starts_at_ms, event.time_zone),
        "eventStatus": "https://schema.org/"
        + ("EventCancelled" if status is EventStatus.CANCELLED else "EventScheduled"),
        "eventAttendanceMode": "https://schema.org/OfflineEventAttendanceMode",
        "location": _place(event),
        "organizer": {
            "@type": "Organization",
            "name": event.organisation,
            "url": f"{url}/o/{event.organisation_slug}",
        },
        "offers": [
            _offer(kind, event, _availability(at in event.sold_out, status), address)
            for at, kind in enumerate(event.ticket_types)
            if kind.is_public
        ],
    }
    if event.ends_at_ms is not None:
        found["endDate"] = iso(event.ends_at_ms, event.time_zone)
    if event.doors_at_ms is not None:
        found["doorTime"] = iso(event.doors_at_ms, event.time_zone)
    images = [image for image in (event.image_url, *event.images) if image]
    if images:
        found["image"] = images
    if event.language:
        found["inLanguage"] = event.language
    if event.tags or event.category:
        found["keywords"] = [word for word in (event.category, *event.tags) if word]
    return found


def decimal(minor: int, currency: str) -> str:
    """Return an amount with the decimals of its currency."""
    exponent = currency_exponent(currency)
    if not exponent:
        return str(minor)
    major, rest = divmod(minor, 10**exponent)
    return f"{major}.{rest:0{exponent}d}"


def _place(event: EventRecord) -> dict[str, Any]:
    place: dict[str, Any] = {
        "@type": "Place",
        "name": event.venue or event.city,
        "address": {
            "@type": "PostalAddress",
            "streetAddress": event.address,
            "addressLocality": event.city,
            "addressCountry": event.country,
        },
    }
    if event.latitude_e6 is not None and event.longitude_e6 is not None:
        place["geo"] = {
            "@type": "GeoCoordinates",
            "latitude": event.latitude_e6 / DEGREE,
            "longitude": event.longitude_e6 / DEGREE,
        }
    return place


def _availability(is_sold_out: bool, status: EventStatus) -> str | None:
    if is_sold_out and status is EventStatus.ON_SALE:
        return _AVAILABILITY[EventStatus.SOLD_OUT]
    return _AVAILABILITY.get(status)


def _offer(
    kind: TicketTypeRecord, event: EventRecord, availability: str | None, address: str
) -> dict[str, Any]:
    price = kind.price_minor if kind.price_min_minor is None else kind.price_min_minor
    found: dict[str, Any] = {
        "@type": "Offer",
        "name": kind.name,
        "price": decimal(price, event.currency),
        "priceCurrency": event.currency,
        "url": address,
    }
    if availability is not None:
        found["availability"] = f"https://schema.org/{availability}"
    starts_ms = kind.sales_start_ms or event.opens_at_ms
    if starts_ms is not None:
        found["validFrom"] = iso(starts_ms, event.time_zone)
    if kind.sales_end_ms is not None:
        found["validThrough"] = iso(kind.sales_end_ms, event.time_zone)
    return found
