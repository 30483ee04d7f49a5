"""Sessions that ended elsewhere: their sockets here are closed, and what is kept of them is forgotten.

One small statement twice a second, however many sockets there are: it reads what ended of late
(`revoked_sessions`). A socket that was being opened while its session ended is found by the next round,
because every round goes over all that ended within the last half minute.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from domain.ids import SessionId
from gateway.connections import Connections
from gateway.timers import repeatedly

EVERY_S: Final = 0.4


class Kept(Protocol):
    """What is kept of sessions in this process."""

    def forget(self, ended: set[SessionId]) -> None:
        """Forget sessions."""
        ...


async def watch_revocations(
    ended: Callable[[], Awaitable[set[SessionId]]], kept: Kept, connections: Connections
) -> None:
    """Look for sessions that ended, until cancelled."""
    known: set[SessionId] = set()

    async def look() -> None:
        nonlocal known
        found = await ended()
        if found - known:
            kept.forget(found - known)
        known = found
        connections.end_sessions(found)

    await repeatedly("looking for sessions that ended", EVERY_S, look)
