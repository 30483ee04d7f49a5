"""Sessions that ended elsewhere: their sockets here are closed, and what is kept of them is forgotten.

One small statement twice a second, however many sockets there are: it reads what ended of late
(`revoked_sessions`). A socket that was being opened while its session ended is found by the next round,
because every round goes over all that ended within the last half minute.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from domain.ids import SessionId
from gateway.connections import Connections

EVERY_S: Final = 0.4

log = logging.getLogger(__name__)


class Kept(Protocol):
    """What is kept of sessions in this process."""

    def forget(self, ended: set[SessionId]) -> None:
        """Forget sessions."""
        ...


async def watch_revocations(
    ended: Callable[[], Awaitable[set[SessionId]]], kept: Kept, connections: Connections
) -> None:
    """Look for sessions that ended, until cancelled."""
    is_away = False
    known: set[SessionId] = set()
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            found = await ended()
        except ConnectionError as error:
            if not is_away:
                log.warning("ended sessions can't be looked for: %s", error)
            is_away = True
            continue
        is_away = False
        if found - known:
            kept.forget(found - known)
        known = found
        connections.end_sessions(found)
