"""What is done with a message: the checks that all have in common, then the one who answers it.

The checks stand in a fixed order: readable; known type; not too fast; request id not in use; not too many at
once. What fails is refused, counted, and costs nobody else anything.

Nothing here waits: a request that takes time is answered by a callback or, where several things have to be
awaited, in a task of its own.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from domain import wire
from domain.ids import BuyerId
from domain.refusals import Code, Refusal
from gateway.limits import GatewayLimits, Limiter
from gateway.metrics import UNREADABLE, GatewayMetrics
from gateway.protocol import TAGS, Unreadable
from gateway.sales_rights import SalesRights
from gateway.session import Pending, Session, now_s
from gateway.topics import Topics
from gateway.turns import Turns
from services.events import Events, Sale
from services.purchases import Purchases
from services.tickets import Tickets
from services.unlocking import Unlocking

UNREADABLE_TOO_OFTEN: Final = 4400
TOO_FAST: Final = 4429
_BUSY_RETRY_MS: Final = 1_000

Answer = wire.ServerMessage | Refusal
W = TypeVar("W", wire.Watch, wire.WatchSales)

log = logging.getLogger(__name__)


class Requests:
    """Takes the messages of all connections of one process."""

    def __init__(
        self,
        *,
        limits: GatewayLimits,
        metrics: GatewayMetrics,
        limiter: Limiter,
        turns: Turns,
        topics: Topics,
        sales_rights: SalesRights,
        events: Events,
        tickets: Tickets,
        purchases: Purchases,
        unlocking: Unlocking,
        clock: Callable[[], int],
    ) -> None:
        self._unlocking = unlocking
        self._limits = limits
        self._metrics = metrics
        self._limiter = limiter
        self._turns = turns
        self._topics = topics
        self._sales_rights = sales_rights
        self._events = events
        self._tickets = tickets
        self._purchases = purchases
        self.clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._handlers: dict[type, Callable[[Session, Any, Pending], None]] = {
            wire.Ping: self._ping,
            wire.Watch: self._watch,
            wire.Unwatch: self._unwatch,
            wire.WatchSales: self._watch_sales,
            wire.Hold: self._hold,
            wire.Unlock: self._unlock,
            wire.Extend: self._change_hold,
            wire.Release: self._change_hold,
            wire.Purchase: self._purchase,
        }

    def take(self, session: Session, data: bytes) -> None:
        """Take a message from a connection."""
        request = session.dialect.read(data)
        session.has_spoken = True
        if isinstance(request, Unreadable):
            self._unreadable(session, request)
            return
        kind = str(TAGS[type(request)])
        self._metrics.message(kind)
        now = now_s()
        wait_s = session.bucket.take(self._limits.requests, now)
        if wait_s:
            self._too_fast(session, request.id, wait_s)
            return
        session.too_fast = 0
        if request.id in session.in_flight:
            self._refuse(session, request.id, Refusal(Code.DUPLICATE_REQUEST))
            return
        if len(session.in_flight) >= self._limits.in_flight_max:
            self._refuse(session, request.id, Refusal(Code.BUSY, _BUSY_RETRY_MS))
            return
        pending = Pending(session, request.id, kind, None, now)
        self._handlers[type(request)](session, request, pending)

    def gone(self, session: Session) -> None:
        """Forget the requests of a connection that has ended; what they do goes on without it."""
        for pending in session.in_flight.values():
            self._turns.remove(pending)
        session.in_flight.clear()

    async def close(self) -> None:
        """Wait for nothing more."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # --- refusing ---------------------------------------------------------------------------------------

    def _unreadable(self, session: Session, message: Unreadable) -> None:
        self._metrics.message(UNREADABLE)
        self._refuse(session, message.request_id, message.refusal)
        session.unreadable += 1
        if session.unreadable >= self._limits.unreadable_max:
            session.outbox.close(UNREADABLE_TOO_OFTEN, "too many messages that can't be read")

    def _too_fast(self, session: Session, request_id: int, wait_s: float) -> None:
        session.too_fast += 1
        if session.too_fast >= self._limits.refused_rate_max:
            session.outbox.close(TOO_FAST, "far too many requests")
            return
        self._refuse(session, request_id, Refusal(Code.RATE_LIMITED, int(wait_s * 1000) + 1))

    def _refuse(self, session: Session, request_id: int | None, refusal: Refusal) -> None:
        self._metrics.refusal(refusal.code)
        session.refuse(request_id, refusal)

    # --- answering --------------------------------------------------------------------------------------

    def _wait(self, pending: Pending) -> None:
        pending.session.in_flight[pending.request_id] = pending
        self._turns.add(pending)

    def _answer(self, pending: Pending, answer: Answer) -> None:
        """Answer a request, whether it had to wait or not."""
        session = pending.session
        if session.in_flight.get(pending.request_id) is pending:
            del session.in_flight[pending.request_id]
            self._turns.remove(pending)
        self._metrics.answered(pending.kind, now_s() - pending.started_at)
        if isinstance(answer, Refusal):
            self._refuse(session, pending.request_id, answer)
        else:
            session.send(answer)

    def _in_task(self, pending: Pending, work: Coroutine[Any, Any, Answer]) -> None:
        self._wait(pending)
        task = asyncio.get_running_loop().create_task(self._answered(pending, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answered(self, pending: Pending, work: Awaitable[Answer]) -> None:
        try:
            answer = await work
        except ConnectionError as error:
            log.warning("%s: %s", pending.kind, error)
            answer = Refusal(Code.BUSY, _BUSY_RETRY_MS)
        except Exception:
            # One request that we can't handle is our bug; the connection and everybody else's go on.
            log.exception("a %s request failed", pending.kind)
            answer = Refusal(Code.BUSY, _BUSY_RETRY_MS)
        self._answer(pending, answer)

    def _ping(self, _: Session, request: wire.Ping, pending: Pending) -> None:
        self._answer(pending, wire.Pong(request.id, self.clock()))

    def _hold(self, session: Session, request: wire.Hold, pending: Pending) -> None:
        if request.codes:
            self._stands_in_line(pending, request.event)
            self._in_task(pending, self._hold_by_code(session, request))
        else:
            self._ask(session, request, pending)

    async def _hold_by_code(self, session: Session, request: wire.Hold) -> Answer:
        refusal = await self._limiter.code(session.buyer_id.hex(), session.address)
        return refusal or await self._asked(session.buyer_id, request)

    async def _asked(self, buyer_id: BuyerId, request: wire.Hold | wire.Extend | wire.Release) -> Answer:
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def answer(given: Answer) -> None:
            if not answered.done():
                answered.set_result(given)

        self._tickets.ask(buyer_id, request, answer)
        return await answered

    def _change_hold(self, session: Session, request: wire.Extend | wire.Release, pending: Pending) -> None:
        if session.guest_id is None:
            self._ask(session, request, pending)
        else:
            self._stands_in_line(pending, request.event)
            self._in_task(pending, self._ask_as_holder(session, request))

    async def _ask_as_holder(self, session: Session, request: wire.Extend | wire.Release) -> Answer:
        return await self._asked(await self._tickets.holder(session.buyers, request), request)

    def _unlock(self, session: Session, request: wire.Unlock, pending: Pending) -> None:
        self._in_task(pending, self._explain(session, request))

    async def _explain(self, session: Session, request: wire.Unlock) -> Answer:
        refusal = await self._limiter.code(session.buyer_id.hex(), session.address)
        return refusal or await self._unlocking.unlock(session.buyer_id, request)

    def _ask(
        self, session: Session, request: wire.Hold | wire.Extend | wire.Release, pending: Pending
    ) -> None:
        self._stands_in_line(pending, request.event)
        self._wait(pending)
        self._tickets.ask(session.buyer_id, request, lambda answer: self._answer(pending, answer))

    def _stands_in_line(self, pending: Pending, event: str) -> None:
        known = self._events.known(event)
        pending.event_id = known.event_id if known else None

    def _purchase(self, session: Session, request: wire.Purchase, pending: Pending) -> None:
        self._in_task(pending, self._pay(session, request))

    async def _pay(self, session: Session, request: wire.Purchase) -> Answer:
        refusal = await self._limiter.purchase(session.buyer_id.hex(), session.address)
        return refusal or await self._purchases.purchase(session.buyers, request)

    def _unwatch(self, session: Session, request: wire.Unwatch, pending: Pending) -> None:
        known = self._events.known(request.event)
        if known is not None:
            self._topics.unwatch(session, known.event_id)
        self._answer(pending, wire.Done(request.id))

    def _watch(self, session: Session, request: wire.Watch, pending: Pending) -> None:
        self._in_task(pending, self._follow(session, request, self._topics.watch))

    def _watch_sales(self, session: Session, request: wire.WatchSales, pending: Pending) -> None:
        self._in_task(pending, self._follow_as_organizer(session, request))

    async def _follow_as_organizer(self, session: Session, request: wire.WatchSales) -> Answer:
        # A guess costs as much as opening a socket does.
        refusal = await self._limiter.socket(session.buyer_id.hex(), session.address)
        if refusal is not None:
            return refusal
        sale = await self._events.sale(request.event)
        if sale is None:
            # Whether the event exists is not told to somebody without a right to it.
            return Refusal(Code.FORBIDDEN)
        if not await self._sales_rights.may_follow(session, sale.event_id, request.key):
            return Refusal(Code.FORBIDDEN)
        answer = await self._follow(session, request, self._topics.watch_sales)
        if not isinstance(answer, Refusal):
            self._sales_rights.follows(session, sale.event_id, request.key)
        return answer

    async def _follow(
        self, session: Session, request: W, join: Callable[[Session, Sale, W], Awaitable[Answer | None]]
    ) -> Answer:
        sale = await self._events.sale(request.event)
        if sale is None:
            return Refusal(Code.NOT_FOUND, None, {"field": "event"})
        reply = await join(session, sale, request)
        if session.outbox.close_code or session.is_gone:
            # It went while the state was looked up: nobody would ever take it off the topic again.
            self._topics.leave(session)
        return reply or Refusal(Code.BUSY, _BUSY_RETRY_MS)
