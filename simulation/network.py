"""The network between processes: calls that are delayed, lost, repeated and overtaken, and connections that
break.

A call is lost in one of two ways, as with real connections: the caller is told after a while (`Lost`), or
never, and has to have a deadline of its own. In both it doesn't know whether the call was served.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any, TypeVar

from simulation.virtual_time import Process, virtual_loop
from simulation.weather import Weather

T = TypeVar("T")


class Lost(Exception):
    """The connection broke before the answer came."""


class Network:
    """Carries calls. `weather` may be exchanged while it runs."""

    def __init__(self, rng: random.Random, weather: Weather) -> None:
        self.weather = weather
        self._rng = rng
        # What is under way belongs to no process: it arrives though its sender has died.
        self._wire = Context()
        # Dicts, not sets: their order does not depend on addresses, which differ from run to run.
        self._open: dict[Process, dict[asyncio.Future[Any], None]] = {}

    def after(self, delay_ms: float, happen: Callable[[], object]) -> None:
        """Have something happen later, whoever lives then."""
        virtual_loop().call_later(delay_ms / 1000, happen, context=self._wire)

    def delay_ms(self) -> float:
        """Draw how long a message takes."""
        delay = self._rng.random() * self.weather.delay_ms
        return delay * 10 + 5 if self._rng.random() < self.weather.call_late else delay

    async def call(self, server: Process, serve: Callable[[], Awaitable[T]]) -> T:
        """Have a process serve a call and return its answer. Raises `Lost`; may never return."""
        answer: asyncio.Future[T] = virtual_loop().create_future()
        if self._rng.random() >= self.weather.call_lost:
            copies = 2 if self._rng.random() < self.weather.call_repeated else 1
            for _ in range(copies):
                self.after(self.delay_ms(), lambda: self._arrive(server, serve, answer))
        else:
            self._lose(answer)
        waiting = self._open.setdefault(server, {})
        waiting[answer] = None
        try:
            return await answer
        finally:
            waiting.pop(answer, None)

    def break_connections(self, server: Process) -> None:
        """Tell everybody who waits for a process that it is gone, soon or, for some, never."""
        for answer in self._open.pop(server, {}):
            self._lose(answer)

    def _arrive(
        self, server: Process, serve: Callable[[], Awaitable[T]], answer: "asyncio.Future[T]"
    ) -> None:
        if server.is_alive:
            server.start(self._serve(serve, answer))
        else:
            self.after(self.delay_ms(), lambda: _fail(answer))

    async def _serve(self, serve: Callable[[], Awaitable[T]], answer: "asyncio.Future[T]") -> None:
        reply = await serve()
        if self._rng.random() >= self.weather.answer_lost:
            self.after(self.delay_ms(), lambda: None if answer.done() else answer.set_result(reply))
        else:
            self._lose(answer)

    def _lose(self, answer: "asyncio.Future[T]") -> None:
        if self._rng.random() < 0.7:
            self.after(self.delay_ms() * 4, lambda: _fail(answer))


def _fail(answer: "asyncio.Future[T]") -> None:
    if not answer.done():
        answer.set_exception(Lost("the connection broke"))
