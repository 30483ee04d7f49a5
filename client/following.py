"""Following a topic: the newest state wins, whoever reads slowly misses the ones between."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from client.errors import NotConnected
from client.records import EventState, SalesState

S = TypeVar("S", bound=EventState | SalesState)


class Topic(Generic[S]):
    """The newest state of something, and who waits for the next one.

    Attributes:
        question: the message that begins to follow.
        followers: how many follow it in this client.
        is_followed: whether the server was asked for it, and said yes.
    """

    def __init__(self, question: dict[str, Any]) -> None:
        self.question = question
        self.followers = 0
        self.is_followed = False
        self.newest: S | None = None
        self._changed = asyncio.Event()

    def resume(self) -> dict[str, Any]:
        """Return the question for a new connection, with the version that is known."""
        if self.question["type"] == "watch" and self.newest is not None:
            return {**self.question, "version": self.newest.version}
        return self.question

    def take(self, state: S) -> None:
        """Take up a state. The server's word replaces what was known, even if its version is not above."""
        self.newest = state
        self._changed.set()
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Have everybody who waits look again."""
        self._changed.set()

    async def change(self) -> None:
        """Return at the next state."""
        await self._changed.wait()


class Follower(Protocol):
    """What following needs of a client."""

    is_closed: bool

    async def follow(self, topic: Any) -> None:
        """Begin to follow."""
        ...

    async def unfollow(self, topic: Any) -> None:
        """Stop following."""
        ...


class Following(Generic[S]):
    """An async context manager around an async iterator over the states of a topic, the present one first."""

    def __init__(self, client: Follower, topic: Topic[S]) -> None:
        self._client = client
        self._topic = topic

    async def __aenter__(self) -> AsyncIterator[S]:
        await self._client.follow(self._topic)
        return self._states()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.unfollow(self._topic)

    async def _states(self) -> AsyncIterator[S]:
        seen: S | None = None
        while True:
            newest = self._topic.newest
            if newest is not None and newest is not seen:
                seen = newest
                yield newest
                continue
            if self._client.is_closed:
                raise NotConnected("the client was closed")
            await self._topic.change()
