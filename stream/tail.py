"""A consumer of the journal: it gets every row once it is there for good, in order, and is behind by as
little as it can.

At least once: the checkpoint moves on after the effect is durable, so a crash in between repeats rows.
Effects are keyed by `JournalRow.position`.

Batches that follow each other closely are announced once (`storage.postgres_journal`), and a row may be
committed while an older transaction still runs. So after every sign of life the tail looks again quickly for
a while before it goes back to its slow pace; the bell only ends the slow pace early.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from storage.journal import Refused, Unknown
from storage.journal_reader import START, Bell, JournalReader, JournalRow, Position, attend

log = logging.getLogger(__name__)

Effect = Callable[[Sequence[JournalRow]], Awaitable[None]]
"""Does what a consumer is for, durably. What it raises is logged, and the same rows come again."""


class TailSettings(msgspec.Struct, frozen=True):
    """The pace of a tail.

    Attributes:
        rows_max: rows given to the effect at once.
        quick_s, quick_looks: how often it looks again, and how many times without finding anything, before it
            slows down.
        slow_s: how often it looks when nothing happens.
        retry_s_max: the longest pause after a failure.
    """

    rows_max: int = 500
    quick_s: float = 0.05
    quick_looks: int = 10
    slow_s: float = 1.0
    retry_s_max: float = 5.0


class Tail:
    """Follows the journal for one consumer.

    Attributes:
        position: the last row whose effect is durable, None before it has begun.
        rows, failures: counted since the start.
        is_reading: False while another process reads for this consumer.
        is_slow: whether it waits for the bell at the slow pace.
    """

    def __init__(
        self,
        dsn: str,
        reader: JournalReader,
        consumer: str,
        effect: Effect,
        settings: TailSettings | None = None,
        *,
        is_from_now: bool = False,
    ) -> None:
        """A consumer without a checkpoint begins at the beginning, or with what comes from now on."""
        self._dsn = dsn
        self._reader = reader
        self._consumer = consumer
        self._effect = effect
        self._settings = settings or TailSettings()
        self._is_from_now = is_from_now
        self.position: Position | None = None
        self.rows = 0
        self.failures = 0
        self.is_reading = False
        self.is_slow = False

    async def run(self) -> None:
        """Follow until cancelled, through any failure."""
        pause_s = self._settings.quick_s
        while True:
            try:
                async with attend(self._dsn, self._consumer) as bell:
                    if bell is not None:
                        self.is_reading = True
                        self.position = await self._begin()
                        await self._follow(bell)
                pause_s = self._settings.slow_s
            except (ConnectionError, Refused, Unknown) as error:
                log.warning("the journal can't be followed for %s: %r", self._consumer, error)
                self.failures += 1
            except Exception:
                log.exception("%s failed after %s", self._consumer, self.position)
                self.failures += 1
            finally:
                self.is_reading = False
            await asyncio.sleep(pause_s)
            pause_s = min(self._settings.retry_s_max, pause_s * 2)

    async def catch_up(self) -> int:
        """Handle everything that can be read now; returns how many rows that were."""
        if self.position is None:
            self.position = await self._begin()
        handled = 0
        while rows := await self._reader.read(self.position, self._settings.rows_max):
            await self._effect(rows)
            await self._reader.advance(self._consumer, rows[-1].position)
            self.position = rows[-1].position
            handled += len(rows)
            self.rows += len(rows)
        return handled

    async def _begin(self) -> Position:
        position = await self._reader.checkpoint(self._consumer)
        if position is None:
            position = await self._reader.now() if self._is_from_now else START
            await self._reader.advance(self._consumer, position)
        return position

    async def _follow(self, bell: Bell) -> None:
        looks_left = self._settings.quick_looks
        while not bell.is_lost:
            found = await self.catch_up()
            looks_left = self._settings.quick_looks if found else looks_left - 1
            self.is_slow = looks_left <= 0
            if await bell.wait(self._settings.slow_s if self.is_slow else self._settings.quick_s):
                looks_left = self._settings.quick_looks
            self.is_slow = False
