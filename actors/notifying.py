"""Telling the gateways what changed, after it is durable and at most every so often.

Between two publications a newer state of an event replaces the older one, so a thousand changes a second cost
Redis twenty small messages. Expired holds are collected, because each has a buyer who must hear of it.
"""

import asyncio
import logging
from typing import Final

from actors.ports import Clock, Publisher
from actors.residents import Resident
from actors.turn import Turn
from domain import notices
from domain.decisions import expiring
from domain.ids import BuyerId, EventId, HoldId
from storage.ending import end
from storage.event_pages import CHANNEL, Word

WARNING_MS_MAX: Final = 60_000
WARNING_STEP_MS: Final = 2_000

log = logging.getLogger(__name__)


class Notifier:
    """The publications of one shard."""

    def __init__(self, publisher: Publisher, clock: Clock, interval_ms: int) -> None:
        self._publisher = publisher
        self._clock = clock
        self._interval_s = interval_ms / 1000
        self._sales: dict[EventId, notices.SaleNotice] = {}
        self._standings: dict[EventId, int] = {}
        self._expiring: dict[EventId, list[tuple[BuyerId, HoldId, int]]] = {}
        self._expired: dict[EventId, list[tuple[BuyerId, HoldId]]] = {}
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to publish."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Publish what is left, once, and end."""
        if self._task is not None:
            await end([self._task])
            self._task = None
            await self._publish()

    def committed(self, turn: Turn) -> None:
        """Take up what a durable turn has to tell."""
        for notice in turn.notices:
            turn.decided[notice.event_id][0].notice = notice
            self._sales[notice.event_id] = notice
        for event_id, expired in turn.expired.items():
            told = self._expired.setdefault(event_id, [])
            told.extend((event.buyer_id, event.hold_id) for event in expired)
        self._standings.update({standing.event_id: standing.seq for standing in turn.standings})
        if self._sales:
            self._something.set()

    def announce_expiring(self, resident: Resident, now_ms: int) -> None:
        """Take up the holds of an event that are about to expire, each once; or twice, if holds were made to
        last shorter meanwhile.
        """
        definition = resident.state.definition
        if definition is None:
            return
        warning_ms = min(WARNING_MS_MAX, definition.hold_ttl_ms // 4)
        until_ms = now_ms + warning_ms
        # Holds that last shorter are warned of later: those placed since have to be looked for again.
        resident.announced_until_ms = min(resident.announced_until_ms, until_ms)
        if until_ms - resident.announced_until_ms < min(WARNING_STEP_MS, warning_ms // 4):
            return
        found = expiring(resident.state, resident.announced_until_ms, until_ms)
        resident.announced_until_ms = until_ms
        if found:
            self._expiring.setdefault(resident.event_id, []).extend(found)
            self._something.set()

    async def _run(self) -> None:
        while True:
            await self._something.wait()
            try:
                await self._publish()
            except Exception:
                # Whatever it was: without this task nobody would hear of anything any more, and what there is
                # to tell would pile up.
                log.exception("what changed could not be told")
            await asyncio.sleep(self._interval_s)

    async def _publish(self) -> None:
        self._something.clear()
        sales, self._sales = self._sales, {}
        standings, self._standings = self._standings, {}
        soon, self._expiring = self._expiring, {}
        gone, self._expired = self._expired, {}
        messages = [(notices.sale_channel(event_id), notices.pack(told)) for event_id, told in sales.items()]
        for event_id in soon.keys() | gone.keys():
            told = notices.HoldNotice(event_id, soon.get(event_id, []), gone.get(event_id, []))
            messages.append((notices.holds_channel(event_id), notices.pack(told)))
        # Of what is sold out every page speaks, whoever watches the sale.
        messages += [(CHANNEL, Word(event_id, sold_seq=seq).packed()) for event_id, seq in standings.items()]
        if messages:
            await self._publisher.publish(messages)
