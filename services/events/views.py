"""Events as those see them who work on them."""

from domain.event_status import STEPS, EventStatus, Step, status_at
from domain.ids import EVENT, ORGANISATION, SERIES, VENUE, text
from services.events import local_time
from services.events.drafting import geo_of, venue_name
from services.events.models import Event, EventRow, Venue
from services.events.tickets_document import document
from storage.event_records import EventRecord
from storage.venues import VenueRecord

# What organisers do; the others happen.
_BY_PEOPLE = (Step.PUBLISH, Step.PAUSE, Step.RESUME, Step.CLOSE, Step.CANCEL, Step.ARCHIVE)


def status_of(record: EventRecord, now_ms: int) -> EventStatus:
    """Return where an event stands by now."""
    return status_at(
        EventStatus(record.status),
        opens_at_ms=record.opens_at_ms,
        starts_at_ms=record.starts_at_ms,
        ends_at_ms=record.ends_at_ms,
        now_ms=now_ms,
        is_sold_out=is_sold_out(record, now_ms),
    )


def is_sold_out(record: EventRecord, now_ms: int) -> bool:
    """Say whether everything that everybody may buy is sold. A type whose sale is over has nothing to buy."""
    public = [(at, kind) for at, kind in enumerate(record.ticket_types) if kind.is_public]
    return any(at in record.sold_out for at, _ in public) and all(
        at in record.sold_out or (kind.sales_end_ms is not None and kind.sales_end_ms <= now_ms)
        for at, kind in public
    )


def event_model(record: EventRecord, now_ms: int, *, may_edit: bool = True) -> Event:
    """Return an event with everything that can be edited."""
    zone = record.time_zone

    def said(at_ms: int | None) -> str | None:
        return None if at_ms is None else local_time.to_text(at_ms, zone)

    status = status_of(record, now_ms)
    return Event.model_construct(
        event=text(EVENT, record.event_id),
        organisation=text(ORGANISATION, record.organisation_id),
        organiser=record.organisation,
        version=record.version,
        status=status.value,
        slug=record.slug,
        title=record.title,
        summary=record.summary,
        description=record.description,
        description_html=record.description_html,
        venue=venue_name(record),
        venue_name=record.venue,
        address=record.address,
        city=record.city,
        country=record.country,
        geo=geo_of(record.latitude_e6, record.longitude_e6),
        time_zone=zone,
        currency=record.currency,
        starts_at=local_time.to_text(record.starts_at_ms, zone),
        starts_at_ms=record.starts_at_ms,
        ends_at=said(record.ends_at_ms),
        ends_at_ms=record.ends_at_ms,
        doors_at=said(record.doors_at_ms),
        doors_at_ms=record.doors_at_ms,
        opens_at=said(record.opens_at_ms),
        opens_at_ms=record.opens_at_ms,
        image_url=record.image_url,
        image_alt=record.image_alt,
        images=record.images,
        language=record.language,
        category=record.category,
        tags=record.tags,
        hold_seconds=record.hold_ms // 1000,
        extension_seconds=record.extension_ms // 1000,
        series=None if record.series_id is None else text(SERIES, record.series_id),
        cancelled_reason=record.cancelled_reason,
        may_edit=may_edit,
        steps=tuple(step.value for step in _BY_PEOPLE if may_edit and step in STEPS[status]),
        tickets=document(record),
    )


def row_model(record: EventRecord, now_ms: int) -> EventRow:
    """Return an event as the organiser's list has it."""
    return EventRow.model_construct(
        event=text(EVENT, record.event_id),
        organisation=text(ORGANISATION, record.organisation_id),
        organiser=record.organisation,
        slug=record.slug,
        title=record.title,
        status=status_of(record, now_ms).value,
        starts_at=local_time.to_text(record.starts_at_ms, record.time_zone),
        starts_at_ms=record.starts_at_ms,
        time_zone=record.time_zone,
        city=record.city,
        image_url=record.image_url,
        series=None if record.series_id is None else text(SERIES, record.series_id),
        version=record.version,
    )


def venue_model(venue: VenueRecord) -> Venue:
    """Return a venue."""
    return Venue.model_construct(
        venue=text(VENUE, venue.venue_id),
        version=venue.version,
        name=venue.name,
        address=venue.address,
        city=venue.city,
        country=venue.country,
        geo=geo_of(venue.latitude_e6, venue.longitude_e6),
        time_zone=venue.time_zone,
        capacity=venue.capacity,
    )
