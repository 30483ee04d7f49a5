"""What is pushed to many: the state of an event's sale, to its buyers and to its organizers.

There is one subscription in Redis per event with watchers, whatever their number. A notice from the shard
becomes one record, is encoded once per subprotocol when somebody needs it, and the same bytes go to all.

Sending to thousands takes longer than the shard's 50 ms between two notices, so a topic is sent in slices,
with whatever is newest at that moment, and rests afterwards for half as long as sending took: at most two
thirds of a process's time go into pushes, the rest answers requests.

A notice may be lost. So once in `REFRESH_S` the state is read from Redis, where the newest is kept beside the
publication, or, if Redis has none, from the shard itself.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Final, Protocol

from domain import notices, wire
from domain.ids import HOLD, EventId, text
from domain.notices import SaleNotice
from gateway.connections import Connections
from gateway.metrics import GatewayMetrics
from gateway.protocol import DIALECTS, Dialect
from gateway.sale_state import Board, sales_of
from gateway.session import Session, now_s
from services.events import Sale

REFRESH_S: Final = 2.0
REST_SHARE: Final = 0.5
REST_S_MIN: Final = 0.02
SLICE: Final = 250
LINGER_S: Final = 5.0
_REFRESHES_AT_ONCE: Final = 20
# What is kept back for a slow reader is the newest of each: somebody may follow both.
_PUBLIC: Final = b"event "
_SALES: Final = b"sales "

log = logging.getLogger(__name__)


class Subscriptions(Protocol):
    """As much of `storage.fanout.RedisFanout` as is needed here. None of these raises: without Redis nothing
    comes, and `newest_state` returns None.
    """

    async def subscribe(self, channel: str, callback: Callable[[bytes], None]) -> None:
        """Have what is published on a channel from now on given to `callback`."""
        ...

    async def unsubscribe(self, channel: str) -> None:
        """End that."""
        ...

    async def newest_state(self, channel: str) -> bytes | None:
        """Return what was published last on a channel."""
        ...


class States(Protocol):
    """As much of `actors.refs.Shards` as is needed here."""

    async def state(self, event_id: EventId) -> SaleNotice | None:
        """Return the state of an event's sale from its shard, None if that can't be had in time."""
        ...


class Topic:
    """One event's watchers and what they were told last."""

    __slots__ = (
        "board", "event_id", "heard_at", "idle_since", "is_dirty", "joining", "loading", "organizers", "sale",
        "sending", "timer", "watchers",
    )  # fmt: skip

    def __init__(self, sale: Sale) -> None:
        self.sale = sale
        self.event_id = sale.event_id
        self.board: Board | None = None
        # Each watcher with the frame it was sent last: sending again what it has would be noise.
        self.watchers: dict[Session, bytes | None] = {}
        self.organizers: dict[Session, bytes | None] = {}
        # How many wait for the state, to follow it then.
        self.joining = 0
        self.heard_at = 0.0
        self.idle_since = 0.0
        self.is_dirty = False
        self.sending: asyncio.Task[None] | None = None
        self.loading: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None

    @property
    def is_watched(self) -> bool:
        return bool(self.watchers or self.organizers)


class Topics:
    """All topics of one process."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        states: States,
        connections: Connections,
        metrics: GatewayMetrics,
        clock: Callable[[], int],
        learn: Callable[[SaleNotice], Sale | None],
    ) -> None:
        self._learn = learn
        self._subscriptions = subscriptions
        self._states = states
        self._connections = connections
        self._metrics = metrics
        self._clock = clock
        self._topics: dict[EventId, Topic] = {}

    async def watch(self, session: Session, sale: Sale, request: wire.Watch) -> wire.Watching | None:
        """Make a buyer's connection follow an event. Returns the reply, None if the state can't be had
        now.
        """
        topic, board = await self._join(sale)
        if board is None:
            return None
        now_ms = self._clock()
        has_it = request.version == board.notice.version and not board.is_revised
        session.events.add(sale.event_id)
        topic.watchers[session] = board.frame(session.dialect)
        return wire.Watching(
            request.id, request.event, board.notice.version, now_ms, None if has_it else board.state
        )

    async def watch_sales(
        self, session: Session, sale: Sale, request: wire.WatchSales
    ) -> wire.WatchingSales | None:
        """Make an organizer's connection follow a sale. Returns the reply, None if it can't be had now."""
        topic, board = await self._join(sale)
        if board is None:
            return None
        session.events.add(sale.event_id)
        topic.organizers[session] = board.sales_frame(session.dialect)
        pushed = sales_of(sale, board.notice, self._clock())
        return wire.WatchingSales(
            request.id,
            request.event,
            pushed.version,
            pushed.time_ms,
            pushed.status,
            pushed.pools,
            pushed.ticket_types,
        )

    def unwatch(self, session: Session, event_id: EventId) -> None:
        """Make a connection no longer follow an event."""
        session.events.discard(event_id)
        topic = self._topics.get(event_id)
        if topic is not None:
            topic.watchers.pop(session, None)
            topic.organizers.pop(session, None)
            session.outbox.forget(_PUBLIC + event_id)
            session.outbox.forget(_SALES + event_id)
            if not topic.is_watched:
                topic.idle_since = now_s()

    def leave(self, session: Session) -> None:
        """Forget a connection that has ended."""
        for event_id in list(session.events):
            self.unwatch(session, event_id)

    async def watch_over(self) -> None:
        """Refresh what was not heard of, and drop what nobody watches, until cancelled."""
        while True:
            await asyncio.sleep(REFRESH_S / 2)
            now = now_s()
            for topic in list(self._topics.values()):
                is_idle = not topic.is_watched and not topic.joining
                if is_idle and now - topic.idle_since > LINGER_S:
                    await self._drop(topic)
            stale = [topic for topic in self._topics.values() if now - topic.heard_at > REFRESH_S]
            for start in range(0, len(stale), _REFRESHES_AT_ONCE):
                await asyncio.gather(*map(self._refresh_in_time, stale[start : start + _REFRESHES_AT_ONCE]))
            self._metrics.topics.set(len(self._topics))

    async def _join(self, sale: Sale) -> tuple[Topic, Board | None]:
        topic = self._topics.get(sale.event_id)
        if topic is None:
            topic = self._topics[sale.event_id] = Topic(sale)
            topic.idle_since = now_s()
            topic.loading = asyncio.create_task(self._load(topic))
        topic.joining += 1
        try:
            if topic.board is None and topic.loading is not None:
                await asyncio.shield(topic.loading)
            elif topic.board is None:
                await self._refresh(topic)
        finally:
            topic.joining -= 1
            topic.idle_since = now_s()
        return topic, topic.board

    async def _load(self, topic: Topic) -> None:
        event_id = topic.event_id
        try:
            await self._subscriptions.subscribe(
                notices.sale_channel(event_id), lambda payload: self._on_sale(topic, payload)
            )
            await self._subscriptions.subscribe(
                notices.holds_channel(event_id), lambda payload: self._on_holds(topic, payload)
            )
            await self._refresh(topic)
        finally:
            topic.loading = None

    async def _drop(self, topic: Topic) -> None:
        del self._topics[topic.event_id]
        for task in (topic.sending, topic.loading):
            if task is not None:
                task.cancel()
        if topic.timer is not None:
            topic.timer.cancel()
        await self._subscriptions.unsubscribe(notices.sale_channel(topic.event_id))
        await self._subscriptions.unsubscribe(notices.holds_channel(topic.event_id))

    async def _refresh_in_time(self, topic: Topic) -> None:
        # The topics of a shard that is away must not keep those of the others from being refreshed.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REFRESH_S):
                await self._refresh(topic)

    async def _refresh(self, topic: Topic) -> None:
        packed = await self._subscriptions.newest_state(notices.sale_channel(topic.event_id))
        if packed is not None:
            with contextlib.suppress(ValueError):
                self._take(topic, notices.unpack_sale(packed))
        if packed is None or (topic.board is None):
            notice = await self._states.state(topic.event_id)
            if notice is not None:
                self._take(topic, notice)
        topic.heard_at = now_s()

    def _on_sale(self, topic: Topic, payload: bytes) -> None:
        try:
            notice = notices.unpack_sale(payload)
        except ValueError:
            log.warning("a notice of event %s can't be read", topic.sale.text)
            return
        topic.heard_at = now_s()
        self._take(topic, notice)

    def _on_holds(self, topic: Topic, payload: bytes) -> None:
        try:
            notice = notices.unpack_holds(payload)
        except ValueError:
            log.warning("a notice of holds of event %s can't be read", topic.sale.text)
            return
        event = topic.sale.text
        for buyer_id, hold_id, expires_at_ms in notice.expiring:
            for session in self._connections.of_buyer(buyer_id):
                session.send(wire.HoldExpiring(event, text(HOLD, hold_id), expires_at_ms))
        for buyer_id, hold_id in notice.expired:
            for session in self._connections.of_buyer(buyer_id):
                session.send(wire.HoldExpired(event, text(HOLD, hold_id)))

    async def close(self) -> None:
        """End all subscriptions."""
        for topic in list(self._topics.values()):
            await self._drop(topic)

    def _take(self, topic: Topic, notice: SaleNotice) -> None:
        if topic.board is not None and notice.version <= topic.board.notice.version:
            return
        topic.sale = self._learn(notice) or topic.sale
        self._show(topic, notice)

    def _show(self, topic: Topic, notice: SaleNotice) -> None:
        now_ms = self._clock()
        board = topic.board = Board(topic.sale, notice, now_ms)
        if topic.timer is not None:
            topic.timer.cancel()
            topic.timer = None
        if board.changes_at_ms is not None:
            # Some things change by time alone, with no event that says so: the opening, above all.
            wait_s = min((board.changes_at_ms - now_ms) / 1000, 3600.0)
            loop = asyncio.get_running_loop()
            topic.timer = loop.call_later(wait_s, self._time_has_come, topic)
        topic.is_dirty = True
        if topic.sending is None and topic.is_watched:
            topic.sending = asyncio.create_task(self._send(topic))

    def _time_has_come(self, topic: Topic) -> None:
        topic.timer = None
        if topic.board is not None:
            self._show(topic, topic.board.notice)

    async def _send(self, topic: Topic) -> None:
        try:
            while topic.is_dirty and topic.is_watched:
                topic.is_dirty = False
                started = now_s()
                await self._send_to(topic, _PUBLIC, topic.watchers, Board.frame)
                await self._send_to(topic, _SALES, topic.organizers, Board.sales_frame)
                self._metrics.broadcasts.inc()
                await asyncio.sleep(max(REST_S_MIN, (now_s() - started) * REST_SHARE))
        finally:
            topic.sending = None

    async def _send_to(
        self,
        topic: Topic,
        kind: bytes,
        watchers: dict[Session, bytes | None],
        frame_of: Callable[[Board, Dialect], bytes],
    ) -> None:
        everybody = list(watchers)
        for start in range(0, len(everybody), SLICE):
            if start:
                await asyncio.sleep(0)
            assert topic.board is not None
            frames = {dialect: frame_of(topic.board, dialect) for dialect in DIALECTS.values()}
            for session in everybody[start : start + SLICE]:
                frame = frames[session.dialect]
                if watchers.get(session, frame) is not frame:
                    watchers[session] = frame
                    session.outbox.update(kind + topic.event_id, frame)
