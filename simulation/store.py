"""The store of the simulation: a `MemoryJournal` that is reached over connections which break.

A request takes time on its way there, is served in one step, and its answer takes time on its way back. A
process that is killed meanwhile changes nothing about what it had sent: its transaction may still commit,
much later, after its successor has started. That is what the fence is for, and what `lands_late` brings
about.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from domain.commands import SoldOrder
from domain.ids import EventId, OperationId, OrderId
from simulation.network import Network
from simulation.virtual_time import virtual_loop
from simulation.weather import Weather
from storage.journal import Batch, Entry, Fenced, Journal, Placement, Refused, Unknown

T = TypeVar("T")


class Witness(Protocol):
    """Sees everything that becomes durable, at the moment when it does."""

    def claimed(self, shard: int, epoch: int) -> None:
        """A new incarnation has started."""
        ...

    def committed(self, batch: Batch) -> None:
        """A batch is durable."""
        ...


class Store:
    """The durable record, the network in front of it, and its outages."""

    def __init__(self, journal: Journal, network: Network, rng: random.Random, witness: Witness) -> None:
        self.journal = journal
        self.is_up = True
        self._starts = 0
        self._network = network
        self._rng = rng
        self._witness = witness
        # Requests that were sent and not answered; an outage ends them all.
        self._open: dict[asyncio.Future[Any], bool] = {}

    @property
    def _weather(self) -> Weather:
        return self._network.weather

    def stop(self) -> None:
        """Stop at once, as `pg_ctl stop -m immediate` does: every connection breaks, what has committed
        stays.
        """
        self.is_up = False
        self._starts += 1  # what was sent before is never served
        waiting, self._open = self._open, {}
        for answer, is_commit in waiting.items():
            if not answer.done():
                answer.set_exception(
                    Unknown("the server went away") if is_commit else ConnectionError("gone")
                )

    def start_again(self) -> None:
        """Take connections again."""
        self.is_up = True

    async def request(self, serve: Callable[[], Awaitable[T]], *, is_commit: bool = False) -> T:
        """Have the store do something. Raises what `serve` raises, `ConnectionError`, or for a commit
        `Unknown`.
        """
        weather, rng = self._weather, self._rng
        if not self.is_up or rng.random() < weather.store_unreachable:
            await asyncio.sleep(rng.random() * weather.store_ms / 1000)
            raise ConnectionError("the store can't be reached")
        answer: asyncio.Future[T] = virtual_loop().create_future()
        self._open[answer] = is_commit
        lost: Exception | None = None
        delay_ms = rng.random() * weather.store_ms
        if rng.random() < (weather.commit_cut if is_commit else weather.answer_cut):
            lost = Unknown("the connection was cut") if is_commit else ConnectionError("cut")
            if is_commit and rng.random() < weather.lands_late:
                self._network.after(delay_ms, lambda: _fail(answer, lost))
                delay_ms += rng.choice((5, 20, 20, 100, 1_000))
            elif rng.random() < 0.5:
                # Cut before it was read: it has no effect, but only the store knows that.
                self._network.after(delay_ms, lambda: _fail(answer, lost))
                return await self._answered(answer)
        starts = self._starts
        self._network.after(
            delay_ms, lambda: self._serve(serve, answer, lost, is_commit) if starts == self._starts else None
        )
        return await self._answered(answer)

    async def _answered(self, answer: "asyncio.Future[T]") -> T:
        try:
            return await answer
        finally:
            self._open.pop(answer, None)

    def _serve(
        self,
        serve: Callable[[], Awaitable[T]],
        answer: "asyncio.Future[T]",
        lost: Exception | None,
        is_commit: bool,
    ) -> None:
        if is_commit and self._rng.random() < self._weather.commit_refused:
            outcome: T | Exception = Refused("no space left on device")
        else:
            outcome = _at_once(serve)
        if lost is not None:
            outcome = lost

        def arrive() -> None:
            if answer.done():
                return
            if isinstance(outcome, Exception):
                answer.set_exception(outcome)
            else:
                answer.set_result(outcome)

        self._network.after(self._rng.random() * self._weather.store_ms, arrive)

    async def commit(self, batch: Batch) -> None:
        await self.journal.commit(batch)
        self._witness.committed(batch)

    async def renew(self, shard: int, epoch: int) -> int:
        renewed = await self.journal.renew(shard, epoch)
        self._witness.claimed(shard, renewed)
        return renewed

    async def claim(self, shard: int, owner: str) -> int:
        epoch = await self.journal.claim(shard, owner)
        self._witness.claimed(shard, epoch)
        return epoch


class RemoteJournal:
    """The `Journal` port of one process: each call is a request to the store.

    While `is_cut_off`, the store can't be reached from this process, though others reach it and this one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.is_cut_off = False

    async def _request(self, serve: Callable[[], Awaitable[T]], *, is_commit: bool = False) -> T:
        if self.is_cut_off:
            await asyncio.sleep(0.1)
            raise ConnectionError("no route to the store")
        return await self._store.request(serve, is_commit=is_commit)

    async def claim(self, shard: int, owner: str) -> int:
        return await self._request(lambda: self._store.claim(shard, owner))

    async def renew(self, shard: int, epoch: int) -> int:
        return await self._request(lambda: self._store.renew(shard, epoch))

    async def commit(self, batch: Batch) -> None:
        await self._request(lambda: self._store.commit(batch), is_commit=True)

    async def read(self, event_id: EventId, after_seq: int, limit: int) -> list[Entry]:
        return await self._request(lambda: self._store.journal.read(event_id, after_seq, limit))

    async def find_operations(self, operation_ids: Sequence[OperationId]) -> dict[OperationId, bytes]:
        return await self._request(lambda: self._store.journal.find_operations(operation_ids))

    async def find_orders(self, order_ids: Sequence[OrderId]) -> dict[OrderId, SoldOrder]:
        return await self._request(lambda: self._store.journal.find_orders(order_ids))

    async def find_sellable(self, order_ids: Sequence[OrderId]) -> set[OrderId]:
        return await self._request(lambda: self._store.journal.find_sellable(order_ids))

    async def save_snapshot(self, shard: int, epoch: int, event_id: EventId, seq: int, body: bytes) -> None:
        await self._request(lambda: self._store.journal.save_snapshot(shard, epoch, event_id, seq, body))

    async def load_snapshots(self, event_id: EventId) -> list[bytes]:
        return await self._request(lambda: self._store.journal.load_snapshots(event_id))

    async def placement(self, event_id: EventId, shard_if_new: int) -> Placement:
        return await self._request(lambda: self._store.journal.placement(event_id, shard_if_new))

    async def move(self, shard: int, epoch: int, event_id: EventId, to_shard: int) -> None:
        await self._request(lambda: self._store.journal.move(shard, epoch, event_id, to_shard))

    async def placed_on(self, shard: int, active_since_ms: int) -> list[EventId]:
        return await self._request(lambda: self._store.journal.placed_on(shard, active_since_ms))


def _at_once(serve: Callable[[], Awaitable[T]]) -> T | Exception:
    """Run to its end a coroutine that never waits: a transaction is one step, nobody sees half of it."""
    steps = serve().__await__()
    try:
        next(steps)
    except StopIteration as done:
        result: T = done.value
        return result
    except (Fenced, Refused, Unknown, ConnectionError) as error:
        return error
    raise AssertionError("the journal of the simulation has to answer without waiting")


def _fail(answer: "asyncio.Future[T]", error: Exception | None) -> None:
    assert error is not None
    if not answer.done():
        answer.set_exception(error)
