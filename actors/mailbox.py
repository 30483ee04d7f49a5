"""The mailbox of a shard: calls that wait for their turn, bounded by the number of commands in them.

Ray may run the calls of an async actor in any order and at the same time. All of them end here, and only the
one loop that takes from the mailbox touches state.
"""

import asyncio
from collections import deque

from domain.commands import AnyCommand
from domain.events import Answer


class Call:
    """Commands that arrived together and are answered together."""

    __slots__ = ("answers", "commands", "done")

    def __init__(self, commands: list[AnyCommand]) -> None:
        self.commands = commands
        self.answers: list[Answer] = []
        self.done: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()

    def answer(self, answers: list[Answer]) -> None:
        """Give the caller its answers, if it still waits."""
        if not self.done.done():
            self.done.set_result(answers)


class Full(Exception):
    """There is no room for a call of this size now."""


class Mailbox:
    """Calls in the order of their arrival."""

    def __init__(self, commands_max: int) -> None:
        self._commands_max = commands_max
        self._calls: deque[Call] = deque()
        self._waiting = 0
        self._arrived = asyncio.Event()

    @property
    def waiting(self) -> int:
        """How many commands wait."""
        return self._waiting

    def put(self, call: Call) -> None:
        """Add a call. Raises `Full` when that would pass the bound."""
        if self._waiting + len(call.commands) > self._commands_max:
            raise Full
        self._calls.append(call)
        self._waiting += len(call.commands)
        self._arrived.set()

    def take(self, commands_max: int) -> list[Call]:
        """Return the oldest calls with at most `commands_max` commands together, but at least one call if any
        waits.
        """
        taken: list[Call] = []
        size = 0
        while self._calls and (not taken or size + len(self._calls[0].commands) <= commands_max):
            call = self._calls.popleft()
            size += len(call.commands)
            taken.append(call)
        self._waiting -= size
        if not self._calls:
            self._arrived.clear()
        return taken

    def wake(self) -> None:
        """End a `wait` although nothing arrived."""
        self._arrived.set()

    async def wait(self, timeout_s: float) -> None:
        """Return when a call waits, at `wake`, or after `timeout_s` seconds."""
        if self._calls:
            return
        self._arrived.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return
