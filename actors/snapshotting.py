"""Snapshots, taken off the hot path, and events that leave a shard's memory.

A snapshot is copied between two turns, when everything in the state is durable; its encoding is then done a
slice at a time, beside the selling. An event that leaves (it is idle, or moves to another shard) takes no
commands while its last snapshot is stored; the others go on.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Iterator
from typing import Any, Final

from actors.ports import Clock
from actors.residents import Resident, Residents
from domain import snapshots
from domain.ids import EventId
from storage.journal import Fenced, Journal, Refused

JOURNAL_SHARE: Final = 8
# Each has a connection while it is stored, and a shard has few: one stays for its batches.
AT_ONCE_MAX: Final = 2
RETRY_MS_MIN: Final = 1_000
RETRY_MS_MAX: Final = 60_000
# At the end, what is replayed in some milliseconds is not worth a snapshot: a shard with ten thousand events
# would take half a minute to go.
LAST_SHARE: Final = 100
LAST_AT_ONCE: Final = AT_ONCE_MAX + 1

log = logging.getLogger(__name__)


class Snapshotter:
    """Stores the snapshots of one shard."""

    def __init__(self, shard: int, journal: Journal, clock: Clock, events_min: int) -> None:
        self._shard = shard
        self._journal = journal
        self._clock = clock
        self._events_min = events_min
        self._tasks: dict[EventId, asyncio.Task[Any]] = {}

    @property
    def has_room(self) -> bool:
        """Whether another event may be stored now."""
        return len(self._tasks) < AT_ONCE_MAX

    def is_due(self, resident: Resident) -> bool:
        """Say whether replaying the journal after the last snapshot has become long."""
        if not self._is_long(resident) or resident.event_id in self._tasks:
            return False
        return self._clock() >= resident.snapshot_from_ms

    def _is_long(self, resident: Resident) -> bool:
        behind = resident.state.seq - resident.snapshot_seq
        return behind > self._events_min and behind > resident.state.seq // JOURNAL_SHARE

    def begin(self, resident: Resident, epoch: int) -> None:
        """Copy an event's state now and store it in the background. Only when all of it is durable."""
        slices = snapshots.take(resident.state)
        self._start(resident.event_id, self._store_while_there(resident, resident.state.seq, slices, epoch))

    def passivate(self, resident: Resident, residents: Residents, epoch: int) -> None:
        """Let an event leave memory. Only when all of it is durable."""
        residents.leave(resident.event_id)
        if not self._has_to_be_stored(resident):
            residents.rests(resident.event_id)
            return
        self._start(resident.event_id, self._leave(resident, residents, epoch))

    def move(
        self, resident: Resident, residents: Residents, epoch: int, to_shard: int, done: asyncio.Future[bool]
    ) -> None:
        """Hand an event over to another shard. Only when all of it is durable."""
        residents.leave(resident.event_id)
        self._start(resident.event_id, self._hand_over(resident, residents, epoch, to_shard, done))

    async def take_all(self, residents: Iterable[Resident], epoch: int) -> None:
        """Store a snapshot of every event whose replay would hold up the next start."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        behind_min = self._events_min // LAST_SHARE
        due = iter([each for each in residents if each.state.seq - each.snapshot_seq > behind_min])

        async def store_some() -> None:
            for resident in due:
                await self._store_newest(resident, epoch)

        await asyncio.gather(*(store_some() for _ in range(LAST_AT_ONCE)))

    async def close(self) -> None:
        """End what is under way."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _start(self, event_id: EventId, work: Coroutine[Any, Any, Any]) -> None:
        before = self._tasks.pop(event_id, None)
        if before is not None:
            before.cancel()
        task = self._tasks[event_id] = asyncio.create_task(work)
        task.add_done_callback(lambda done: self._forget(event_id, done))

    def _forget(self, event_id: EventId, done: asyncio.Task[Any]) -> None:
        if self._tasks.get(event_id) is done:
            del self._tasks[event_id]

    async def _store_while_there(
        self, resident: Resident, seq: int, slices: Iterator[bytes], epoch: int
    ) -> None:
        if await self._store(resident.event_id, seq, slices, epoch):
            resident.snapshot_seq = seq
            resident.snapshot_failures = 0
            return
        # Soon again: until there is one, recovery reads all that was sold since the one before.
        pause_ms = min(RETRY_MS_MAX, RETRY_MS_MIN << min(resident.snapshot_failures, 10))
        resident.snapshot_failures += 1
        resident.snapshot_from_ms = self._clock() + pause_ms

    async def _store(self, event_id: EventId, seq: int, slices: Iterator[bytes], epoch: int) -> bool:
        parts = []
        for part in slices:
            parts.append(part)
            await asyncio.sleep(0)
        try:
            await self._journal.save_snapshot(self._shard, epoch, event_id, seq, snapshots.pack(parts))
        except (ConnectionError, Fenced, Refused) as error:
            # Only recovery gets slower by it: the journal has everything.
            log.warning("snapshot of event %s not stored: %r", event_id.hex(), error)
            return False
        return True

    async def _leave(self, resident: Resident, residents: Residents, epoch: int) -> None:
        try:
            await self._store_newest(resident, epoch)
        finally:
            residents.rests(resident.event_id)

    async def _store_newest(self, resident: Resident, epoch: int) -> None:
        if self._has_to_be_stored(resident):
            await self._store(resident.event_id, resident.state.seq, snapshots.take(resident.state), epoch)

    def _has_to_be_stored(self, resident: Resident) -> bool:
        # What was only looked at is left as it was found, unless that takes long to read.
        is_changed = resident.state.seq > max(resident.snapshot_seq, resident.loaded_seq)
        return is_changed or self._is_long(resident)

    async def _hand_over(
        self, resident: Resident, residents: Residents, epoch: int, to_shard: int, done: asyncio.Future[bool]
    ) -> None:
        is_moved = False
        try:
            await self._store_newest(resident, epoch)
            await self._journal.move(self._shard, epoch, resident.event_id, to_shard)
            is_moved = True
        except (ConnectionError, Fenced, Refused) as error:
            log.warning("event %s stays on shard %d: %r", resident.event_id.hex(), self._shard, error)
        finally:
            if is_moved:
                residents.moved(resident.event_id)
            else:
                residents.stays(resident.event_id)
            if not done.done():
                done.set_result(is_moved)
