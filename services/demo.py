"""Loading a catalogue file: the rows that pages show, and the commands that open the sale.

Everything is named by ids derived from the slugs, and every command carries an operation id derived from the
event's, so loading a file again changes nothing that is sold. What it shows is brought up to date; what it
sells was fixed when it was first loaded.
"""

import hashlib
from collections.abc import Callable
from typing import Final

import msgspec

from domain import commands as c
from domain import events as e
from domain.catalogue import Pool, SaleDefinition, TicketType
from domain.ids import EventId, OperationId, OrganisationId, PoolId, TicketTypeId
from domain.refusals import Code, Refusal
from services.events.catalogue_file import CatalogueFile, epoch_ms, pool_positions, price_minor
from services.events.descriptions import render
from services.tickets import Asking
from storage.catalogue import Catalogue, EventRecord, OrganisationRecord, PoolRecord, TicketTypeRecord


class NotLoaded(Exception):
    """The sale could not be set up. The message says which step was refused and why."""


class Loaded(msgspec.Struct, frozen=True):
    """What was loaded.

    Attributes:
        is_new: whether this event was set up now, and not by an earlier loading.
        opens_at_ms: when its sale opens; for one that was there already, this is what the file was given.
    """

    event_id: EventId
    organisation_id: OrganisationId
    slug: str
    title: str
    opens_at_ms: int
    is_new: bool


_CONFIGURE: Final = b"configure"
_OPEN: Final = b"open"


async def load(
    file: CatalogueFile,
    *,
    catalogue: Catalogue,
    shards: Asking,
    clock: Callable[[], int],
    opens_in_ms: int | None = None,
) -> Loaded:
    """Load a catalogue file and open its sale.

    Args:
        file: what to load.
        catalogue: where the rows go.
        shards: where the commands go.
        clock: ms since the epoch.
        opens_in_ms: when the sale opens, from now; None to take `event.opens_at`, or now if there is none.

    Raises:
        NotLoaded: the shard refused the event.
        ConnectionError: PostgreSQL is away.
    """
    opens_at_ms = _opens_at_ms(file, clock(), opens_in_ms)
    organisation, record = _records(file, opens_at_ms)
    await catalogue.save(organisation, record)
    configured = await shards.ask(
        c.Configure(_derived(record.event_id, _CONFIGURE), record.event_id, _definition(file, record))
    )
    is_new = isinstance(configured, e.Configured)
    if isinstance(configured, Refusal) and configured.code is not Code.ILLEGAL_STEP:
        raise NotLoaded(f"setting up {record.slug} was refused: {configured.code} {dict(configured.details)}")
    opened = await shards.ask(c.OpenSale(_derived(record.event_id, _OPEN), record.event_id, opens_at_ms))
    if isinstance(opened, Refusal) and opened.code is not Code.ILLEGAL_STEP:
        raise NotLoaded(f"opening the sale of {record.slug} was refused: {opened.code}")
    # Asked again, the first answer comes back: the sale opens when it was first said to.
    first_ms = opened.opens_at_ms if isinstance(opened, e.SaleOpened) else opens_at_ms
    if first_ms != opens_at_ms:
        await catalogue.save(organisation, msgspec.structs.replace(record, opens_at_ms=first_ms))
    return Loaded(
        record.event_id,
        record.organisation_id,
        record.slug,
        record.title,
        first_ms,
        is_new and first_ms == opens_at_ms,
    )


def _opens_at_ms(file: CatalogueFile, now_ms: int, opens_in_ms: int | None) -> int:
    if opens_in_ms is not None:
        return now_ms + opens_in_ms
    if file.event.opens_at is not None:
        return epoch_ms(file.event.opens_at, file.event.time_zone)
    return now_ms


def _derived(*parts: bytes) -> OperationId:
    """Return a UUID of version 8 (RFC 9562, section 5.8) made from what it names."""
    digest = bytearray(hashlib.sha256(b"bilten catalogue\0" + b"\0".join(parts)).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return OperationId(bytes(digest))


def _records(file: CatalogueFile, opens_at_ms: int) -> tuple[OrganisationRecord, EventRecord]:
    organisation_slug, event = file.organisation.slug.encode(), file.event
    slug = event.slug.encode()
    organisation = OrganisationRecord(
        OrganisationId(_derived(b"organisation", organisation_slug)),
        file.organisation.name,
        file.organisation.slug,
    )
    zone = event.time_zone
    record = EventRecord(
        event_id=EventId(_derived(b"event", organisation_slug, slug)),
        organisation_id=organisation.organisation_id,
        organisation=organisation.name,
        slug=event.slug,
        title=event.title,
        summary=event.summary,
        description=event.description.strip(),
        description_html=render(event.description),
        venue=event.venue,
        address=event.address,
        city=event.city,
        country=event.country,
        starts_at_ms=epoch_ms(event.starts_at, zone),
        ends_at_ms=epoch_ms(event.ends_at, zone) if event.ends_at else None,
        doors_at_ms=epoch_ms(event.doors_at, zone) if event.doors_at else None,
        time_zone=zone,
        currency=event.currency,
        image_url=event.image_url,
        opens_at_ms=opens_at_ms,
        status="published",
        buyer_limit=event.buyer_limit,
        ticket_types=tuple(
            TicketTypeRecord(
                ticket_type_id=TicketTypeId(_derived(b"type", organisation_slug, slug, bytes((position,)))),
                name=kind.name,
                description=kind.description,
                price_minor=price_minor(kind.price, event.currency),
                quantity_min=kind.quantity_min,
                quantity_max=kind.quantity_max,
                sales_start_ms=epoch_ms(kind.sales_start, zone) if kind.sales_start else None,
                sales_end_ms=epoch_ms(kind.sales_end, zone) if kind.sales_end else None,
                pools=pool_positions(file, kind),
            )
            for position, kind in enumerate(file.ticket_types)
        ),
        pools=tuple(
            PoolRecord(
                PoolId(_derived(b"pool", organisation_slug, slug, bytes((position,)))),
                pool.name,
                pool.capacity,
            )
            for position, pool in enumerate(file.pools)
        ),
    )
    return organisation, record


def _definition(file: CatalogueFile, record: EventRecord) -> SaleDefinition:
    return SaleDefinition(
        record.event_id,
        record.currency,
        tuple(Pool(pool.pool_id, pool.capacity) for pool in record.pools),
        tuple(
            TicketType(
                kind.ticket_type_id,
                kind.pools,
                kind.price_minor,
                kind.quantity_min,
                kind.quantity_max,
                kind.sales_start_ms,
                kind.sales_end_ms,
            )
            for kind in record.ticket_types
        ),
        record.buyer_limit,
        file.event.hold_seconds * 1000,
        file.event.extension_seconds * 1000,
    )
