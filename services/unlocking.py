"""What a code is good for: asked before it is used, so that a page can show hidden types and lower prices."""

import asyncio
from collections.abc import Callable, Collection
from typing import Protocol

from domain import commands as c
from domain import events as e
from domain import wire
from domain.codes import fingerprint
from domain.ids import BuyerId, EventId, OperationId
from domain.notices import SaleNotice
from domain.refusals import Code, Refusal
from services.events import Events, Sale
from services.events.offering import availability


class Explaining(Protocol):
    """As much of `actors.refs.Shards` as is needed here."""

    def explain(self, command: c.ExplainCode) -> asyncio.Future[e.CodeExplained | Refusal]:
        """Have a code looked up. The future never raises."""
        ...

    async def state(self, event_id: EventId) -> SaleNotice | None:
        """Return the state of an event's sale from its shard, None if that can't be had in time."""
        ...


class Unlocking:
    """Explains codes. How often somebody may ask is not decided here."""

    def __init__(
        self,
        shards: Explaining,
        events: Events,
        code_key: bytes,
        clock: Callable[[], int],
        new_id: Callable[[], bytes],
    ) -> None:
        self._shards = shards
        self._events = events
        self._code_key = code_key
        self._clock = clock
        self._new_id = new_id

    async def unlock(self, buyer_id: BuyerId, request: wire.Unlock) -> wire.Unlocked | Refusal:
        """Return what a code is good for, or why for nothing. Raises `ConnectionError`."""
        sale = await self._events.sale(request.event)
        if sale is None:
            return Refusal(Code.NOT_FOUND, None, {"field": "event"})
        code = fingerprint(self._code_key, sale.event_id, request.code)
        operation_id = OperationId(self._new_id())
        explained = await self._shards.explain(c.ExplainCode(operation_id, sale.event_id, buyer_id, code))
        if isinstance(explained, Refusal):
            return explained
        rule = explained.rule
        sale = await self._events.covering(sale, (*rule.types, *explained.unlocked))
        return wire.Unlocked(
            request.id,
            request.event,
            rule.kind.value,
            rule.percent_bp,
            rule.amount_minor,
            rule.is_per_order,
            [sale.types[at].text for at in rule.types],
            rule.quantity_min,
            rule.ends_ms,
            explained.left,
            await self._unlocked(sale, explained.unlocked),
        )

    async def _unlocked(self, sale: Sale, positions: Collection[int]) -> list[wire.UnlockedType]:
        if not positions:
            return []
        record, notice = await self._events.record(sale.event_id), await self._shards.state(sale.event_id)
        if record is None or notice is None:
            raise ConnectionError(f"the hidden types of event {sale.text} can't be looked up now")
        kinds = {kind.ticket_type_id: kind for kind in record.ticket_types}
        unlocked = []
        for at in positions:
            offer = notice.offers[at]
            kind = kinds.get(offer.ticket_type_id)
            unlocked.append(
                wire.UnlockedType(
                    kind.name if kind else "",
                    kind.description if kind else "",
                    offer.quantity_min,
                    offer.quantity_max,
                    availability(offer, notice.free_by_type[at], self._clock()),
                    kind.tax_basis_points if kind else 0,
                    [day.isoformat() for day in kind.valid_days] if kind else [],
                )
            )
        return unlocked
