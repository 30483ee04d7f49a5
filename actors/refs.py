"""How a gateway asks the shards: many waiting buyers, few calls.

A Ray call costs about a millisecond, so one call a buyer can't work. Each shard has a lane: at most a few
calls are under way, and what queued up meanwhile goes with the next ones, in equal shares. Batches form by
themselves under load, and an idle lane sends at once.

An answer of `Again`, a lost shard and an unknown outcome are the same here: the command is sent again with
its operation id, which makes that harmless, until its time is over; then it is refused as busy, and its
sender may try again later.
"""

import asyncio
import itertools
import logging
import random
from collections import deque
from typing import Final, cast

import msgspec

from actors.homes import home_of
from actors.ports import Connect, ShardHandle, ShardLost
from domain import commands as c
from domain import events as e
from domain import notices
from domain.ids import EventId
from domain.refusals import Code, Refusal
from storage.ending import end
from storage.journal import Journal, Refused

Outcome = e.AnyEvent | Refusal
CALL_COMMANDS_MIN: Final = 64
RETRY_S_MIN: Final = 0.005
RETRY_S_MAX: Final = 0.25

log = logging.getLogger(__name__)


class LaneSettings(msgspec.Struct, frozen=True):
    """Bounds of the way to one shard.

    Attributes:
        calls_max: calls under way at once.
        call_commands_max: commands in one call; a thousand stay below the 100 KB that Ray sends inline.
        waiting_max: commands waiting for it, or for where their event is, past which a new one is refused as
            busy.
        patience_ms: how long a command is sent again before it is refused as busy.
        call_ms_max: how long a call may take before the shard counts as lost.
    """

    calls_max: int = 3
    call_commands_max: int = 1_000
    waiting_max: int = 50_000
    patience_ms: int = 10_000
    call_ms_max: int = 5_000
    busy_retry_ms: int = 1_000


class _Waiting:
    """A command and who waits for its answer."""

    __slots__ = ("answer", "command", "give_up_at", "tries")

    def __init__(self, command: c.AnyCommand, answer: asyncio.Future[Outcome], give_up_at: float) -> None:
        self.command = command
        self.answer = answer
        self.give_up_at = give_up_at
        self.tries = 0


class Lane:
    """The way to one shard."""

    def __init__(self, shard: int, shards: "Shards", connect: Connect, settings: LaneSettings) -> None:
        self._shard = shard
        self._shards = shards
        self._connect = connect
        self._settings = settings
        self._handle: ShardHandle | None = None
        self._queue: deque[_Waiting] = deque()
        self._calls = 0
        self._under_way = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def ahead(self) -> int:
        """How many commands a new one would wait behind."""
        return len(self._queue) + self._under_way

    def put(self, waiting: _Waiting) -> None:
        """Queue a command, or refuse it when too many wait."""
        if len(self._queue) >= self._settings.waiting_max:
            _resolve(waiting, Refusal(Code.BUSY, self._settings.busy_retry_ms))
            return
        self._queue.append(waiting)
        if self._calls < self._settings.calls_max:
            self._send()

    def _send(self) -> None:
        self._calls += 1
        task = asyncio.get_running_loop().create_task(self._call())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _call(self) -> None:
        # Everybody who becomes ready in this turn of the event loop travels together.
        await asyncio.sleep(0)
        batch = [self._queue.popleft() for _ in range(min(len(self._queue), self._share()))]
        self._under_way += len(batch)
        try:
            if batch:
                await self._exchange(batch)
        finally:
            self._under_way -= len(batch)
            self._calls -= 1
            if self._queue and self._calls < self._settings.calls_max:
                self._send()

    def _share(self) -> int:
        """Return how many commands the next call takes: an equal part of all that are on their way.

        If one call took everything, all its buyers would be answered at once, ask again at once, and travel
        together for ever: gateway and shard would take turns in working. In equal parts, one works while the
        other does.
        """
        share = -(-self.ahead // self._settings.calls_max)
        return min(max(share, CALL_COMMANDS_MIN), self._settings.call_commands_max)

    async def _exchange(self, batch: list[_Waiting]) -> None:
        try:
            async with asyncio.timeout(self._settings.call_ms_max / 1000):
                if self._handle is None:
                    self._handle = await self._connected(batch)
                reply = await self._handle.submit(c.pack([waiting.command for waiting in batch]))
            answered = list(zip(batch, e.unpack_answers(reply), strict=True))
        except Exception as error:  # noqa: BLE001 - nobody may be left without an answer, whatever it was
            log.warning("shard %d is lost: %r", self._shard, error)
            self._handle = None
            for waiting in batch:
                self._shards.again(waiting)
            return
        for waiting, answer in answered:
            if isinstance(answer, e.Again):
                if answer.is_elsewhere:
                    self._shards.forget_placement(waiting.command.event_id, self._shard)
                self._shards.again(waiting)
            else:
                _resolve(waiting, answer)

    async def _connected(self, batch: list[_Waiting]) -> ShardHandle:
        try:
            return await self._connect(self._shard)
        except ShardLost:
            # It may run no more, and its events may have gone elsewhere.
            for waiting in batch:
                self._shards.forget_placement(waiting.command.event_id, self._shard)
            raise

    async def state(self, event_id: EventId) -> bytes | None:
        """Return an event's packed notice if the shard has it at hand."""
        try:
            async with asyncio.timeout(self._settings.call_ms_max / 1000):
                if self._handle is None:
                    self._handle = await self._connect(self._shard)
                return await self._handle.state(event_id)
        except (ShardLost, TimeoutError):
            self._handle = None
            return None

    async def close(self) -> None:
        """End all calls; nobody is answered any more."""
        await end(self._tasks)


class Shards:
    """All shards, as one thing to ask."""

    def __init__(
        self,
        journal: Journal,
        connect: Connect,
        shard_count: int,
        settings: LaneSettings | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._journal = journal
        self._connect = connect
        self._shard_count = shard_count
        self._settings = settings or LaneSettings()
        self._rng = rng or random.Random()  # noqa: S311 - spreading retries is no secret
        self._lanes: dict[int, Lane] = {}
        self._placements: dict[EventId, int] = {}
        self._placing: dict[EventId, list[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, command: c.AnyCommand) -> asyncio.Future[Outcome]:
        """Have a command decided. The future's result is the event that it caused, or a refusal; it never
        raises.
        """
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._settings.patience_ms / 1000
        waiting = _Waiting(command, loop.create_future(), give_up_at)
        self._route(waiting)
        return waiting.answer

    def explain(self, command: c.ExplainCode) -> asyncio.Future[e.CodeExplained | Refusal]:
        """Have a code looked up. As `ask`, but nothing happens by it."""
        return cast("asyncio.Future[e.CodeExplained | Refusal]", self.ask(command))

    def count_uses(self, command: c.CountUses) -> asyncio.Future[e.UsesCounted | Refusal]:
        """Have the uses of vouchers counted. As `ask`, but nothing happens by it."""
        return cast("asyncio.Future[e.UsesCounted | Refusal]", self.ask(command))

    def ahead(self, event_id: EventId) -> int:
        """Return how many commands a new one for this event would wait behind."""
        shard = self._placements.get(event_id)
        return len(self._placing.get(event_id, ())) if shard is None else self._lane(shard).ahead

    async def state(self, event_id: EventId) -> notices.SaleNotice | None:
        """Return the state of an event's sale from the shard itself, None if that can't be had in time."""
        give_up_at = asyncio.get_running_loop().time() + self._settings.patience_ms / 1000
        for attempt in itertools.count():
            try:
                placement = await self._journal.placement(event_id, home_of(event_id, self._shard_count))
            except (ConnectionError, Refused):
                placement = None
            packed = await self._lane(placement.shard).state(event_id) if placement else None
            if packed is not None:
                return notices.unpack_sale(packed)
            if asyncio.get_running_loop().time() > give_up_at:
                return None
            await asyncio.sleep(self._pause_s(attempt))
        raise AssertionError

    def again(self, waiting: _Waiting) -> None:
        """Send a command again a little later, or give up if its time is over."""
        loop = asyncio.get_running_loop()
        if waiting.answer.done():
            return
        if loop.time() > waiting.give_up_at:
            _resolve(waiting, Refusal(Code.BUSY, self._settings.busy_retry_ms))
            return
        waiting.tries += 1
        loop.call_later(self._pause_s(waiting.tries), self._route, waiting)

    def forget_placement(self, event_id: EventId, shard: int) -> None:
        """Look an event's placement up again, because it is not on that shard any more."""
        if self._placements.get(event_id) == shard:
            del self._placements[event_id]

    async def close(self) -> None:
        """End everything; nobody is answered any more."""
        await end(self._tasks)
        for lane in self._lanes.values():
            await lane.close()

    def _route(self, waiting: _Waiting) -> None:
        event_id = waiting.command.event_id
        shard = self._placements.get(event_id)
        if shard is not None:
            self._lane(shard).put(waiting)
            return
        others = self._placing.get(event_id)
        if others is not None and len(others) >= self._settings.waiting_max:
            _resolve(waiting, Refusal(Code.BUSY, self._settings.busy_retry_ms))
            return
        if others is not None:
            others.append(waiting)
            return
        self._placing[event_id] = [waiting]
        task = asyncio.get_running_loop().create_task(self._place(event_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _place(self, event_id: EventId) -> None:
        try:
            placement = await self._journal.placement(event_id, home_of(event_id, self._shard_count))
        except Exception as error:  # noqa: BLE001 - nobody may be left without an answer, whatever it was
            log.warning("the placement of event %s can't be looked up: %r", event_id.hex(), error)
            for waiting in self._placing.pop(event_id):
                self.again(waiting)
            return
        self._placements[event_id] = placement.shard
        for waiting in self._placing.pop(event_id):
            self._lane(placement.shard).put(waiting)

    def _pause_s(self, tries: int) -> float:
        longest: float = min(RETRY_S_MAX, RETRY_S_MIN * 2.0 ** min(tries, 10))
        return longest * self._rng.uniform(0.5, 1.0)

    def _lane(self, shard: int) -> Lane:
        lane = self._lanes.get(shard)
        if lane is None:
            lane = self._lanes[shard] = Lane(shard, self, self._connect, self._settings)
        return lane


def _resolve(waiting: _Waiting, outcome: Outcome | e.CodeExplained | e.UsesCounted) -> None:
    if not waiting.answer.done():
        # What only tells is the answer to `explain` and `count_uses` alone, which know it.
        waiting.answer.set_result(cast("Outcome", outcome))
