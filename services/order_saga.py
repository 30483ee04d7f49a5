"""The story of an order, told by one function for everybody: the gateway that took the purchase, the one that
takes over after a kill, and the timer that finishes what nobody came back for.

    placed --authorise, sell--> sold --capture--> paid

`domain.orders.STEPS` says which step leads where; `_work` below says what is done to take it. Every state is
durable before the next step begins, and everything that a step does outside is done under an id of ours, so
doing it again, after a kill or beside somebody who is doing it too, changes nothing:

- the provider is asked with the order's id as payment id;
- the shard sells with the order's id as operation id, and writes `sold` itself, with the tickets;
- a record of a step applies only to the state it starts from; who comes second reads what is there and goes
  on.

That a payment was authorised is not recorded when the sale follows at once: whoever takes such an order over
asks the provider again and gets the same answer (docs/decisions/sold-from-placed.md). It is recorded when the
sale has to wait, and when so much of the lease is over that it has to be made longer first.

No lock, transaction or mailbox is held while the provider is asked.

A payment may be authorised when its hold has just expired. Then the same places are held anew, under an
operation id derived from the order's, if they are still there; else the payment is voided and the buyer is
told.
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from domain import commands as c
from domain import events as e
from domain.ids import BuyerId, EventId, HoldId, OperationId, OrderId, PaymentId, TicketId
from domain.money import Money
from domain.orders import UNFINISHED, OrderState, OrderStep, step
from domain.pricing import total
from domain.refusals import Code, Refusal
from services.events import Events
from services.payments.port import Authorised, Declined, Done, Provider
from services.tickets import Asking
from storage.orders import Order, Orders

HOLD_ANEW_MAX: Final = 5
HOLD_ANEW_PAUSE_S: Final = 0.15

log = logging.getLogger(__name__)


class Taken(msgspec.Struct, frozen=True):
    """A step that was taken and is to be recorded.

    Attributes:
        failure: the code of the refusal that the buyer is told, for steps that lead away from a sale.
        reference: the provider's name for the payment, once it has one.
        stuck: why nothing more can be done now, "" if it can.
    """

    step: OrderStep
    failure: str = ""
    reference: str = ""
    stuck: str = ""


class Sale(msgspec.Struct, frozen=True):
    """The shard sold it, and recorded that itself with the tickets."""

    sold: e.Sold
    reference: str


class Stuck(msgspec.Struct, frozen=True):
    """No step could be taken now; nothing is lost, and it may be tried again."""

    reason: str


class Advanced(msgspec.Struct, frozen=True):
    """How far an order came.

    Attributes:
        sold: what the shard answered, if this very call sold it.
        stuck: why it did not come further, "" if it did.
    """

    order: Order
    sold: e.Sold | None = None
    stuck: str = ""


class Agreed(Protocol):
    """As much of `services.tickets.Tickets` as is needed here."""

    async def agreed(
        self, buyers: tuple[BuyerId, ...], event_id: EventId, hold_id: HoldId
    ) -> e.Held | Refusal:
        """Return a hold as it was placed."""
        ...


class OrderSaga:
    """Takes orders from state to state."""

    def __init__(
        self,
        *,
        orders: Orders,
        provider: Provider,
        shards: Asking,
        events: Events,
        tickets: Agreed,
        clock: Callable[[], int],
        new_id: Callable[[], bytes],
        lease_ms: int = 15_000,
    ) -> None:
        self._orders = orders
        self._provider = provider
        self._shards = shards
        self._events = events
        self._tickets = tickets
        self._clock = clock
        self._new_id = new_id
        self._lease_ms = lease_ms
        self._work: dict[OrderState, Callable[[Order], Awaitable[Taken | Stuck | Sale]]] = {
            OrderState.PLACED: self._authorise_and_sell,
            OrderState.AUTHORISED: self._sell,
            OrderState.SOLD: self._capture,
            OrderState.VOIDING: self._void,
        }

    async def advance(self, order: Order, until: frozenset[OrderState] = frozenset()) -> Advanced:
        """Take an order as far as it goes now: to a state of `until`, to its end, or to where it is stuck.

        Raises:
            ConnectionError: PostgreSQL can't be asked. The order is where it was recorded to be.
        """
        sold = None
        while order.state in UNFINISHED and order.state not in until:
            taken = await self._work[order.state](order)
            if isinstance(taken, Stuck):
                return Advanced(order, sold, taken.reason)
            if isinstance(taken, Sale):
                sold = taken.sold
                order = msgspec.structs.replace(order, state=OrderState.SOLD, reference=taken.reference)
            else:
                order = await self._record(order, taken)
                if taken.stuck:
                    return Advanced(order, sold, taken.stuck)
        return Advanced(order, sold)

    async def _record(self, order: Order, taken: Taken) -> Order:
        to_state = step(order.state, taken.step)
        assert to_state is not None, (order.state, taken.step)
        recorded = await self._orders.step(
            order, to_state, failure=taken.failure, reference=taken.reference, lease_ms=self._lease_ms
        )
        if recorded is not None:
            return recorded
        there = await self._orders.find(order.order_id)
        assert there is not None
        return there

    # --- what is done in each state -----------------------------------------------------------------------

    async def _authorise_and_sell(self, order: Order) -> Taken | Sale:
        amount = Money(order.amount_minor, order.currency)
        answer = await self._provider.authorise(PaymentId(order.order_id), amount, order.token)
        if isinstance(answer, Declined):
            return Taken(OrderStep.DECLINE, Code.PAYMENT_DECLINED.value)
        if not isinstance(answer, Authorised):
            # It may be authorised all the same, by this call or by one before a kill: voiding makes sure.
            return Taken(OrderStep.GIVE_UP, Code.PAYMENT_UNAVAILABLE.value)
        authorised = Taken(OrderStep.AUTHORISE, reference=answer.reference)
        if order.lease_until_ms < self._clock() + self._lease_ms // 2:
            return authorised
        outcome = await self._sell(msgspec.structs.replace(order, reference=answer.reference))
        if isinstance(outcome, Stuck):
            return msgspec.structs.replace(authorised, stuck=outcome.reason)
        return outcome

    async def _sell(self, order: Order) -> Taken | Stuck | Sale:
        outcome = await self._ask_to_sell(order, order.hold_id)
        if isinstance(outcome, Refusal) and outcome.code in {Code.HOLD_EXPIRED, Code.HOLD_NOT_FOUND}:
            return await self._sell_anew(order, outcome.code)
        return _sold_or_not(outcome, order.reference)

    async def _sell_anew(self, order: Order, code: Code) -> Taken | Stuck | Sale:
        """Sell the places of a hold that is over, if they can be held once more."""
        held = await self._tickets.agreed((order.buyer_id,), order.event_id, order.hold_id)
        if isinstance(held, Refusal) and held.code is Code.BUSY:
            return Stuck("busy")
        if code is Code.HOLD_NOT_FOUND and (isinstance(held, Refusal) or self._clock() < held.expires_at_ms):
            # It did not expire: its buyer gave it back.
            return Taken(OrderStep.GIVE_UP, Code.HOLD_NOT_FOUND.value)
        lines = await self._lines_anew(order)
        # The codes themselves are not kept, but the shard knows what they were by their numbers.
        numbers = held.vouchers if isinstance(held, e.HeldByCode) else ()
        for attempt in range(HOLD_ANEW_MAX):
            hold_id = derived_operation(order.order_id, attempt)
            anew = await self._shards.ask(
                c.PlaceHold(hold_id, order.event_id, order.buyer_id, lines, (), numbers)
            )
            if isinstance(anew, Refusal):
                if anew.code is Code.BUSY:
                    return Stuck("busy")
                if anew.code not in {Code.SOLD_OUT, Code.BUYER_LIMIT, Code.VOUCHER_USED_UP}:
                    break
                # The expired hold may still be counted until the sweep has come by.
                await asyncio.sleep(HOLD_ANEW_PAUSE_S)
                continue
            assert isinstance(anew, e.Held), anew
            if total(anew.lines, order.currency).minor != order.amount_minor:
                return Taken(OrderStep.GIVE_UP, Code.PRICE_CHANGED.value)
            outcome = await self._ask_to_sell(order, hold_id)
            if not isinstance(outcome, Refusal) or outcome.code not in {
                Code.HOLD_EXPIRED,
                Code.HOLD_NOT_FOUND,
            }:
                return _sold_or_not(outcome, order.reference)
        return Taken(OrderStep.GIVE_UP, Code.HOLD_EXPIRED.value)

    async def _lines_anew(self, order: Order) -> tuple[c.Line, ...]:
        """Return the lines that place an order's hold once more, at the prices that its buyer named."""
        sale = await self._events.by_id(order.event_id)
        assert sale is not None
        sale = await self._events.covering(sale, (line.ticket_type for line in order.lines))
        record = await self._events.record(order.event_id)
        kinds = record.ticket_types if record else ()
        is_named = {at for at, kind in enumerate(kinds) if kind.price_min_minor is not None}
        return tuple(
            c.Line(
                sale.types[line.ticket_type].ticket_type_id,
                line.quantity,
                line.unit_price_minor if line.ticket_type in is_named else None,
            )
            for line in order.lines
        )

    async def _ask_to_sell(self, order: Order, hold_id: HoldId) -> e.AnyEvent | Refusal:
        count = sum(line.quantity for line in order.lines)
        ticket_ids = tuple(TicketId(self._new_id()) for _ in range(count))
        return await self._shards.ask(
            c.Sell(order.order_id, order.event_id, order.buyer_id, hold_id, ticket_ids)
        )

    async def _capture(self, order: Order) -> Taken | Stuck:
        amount = Money(order.amount_minor, order.currency)
        reference = order.reference
        if not reference:
            # Whoever authorised and sold it was killed before recording the payment.
            again = await self._provider.authorise(PaymentId(order.order_id), amount, order.token)
            if not isinstance(again, Authorised):
                return Stuck(again.reason)
            reference = again.reference
        answer = await self._provider.capture(PaymentId(order.order_id), amount)
        if isinstance(answer, Done):
            return Taken(OrderStep.CAPTURE, reference=reference)
        if isinstance(answer, Declined):
            # Authorised money that can't be taken: the tickets are out, so people have to look at it.
            log.error("order %s is sold and its capture declined: %s", order.order_id.hex(), answer.reason)
        return Stuck(answer.reason)

    async def _void(self, order: Order) -> Taken | Stuck:
        answer = await self._provider.void(PaymentId(order.order_id))
        return Taken(OrderStep.VOID) if isinstance(answer, Done) else Stuck(answer.reason)


def _sold_or_not(outcome: e.AnyEvent | Refusal, reference: str) -> Taken | Stuck | Sale:
    if isinstance(outcome, e.Sold):
        return Sale(outcome, reference)
    assert isinstance(outcome, Refusal), outcome
    if outcome.code is Code.BUSY:
        return Stuck("busy")
    return Taken(OrderStep.GIVE_UP, outcome.code.value)


def derived_operation(order_id: OrderId, attempt: int) -> OperationId:
    """Return the operation id under which an order's places are held anew: whoever takes the order over asks
    with the same one. A UUID of version 8 (RFC 9562, section 5.8).
    """
    digest = bytearray(hashlib.sha256(b"bilten hold anew" + order_id + bytes((attempt,))).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return OperationId(bytes(digest))
