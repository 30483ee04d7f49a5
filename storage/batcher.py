"""Many callers, one statement: what is asked for while one batch is under way goes together with the next.

There is no timer: a lone caller is served at once, and batches grow by themselves exactly when the database
is what takes the time. Each caller is answered after the commit of the batch that it was in. One that the
server refuses harms only itself: a refused batch is tried again in halves until the refusal is alone with its
cause.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

from storage.journal import Refused

Item = TypeVar("Item")
Answer = TypeVar("Answer")

BATCH_MAX: Final = 500
WAITING_MAX: Final = 10_000


class Full(ConnectionError):
    """So much waits for the store that more would only wait in vain: nothing was done, the caller is to come
    back.
    """


class Batcher(Generic[Item, Answer]):
    """Writes items in batches, one batch at a time.

    Attributes:
        batches, items: how much was written so far; their ratio is what batching saves.
    """

    def __init__(
        self,
        write: Callable[[list[Item]], Awaitable[Sequence[Answer]]],
        *,
        batch_max: int = BATCH_MAX,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        """`write` writes a batch in one transaction and returns an answer per item, in their order; it raises
        `Refused` if nothing was written, or any other error, which every caller of the batch then gets.
        """
        self._write = write
        self._batch_max = batch_max
        self._waiting_max = waiting_max
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._pump: asyncio.Task[None] | None = None
        self.batches = 0
        self.items = 0

    @property
    def waiting(self) -> int:
        """How many items are not in a batch yet."""
        return len(self._waiting)

    async def put(self, item: Item) -> Answer:
        """Have an item written and return its answer.

        Raises:
            Full: nothing was done.
            Refused: this very item can't be written.
            Unknown, ConnectionError: as `write` raised it for the batch.
        """
        if len(self._waiting) >= self._waiting_max:
            raise Full(f"{len(self._waiting)} wait already")
        done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._pump is None:
            self._pump = asyncio.create_task(self._run())
        return await done

    async def close(self) -> None:
        """Wait until everything that waits is written."""
        if self._pump is not None:
            await asyncio.shield(self._pump)

    async def _run(self) -> None:
        try:
            while self._waiting:
                # Callers that gave up before their batch began want nothing written any more.
                taken = [self._waiting.popleft() for _ in range(min(self._batch_max, len(self._waiting)))]
                together = [(item, done) for item, done in taken if not done.done()]
                if together:
                    await self._write_together(together)
        finally:
            self._pump = None
            for _, done in self._waiting:
                done.cancel()
            self._waiting.clear()

    async def _write_together(self, together: list[tuple[Item, asyncio.Future[Answer]]]) -> None:
        self.batches += 1
        try:
            answers = await self._write([item for item, _ in together])
        except Refused as refused:
            if len(together) == 1:
                _fail(together, refused)
            else:
                half = len(together) // 2
                await self._write_together(together[:half])
                await self._write_together(together[half:])
            return
        except Exception as error:  # noqa: BLE001 - whatever it was belongs to the callers, not to this loop
            _fail(together, error)
            return
        self.items += len(together)
        for (_, done), answer in zip(together, answers, strict=True):
            if not done.done():
                done.set_result(answer)


def _fail(
    together: list[tuple[Item, asyncio.Future[Answer]]],
    error: Exception,
) -> None:
    for _, done in together:
        if not done.done():
            done.set_exception(error)
