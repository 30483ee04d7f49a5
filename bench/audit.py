"""The audit: what clients saw against what PostgreSQL holds.

It reads the tables and the journal by itself and replays the journal with the rules of the domain, so three
accounts of one sale have to agree: what buyers were told, what was decided, and what was issued. All counts
are 0 in a sale that went well.
"""

from collections import Counter, defaultdict
from typing import Any

import msgspec

from bench.witness import PurchaseSeen, Seen
from domain import events as e
from domain.applying import apply
from domain.ids import HOLD, ORDER, TICKET, EventId, parse
from domain.inventory import Inventory
from storage.postgres import Connection, connect


class Audit(msgspec.Struct, frozen=True):
    """What the audit found.

    Attributes:
        oversold: places sold or held beyond a pool's capacity, in the tables or in the journal.
        acknowledged_missing: holds, releases, orders and tickets that a client was told of and are not there.
        issued_twice: tickets too many: of a hold bought twice, above what was held, handed to two orders, or
            one answer given in two versions.
        wrongly_charged: orders whose tickets are issued but not charged for, or charged and not issued, or
            charged with another amount than acknowledged.
        unfinished: orders that nobody brought to an end.
        journal_gaps: places where the journal is not dense or its counts are not those of the tables.
        examples: a few words on the first findings of each kind.
    """

    oversold: int
    acknowledged_missing: int
    issued_twice: int
    wrongly_charged: int
    unfinished: int
    journal_gaps: int
    passed: bool
    holds: int
    sold: int
    expired: int
    released: int
    examples: list[str]


class _Findings:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.examples: list[str] = []

    def add(self, kind: str, number: int, example: str) -> None:
        if number <= 0:
            return
        if self.counts[kind] < 3:
            self.examples.append(f"{kind}: {example}")
        self.counts[kind] += number


class _Journal:
    """What the journal says happened."""

    def __init__(self, event_id: EventId) -> None:
        self.state = Inventory(event_id)
        self.holds: dict[bytes, e.Held] = {}
        self.sold_holds: set[bytes] = set()
        self.sold_tickets: Counter[bytes] = Counter()
        self.released: set[bytes] = set()
        self.expired = 0

    async def read(self, connection: Connection, findings: _Findings) -> None:
        rows = await connection.fetch(
            "SELECT seq, seq_last, body FROM journal WHERE event_id = $1 ORDER BY seq", self.state.event_id
        )
        for row in rows:
            if row["seq"] != self.state.seq + 1:
                findings.add("journal_gaps", 1, f"entry {row['seq']} follows event {self.state.seq}")
                return
            for event in e.unpack(row["body"]):
                self._take(event, findings)
            if row["seq_last"] != self.state.seq:
                findings.add("journal_gaps", 1, f"entry {row['seq']} does not end at {row['seq_last']}")
                return

    def _take(self, event: e.AnyEvent, findings: _Findings) -> None:
        if isinstance(event, e.Held):
            self.holds[event.operation_id] = event
        elif isinstance(event, e.Sold):
            self.sold_tickets.update(event.ticket_ids)
            if event.hold_id in self.sold_holds:
                findings.add("issued_twice", len(event.ticket_ids), f"hold {event.hold_id.hex()} sold again")
                self.state.seq += 1
                return
            self.sold_holds.add(event.hold_id)
        elif isinstance(event, e.Released):
            self.released.add(event.hold_id)
        elif isinstance(event, e.Expired):
            self.expired += 1
        try:
            apply(self.state, event)
        except (AssertionError, LookupError, ArithmeticError) as error:
            # The rules of the domain can't follow this journal: more was taken than there was, or what was
            # ended had never begun.
            findings.add("oversold", 1, f"{type(event).__name__} at {self.state.seq + 1}: {error!r}")
            self.state.seq += 1


async def audit(dsn: str, event_id: EventId, seen: Seen) -> Audit:
    """Hold the database against what clients saw. Raises `ConnectionError` if it can't be read."""
    findings = _Findings()
    connection = await connect(dsn, application_name="bilten audit")
    try:
        journal = _Journal(event_id)
        await journal.read(connection, findings)
        orders = {
            row["order_id"]: row
            for row in await connection.fetch(
                """
                SELECT orders.*, payments.state AS payment_state, captured_minor, refunded_minor
                FROM orders LEFT JOIN payments ON payment_id = order_id
                WHERE orders.event_id = $1
                """,
                event_id,
            )
        }
        tickets: dict[bytes, list[Any]] = defaultdict(list)
        for row in await connection.fetch("SELECT * FROM tickets WHERE event_id = $1", event_id):
            tickets[row["order_id"]].append(row)
        await _check_pools(connection, event_id, findings)
    finally:
        await connection.close()
    _check_holds(seen, journal, findings)
    _check_purchases(seen, orders, tickets, findings)
    _check_issued_once(seen, orders, tickets, journal, findings)
    _check_charges(orders, tickets, findings)
    _check_agreement(tickets, journal, findings)
    counts = findings.counts
    return Audit(
        **{kind: counts[kind] for kind in KINDS},
        passed=not any(counts.values()),
        holds=len(journal.holds),
        sold=sum(row["state"] == "issued" for rows in tickets.values() for row in rows),
        expired=journal.expired,
        released=len(journal.released),
        examples=findings.examples,
    )


KINDS = (
    "oversold",
    "acknowledged_missing",
    "issued_twice",
    "wrongly_charged",
    "unfinished",
    "journal_gaps",
)


async def _check_pools(connection: Connection, event_id: EventId, findings: _Findings) -> None:
    rows = await connection.fetch(
        """
        SELECT pools.name, pools.capacity, count(tickets.ticket_id) AS sold
        FROM pools
        JOIN ticket_type_pools USING (pool_id)
        JOIN ticket_types USING (ticket_type_id)
        LEFT JOIN tickets ON tickets.event_id = pools.event_id
            AND tickets.ticket_type = ticket_types.position AND tickets.state = 'issued'
        WHERE pools.event_id = $1
        GROUP BY pools.pool_id
        """,
        event_id,
    )
    for row in rows:
        excess = row["sold"] - row["capacity"]
        findings.add("oversold", excess, f"{row['name']}: {row['sold']} of {row['capacity']}")


def _check_holds(seen: Seen, journal: _Journal, findings: _Findings) -> None:
    for hold in seen.holds:
        found = journal.holds.get(parse(HOLD, hold.hold))
        if found is None or sum(line.quantity for line in found.lines) != hold.quantity:
            findings.add("acknowledged_missing", 1, f"hold {hold.hold}")
    for released in seen.releases:
        if parse(HOLD, released) not in journal.released:
            findings.add("acknowledged_missing", 1, f"release of {released}")


def _check_purchases(
    seen: Seen, orders: dict[bytes, Any], tickets: dict[bytes, list[Any]], findings: _Findings
) -> None:
    for purchase in seen.purchases:
        order_id = parse(ORDER, purchase.order)
        order = orders.get(order_id)
        if order is None or order["state"] not in {"sold", "paid"}:
            findings.add("acknowledged_missing", 1, f"order {purchase.order}")
        elif order["amount_minor"] != purchase.amount_minor:
            findings.add("wrongly_charged", 1, f"order {purchase.order}: {order['amount_minor']}")
        there = {row["ticket_id"] for row in tickets.get(order_id, ()) if row["state"] == "issued"}
        missing = [each.ticket for each in purchase.tickets if parse(TICKET, each.ticket) not in there]
        findings.add("acknowledged_missing", len(missing), f"{missing[:1]} of order {purchase.order}")


def _check_issued_once(
    seen: Seen,
    orders: dict[bytes, Any],
    tickets: dict[bytes, list[Any]],
    journal: _Journal,
    findings: _Findings,
) -> None:
    by_hold: Counter[bytes] = Counter()
    for order_id, rows in tickets.items():
        if order_id in orders:
            by_hold[orders[order_id]["hold_id"]] += len(rows)
    for hold_id, number in by_hold.items():
        hold = journal.holds.get(hold_id)
        held = sum(line.quantity for line in hold.lines) if hold else 0
        findings.add("issued_twice", number - held, f"hold {hold_id.hex()}: {number} tickets for {held}")
    for ticket_id, number in journal.sold_tickets.items():
        findings.add("issued_twice", number - 1, f"ticket {ticket_id.hex()} sold {number} times")
    handed: dict[str, PurchaseSeen] = {}
    for purchase in seen.purchases:
        for ticket in purchase.tickets:
            first = handed.setdefault(ticket.code, purchase)
            if first is not purchase:
                findings.add("issued_twice", 1, f"{ticket.ticket}: {first.order} and {purchase.order}")
    for contradiction in seen.contradictions:
        findings.add("issued_twice", 1, f"{contradiction} was answered in two ways")


def _check_charges(orders: dict[bytes, Any], tickets: dict[bytes, list[Any]], findings: _Findings) -> None:
    for order_id, order in orders.items():
        name = order_id.hex()
        if order["finished_at"] is None:
            findings.add("unfinished", 1, f"order {name} is {order['state']}")
            continue
        charged = (order["captured_minor"] or 0) - (order["refunded_minor"] or 0)
        is_issued = any(row["state"] == "issued" for row in tickets.get(order_id, ()))
        if charged != (order["amount_minor"] if is_issued else 0):
            findings.add("wrongly_charged", 1, f"order {name}: charged {charged}, issued {is_issued}")
    for order_id in tickets.keys() - orders.keys():
        findings.add("wrongly_charged", 1, f"tickets of an order {order_id.hex()} that is not there")


def _check_agreement(tickets: dict[bytes, list[Any]], journal: _Journal, findings: _Findings) -> None:
    issued = Counter(
        row["ticket_type"] for rows in tickets.values() for row in rows if row["state"] == "issued"
    )
    for position, counts in enumerate(journal.state.types):
        if counts.sold != issued[position]:
            example = f"type {position}: {counts.sold} in the journal, {issued[position]} tickets"
            findings.add("journal_gaps", 1, example)
