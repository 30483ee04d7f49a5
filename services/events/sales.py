"""What is known of an event beside its counts: what the gateway needs to speak of its sale.

It comes from the catalogue tables. A sale grows while it is sold: pools and ticket types are added at the
end, and none ever changes its place. Who hears a shard's notice learns of that at once (`learn`); who meets a
place that is not known yet asks the shard (`covering`).
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final, Protocol

import msgspec

from domain.ids import EVENT, POOL, TICKET_TYPE, EventId, MalformedId, PoolId, TicketTypeId, parse, text
from domain.notices import SaleNotice
from storage.catalogue import Catalogue, EventRecord
from storage.event_records import QuestionRecord

CACHED_MAX: Final = 2_000


class SaleType(msgspec.Struct, frozen=True):
    """A ticket type as the wire names it; its place in `Sale.types` is its position in the definition."""

    ticket_type_id: TicketTypeId
    text: str


class Sale(msgspec.Struct, frozen=True):
    """What must be known of an event to speak of its sale.

    Attributes:
        text: the event's TypeID.
        types: in the order of the definition.
        type_ids: ticket types by their text.
        pools: texts, in the order of the definition.
        asks: buyers may be asked something; false only while it is known that they are not.
    """

    event_id: EventId
    text: str
    currency: str
    types: tuple[SaleType, ...]
    type_ids: dict[str, TicketTypeId]
    pools: tuple[str, ...]
    asks: bool = True


class States(Protocol):
    """As much of `actors.refs.Shards` as is needed here."""

    async def state(self, event_id: EventId) -> SaleNotice | None:
        """Return the state of an event's sale from its shard, None if that can't be had in time."""
        ...


class Records(Protocol):
    """As much of `services.events.reading.Reading` as is needed here."""

    async def record(self, event_id: EventId) -> EventRecord | None:
        """Return an event as the catalogue had it a moment ago, whoever may see it."""
        ...


class Events:
    """Looks events up. Every method that awaits raises `ConnectionError` when PostgreSQL is away and what is
    asked for is not at hand.
    """

    def __init__(self, catalogue: Catalogue, records: Records, states: States) -> None:
        self._catalogue = catalogue
        self._records = records
        self._states = states
        self._sales: OrderedDict[str, Sale] = OrderedDict()
        self._changes = 0

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
        return None if record is None else self._keep(sale_of(record))

    def learn(self, notice: SaleNotice) -> Sale | None:
        """Return the sale that a notice speaks of, brought up to date by it; None if it is not at hand."""
        known = self._sales.get(text(EVENT, notice.event_id))
        if known is None or not notice.offers:
            return known
        # A notice may also be older than what is known.
        if len(known.types) >= len(notice.offers) and len(known.pools) >= len(notice.pool_ids):
            return known
        types = [offer.ticket_type_id for offer in notice.offers]
        return self._keep(_sale(notice.event_id, notice.currency, types, notice.pool_ids, known.asks))

    async def covering(self, sale: Sale, positions: Iterable[int]) -> Sale:
        """Return a sale that knows the ticket types at these positions.

        Raises:
            ConnectionError: neither its shard nor the catalogue says what they are.
        """
        last = max(positions, default=-1)
        if last < len(sale.types):
            return sale
        notice = await self._states.state(sale.event_id)
        if notice is not None:
            sale = self.learn(notice) or sale
        if last >= len(sale.types):
            record = await self._catalogue.find(sale.event_id)
            sale = sale if record is None else self._keep(sale_of(record))
        if last >= len(sale.types):
            raise ConnectionError(f"nobody knows yet what type {last} of event {sale.text} is")
        return sale

    async def record(self, event_id: EventId) -> EventRecord | None:
        """Return what the catalogue says of an event, of whatever status; None if there is no such event."""
        return await self._records.record(event_id)

    def forget(self, event_id: EventId) -> None:
        """Note that an event was changed. Of its sale nothing ever becomes untrue, but what its buyers are
        asked.
        """
        self._changes += 1
        known = self._sales.get(text(EVENT, event_id))
        if known is not None:
            self._keep(msgspec.structs.replace(known, asks=True))

    def forget_all(self) -> None:
        """Note that anything may have been changed: what was, was not heard."""
        self._changes += 1
        for name, known in self._sales.items():
            self._sales[name] = msgspec.structs.replace(known, asks=True)

    async def questions(self, sale: Sale) -> tuple[QuestionRecord, ...]:
        """Return what an event's buyers are asked. Where that is nothing, `Sale.asks` is false from then
        on.
        """
        changes = self._changes
        record = await self.record(sale.event_id)
        if record is None:
            return ()
        if not record.questions and changes == self._changes:
            known = self._sales.get(sale.text, sale)
            self._keep(msgspec.structs.replace(known, asks=False))
        return record.questions

    def _keep(self, sale: Sale) -> Sale:
        self._sales[sale.text] = sale
        if len(self._sales) > CACHED_MAX:
            self._sales.popitem(last=False)
        return sale


def sale_of(record: EventRecord) -> Sale:
    """Return what must be known of an event to speak of its sale."""
    return _sale(
        record.event_id,
        record.currency,
        [kind.ticket_type_id for kind in record.ticket_types],
        [pool.pool_id for pool in record.pools],
        bool(record.questions),
    )


def _sale(
    event_id: EventId,
    currency: str,
    type_ids: Iterable[TicketTypeId],
    pool_ids: Iterable[PoolId],
    asks: bool,
) -> Sale:
    types = tuple(SaleType(type_id, text(TICKET_TYPE, type_id)) for type_id in type_ids)
    return Sale(
        event_id,
        text(EVENT, event_id),
        currency,
        types,
        {kind.text: kind.ticket_type_id for kind in types},
        tuple(text(POOL, pool_id) for pool_id in pool_ids),
        asks,
    )
