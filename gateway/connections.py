"""All websockets of one process: the caps, the deadlines, and who belongs to whom.

One timer serves every connection: aiohttp's own heartbeat and receive timeout would cost two timers and their
objects for each.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from domain import wire
from domain.ids import BuyerId, SessionId
from gateway.limits import GatewayLimits, is_loopback
from gateway.metrics import GatewayMetrics
from gateway.outbox import Lagging
from gateway.protocol import PING_FRAME
from gateway.session import Session, now_s

GOING_AWAY: Final = 1001
SIGNED_OUT: Final = 4401
SILENT: Final = 4408
TOO_MANY: Final = 4409
FULL: Final = 4503
_TICK_S: Final = 0.1
_LOOKED_AT_PER_TICK_MIN: Final = 64


class Connections:
    """The open connections of this process."""

    def __init__(self, limits: GatewayLimits, metrics: GatewayMetrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._sessions: dict[Session, None] = {}
        self._by_buyer: dict[BuyerId, list[Session]] = {}
        self._by_address: Counter[str] = Counter()
        self._by_session: dict[SessionId, list[Session]] = {}
        self._order: Iterator[Session] = iter(())
        self.lagging = Lagging()
        self.is_draining = False

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions))

    def of_buyer(self, buyer_id: BuyerId) -> list[Session]:
        """Return the connections of a buyer."""
        return self._by_buyer.get(buyer_id, [])

    def end_sessions(self, ended: Iterable[SessionId]) -> None:
        """Close the connections of sessions that have ended before their time."""
        for session_id in ended:
            for session in list(self._by_session.get(session_id, ())):
                session.outbox.close(SIGNED_OUT, "the session has ended")

    def refusal(self, buyer_id: BuyerId, address: str) -> int:
        """Return the code with which one more connection is to be closed at once, 0 if there is room."""
        if self.is_draining:
            return GOING_AWAY
        if len(self._sessions) >= self._limits.connections_max:
            return FULL
        if len(self.of_buyer(buyer_id)) >= self._limits.connections_per_buyer_max:
            return TOO_MANY
        exempt = self._limits.trust_loopback and is_loopback(address)
        if not exempt and self._by_address[address] >= self._limits.connections_per_address_max:
            return TOO_MANY
        return 0

    def add(self, session: Session) -> None:
        """Take up a connection."""
        self._sessions[session] = None
        self._by_buyer.setdefault(session.buyer_id, []).append(session)
        self._by_address[session.address] += 1
        if session.session_id is not None:
            self._by_session.setdefault(session.session_id, []).append(session)
        self._metrics.connections.set(len(self._sessions))

    def remove(self, session: Session) -> None:
        """Forget a connection that has ended."""
        del self._sessions[session]
        siblings = self._by_buyer[session.buyer_id]
        siblings.remove(session)
        if not siblings:
            del self._by_buyer[session.buyer_id]
        self._by_address[session.address] -= 1
        if not self._by_address[session.address]:
            del self._by_address[session.address]
        if session.session_id is not None:
            open_ones = self._by_session[session.session_id]
            open_ones.remove(session)
            if not open_ones:
                del self._by_session[session.session_id]
        self.lagging.discard(session.outbox)
        self._metrics.connections.set(len(self._sessions))

    async def watch(self) -> None:
        """Hold everybody to the deadlines, until cancelled."""
        while True:
            await asyncio.sleep(_TICK_S)
            self.lagging.flush()
            self._look(now_s())

    def _look(self, now: float) -> None:
        # All are looked at about once a heartbeat's quarter, a few at a time, so that ten thousand do not
        # make one long pause.
        turns = max(1.0, min(self._limits.heartbeat_ms, self._limits.handshake_ms) / 4000 / _TICK_S)
        share = max(_LOOKED_AT_PER_TICK_MIN, int(len(self._sessions) / turns) + 1)
        for _ in range(min(share, len(self._sessions))):
            session = next(self._order, None)
            if session is None:
                self._order = iter(list(self._sessions))
                session = next(self._order)
            if session in self._sessions:
                self._check(session, now)

    def _check(self, session: Session, now: float) -> None:
        reason = session.overdue(self._limits, now)
        if reason is not None:
            session.outbox.close(SILENT, reason)
        elif session.is_silent(self._limits, now):
            session.asked_at = now
            session.outbox.send(PING_FRAME)

    async def drain(self, within_ms: int) -> None:
        """Tell everybody to go elsewhere, wait for the requests that are under way, and close.

        New connections are closed at once from here on. Returns when all are gone or the time is over.
        """
        self.is_draining = True
        deadline = now_s() + within_ms / 1000
        frames = {
            dialect: dialect.frame(wire.Draining(within_ms))
            for dialect in {session.dialect for session in self._sessions}
        }
        for session in self:
            session.outbox.send(frames[session.dialect])
        while any(session.in_flight for session in self._sessions) and now_s() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_TICK_S / 4)
        for session in self:
            session.outbox.close(GOING_AWAY, "draining")
        while self._sessions and now_s() < deadline + _TICK_S:  # noqa: ASYNC110
            await asyncio.sleep(_TICK_S / 4)
