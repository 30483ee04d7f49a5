"""What a page shows of an event: the records behind `/api/events` and the data blocks of the pages."""

import msgspec

from domain.ids import EVENT, POOL, TICKET_TYPE, text
from storage.catalogue import EventRecord


class TicketTypeView(msgspec.Struct, frozen=True):
    """A ticket type as it is offered."""

    ticket_type: str
    name: str
    description: str
    price_minor: int
    quantity_min: int
    quantity_max: int
    sales_start_ms: int | None
    sales_end_ms: int | None
    price_min_minor: int | None = None


class PoolView(msgspec.Struct, frozen=True):
    """A pool as the organizer's page names it."""

    pool: str
    name: str
    capacity: int


class EventView(msgspec.Struct, frozen=True):
    """An event. Times are in ms since the epoch; `time_zone` is the venue's, of the IANA database."""

    event: str
    slug: str
    title: str
    summary: str
    description: str
    organiser: str
    venue: str
    address: str
    city: str
    country: str
    starts_at_ms: int
    ends_at_ms: int | None
    doors_at_ms: int | None
    time_zone: str
    currency: str
    image_url: str
    opens_at_ms: int | None
    status: str
    buyer_limit: int
    ticket_types: list[TicketTypeView]
    pools: list[PoolView]


class EventData(msgspec.Struct, frozen=True):
    """An event, and the server's time by which a page sets its clock."""

    server_time_ms: int
    event: EventView


class EventListData(msgspec.Struct, frozen=True):
    """Events, soonest first, and the server's time."""

    server_time_ms: int
    events: list[EventView]


def view_of(record: EventRecord) -> EventView:
    """Return an event as pages show it."""
    return EventView(
        event=text(EVENT, record.event_id),
        slug=record.slug,
        title=record.title,
        summary=record.summary,
        description=record.description,
        organiser=record.organisation,
        venue=record.venue,
        address=record.address,
        city=record.city,
        country=record.country,
        starts_at_ms=record.starts_at_ms,
        ends_at_ms=record.ends_at_ms,
        doors_at_ms=record.doors_at_ms,
        time_zone=record.time_zone,
        currency=record.currency,
        image_url=record.image_url,
        opens_at_ms=record.opens_at_ms,
        status=record.status,
        buyer_limit=record.buyer_limit,
        ticket_types=[
            TicketTypeView(
                text(TICKET_TYPE, kind.ticket_type_id),
                kind.name,
                kind.description,
                kind.price_minor,
                kind.quantity_min,
                kind.quantity_max,
                kind.sales_start_ms,
                kind.sales_end_ms,
                kind.price_min_minor,
            )
            for kind in record.ticket_types
            if not (kind.is_hidden or kind.is_retired)
        ],
        pools=[PoolView(text(POOL, pool.pool_id), pool.name, pool.capacity) for pool in record.pools],
    )
