"""An asyncio event loop whose clock is a variable, and processes on it that can be killed or stopped at any
await.

The loop never waits: when nothing is ready it sets its clock to the next timer. So an hour of retries and
timeouts costs milliseconds, and two runs of one seed do the same things in the same order.

A `Process` is what a process of the operating system is to production code: everything that was started in
its context belongs to it, tasks, timers and callbacks alike. Every callback that the loop is given knows its
context, hence its process, and runs only if that one may run:

- `kill` is SIGKILL: nothing of the process runs any more, no `finally`, no cancellation; what it had sent is
  under way.
- `stop` and `go_on` are SIGSTOP and SIGCONT: what would have run is kept and runs later, in its order.

Rejected: cancelling tasks as a crash. A cancelled task runs its `finally` and `except` blocks, which a killed
one never does, and those blocks are where a bug would hide.
"""

import asyncio
import contextlib
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, Final, TypeVar

START_MS: Final = 1_800_000_000_000
"""Where the virtual calendar begins (in January 2027)."""

T = TypeVar("T")


class Stuck(Exception):
    """Nothing is ready, no timer is set, and the run is not over: everybody waits for somebody."""


class Process:
    """What lives and dies together. `name` is for the trace."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_alive = True
        self.is_stopped = False
        self._kept: list[tuple[Callable[..., object], tuple[Any, ...], Context]] = []
        self.context = copy_context()
        self.context.run(_process.set, self)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run a coroutine as a part of this process."""
        return asyncio.get_running_loop().create_task(coroutine, context=self.context)

    def kill(self) -> None:
        """End it as SIGKILL does."""
        self.is_alive = False
        self._kept.clear()

    def stop(self) -> None:
        """Hold everything, as SIGSTOP does."""
        self.is_stopped = True

    def go_on(self) -> None:
        """Let what was held run, as SIGCONT does."""
        self.is_stopped = False
        kept, self._kept = self._kept, []
        loop = asyncio.get_running_loop()
        for callback, arguments, context in kept:
            loop.call_soon(callback, *arguments, context=context)

    def run(self, callback: Callable[..., object], arguments: tuple[Any, ...], context: Context) -> None:
        """Run a callback of this process now, later or never, as its state has it."""
        if not self.is_alive:
            return
        if self.is_stopped:
            self._kept.append((callback, arguments, context))
        else:
            callback(*arguments)


_process: Final[ContextVar[Process | None]] = ContextVar("process", default=None)


def current_process() -> Process | None:
    """Return the process that the running code belongs to."""
    return _process.get()


class _VirtualSelector(selectors.SelectSelector):
    """Does not wait for files: there are none. Says how long the loop wanted to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("no timer is set and nothing is ready")
        if timeout > 0:
            self.now_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """The event loop. Use it with `run`."""

    def __init__(self) -> None:
        self._virtual = _VirtualSelector()
        self.steps = 0
        super().__init__(self._virtual)
        self.set_task_factory(_keep)  # type: ignore[arg-type] # typeshed has no context here
        # Every task that has not ended. Were the tasks of a killed process collected, Python would run their
        # `finally`.
        self.tasks: dict[asyncio.Task[Any], None] = {}

    def time(self) -> float:
        return self._virtual.now_s

    def now_ms(self) -> int:
        """Return the virtual time as milliseconds since the epoch."""
        return START_MS + int(self._virtual.now_s * 1000)

    def call_soon(  # type: ignore[override] # typeshed spells the same with type variables
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        self.steps += 1
        context = copy_context() if context is None else context
        process = context.get(_process)
        if process is None:
            return super().call_soon(callback, *args, context=context)
        return super().call_soon(process.run, callback, args, context, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        context = copy_context() if context is None else context
        process = context.get(_process)
        if process is None:
            return super().call_at(when, callback, *args, context=context)
        return super().call_at(when, process.run, callback, args, context, context=context)


def virtual_loop() -> VirtualLoop:
    """Return the running loop. Code of the simulation runs on no other."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


def _keep(
    loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T], context: Context | None = None
) -> "asyncio.Task[T]":
    assert isinstance(loop, VirtualLoop)
    task = asyncio.Task(coroutine, loop=loop, context=context)
    loop.tasks[task] = None
    task.add_done_callback(loop.tasks.pop)
    return task


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a new virtual loop. What is still running then is thrown away."""
    loop = VirtualLoop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        for task in list(loop.tasks):
            # The processes are gone. Their `finally` blocks run here, where they can do nothing any more.
            task._log_destroy_pending = False  # type: ignore[attr-defined] # noqa: SLF001
            with contextlib.suppress(BaseException):
                task.get_coro().close()
        asyncio.set_event_loop(None)
        loop.close()
