"""What is known of an event beside its counts: its page, and what the gateway needs to speak of its sale.

Both come from the catalogue tables and change rarely, so they are kept for some seconds; a sale's types and
their positions never change once it is configured.
"""

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from domain.ids import EVENT, POOL, TICKET_TYPE, EventId, MalformedId, TicketTypeId, parse, text
from storage.catalogue import Catalogue, EventRecord

CACHED_MAX: Final = 2_000
FRESH_S: Final = 10.0
LIST_FRESH_S: Final = 1.0
LISTED_MAX: Final = 100


class SaleType(msgspec.Struct, frozen=True):
    """A ticket type as the wire names it; its place in `Sale.types` is its position in the definition."""

    ticket_type_id: TicketTypeId
    text: str
    price_minor: int
    sales_start_ms: int | None
    sales_end_ms: int | None


class Sale(msgspec.Struct, frozen=True):
    """What must be known of an event to speak of its sale.

    Attributes:
        text: the event's TypeID.
        types: in the order of the definition.
        type_ids: ticket types by their text.
        pools: texts, in the order of the definition.
    """

    event_id: EventId
    text: str
    currency: str
    types: tuple[SaleType, ...]
    type_ids: dict[str, TicketTypeId]
    pools: tuple[str, ...]


class Events:
    """Looks events up. Every method that awaits raises `ConnectionError` when PostgreSQL is away and what is
    asked for is not at hand.
    """

    def __init__(self, catalogue: Catalogue, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._catalogue = catalogue
        self._monotonic = monotonic
        self._sales: OrderedDict[str, Sale] = OrderedDict()
        self._records: OrderedDict[str, tuple[float, EventRecord]] = OrderedDict()
        self._upcoming: tuple[float, list[EventRecord]] | None = None

    def known(self, event: str) -> Sale | None:
        """Return the sale of an event by its TypeID if it is at hand."""
        return self._sales.get(event)

    async def sale(self, event: str) -> Sale | None:
        """Return the sale of an event by its TypeID, None if there is no such event."""
        known = self._sales.get(event)
        if known is not None:
            return known
        try:
            event_id = EventId(parse(EVENT, event))
        except MalformedId:
            return None
        return await self.by_id(event_id)

    async def by_id(self, event_id: EventId) -> Sale | None:
        """Return the sale of an event, None if there is no such event."""
        name = text(EVENT, event_id)
        known = self._sales.get(name)
        if known is not None:
            return known
        record = await self._catalogue.find(event_id)
        if record is None:
            return None
        sale = self._sales[name] = sale_of(record)
        if len(self._sales) > CACHED_MAX:
            self._sales.popitem(last=False)
        return sale

    async def page(self, name: str) -> EventRecord | None:
        """Return what an event's page shows, by slug or TypeID; None if there is no such event."""
        cached = self._records.get(name)
        now = self._monotonic()
        if cached is not None and now - cached[0] < FRESH_S:
            return cached[1]
        record = await self._find(name)
        if record is not None:
            self._records[name] = (now, record)
            self._records.move_to_end(name)
            if len(self._records) > CACHED_MAX:
                self._records.popitem(last=False)
        return record

    async def upcoming(self) -> list[EventRecord]:
        """Return the published events that are not over, soonest first."""
        now = self._monotonic()
        if self._upcoming is None or now - self._upcoming[0] >= LIST_FRESH_S:
            self._upcoming = now, await self._catalogue.upcoming(LISTED_MAX)
        return self._upcoming[1]

    async def is_organizer(self, event_id: EventId, key: str) -> bool:
        """Say whether a key is the access key of the organisation whose event this is."""
        expected = await self._catalogue.access_key_hash(event_id)
        given = hashlib.sha256(key.encode()).digest()
        return expected is not None and hmac.compare_digest(expected, given)

    async def _find(self, name: str) -> EventRecord | None:
        if name.startswith(EVENT + "_"):
            try:
                return await self._catalogue.find(EventId(parse(EVENT, name)))
            except MalformedId:
                return None
        return await self._catalogue.find_by_slug(name)


def sale_of(record: EventRecord) -> Sale:
    """Return what must be known of an event to speak of its sale."""
    types = tuple(
        SaleType(
            kind.ticket_type_id,
            text(TICKET_TYPE, kind.ticket_type_id),
            kind.price_minor,
            kind.sales_start_ms,
            kind.sales_end_ms,
        )
        for kind in record.ticket_types
    )
    return Sale(
        record.event_id,
        text(EVENT, record.event_id),
        record.currency,
        types,
        {kind.text: kind.ticket_type_id for kind in types},
        tuple(text(POOL, pool.pool_id) for pool in record.pools),
    )
