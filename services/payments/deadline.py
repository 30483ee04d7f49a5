"""One deadline for many calls that all may take equally long.

`asyncio.timeout` gives every call a timer of its own, and on the way of a purchase those took a tenth of a
gateway's processor. Calls of one length are due in the order in which they began, so one timer that looks at
the oldest serves all; a call may take up to a tenth longer than its time.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

R = TypeVar("R")

_LOOKS_A_DEADLINE: Final = 10


class _Call:
    """A call under way; without a task once it is over."""

    __slots__ = ("due", "is_late", "task")

    def __init__(self, due: float, task: "asyncio.Task[Any]") -> None:
        self.due = due
        self.task: asyncio.Task[Any] | None = task
        self.is_late = False


class Deadline:
    """Ends calls that take longer than `timeout_ms`."""

    def __init__(self, timeout_ms: int) -> None:
        self._timeout_s = timeout_ms / 1000
        self._calls: deque[_Call] = deque()
        self._is_watched = False

    async def keep(self, work: Awaitable[R]) -> R:
        """Await `work` and return its result. Must run in a task.

        Raises:
            TimeoutError: it took too long, and was cancelled.
        """
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        cancellations = task.cancelling()
        call = _Call(loop.time() + self._timeout_s, task)
        self._calls.append(call)
        if not self._is_watched:
            self._watch(loop)
        try:
            result = await work
        except asyncio.CancelledError:
            # Somebody else may have cancelled the task as well: then it stays cancelled.
            if call.is_late and task.uncancel() <= cancellations:
                raise TimeoutError from None
            raise
        finally:
            call.task = None
        if call.is_late:
            task.uncancel()
        return result

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        self._is_watched = True
        loop.call_later(self._timeout_s / _LOOKS_A_DEADLINE, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        while self._calls and (self._calls[0].task is None or self._calls[0].due <= now):
            call = self._calls.popleft()
            if call.task is not None:
                call.is_late = True
                call.task.cancel()
        self._is_watched = False
        if self._calls:
            self._watch(loop)
