"""What a gateway does by itself, for as long as it runs.

None of it may end unseen: without the round that looks for ended sessions, say, who was thrown out would keep
an open socket for ever. So a round that fails is no reason not to make the next, and a timer that ends all
the same makes the gateway say that it is not ready.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

log = logging.getLogger(__name__)


async def repeatedly(what: str, every_s: float, make_round: Callable[[], Awaitable[None]]) -> None:
    """Make a round every so often, until cancelled. Of rounds that fail in a row the first is logged."""
    is_failing = False
    while True:
        await asyncio.sleep(every_s)
        try:
            await make_round()
        except ConnectionError as error:
            if not is_failing:
                log.warning("%s: %s", what, error)
            is_failing = True
        except Exception:
            if not is_failing:
                log.exception("%s failed", what)
            is_failing = True
        else:
            is_failing = False


class Timers:
    """Work that ends only when it is stopped.

    Attributes:
        tasks: by what they do.
    """

    def __init__(self) -> None:
        self.tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def are_whole(self) -> bool:
        """Whether everything that was started still runs."""
        return not any(task.done() for task in self.tasks.values())

    def start(self, work: Mapping[str, Coroutine[Any, Any, None]]) -> None:
        """Begin; the keys say what it is."""
        for what, coroutine in work.items():
            task = self.tasks[what] = asyncio.create_task(coroutine)
            task.add_done_callback(lambda ended, what=what: self._ended(what, ended))  # type: ignore[misc]

    async def stop(self) -> None:
        """End everything."""
        tasks, self.tasks = list(self.tasks.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, what: str, task: asyncio.Task[None]) -> None:
        if self.tasks.get(what) is not task:
            return
        error = None if task.cancelled() else task.exception()
        log.critical("%s has ended; this gateway is not ready any more", what, exc_info=error)
