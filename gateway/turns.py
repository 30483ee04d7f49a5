"""The requests that wait for their turn, in the order of their arrival, and telling those who wait their
place.

What is decided in that order are holds and their changes. A payment, or a question, waits for something else:
nobody is ahead of it, and it is ahead of nobody.
"""

import asyncio
from collections import Counter
from typing import Final

from domain import wire
from domain.ids import EventId
from gateway.metrics import GatewayMetrics
from gateway.session import Pending, now_s

_TICK_S: Final = 0.1
_IN_TURN: Final = frozenset({"hold", "extend", "release"})


class Turns:
    """All unanswered requests of this process."""

    def __init__(self, waiting_after_ms: int, metrics: GatewayMetrics) -> None:
        self._after_s = waiting_after_ms / 1000
        self._metrics = metrics
        # In the order of arrival: what is in front of a request here is decided before it.
        self._pending: dict[Pending, None] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def add(self, pending: Pending) -> None:
        """Take up a request."""
        self._pending[pending] = None

    def remove(self, pending: Pending) -> None:
        """Forget a request that is answered, or whose connection is gone."""
        self._pending.pop(pending, None)

    async def watch(self) -> None:
        """Tell those who wait, until cancelled."""
        while True:
            await asyncio.sleep(_TICK_S)
            self._metrics.waiting.set(len(self._pending))
            self.tell(now_s())

    def tell(self, now: float) -> None:
        """Tell everybody who has waited long enough, once, how many came before."""
        ahead: Counter[EventId | None] = Counter()
        for pending in self._pending:
            if now - pending.started_at < self._after_s:
                break
            if pending.kind not in _IN_TURN:
                continue
            if not pending.is_told:
                pending.is_told = True
                pending.session.send(wire.Waiting(pending.request_id, ahead[pending.event_id]))
            ahead[pending.event_id] += 1
