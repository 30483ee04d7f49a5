"""Events as they are stored: the records, and the one statement that reads all of an event.

An event is read whole, with its pools, ticket types and questions, in a single round trip: the parts come as
arrays of rows beside it.
"""

import datetime as dt
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import msgspec

from domain.ids import EventId, OrganisationId, PoolId, QuestionId, SeriesId, TicketTypeId, VenueId
from storage.postgres import AnyConnection


class OrganisationRecord(msgspec.Struct, frozen=True):
    """Who sells."""

    organisation_id: OrganisationId
    name: str
    slug: str


class PoolRecord(msgspec.Struct, frozen=True):
    """A pool; its place in `EventRecord.pools` is its position in the definition."""

    pool_id: PoolId
    name: str
    capacity: int


class TierRecord(msgspec.Struct, frozen=True):
    """A price that holds until so many are sold or a time has come. After the last, the type's own holds.

    `number` names the tier for ever: what is sold is counted under it.
    """

    number: int
    name: str
    price_minor: int
    quantity: int | None = None
    ends_at_ms: int | None = None


class TicketTypeRecord(msgspec.Struct, frozen=True):
    """A ticket type; its place in `EventRecord.ticket_types` is its position in the definition.

    Attributes:
        price_minor: of one ticket; what is suggested where the buyer chooses.
        price_min_minor: the least that may be paid where the buyer chooses, None elsewhere.
        pools: positions of the pools that each ticket takes a place from.
        kind: "free", "fixed" or "pay_what_you_want".
        is_hidden: shown to those only who have an access code.
        is_retired: not sold any more; it stays, because its tickets do.
        buyer_limit: how many one person may have of it, None for the event's limit alone.
        tax_basis_points: the tax that is in the price, in hundredths of a percent.
        fee_plan: who bears the platform's fees, once there are any: "included" is the organiser, out of the
            price, "on_top" the buyer.
        valid_days: days of a longer event on which it lets in; empty is all.
        tiers: prices that follow each other; empty if there is one price.
    """

    ticket_type_id: TicketTypeId
    name: str
    description: str
    price_minor: int
    quantity_min: int
    quantity_max: int
    sales_start_ms: int | None
    sales_end_ms: int | None
    pools: tuple[int, ...]
    kind: str = "fixed"
    price_min_minor: int | None = None
    is_hidden: bool = False
    is_retired: bool = False
    buyer_limit: int | None = None
    tax_basis_points: int = 0
    fee_plan: str = "included"
    valid_days: tuple[dt.date, ...] = ()
    tiers: tuple[TierRecord, ...] = ()

    @property
    def is_public(self) -> bool:
        """Whether everybody sees it."""
        return not (self.is_hidden or self.is_retired)


class QuestionRecord(msgspec.Struct, frozen=True):
    """A question to the buyer, asked once an order or once a ticket, of some types or, if none, of all."""

    question_id: QuestionId
    per: str
    label: str
    kind: str
    choices: tuple[str, ...] = ()
    is_required: bool = False
    type_ids: tuple[TicketTypeId, ...] = ()


class EventRecord(msgspec.Struct, frozen=True):
    """An event. Times are ms since the epoch; `time_zone` is the venue's, of the IANA database.

    Attributes:
        organisation: its name.
        description: Markdown, as it was written.
        status: as it was last written down; `domain.event_status.status_at` says what it is by now.
        description_html: the description as pages show it, sanitised.
        latitude_e6, longitude_e6: in millionths of a degree, both or none.
        version: of everything but pools, ticket types and questions, which have `tickets_version`.
        hold_ms, extension_ms: how long a reservation lasts, and by how much it can be extended.
        sold_out: positions of the ticket types of which everything is sold, as the sale says it; `sold_seq`
            is the number of its event that made it so.
        organisation_version: of the organisation, whose name pages show too.
        is_withdrawn: the organisation is suspended or closed.
        changed_at_ms: when `revision` went up last, or `sold_out` was changed; PostgreSQL writes it down.
    """

    event_id: EventId
    organisation_id: OrganisationId
    organisation: str
    slug: str
    title: str
    summary: str
    description: str
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
    ticket_types: tuple[TicketTypeRecord, ...] = ()
    pools: tuple[PoolRecord, ...] = ()
    questions: tuple[QuestionRecord, ...] = ()
    organisation_slug: str = ""
    description_html: str = ""
    images: tuple[str, ...] = ()
    image_alt: str = ""
    language: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    latitude_e6: int | None = None
    longitude_e6: int | None = None
    venue_id: VenueId | None = None
    series_id: SeriesId | None = None
    cancelled_reason: str = ""
    hold_ms: int = 480_000
    extension_ms: int = 240_000
    version: int = 1
    tickets_version: int = 1
    sold_out: tuple[int, ...] = ()
    sold_seq: int = 0
    organisation_version: int = 1
    is_withdrawn: bool = False
    changed_at_ms: int = 0

    @property
    def revision(self) -> int:
        """Goes up with every change of the catalogue, whatever part of the event it is of."""
        return self.version + self.tickets_version

    @property
    def edition(self) -> int:
        """Goes up whenever pages may say something else."""
        return self.revision + self.sold_seq + self.organisation_version


# Columns of `events` whose names are those of the record, but for the suffix of times.
TIMES: Final = ("starts_at", "ends_at", "doors_at", "opens_at")
PLAIN: Final = (
    *("event_id", "organisation_id", "slug", "title", "summary", "description", "venue", "address", "city"),
    *("country", "time_zone", "currency", "image_url", "status", "buyer_limit", "description_html"),
    *("images", "image_alt", "language", "category", "tags", "latitude_e6", "longitude_e6", "venue_id"),
    *("series_id", "cancelled_reason", "hold_ms", "extension_ms"),
)
# asyncpg decodes rows inside a row of no array type but text[], so that is what inner arrays become.
_PARTS: Final = """
    ARRAY(SELECT ROW (pool_id, name, capacity) FROM pools
        WHERE pools.event_id = events.event_id ORDER BY position) AS pools,
    ARRAY(SELECT ROW (
            ticket_type_id, name, ticket_types.description, price_minor, quantity_min, quantity_max,
            sales_start, sales_end,
            ARRAY(SELECT pools.position::text FROM ticket_type_pools JOIN pools USING (pool_id)
                WHERE ticket_type_pools.ticket_type_id = ticket_types.ticket_type_id
                ORDER BY pools.position),
            kind, price_min_minor, is_hidden, is_retired, ticket_types.buyer_limit, tax_basis_points,
            fee_plan, valid_days::text[])
        FROM ticket_types WHERE ticket_types.event_id = events.event_id ORDER BY position) AS ticket_types,
    ARRAY(SELECT ROW (ticket_type_id, tiers.number, tiers.name, tiers.price_minor, tiers.quantity,
            tiers.ends_at)
        FROM ticket_types JOIN ticket_type_tiers AS tiers USING (ticket_type_id)
        WHERE ticket_types.event_id = events.event_id ORDER BY ticket_type_id, tiers.position) AS tiers,
    ARRAY(SELECT ROW (question_id, per, label, kind, choices, is_required, type_ids::text[]) FROM questions
        WHERE questions.event_id = events.event_id ORDER BY position) AS questions
"""
_EVENTS: Final = f"""
    SELECT {", ".join(f"events.{name}" for name in PLAIN)},
        {", ".join(f"events.{name} AS {name}_ms" for name in TIMES)},
        events.version, events.tickets_version,
        greatest(events.changed_at, sale_standings.changed_at) AS changed_at_ms,
        organisations.name AS organisation, organisations.slug AS organisation_slug,
        organisations.version AS organisation_version,
        organisations.standing <> 'active' AS is_withdrawn, {_PARTS},
        coalesce(sale_standings.sold_out, '{{}}') AS sold_out, coalesce(sale_standings.seq, 0) AS sold_seq
    FROM events JOIN organisations USING (organisation_id) LEFT JOIN sale_standings USING (event_id)
"""  # noqa: S608 - the names are this module's own


async def read_events(connection: AnyConnection, condition: str, *values: object) -> list[EventRecord]:
    """Return the events that a condition finds: what follows FROM, about `events` and `organisations`."""
    return [event_of(dict(row)) for row in await connection.fetch(_EVENTS + condition, *values)]


def event_of(row: Mapping[str, Any]) -> EventRecord:
    """Return the record of a row."""
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.items()
    }
    fields["pools"] = tuple(PoolRecord(*pool) for pool in fields["pools"])
    tiers: dict[TicketTypeId, list[TierRecord]] = {}
    for ticket_type_id, *tier in fields.pop("tiers"):
        tiers.setdefault(ticket_type_id, []).append(TierRecord(*tier))
    fields["ticket_types"] = tuple(_type_of(tuple(kind), tiers) for kind in fields["ticket_types"])
    fields["questions"] = tuple(_question_of(tuple(question)) for question in fields["questions"])
    return EventRecord(**fields)


def _type_of(row: tuple[Any, ...], tiers: Mapping[TicketTypeId, list[TierRecord]]) -> TicketTypeRecord:
    columns: list[Any] = [
        *row[:8],
        tuple(int(position) for position in row[8]),
        *row[9:-1],
        tuple(dt.date.fromisoformat(day) for day in row[-1]),
        tuple(tiers.get(row[0], ())),
    ]
    return TicketTypeRecord(*columns)


def _question_of(row: tuple[Any, ...]) -> QuestionRecord:
    *texts, choices, is_required, type_ids = row
    types = tuple(TicketTypeId(UUID(each).bytes) for each in type_ids)
    columns: list[Any] = [*texts, tuple(choices), is_required, types]
    return QuestionRecord(*columns)
