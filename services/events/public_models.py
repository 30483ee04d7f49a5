"""What everybody may know of events, over the API."""

from typing import Annotated, Literal

from pydantic import Field

from services.events.models import Category, Geo, Status
from services.models import (
    AmountMinor,
    Country,
    Currency,
    EventRef,
    Language,
    Line,
    Model,
    OrganisationRef,
    PageQuery,
    Slug,
    TicketTypeRef,
    TimeMs,
)

DAY_PATTERN = r"^\d{4}-\d\d-\d\d$"
Day = Annotated[str, Field(pattern=DAY_PATTERN, examples=["2030-05-01"])]


class EventsQuery(PageQuery):
    """What is looked for; everything that is said has to be so."""

    q: Annotated[Line, Field(max_length=100)] = ""
    """Words of the title, the place, the organiser, the tags or the description; the last may be begun."""
    city: Annotated[Line, Field(max_length=120)] = ""
    country: Country | None = None
    from_: Annotated[Day | None, Field(alias="from")] = None
    """The first day, by the calendar where the event is; what is over is not listed."""
    to: Day | None = None
    """The last day on which it starts, by the calendar where it is."""
    free: bool | None = None
    """Something costs nothing."""
    price_max: AmountMinor | None = None
    """Something can be had for this, in the smallest unit of `currency`, which is needed with it."""
    currency: Currency | None = None
    """What prices are in. Amounts of different currencies are not compared: sorting by price needs it too."""
    category: Category | None = None
    tag: Annotated[Line, Field(max_length=40)] = ""
    language: Language | None = None
    organisation: Slug | None = None
    sort: Literal["date", "newest", "price"] = "date"


class EventCard(Model):
    """An event in a list."""

    event: EventRef
    slug: Slug
    title: str
    summary: str
    organiser: str
    organisation: Slug
    status: Status
    starts_at: str
    """As clocks at the venue show it."""
    starts_at_ms: TimeMs
    ends_at_ms: TimeMs | None
    time_zone: str
    venue_name: str
    city: str
    country: str
    image_url: str
    image_alt: str
    category: str
    tags: tuple[str, ...]
    language: str
    currency: str
    price_min_minor: AmountMinor | None
    """The least that something costs; None if nothing is offered."""
    opens_at_ms: TimeMs | None


class PublicTier(Model):
    """A price that holds for a while. Which one holds now is the sale's to say, over the websocket."""

    name: str
    price_minor: AmountMinor
    quantity: int | None
    ends_at_ms: TimeMs | None


class PublicTicketType(Model):
    """What can be bought. Prices are those of the catalogue: what a ticket costs is agreed with its hold."""

    ticket_type: TicketTypeRef
    name: str
    description: str
    kind: Literal["free", "fixed", "pay_what_you_want"]
    price_minor: AmountMinor
    price_min_minor: AmountMinor | None
    quantity_min: int
    quantity_max: int
    sales_start_ms: TimeMs | None
    sales_end_ms: TimeMs | None
    is_sold_out: bool
    """Everything of it is sold; what is reserved may still come back before it is said so."""
    tax_basis_points: int
    valid_days: tuple[str, ...]
    tiers: tuple[PublicTier, ...]


class PublicQuestion(Model):
    """What is asked of buyers."""

    question: str
    per: Literal["order", "ticket"]
    label: str
    kind: str
    choices: tuple[str, ...]
    is_required: bool
    ticket_types: tuple[TicketTypeRef, ...]


class PublicEvent(EventCard):
    """An event as its page shows it. What is hidden behind an access code is not in it."""

    description_html: str
    ends_at: str | None
    doors_at: str | None
    doors_at_ms: TimeMs | None
    address: str
    geo: Geo | None
    images: tuple[str, ...]
    buyer_limit: int
    extension_seconds: int
    """By how much a reservation can be extended, once; 0 is not at all."""
    cancelled_reason: str
    ticket_types: tuple[PublicTicketType, ...]
    questions: tuple[PublicQuestion, ...]


class PublicOrganisation(Model):
    """An organisation as its page shows it."""

    organisation: OrganisationRef
    name: str
    slug: Slug
    description_html: str
    website: str
    contact_email: str
    """Whom to write to, "" for nobody."""
