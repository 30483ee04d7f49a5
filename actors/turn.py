"""One turn of a shard: everything that waits is decided in memory, and becomes one batch for the journal.

Nothing here awaits, so no one else touches an event's state in between. What has to be fetched from the
durable record before a command can be decided (`Evidence`) was fetched by the caller.
"""

import logging
from collections.abc import Mapping
from typing import Final

from actors.mailbox import Call
from actors.residents import Resident
from domain import commands as c
from domain import events as e
from domain.applying import apply
from domain.decisions import Seen, decide, due, first_answer, repeated
from domain.ids import EventId, OperationId, OrderId
from domain.inventory import Inventory
from domain.notices import SaleNotice, sale_notice
from domain.operations import RECENT_MAX, SPILL_BATCH_MAX
from domain.refusals import Code, Refusal
from storage.journal import Batch, CancelledTicket, Entry, OperationRow, Standing, TicketRow

EXPIRED_A_TURN_MAX: Final = 2_000
LOADING: Final = e.Again(is_elsewhere=False)

log = logging.getLogger(__name__)


class Evidence:
    """What the durable record says that memory does not: answers of spilled operations, sold orders, and
    orders that must not be sold: not there, or given up.
    """

    __slots__ = ("operations", "orders", "unknown", "unsellable")

    def __init__(self) -> None:
        self.operations: dict[OperationId, e.AnyEvent] = {}
        self.orders: dict[OrderId, c.SoldOrder] = {}
        self.unsellable: set[OrderId] = set()
        # Operations and orders that could not be asked for because the store did not answer.
        self.unknown: set[bytes] = set()


class Turn:
    """What was decided together and is written together.

    Attributes:
        calls: who waits for the answers, which are already in the calls.
        decided: new events by event, in their order.
        is_deciding: whether any answer says more than to send again.
    """

    __slots__ = (
        "_now_ms", "_recent_before", "_recent_max", "calls", "decided", "expired", "is_deciding", "notices",
        "standings",
    )  # fmt: skip

    def __init__(self, now_ms: int, recent_max: int = RECENT_MAX) -> None:
        self._now_ms = now_ms
        self._recent_max = recent_max
        self._recent_before: dict[EventId, int] = {}
        self.calls: list[Call] = []
        self.is_deciding = False
        self.decided: dict[EventId, tuple[Resident, list[e.AnyEvent]]] = {}
        self.notices: list[SaleNotice] = []
        self.standings: list[Standing] = []
        self.expired: dict[EventId, list[e.Expired]] = {}

    def take_call(
        self, call: Call, residents: Mapping[EventId, Resident | e.Again], evidence: Evidence
    ) -> None:
        """Decide the commands of a call, in their order."""
        self.calls.append(call)
        answers = call.answers
        for command in call.commands:
            resident = residents[command.event_id]
            answers.append(
                resident if isinstance(resident, e.Again) else self._decide(resident, command, evidence)
            )

    def _decide(self, resident: Resident, command: c.AnyCommand, evidence: Evidence) -> e.Answer:
        state = resident.state
        self.is_deciding = True
        if evidence.unknown and _needs(command) & evidence.unknown:
            return LOADING
        recorded = evidence.operations.get(command.operation_id)
        if recorded is not None:
            known = repeated(command, recorded)
            return known.answer if isinstance(known, Seen) else known
        # One that was sold can't be sold any more: a batch in doubt may have committed after all.
        if command.operation_id in evidence.unsellable and first_answer(state, command) is None:
            return Refusal(Code.ILLEGAL_STEP, None, {"reason": "this order can not be sold"})
        if type(command) is c.CancelTickets:
            if _is_behind(state, evidence.orders.get(command.order_id)):
                # Only another incarnation can have written what this one has not: the fence will say so.
                return LOADING
            command = _with_order(state, command, evidence)
        try:
            outcome = decide(state, command, self._now_ms)
        except Exception:
            # Deciding changes nothing, so a command that it can't take harms only itself.
            log.exception("command %r can't be decided", command)
            return Refusal(Code.MALFORMED)
        if isinstance(outcome, Seen):
            return outcome.answer
        if isinstance(outcome, Refusal):
            state.operations.remember_refusal(command.operation_id, outcome)
            return outcome
        self._happened(resident, outcome)
        if isinstance(outcome, e.Cancelled):
            _mark_cancelled(evidence, outcome)
        return outcome

    def _happened(self, resident: Resident, event: e.AnyEvent) -> None:
        entry = self.decided.get(resident.event_id)
        if entry is None:
            entry = self.decided[resident.event_id] = (resident, [])
            self._recent_before[resident.event_id] = len(resident.state.operations.recent)
        apply(resident.state, event)
        entry[1].append(event)

    def expire(self, resident: Resident) -> bool:
        """Expire what is due of an event. Returns whether more may be due."""
        found = due(resident.state, self._now_ms, EXPIRED_A_TURN_MAX)
        for event in found:
            self._happened(resident, event)
        if found:
            self.expired[resident.event_id] = found
        return len(found) == EXPIRED_A_TURN_MAX

    def batch(self, shard: int, epoch: int) -> Batch:
        """Return the transaction that makes this turn durable, and fix what is announced after it."""
        entries: list[Entry] = []
        tickets: list[TicketRow] = []
        cancelled: list[CancelledTicket] = []
        operations: list[OperationRow] = []
        for resident, happened in self.decided.values():
            state = resident.state
            entries.append(
                Entry(
                    state.event_id, state.seq - len(happened) + 1, state.seq, self._now_ms, e.pack(happened)
                )
            )
            for event in happened:
                if isinstance(event, e.Sold):
                    tickets.extend(_tickets(state.event_id, event))
                elif isinstance(event, e.Cancelled):
                    cancelled.extend(CancelledTicket(at, event.order_id) for at in event.ticket_ids)
            operations.extend(
                OperationRow(operation_id, state.event_id, self._now_ms, e.pack([answer]))
                for operation_id, answer in self._spilled(state)
            )
            self.notices.append(sale_notice(state, self._now_ms))
            sold_out = state.sold_out()
            if sold_out != resident.sold_out:
                # Compared with what the turn before decides to write, which may still be under way.
                resident.sold_out = sold_out
                self.standings.append(Standing(state.event_id, state.seq, sold_out))
        return Batch(shard, epoch, entries, operations, tickets, cancelled, self.standings)

    def _spilled(self, state: Inventory) -> list[tuple[OperationId, e.AnyEvent]]:
        """Take as many operations out of memory as this turn finished, so that memory does not grow however
        many that are; and some more, for what a recovery has left there.
        """
        finished = len(state.operations.recent) - self._recent_before[state.event_id]
        return state.operations.spill(self._recent_max, finished + SPILL_BATCH_MAX)

    def answer(self) -> None:
        """Tell every caller what was decided. Only after the batch is durable."""
        for call in self.calls:
            call.answer(call.answers)

    def abandon(self) -> None:
        """Ask every caller to send again: nobody knows what became of the decisions."""
        for call in self.calls:
            call.answer([LOADING] * len(call.commands))


def _needs(command: c.AnyCommand) -> set[bytes]:
    needed: set[bytes] = {command.operation_id}
    if isinstance(command, c.CancelTickets):
        needed.add(command.order_id)
    return needed


def _is_behind(state: Inventory, order: c.SoldOrder | None) -> bool:
    """Say whether the durable record has an order of this event that this state never sold."""
    if order is None or order.event_id != state.event_id:
        return False
    return not state.operations.has_done(order.order_id)


def _with_order(state: Inventory, command: c.CancelTickets, evidence: Evidence) -> c.CancelTickets:
    order = evidence.orders.get(command.order_id)
    if order is not None and state.needs_sold:
        sold = state.operations.answer(order.order_id) or evidence.operations.get(order.order_id)
        if isinstance(sold, e.Sold):
            order = _as_sold(order, sold)
    return c.CancelTickets(
        command.operation_id, command.event_id, command.order_id, command.ticket_ids, order
    )


def _as_sold(order: c.SoldOrder, sold: e.Sold) -> c.SoldOrder:
    """Say of each ticket which tier and block it counts in, and of the order which vouchers it used."""
    lines = [line for line in sold.lines for _ in range(line.quantity)]
    by_ticket = dict(zip(sold.ticket_ids, lines, strict=True))
    tickets = tuple(
        c.SoldTicket(ticket.ticket_id, ticket.ticket_type, ticket.is_cancelled, line.tier, line.block)
        for ticket in order.tickets
        if (line := by_ticket.get(ticket.ticket_id)) is not None
    )
    assert len(tickets) == len(order.tickets), "tickets that the order was not sold with"
    return c.SoldOrder(order.order_id, order.event_id, order.buyer_id, tickets, sold.vouchers)


def _mark_cancelled(evidence: Evidence, event: e.Cancelled) -> None:
    """Make the evidence true again for a second cancel of the same order in the same turn."""
    order = evidence.orders[event.order_id]
    gone = set(event.ticket_ids)
    tickets = tuple(
        c.SoldTicket(ticket.ticket_id, ticket.ticket_type, ticket.is_cancelled or ticket.ticket_id in gone)
        for ticket in order.tickets
    )
    evidence.orders[event.order_id] = c.SoldOrder(order.order_id, order.event_id, order.buyer_id, tickets)


def _tickets(event_id: EventId, sold: e.Sold) -> list[TicketRow]:
    types = [line.ticket_type for line in sold.lines for _ in range(line.quantity)]
    return [
        TicketRow(ticket_id, sold.operation_id, event_id, sold.buyer_id, ticket_type)
        for ticket_id, ticket_type in zip(sold.ticket_ids, types, strict=True)
    ]
