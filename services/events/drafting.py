"""What is written about an event becomes its record: fields that change, times in the venue's zone, texts
rendered. Pure: nothing is stored here.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from domain.ids import VENUE, EventId, OrganisationId, VenueId, parse, text
from domain.refusals import Code, Refusal
from services.events import local_time
from services.events.descriptions import render
from services.events.models import EventPatch, Geo
from services.reasons import Reason
from storage.event_records import EventRecord
from storage.search_texts import plain_words
from storage.venues import VenueRecord

SLUG_MAX: Final = 80
DEGREE: Final = 1_000_000
LENGTH_MS_MAX: Final = 366 * 24 * 3_600_000
_TIMES: Final = ("starts_at", "ends_at", "doors_at", "opens_at")
_SAME: Final = (
    *("title", "slug", "summary", "description", "address", "city", "country", "image_url", "image_alt"),
    *("images", "language", "category"),
)
# What a venue of the organisation decides for its events.
_OF_VENUE: Final = ("venue", "address", "city", "country", "latitude_e6", "longitude_e6")


def invalid(field: str, reason: Reason, message: str = "") -> Refusal:
    """Return the refusal of a field that has the right form and still can't be used. `message` is an English
    sentence, where there is more to say than the reason says.
    """
    said = {"message": message} if message else {}
    return Refusal(Code.INVALID, None, {"field": field, "reason": reason, **said})


def blank(
    event_id: EventId, organisation_id: OrganisationId, organisation: str, currency: str
) -> EventRecord:
    """Return an event that nothing is said of yet."""
    return EventRecord(
        event_id=event_id,
        organisation_id=organisation_id,
        organisation=organisation,
        slug="",
        title="",
        summary="",
        description="",
        venue="",
        address="",
        city="",
        country="",
        starts_at_ms=0,
        ends_at_ms=None,
        doors_at_ms=None,
        time_zone="UTC",
        currency=currency,
        image_url="",
        opens_at_ms=None,
        status="draft",
        buyer_limit=10,
    )


def edited(record: EventRecord, patch: EventPatch, venue: VenueRecord | None) -> EventRecord | Refusal:
    """Return an event with what a patch says of it.

    `venue` is the one that the patch names, None if it names none.
    """
    said = patch.model_fields_set
    changes: dict[str, Any] = {name: getattr(patch, name) for name in _SAME if name in said}
    if "venue_name" in said:
        changes["venue"] = patch.venue_name
    if "geo" in said:
        changes |= geo_columns(patch.geo)
    if "tags" in said:
        changes["tags"] = distinct_tags(patch.tags)
    if "hold_seconds" in said:
        changes["hold_ms"] = patch.hold_seconds * 1000
    if "extension_seconds" in said:
        changes["extension_ms"] = patch.extension_seconds * 1000
    zone = patch.time_zone if "time_zone" in said else record.time_zone
    if "venue" in said:
        changes["venue_id"] = VenueId(parse(VENUE, patch.venue)) if patch.venue is not None else None
        if venue is not None:
            changes |= venue_columns(venue)
            zone = venue.time_zone if "time_zone" not in said else zone
    elif record.venue_id is not None and changes.keys() & set(_OF_VENUE):
        # Said by hand what the venue says: it is no longer that venue's to say.
        changes["venue_id"] = None
    times = _times(record, patch, zone)
    if isinstance(times, Refusal):
        return times
    changes |= {"time_zone": zone, **times}
    if "description" in changes:
        changes["description_html"] = render(changes["description"])
    made = msgspec.structs.replace(record, **changes)
    return time_problem(made) or made


def geo_columns(geo: Geo | None) -> dict[str, int | None]:
    """Return a place in millionths of a degree."""
    if geo is None:
        return {"latitude_e6": None, "longitude_e6": None}
    return {"latitude_e6": round(geo.latitude * DEGREE), "longitude_e6": round(geo.longitude * DEGREE)}


def geo_of(latitude_e6: int | None, longitude_e6: int | None) -> Geo | None:
    """Return a place in degrees."""
    if latitude_e6 is None or longitude_e6 is None:
        return None
    return Geo(latitude=latitude_e6 / DEGREE, longitude=longitude_e6 / DEGREE)


def venue_columns(venue: VenueRecord) -> dict[str, Any]:
    """Return what an event takes over from its venue."""
    return {
        "venue": venue.name,
        "address": venue.address,
        "city": venue.city,
        "country": venue.country,
        "latitude_e6": venue.latitude_e6,
        "longitude_e6": venue.longitude_e6,
    }


def distinct_tags(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return tags in small letters, each once."""
    return tuple(dict.fromkeys(tag.casefold() for tag in tags))


def slug_of(title: str) -> str:
    """Return the part of an address that a title gives; "event" for a title without Latin letters."""
    words = re.sub("[^a-z0-9]+", "-", plain_words(title)).strip("-")
    return words[: SLUG_MAX - 8].strip("-") or "event"


def shifted(at_ms: int | None, from_ms: int, to_ms: int, time_zone: str) -> int | None:
    """Return a time as far from another one, on the clock, as it was from its old place."""
    if at_ms is None:
        return None
    distance = local_time.wall_clock(at_ms, time_zone) - local_time.wall_clock(from_ms, time_zone)
    return local_time.moved_to_ms(local_time.wall_clock(to_ms, time_zone) + distance, time_zone)[0]


def _times(record: EventRecord, patch: EventPatch, zone: str) -> Mapping[str, int | None] | Refusal:
    """Return the times as the patch says them; those that it doesn't say stay on the clock if the zone
    changes.
    """
    found: dict[str, int | None] = {}
    for name in _TIMES:
        old_ms: int | None = getattr(record, f"{name}_ms")
        if name in patch.model_fields_set:
            said: str | None = getattr(patch, name)
            try:
                found[f"{name}_ms"] = None if said is None else local_time.to_ms(said, zone)
            except local_time.NotATime as error:
                return invalid(name, error.reason)
        elif zone != record.time_zone and old_ms is not None:
            clock = local_time.wall_clock(old_ms, record.time_zone)
            found[f"{name}_ms"] = local_time.moved_to_ms(clock, zone)[0]
    return found


def time_problem(event: EventRecord) -> Refusal | None:
    """Return why the times of an event can't be as they are."""
    if event.ends_at_ms is not None and event.ends_at_ms <= event.starts_at_ms:
        return invalid("ends_at", "before_start")
    if event.ends_at_ms is not None and event.ends_at_ms - event.starts_at_ms > LENGTH_MS_MAX:
        return invalid("ends_at", "event_too_long")
    if event.doors_at_ms is not None and event.doors_at_ms > event.starts_at_ms:
        return invalid("doors_at", "after_start")
    if event.opens_at_ms is not None and event.opens_at_ms >= (event.ends_at_ms or event.starts_at_ms):
        return invalid("opens_at", "after_event")
    return None


def venue_name(record: EventRecord) -> str | None:
    """Return the TypeID of an event's venue."""
    return None if record.venue_id is None else text(VENUE, record.venue_id)
