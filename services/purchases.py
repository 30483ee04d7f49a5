"""Paying for a hold: from a buyer's request to an order that is sold, and the answer.

The order is named by the operation, so a buyer who asks again, here or at another gateway, gets the order
that is there: one that is under way in this process is waited for, one that another process works on is
looked at until it is done, and one whose process is gone is taken over.

What a buyer does not wait for, the capture, is done in the background for hundreds of orders together; what
does not fit there is left to the recovery of orders, which would find it anyway.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

import msgspec

from domain import wire
from domain.credentials import ticket_code
from domain.ids import (
    HOLD,
    OPERATION,
    ORDER,
    TICKET,
    BuyerId,
    HoldId,
    MalformedId,
    OrderId,
    TicketId,
    parse,
    text,
)
from domain.orders import OrderState
from domain.pricing import total
from domain.refusals import Code, Refusal
from services.answers import Answers
from services.events import Events, Sale
from services.order_saga import Advanced, OrderSaga
from services.tickets import Tickets
from storage.journal import Refused, Unknown
from storage.order_answers import SealedAnswer
from storage.orders import Order, OrderLine, Orders

IS_SOLD: Final = frozenset({OrderState.SOLD, OrderState.PAID, OrderState.CANCELLED})
_NOT_BOUGHT: Final = frozenset({OrderState.VOIDING, OrderState.FAILED})
_UNTIL_ANSWER: Final = IS_SOLD | _NOT_BOUGHT
_BUSY_RETRY_MS: Final = 1_000

log = logging.getLogger(__name__)


class PurchaseSettings(msgspec.Struct, frozen=True):
    """Bounds of what a process has under way.

    Attributes:
        patience_ms: how long a buyer waits before being told to ask again; the order goes on without them.
        lease_ms: how long an order that nobody steps stays with the one who placed it.
        finishing_max: orders that are being captured or voided in the background at once.
        finishing_pause_ms: how long orders are gathered for that. Nobody waits for it, and in small batches
            it would take turns with what buyers do wait for.
        unfinished_max: orders that wait for it; at some thousand a second still far less than a lease.
    """

    patience_ms: int = 20_000
    lease_ms: int = 15_000
    look_again_ms: int = 150
    finishing_max: int = 500
    finishing_pause_ms: int = 50
    unfinished_max: int = 10_000


class Purchases:
    """Takes purchases."""

    def __init__(
        self,
        *,
        saga: OrderSaga,
        orders: Orders,
        events: Events,
        tickets: Tickets,
        answers: Answers,
        ticket_key: bytes,
        clock: Callable[[], int],
        settings: PurchaseSettings,
    ) -> None:
        self._saga = saga
        self._orders = orders
        self._events = events
        self._tickets = tickets
        self._answers = answers
        self._ticket_key = ticket_key
        self._clock = clock
        self._settings = settings
        self._running: dict[OrderId, asyncio.Task[Advanced | Refusal]] = {}
        self._unfinished: deque[Order] = deque()
        self._finisher: asyncio.Task[None] | None = None

    async def purchase(self, buyers: tuple[BuyerId, ...], request: wire.Purchase) -> wire.Purchased | Refusal:
        """Buy a hold of one of the buyers that somebody is. The order belongs to the buyer who has the hold:
        what a buyer holds and has bought is counted in one place, whoever pays. Goes on by itself when its
        caller is cancelled.
        """
        try:
            order_id = OrderId(parse(OPERATION, request.operation))
            hold_id = HoldId(parse(HOLD, request.hold))
        except MalformedId as error:
            return Refusal(Code.MALFORMED, None, {"reason": str(error)})
        sale = await self._events.sale(request.event)
        if sale is None:
            return Refusal(Code.NOT_FOUND, None, {"field": "event"})
        running = self._running.get(order_id)
        if running is None:
            work = self._buy(order_id, hold_id, buyers, sale, request)
            running = self._running[order_id] = asyncio.create_task(work)
            running.add_done_callback(lambda _: self._running.pop(order_id, None))
        outcome = await asyncio.shield(running)
        if isinstance(outcome, Refusal):
            return outcome
        order = outcome.order
        is_theirs = order.buyer_id in buyers
        if not is_theirs or (order.event_id, order.hold_id) != (sale.event_id, hold_id):
            return Refusal(Code.OPERATION_REUSED)
        return await self._answer(request, sale, outcome)

    async def close(self) -> None:
        """Wait for what is under way, as long as that may take by its own deadlines."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        while self._finisher is not None:
            await asyncio.gather(self._finisher, return_exceptions=True)

    async def _buy(
        self,
        order_id: OrderId,
        hold_id: HoldId,
        buyers: tuple[BuyerId, ...],
        sale: Sale,
        request: wire.Purchase,
    ) -> Advanced | Refusal:
        try:
            placed = await self._place(order_id, hold_id, buyers, sale, request)
            if isinstance(placed, Refusal):
                return placed
            return await self._bring_to_answer(placed)
        except (ConnectionError, Refused, Unknown) as error:
            # Whatever was recorded is there when they ask again, or when the recovery of orders comes by.
            log.warning("order %s stops for now: %r", order_id.hex(), error)
            return Refusal(Code.BUSY, _BUSY_RETRY_MS)

    async def _place(
        self,
        order_id: OrderId,
        hold_id: HoldId,
        buyers: tuple[BuyerId, ...],
        sale: Sale,
        request: wire.Purchase,
    ) -> Order | Refusal:
        held = await self._tickets.agreed(buyers, sale.event_id, hold_id)
        if isinstance(held, Refusal):
            # An order that was placed long ago may have outlived every memory of its hold.
            return await self._orders.find(order_id) or held
        amount = total(held.lines, sale.currency)
        if amount.minor != request.amount_minor:
            known = await self._orders.find(order_id)
            return known or Refusal(Code.PRICE_CHANGED, None, {"amount_minor": amount.minor})
        answers: tuple[SealedAnswer, ...] = ()
        if sale.asks or request.answers:
            checked = await self._answers.seal(held.buyer_id, sale, held.lines, request.answers)
            if isinstance(checked, Refusal):
                # What was asked may have changed since the order was placed.
                return await self._orders.find(order_id) or checked
            answers = checked
        now_ms = self._clock()
        order = Order(
            order_id=order_id,
            event_id=sale.event_id,
            hold_id=hold_id,
            buyer_id=held.buyer_id,
            state=OrderState.PLACED,
            amount_minor=amount.minor,
            currency=amount.currency,
            lines=tuple(
                OrderLine(line.ticket_type, line.quantity, line.unit_price_minor) for line in held.lines
            ),
            token=request.payment,
            lease_until_ms=now_ms + self._settings.lease_ms,
            created_at_ms=now_ms,
        )
        there = await self._orders.place(order, answers)
        if there is None:
            # Another order has this hold: paying for it twice must be impossible.
            return Refusal(Code.HOLD_NOT_FOUND, None, {"reason": "another order has it"})
        return there

    async def _bring_to_answer(self, order: Order) -> Advanced | Refusal:
        """Take an order to where its buyer can be told, or wait for the one who does."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._settings.patience_ms / 1000
        advanced = Advanced(order)
        while advanced.order.state not in _UNTIL_ANSWER:
            if advanced.stuck or not self._orders.is_ours(advanced.order, self._clock()):
                if loop.time() > give_up_at:
                    return Refusal(Code.BUSY, _BUSY_RETRY_MS)
                await asyncio.sleep(self._settings.look_again_ms / 1000)
                there = await self._orders.find(order.order_id)
                assert there is not None
                advanced = Advanced(there)
                if not self._orders.is_ours(there, self._clock()):
                    continue
            advanced = await self._saga.advance(advanced.order, _UNTIL_ANSWER)
        self._finish(advanced.order)
        return advanced

    def _finish(self, order: Order) -> None:
        """Capture or void in the background, if there is room; else the recovery of orders does it."""
        if order.state not in {OrderState.SOLD, OrderState.VOIDING}:
            return
        if len(self._unfinished) >= self._settings.unfinished_max:
            return
        self._unfinished.append(order)
        if self._finisher is None:
            self._finisher = asyncio.create_task(self._finish_all())

    async def _finish_all(self) -> None:
        try:
            while self._unfinished:
                if len(self._unfinished) < self._settings.finishing_max:
                    await asyncio.sleep(self._settings.finishing_pause_ms / 1000)
                number = min(len(self._unfinished), self._settings.finishing_max)
                together = [self._unfinished.popleft() for _ in range(number)]
                await asyncio.gather(*map(self._finish_quietly, together))
        finally:
            self._finisher = None

    async def _finish_quietly(self, order: Order) -> None:
        try:
            await self._saga.advance(order)
        except (ConnectionError, Refused, Unknown) as error:
            log.warning("order %s is left to be finished later: %r", order.order_id.hex(), error)
        except Exception:
            # Our bug; the others of its batch, and those that wait, are finished all the same.
            log.exception("order %s can't be finished", order.order_id.hex())

    async def _answer(
        self, request: wire.Purchase, sale: Sale, outcome: Advanced
    ) -> wire.Purchased | Refusal:
        order = outcome.order
        if order.state not in IS_SOLD:
            return failure_of(order)
        issued = await self._tickets_of(outcome)
        sale = await self._events.covering(sale, (position for _, position in issued))
        tickets = [
            wire.Ticket(
                text(TICKET, ticket_id), sale.types[position].text, ticket_code(ticket_id, self._ticket_key)
            )
            for ticket_id, position in issued
        ]
        return wire.Purchased(
            request.id,
            text(ORDER, order.order_id),
            request.event,
            order.amount_minor,
            order.currency,
            tickets,
        )

    async def _tickets_of(self, outcome: Advanced) -> list[tuple[TicketId, int]]:
        """Return the tickets of a sold order with the positions of their types."""
        if outcome.sold is None:
            rows = await self._orders.tickets(outcome.order.order_id)
            return [(row.ticket_id, row.ticket_type) for row in rows]
        positions = [line.ticket_type for line in outcome.sold.lines for _ in range(line.quantity)]
        # In the order in which the record has them: asked again, the same answer comes from there.
        issued = zip(outcome.sold.ticket_ids, positions, strict=True)
        return sorted(issued, key=lambda ticket: (ticket[1], ticket[0]))


def failure_of(order: Order) -> Refusal:
    """Return what the buyer of an order that came to nothing is told."""
    return Refusal(Code(order.failure) if order.failure else Code.PAYMENT_UNAVAILABLE)
