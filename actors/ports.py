"""What an actor needs of the world, so that it runs the same under Ray, in a test and in the simulation."""

import time
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

Clock = Callable[[], int]
"""Returns milliseconds since the epoch. Never goes backwards within a process."""


def steady_clock() -> Clock:
    """Return a clock that starts at the system's time and from there on follows the monotonic one.

    A system clock that steps by an hour must neither expire every hold at once nor keep them all for an hour.
    """
    offset_ns = time.time_ns() - time.monotonic_ns()

    def now_ms() -> int:
        return (offset_ns + time.monotonic_ns()) // 1_000_000

    return now_ms


class Publisher(Protocol):
    """Tells the gateways. What can't be published is lost without harm, so this never raises."""

    async def publish(self, notices: list[tuple[str, bytes]]) -> None:
        """Publish (channel, payload) pairs."""
        ...


class ShardHandle(Protocol):
    """How a gateway reaches a shard. The Ray one is in `actors.host`."""

    async def submit(self, packed: bytes) -> bytes:
        """Have packed commands decided and return the packed answers, in the same order. Raises
        `ShardLost`.
        """
        ...

    async def state(self, event_id: bytes) -> bytes | None:
        """Return an event's packed `SaleNotice`, None while it is being loaded or if it is elsewhere."""
        ...


class ShardLost(Exception):
    """The shard did not answer. What was asked may have been done: ask again with the same operation ids."""


Connect = Callable[[int], Awaitable[ShardHandle]]
"""Finds the shard with a number. Raises `ShardLost`."""


class ShardSettings(msgspec.Struct, frozen=True):
    """Bounds of a sale shard.

    Attributes:
        mailbox_commands_max: waiting commands past which a call is refused as busy.
        batch_commands_max: commands decided in one transaction.
        sweep_interval_ms: how often expired holds are looked for.
        publish_interval_ms: the shortest time between two notices of one event.
        snapshot_events_min: a snapshot is taken after this many events, and an eighth of the journal.
        idle_ms: after this long without a command, an event without live holds leaves memory.
        busy_retry_ms: what a refused caller is told to wait.
        arrivals_interval_ms: how often events are looked for that were moved here.
        recent_operations_max: finished operations an event keeps in memory.
    """

    mailbox_commands_max: int = 50_000
    batch_commands_max: int = 4_000
    sweep_interval_ms: int = 250
    publish_interval_ms: int = 50
    snapshot_events_min: int = 100_000
    idle_ms: int = 300_000
    busy_retry_ms: int = 500
    arrivals_interval_ms: int = 5_000
    recent_operations_max: int = 10_000
