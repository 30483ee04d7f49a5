"""Work that an answer must not wait for, because how long it takes would tell something.

Whether an address has an account decides what is written and sent; a client that could time that would know.
So the answer goes out first, the same for all, and the rest happens here: bounded, and each piece tried once.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

PIECES_MAX: Final = 500

log = logging.getLogger(__name__)


class Background:
    """Pieces of work under way."""

    def __init__(self, pieces_max: int = PIECES_MAX) -> None:
        self._pieces_max = pieces_max
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def is_full(self) -> bool:
        """Whether nothing more can be taken now."""
        return len(self._tasks) >= self._pieces_max

    def start(self, what: str, work: Coroutine[Any, Any, None]) -> None:
        """Begin a piece of work; ask `is_full` before."""
        task = asyncio.create_task(_carefully(what, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self, within_ms: int = 2_000) -> None:
        """Wait for what is under way, for at most so long."""
        if self._tasks:
            _, left = await asyncio.wait(self._tasks, timeout=within_ms / 1000)
            for task in left:
                task.cancel()


async def _carefully(what: str, work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except ConnectionError as error:
        log.warning("%s was not done: %s", what, error)
    except Exception:
        log.exception("%s failed", what)
