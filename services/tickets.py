"""Holding tickets: a wire request becomes a command, is decided by the event's shard, and its outcome becomes
a wire reply.

The way is the hot path of a sale, so it has no task and no await where the event is known already: the reply
is called with the answer when the shard has given it.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from domain import commands as c
from domain import events as e
from domain import wire
from domain.codes import fingerprint
from domain.ids import (
    HOLD,
    OPERATION,
    TICKET_TYPE,
    BuyerId,
    EventId,
    HoldId,
    MalformedId,
    OperationId,
    TicketTypeId,
    parse,
    text,
)
from domain.pricing import total
from domain.refusals import Code, Refusal
from services.events import Events, Sale

_AGREED_MAX: Final = 50_000

log = logging.getLogger(__name__)

Outcome = e.AnyEvent | Refusal
Reply = Callable[[wire.ServerMessage | Refusal], None]
HoldRequest = wire.Hold | wire.Extend | wire.Release


class Asking(Protocol):
    """As much of `actors.refs.Shards` as is needed here."""

    def ask(self, command: c.AnyCommand) -> asyncio.Future[Outcome]:
        """Have a command decided. The future never raises."""
        ...


class Tickets:
    """Places, extends and releases holds."""

    def __init__(self, shards: Asking, events: Events, clock: Callable[[], int], code_key: bytes) -> None:
        self._shards = shards
        self._events = events
        self._clock = clock
        self._code_key = code_key
        self._agreed: OrderedDict[HoldId, e.Held] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def ask(self, buyer_id: BuyerId, request: HoldRequest, reply: Reply) -> None:
        """Do what a request asks, and call `reply` with the wire's reply or a refusal."""
        sale = self._events.known(request.event)
        if sale is not None:
            self._ask(buyer_id, request, sale, reply)
            return
        self._in_task(self._find_and_ask(buyer_id, request, reply))

    def _in_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def holder(self, buyers: tuple[BuyerId, ...], request: wire.Extend | wire.Release) -> BuyerId:
        """Return which of the buyers that somebody is has the hold of a request; the first, if none has.
        Raises `ConnectionError` when the event can't be looked up.
        """
        try:
            hold_id = HoldId(parse(HOLD, request.hold))
        except MalformedId:
            return buyers[0]
        sale = await self._events.sale(request.event)
        held = None if sale is None else await self.agreed(buyers, sale.event_id, hold_id)
        return held.buyer_id if isinstance(held, e.Held) else buyers[0]

    async def agreed(
        self, buyers: tuple[BuyerId, ...], event_id: EventId, hold_id: HoldId
    ) -> e.Held | Refusal:
        """Return a hold of one of these buyers as it was placed, live or not, or why there is none.

        A hold is the answer to the operation that placed it: asking for that once more, with lines that
        nobody could place, changes nothing and gives it back.
        """
        held = self._agreed.get(hold_id)
        if held is not None:
            return held if held.buyer_id in buyers else Refusal(Code.HOLD_NOT_FOUND)
        for buyer_id in buyers:
            outcome = await self._shards.ask(c.PlaceHold(hold_id, event_id, buyer_id, ()))
            if isinstance(outcome, e.Held):
                self._remember(outcome)
                return outcome
            if isinstance(outcome, Refusal) and outcome.code in {Code.BUSY, Code.NOT_FOUND}:
                return outcome
        return Refusal(Code.HOLD_NOT_FOUND)

    async def _find_and_ask(self, buyer_id: BuyerId, request: HoldRequest, reply: Reply) -> None:
        try:
            sale = await self._events.sale(request.event)
        except Exception as error:  # noqa: BLE001 - whatever it was, the buyer is not left without an answer
            reply(_not_now(error))
            return
        if sale is None:
            reply(Refusal(Code.NOT_FOUND, None, {"field": "event"}))
        else:
            self._ask(buyer_id, request, sale, reply)

    def _ask(self, buyer_id: BuyerId, request: HoldRequest, sale: Sale, reply: Reply) -> None:
        try:
            command = self._command(buyer_id, request, sale)
        except MalformedId as error:
            reply(Refusal(Code.MALFORMED, None, {"reason": str(error)}))
            return

        def decided(future: asyncio.Future[Outcome]) -> None:
            if future.cancelled():
                return
            outcome = future.result()
            if isinstance(outcome, e.Held) and _is_newer(outcome, sale):
                self._in_task(self._look_up_and_reply(request, sale, outcome, reply))
            else:
                reply(self._reply(request, sale, outcome))

        self._shards.ask(command).add_done_callback(decided)

    async def _look_up_and_reply(
        self, request: HoldRequest, sale: Sale, outcome: e.Held, reply: Reply
    ) -> None:
        """Answer a hold of ticket types that this process has not heard of yet."""
        try:
            sale = await self._events.covering(sale, (line.ticket_type for line in outcome.lines))
        except Exception as error:  # noqa: BLE001 - as above
            # The hold is there: asked again with its operation id, it is given back.
            reply(_not_now(error))
            return
        reply(self._reply(request, sale, outcome))

    def _reply(self, request: HoldRequest, sale: Sale, outcome: Outcome) -> wire.ServerMessage | Refusal:
        if isinstance(outcome, e.Held):
            self._remember(outcome)
            lines = [
                wire.HeldLine(
                    sale.types[line.ticket_type].text,
                    line.quantity,
                    line.unit_price_minor,
                    line.unit_price_minor + line.unit_discount_minor,
                )
                for line in outcome.lines
            ]
            return wire.Held(
                request.id,
                text(HOLD, outcome.operation_id),
                request.event,
                lines,
                total(outcome.lines, sale.currency).minor,
                sum(line.quantity * line.unit_discount_minor for line in outcome.lines),
                sale.currency,
                outcome.expires_at_ms,
                self._clock(),
            )
        if isinstance(outcome, e.Extended):
            return wire.Extended(request.id, text(HOLD, outcome.hold_id), outcome.expires_at_ms)
        if isinstance(outcome, e.Released):
            return wire.Released(request.id, text(HOLD, outcome.hold_id))
        assert isinstance(outcome, Refusal), outcome
        return outcome

    def _remember(self, held: e.Held) -> None:
        self._agreed[held.operation_id] = held
        if len(self._agreed) > _AGREED_MAX:
            self._agreed.popitem(last=False)

    def _command(
        self, buyer_id: BuyerId, request: HoldRequest, sale: Sale
    ) -> c.PlaceHold | c.ExtendHold | c.ReleaseHold:
        operation_id = OperationId(parse(OPERATION, request.operation))
        if not isinstance(request, wire.Hold):
            hold_id = HoldId(parse(HOLD, request.hold))
            made = c.ExtendHold if isinstance(request, wire.Extend) else c.ReleaseHold
            return made(operation_id, sale.event_id, buyer_id, hold_id)
        lines = []
        for line in request.lines:
            # One that is not known here may have been added since: the shard knows.
            known = sale.type_ids.get(line.ticket_type)
            type_id = known or TicketTypeId(parse(TICKET_TYPE, line.ticket_type))
            lines.append(c.Line(type_id, line.quantity, line.price_minor))
        codes = [fingerprint(self._code_key, sale.event_id, code) for code in request.codes]
        return c.PlaceHold(operation_id, sale.event_id, buyer_id, tuple(lines), tuple(codes))


def _not_now(error: Exception) -> Refusal:
    is_ours = not isinstance(error, ConnectionError)
    log.warning("a request about a hold can't be answered now: %r", error, exc_info=is_ours)
    return Refusal(Code.BUSY, 1_000)


def _is_newer(held: e.Held, sale: Sale) -> bool:
    known = len(sale.types)
    return any(line.ticket_type >= known for line in held.lines)
