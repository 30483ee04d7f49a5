"""Ending tasks for certain.

A cancellation can be lost on its way through a library that is just then dealing with an error or a timeout
of its own; the task goes on as if nobody had asked, and whoever waits for its end waits for ever. So it is
asked again until it has ended.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

_ASKED_EVERY_S: Final = 0.5


async def end(tasks: "Iterable[asyncio.Task[Any]]") -> None:
    """Cancel tasks and wait until they have ended, in whatever way. Their errors are theirs."""
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        done, left = await asyncio.wait(left, timeout=_ASKED_EVERY_S)
        for task in done:
            if not task.cancelled():
                task.exception()
