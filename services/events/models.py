"""What is said about events over the API: venues, events and their life. Tickets are in `tickets_models`.

Times are said as clocks at the venue show them ("2030-05-01T20:00"), with an offset only where an hour comes
twice; answers have them in ms since the epoch as well.
"""

from typing import Annotated, Literal

from pydantic import Field

from services.events.tickets_models import TicketsDocument
from services.models import (
    Country,
    Currency,
    EventRef,
    Language,
    Line,
    Lines,
    LocalTime,
    Model,
    Name,
    OrganisationRef,
    PageQuery,
    Reason,
    SeenLine,
    SeriesRef,
    Slug,
    Text,
    TimeMs,
    TimeZone,
    Title,
    VenueRef,
    Version,
)

ImageAddress = Annotated[
    str, Field(max_length=2_048, pattern="^https://[^\\u0000-\\u0020\\u007f-\\u00a0\"'<>\\\\^`{|}]+$")
]
"""Images are shown over https only."""
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Tag = Annotated[SeenLine, Field(max_length=40)]
Status = Literal["draft", "published", "on_sale", "paused", "sold_out", "ended", "cancelled", "archived"]
# fmt: off
Category = Literal[
    "", "music", "theatre", "comedy", "film", "art", "dance", "literature", "festival", "sport", "food",
    "business", "technology", "science", "education", "family", "community", "health", "nightlife",
    "outdoors", "religion", "other",
]
# fmt: on


class Geo(Model):
    """A place on earth, in degrees (WGS 84); kept to a tenth of a metre."""

    latitude: Latitude
    longitude: Longitude


class VenueFields(Model):
    """A venue as it is written. A change of it shows on its events that are ahead."""

    name: Name
    address: Text = ""
    city: Annotated[Line, Field(max_length=120)] = ""
    country: Country | Literal[""] = ""
    geo: Geo | None = None
    time_zone: TimeZone
    capacity: Annotated[int, Field(ge=0, le=5_000_000)] | None = None


class Venue(VenueFields):
    """A venue."""

    venue: VenueRef
    version: Version


class EventPatch(Model):
    """What is to change of an event; what is not said stays as it is.

    If the time zone changes and a time is not said, clocks at the venue still show the same.
    """

    title: Title = "Untitled"
    slug: Slug = "untitled"
    """Part of the page's address. Made from the title when an event is made without."""
    summary: Text = ""
    description: Annotated[Lines, Field(max_length=20_000)] = ""
    """Markdown. HTML in it is shown as it is written."""
    venue: VenueRef | None = None
    """One of the organisation's venues: its name, place and zone are taken over. None to say them here."""
    venue_name: Text = ""
    address: Text = ""
    city: Annotated[Line, Field(max_length=120)] = ""
    country: Country | Literal[""] = ""
    geo: Geo | None = None
    time_zone: TimeZone = "UTC"
    starts_at: LocalTime = "2030-01-01T20:00"
    ends_at: LocalTime | None = None
    doors_at: LocalTime | None = None
    opens_at: LocalTime | None = None
    """When the sale opens; None is with the publication."""
    image_url: ImageAddress | Literal[""] = ""
    image_alt: Text = ""
    images: Annotated[tuple[ImageAddress, ...], Field(max_length=20)] = ()
    language: Language | Literal[""] = ""
    category: Category = ""
    tags: Annotated[tuple[Tag, ...], Field(max_length=20)] = ()
    hold_seconds: Annotated[int, Field(ge=60, le=86_400)] = 480
    extension_seconds: Annotated[int, Field(ge=0, le=86_400)] = 240


class NewEvent(EventPatch):
    """An event to be written. Everything but its title, start and zone can wait."""

    title: Title
    time_zone: TimeZone
    starts_at: LocalTime
    currency: Currency = "EUR"
    """What its prices are in; it can't be changed later."""


class Event(Model):
    """An event as those see it who work on it."""

    event: EventRef
    organisation: OrganisationRef
    """Whose it is; another than in the path for co-organisers."""
    organiser: str
    version: Version
    status: Status
    slug: Slug
    title: str
    summary: str
    description: str
    description_html: str
    venue: VenueRef | None
    venue_name: str
    address: str
    city: str
    country: str
    geo: Geo | None
    time_zone: str
    currency: str
    starts_at: str
    starts_at_ms: TimeMs
    ends_at: str | None
    ends_at_ms: TimeMs | None
    doors_at: str | None
    doors_at_ms: TimeMs | None
    opens_at: str | None
    opens_at_ms: TimeMs | None
    image_url: str
    image_alt: str
    images: tuple[str, ...]
    language: str
    category: str
    tags: tuple[str, ...]
    hold_seconds: int
    extension_seconds: int
    series: SeriesRef | None
    cancelled_reason: str
    may_edit: bool
    steps: tuple[str, ...]
    """What may be done to it now: publish, pause, resume, close, cancel, archive."""
    tickets: TicketsDocument


class EventRow(Model):
    """An event in the organiser's list."""

    event: EventRef
    organisation: OrganisationRef
    organiser: str
    slug: Slug
    title: str
    status: Status
    starts_at: str
    starts_at_ms: TimeMs
    time_zone: str
    city: str
    image_url: str
    series: SeriesRef | None
    version: Version


class OwnEventsQuery(PageQuery):
    """Which of an organisation's events."""

    status: Status | None = None
    q: Annotated[Line, Field(max_length=100)] = ""


class CancelRequest(Model):
    """Why an event does not take place: its page says so."""

    reason: Reason | Literal[""] = ""


class CopyRequest(Model):
    """Where a copy differs."""

    title: Title | None = None
    starts_at: LocalTime | None = None
    """The other times keep their distance on the clock."""


class CapacityRequest(Model):
    """How many places a pool is to have."""

    capacity: Annotated[int, Field(ge=0, le=5_000_000)]


class QuantityRequest(Model):
    """So many places."""

    quantity: Annotated[int, Field(ge=1, le=5_000_000)]


class GrantRequest(Model):
    """Ask another organisation to see this event, or to work on it."""

    slug: Slug
    """The part of the address of its page, `/o/{slug}`."""
    may_edit: bool = False


class Grant(GrantRequest):
    """An organisation that was asked."""

    organisation: OrganisationRef
    name: str
    is_accepted: bool
    """It counts from then on."""


class Grants(Model):
    """Who was asked, and who has accepted."""

    items: tuple[Grant, ...]


class GrantOffer(Model):
    """An event that another organisation asks this one to see, or to work on."""

    hosted: EventRef
    title: str
    organiser: str
    starts_at: str
    starts_at_ms: TimeMs
    time_zone: str
    may_edit: bool
    is_accepted: bool


class GrantOffers(Model):
    """Events of others: those that wait for an answer come first."""

    items: tuple[GrantOffer, ...]


# --- series -----------------------------------------------------------------------------------------------


class Weekly(Model):
    """Every week, or every few, on some days."""

    kind: Literal["weekly"]
    every: Annotated[int, Field(ge=1, le=52)] = 1
    weekdays: Annotated[tuple[Annotated[int, Field(ge=1, le=7)], ...], Field(min_length=1, max_length=7)]
    """1 is Monday."""


class Daily(Model):
    """Every day, or every few."""

    kind: Literal["daily"]
    every: Annotated[int, Field(ge=1, le=365)] = 1


class Dates(Model):
    """At these times."""

    kind: Literal["dates"]
    starts: Annotated[tuple[LocalTime, ...], Field(min_length=1, max_length=366)]


class NewSeries(Model):
    """Events that are made from one, which is the first: its texts, tickets and times of day are theirs."""

    event: EventRef
    title: Title
    rule: Annotated[Weekly | Daily | Dates, Field(discriminator="kind")]
    count: Annotated[int, Field(ge=1, le=366)] | None = None
    """How many events, the first included; this or `until` for weekly and daily."""
    until: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")] | None = None
    """The last day on which one may start."""


class SeriesEvent(Model):
    """One event of a series."""

    event: EventRef
    slug: Slug
    title: str
    status: Status
    starts_at: str
    starts_at_ms: TimeMs
    is_moved: bool = False
    """Its clock time did not exist on that day, so it starts later by the gap."""


class Series(Model):
    """A series and its events."""

    series: SeriesRef
    title: str
    rule: str
    events: tuple[SeriesEvent, ...]
