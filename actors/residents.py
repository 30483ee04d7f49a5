"""The events that a shard has in memory: loaded on their first command, dropped when idle or in doubt.

A hundred thousand cold events cost nothing, and an event whose last transaction has an unknown outcome is
dropped and loaded again as the durable record has it.
"""

import asyncio
import logging
from collections.abc import Iterator
from itertools import islice
from typing import Final

from actors.ports import Clock
from actors.recovery import recover
from domain import events as e
from domain.catalogue import HOLD_TTL_MS_MAX
from domain.ids import EventId
from domain.inventory import Inventory
from domain.notices import SaleNotice, sale_notice
from storage.journal import Journal, Refused

ELSEWHERE_REMEMBERED_MS: Final = 1_000
LOADED_UNASKED_MAX: Final = 2
"""How many are loaded at once of those that nobody asks for: the few connections of a shard are there for its
batches.
"""
LOADED_AT_ONCE_MAX: Final = 8
"""How many are loaded at once, asked for or not: a batch waits for a connection behind as many statements."""
BROKEN_MS: Final = 60_000
"""How long an event is not read again whose journal was wrong. That takes all other events' time."""
LIVE_HOLD_MS_MAX: Final = 2 * HOLD_TTL_MS_MAX
"""An event whose journal has not grown for this long has no live hold: none lasts longer."""

log = logging.getLogger(__name__)


class Resident:
    """An event in memory.

    Attributes:
        notice: what is publicly known of it: the state after its last durable turn.
        loaded_seq: the newest event that it had when it was loaded.
        snapshot_seq: the newest event that the stored snapshot has.
        snapshot_failures, snapshot_from_ms: how often storing it has failed since, and when it may be tried
            again.
        announced_until_ms: buyers were told of holds that expire up to then.
        sold_out: what was last decided to be written of it; None until the first turn, which writes it
            whatever it is. An event that is in doubt is loaded anew, so it begins with None again.
    """

    __slots__ = (
        "announced_until_ms", "event_id", "loaded_seq", "notice", "snapshot_failures", "snapshot_from_ms",
        "snapshot_seq", "sold_out", "state", "used_at_ms",
    )  # fmt: skip

    def __init__(self, state: Inventory, snapshot_seq: int, now_ms: int) -> None:
        self.event_id = state.event_id
        self.state = state
        self.notice: SaleNotice = sale_notice(state, now_ms)
        self.loaded_seq = state.seq
        self.snapshot_seq = snapshot_seq
        self.snapshot_failures = 0
        self.snapshot_from_ms = 0
        self.sold_out: tuple[int, ...] | None = None
        self.announced_until_ms = now_ms
        self.used_at_ms = now_ms


class Residents:
    """The events of one shard, and how they come and go."""

    def __init__(self, shard: int, journal: Journal, clock: Clock) -> None:
        self._shard = shard
        self._journal = journal
        self._clock = clock
        self._there: dict[EventId, Resident] = {}
        self._loading: dict[EventId, asyncio.Task[None]] = {}
        # Not in memory yet and to be there: live holds have to be swept though nobody asks for their event.
        # What could not be loaded stands last.
        self._wanted: dict[EventId, None] = {}
        self._room = asyncio.Semaphore(LOADED_AT_ONCE_MAX)
        self._elsewhere: dict[EventId, int] = {}
        # When it was found that their journal is wrong.
        self._broken: dict[EventId, int] = {}
        self._leaving: set[EventId] = set()
        # Left memory here without live holds; nothing happens to them until they are asked for.
        self._resting: set[EventId] = set()
        self._arrivals: asyncio.Task[None] | None = None

    def __iter__(self) -> Iterator[Resident]:
        return iter(list(self._there.values()))

    def __len__(self) -> int:
        return len(self._there)

    def get(self, event_id: EventId) -> Resident | e.Again:
        """Return an event if it is in memory; otherwise start loading it and say that, or say that it is
        elsewhere.
        """
        resident = self._there.get(event_id)
        if resident is not None:
            return resident
        known_at_ms = self._elsewhere.get(event_id)
        if known_at_ms is not None:
            if self._clock() - known_at_ms < ELSEWHERE_REMEMBERED_MS:
                return e.Again(is_elsewhere=True)
            del self._elsewhere[event_id]
        if event_id not in self._leaving and not self._is_broken(event_id):
            self.load(event_id)
        return e.Again(is_elsewhere=False)

    def load(self, event_id: EventId) -> None:
        """Start loading an event, unless it is there or on its way."""
        if event_id not in self._there and event_id not in self._loading:
            self._wanted[event_id] = None
            self._resting.discard(event_id)
            self._loading[event_id] = asyncio.create_task(self._load(event_id))

    def load_wanted(self) -> None:
        """Load some of what is wanted and not on its way; with each that is there the next one is begun."""
        for event_id in list(islice(self._wanted, len(self._loading) + LOADED_UNASKED_MAX)):
            if len(self._loading) >= LOADED_UNASKED_MAX:
                return
            self.load(event_id)

    async def load_placed(self) -> None:
        """Start loading the events that are placed here and may have live holds, a few at once. Raises
        `ConnectionError`.

        An event that has come from another shard is swept from here on, though nobody has asked for it yet.
        """
        since_ms = self._clock() - LIVE_HOLD_MS_MAX
        for event_id in await self._journal.placed_on(self._shard, since_ms):
            is_settled = event_id in self._there or event_id in self._resting
            if not is_settled and event_id not in self._leaving and not self._is_broken(event_id):
                self._wanted[event_id] = None
        self.load_wanted()

    def look_for_arrivals(self) -> None:
        """Do `load_placed` in the background."""
        if self._arrivals is None or self._arrivals.done():
            self._arrivals = asyncio.create_task(self._look_for_arrivals())

    async def _look_for_arrivals(self) -> None:
        try:
            await self.load_placed()
        except (ConnectionError, Refused) as error:
            log.warning("shard %d can't look for arrivals now: %r", self._shard, error)

    def reload(self, event_id: EventId) -> None:
        """Forget what is in memory of an event and load what the durable record says."""
        self._there.pop(event_id, None)
        self.load(event_id)

    def leave(self, event_id: EventId) -> None:
        """Take no more commands for an event, and don't load it again, until `left`."""
        self._there.pop(event_id, None)
        self._wanted.pop(event_id, None)
        self._leaving.add(event_id)

    def rests(self, event_id: EventId) -> None:
        """Say that an event without live holds is out of memory."""
        self._leaving.discard(event_id)
        self._resting.add(event_id)

    def moved(self, event_id: EventId) -> None:
        """Say that an event has gone to another shard."""
        self._leaving.discard(event_id)
        self._note_elsewhere(event_id)

    def stays(self, event_id: EventId) -> None:
        """Say that an event which was to leave did not, as far as is known: the durable record tells."""
        self._leaving.discard(event_id)
        self.load(event_id)

    async def close(self) -> None:
        """Stop loading and forget everything."""
        self._wanted.clear()
        tasks = [*self._loading.values(), *([self._arrivals] if self._arrivals else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._there.clear()

    def _is_broken(self, event_id: EventId) -> bool:
        found_at_ms = self._broken.get(event_id)
        if found_at_ms is None or self._clock() - found_at_ms < BROKEN_MS:
            return found_at_ms is not None
        del self._broken[event_id]
        return False

    def _note_elsewhere(self, event_id: EventId) -> None:
        now_ms = self._clock()
        # The oldest stand first; what is no longer believed has no use.
        while self._elsewhere:
            oldest = next(iter(self._elsewhere))
            if now_ms - self._elsewhere[oldest] < ELSEWHERE_REMEMBERED_MS:
                break
            del self._elsewhere[oldest]
        self._elsewhere[event_id] = now_ms

    async def _load(self, event_id: EventId) -> None:
        try:
            async with self._room:
                await self._load_in_turn(event_id)
            self._wanted.pop(event_id, None)
        except (ConnectionError, Refused) as error:
            log.warning("event %s can't be loaded now: %r", event_id.hex(), error)
            if event_id in self._wanted:  # then with a later sweep, after those that have not been tried
                del self._wanted[event_id]
                self._wanted[event_id] = None
            return
        except Exception:
            # A gap, an entry that can't be read, or one that can't have happened. To try again with every
            # sweep, or for everybody who asks, would be to read all of it again and again.
            self._wanted.pop(event_id, None)
            self._broken[event_id] = self._clock()
            log.exception("event %s is not sold from", event_id.hex())
        finally:
            del self._loading[event_id]
        self.load_wanted()

    async def _load_in_turn(self, event_id: EventId) -> None:
        placement = await self._journal.placement(event_id, self._shard)
        if placement.shard != self._shard:
            self._note_elsewhere(event_id)
            return
        state, snapshot_seq = Inventory(event_id), 0
        if placement.seq:
            state, snapshot_seq = await recover(self._journal, event_id)
        self._there[event_id] = Resident(state, snapshot_seq, self._clock())
