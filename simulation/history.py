"""The witness: it sees every commit and every answer, keeps a naive model of its own, and says what is
broken.

The model shares nothing with `domain.inventory` but the records of events: it keeps every hold and every
ticket as an entry of a dict and recounts all of them after each commit, because what is recounted can't
drift.

The rules are those of the fault tests: no oversell; a pool's four counts make its capacity; journals
dense and written by the newest incarnation only; an operation has one effect; what was acknowledged is
durable, and the same however often it is asked for; a ticket is issued once; a hold ends once, and is never
sold after its time. A tier never gets a ticket more than its number, a voucher never a use more than it may
have, and nobody a place of a block without its code; an order costs what its hold did. What is written as
sold out is what a recount gives, after every commit.
"""

from typing import Final

import msgspec

from domain import commands as c
from domain import events as e
from domain.catalogue import SaleDefinition
from domain.ids import EventId
from domain.refusals import Code, Refusal
from domain.vouchers import VoucherRule
from storage.journal import Batch, Entry, Standing

PASSING: Final = frozenset({Code.BUSY})
"""Refusals that say nothing of the operation: it may be asked again."""


def brief(value: object) -> str:
    """Return a record as a person can read it in a trace: identifiers by their last three bytes."""
    if isinstance(value, bytes):
        return value[-3:].hex()
    if isinstance(value, tuple):
        return "(" + ", ".join(map(brief, value)) + ")"
    if isinstance(value, msgspec.Struct):
        fields = (f"{name}={brief(getattr(value, name))}" for name in value.__struct_fields__)
        return f"{type(value).__name__}({', '.join(fields)})"
    return str(value)


class Broken(Exception):
    """A rule does not hold."""


class Hold:
    """A hold as the model keeps it."""

    __slots__ = ("end", "expires_at_ms", "extensions", "held")

    def __init__(self, held: e.Held) -> None:
        self.held = held
        self.expires_at_ms = held.expires_at_ms
        self.extensions = 0
        self.end: str | None = None


class Book:
    """All that is durable of one event."""

    def __init__(self, event_id: EventId) -> None:
        self.event_id = event_id
        self.definition: SaleDefinition | None = None
        self.seq = 0
        self.capacities: list[int] = []
        self.withheld: list[int] = []
        self.holds: dict[bytes, Hold] = {}
        self.tickets: dict[bytes, tuple[bytes, int]] = {}
        self.cancelled: set[bytes] = set()
        self.operations: dict[bytes, e.AnyEvent] = {}
        self.vouchers: list[VoucherRule] = []
        self.retired: set[int] = set()
        self.lines: dict[bytes, e.HeldLine] = {}
        self.sales: dict[bytes, e.Sold] = {}
        self.buyer_limit = 0
        self._in_tiers: dict[tuple[int, int], int] = {}

    def add(self, event: e.AnyEvent, at_ms: int) -> None:
        """Take up an event of the journal."""
        self.seq += 1
        operation_id = getattr(event, "operation_id", None)
        if operation_id is not None:
            if operation_id in self.operations:
                raise Broken(
                    f"one operation had two effects: {brief(self.operations[operation_id])}, {brief(event)}"
                )
            self.operations[operation_id] = event
        match event:
            case e.Held():
                self.holds[event.operation_id] = Hold(event)
            case e.Extended():
                hold = self._live(event.hold_id, event)
                hold.extensions += 1
                hold.expires_at_ms = event.expires_at_ms
                if hold.extensions > 1:
                    raise Broken(f"a hold was extended twice: {brief(event)}")
            case e.Released() | e.Expired():
                hold = self._live(event.hold_id, event)
                hold.end = type(event).__name__
                if isinstance(event, e.Expired) and at_ms < hold.expires_at_ms:
                    raise Broken(f"{brief(event)} {hold.expires_at_ms - at_ms} ms before its time")
            case e.Sold():
                self._sell(event, at_ms)
            case e.Cancelled():
                self._cancel(event)
            case _:
                self._organize(event)

    def _organize(self, event: e.AnyEvent) -> None:
        match event:
            case e.Configured() | e.Reconfigured():
                if self.definition is not None:
                    # What was held in the same batch was held by the definition before.
                    self._check_tiers(self.definition)
                self.definition = event.definition
                more = event.definition.pools[len(self.capacities) :]
                self.capacities += [pool.capacity for pool in more]
                self.withheld += [0] * len(more)
                self.buyer_limit = max(self.buyer_limit, event.definition.buyer_limit)
            case e.VouchersDefined():
                self.vouchers += [event.rule] * len(event.codes)
            case e.VoucherChanged():
                self.vouchers[event.number - 1] = event.rule
            case e.VouchersRetired():
                self.retired.update(event.numbers)
            case e.Withheld():
                self.withheld[event.pool] += event.quantity
            case e.Returned():
                self.withheld[event.pool] -= event.quantity
            case e.CapacityChanged():
                self.capacities[event.pool] = event.capacity
            case _:
                pass

    def _live(self, hold_id: bytes, event: e.AnyEvent) -> Hold:
        hold = self.holds.get(hold_id)
        if hold is None:
            raise Broken(f"{brief(event)} of a hold that never was")
        if hold.end is not None:
            raise Broken(f"{brief(event)} of a hold that had ended: {hold.end}")
        return hold

    def _sell(self, event: e.Sold, at_ms: int) -> None:
        hold = self._live(event.hold_id, event)
        hold.end = "Sold"
        if at_ms >= hold.expires_at_ms:
            raise Broken(f"{brief(event)} {at_ms - hold.expires_at_ms} ms after the hold expired")
        if (event.buyer_id, event.lines) != (hold.held.buyer_id, hold.held.lines):
            raise Broken(f"{brief(event)} is not what was held: {brief(hold.held)}")
        self.sales[event.hold_id] = event
        types = [line.ticket_type for line in event.lines for _ in range(line.quantity)]
        for ticket_id, kind in zip(event.ticket_ids, types, strict=True):
            if ticket_id in self.tickets:
                raise Broken(f"ticket {brief(ticket_id)} was issued twice")
            self.tickets[ticket_id] = (event.operation_id, kind)
        self.lines.update(
            zip(event.ticket_ids, (line for line in event.lines for _ in range(line.quantity)), strict=True)
        )

    def _cancel(self, event: e.Cancelled) -> None:
        for ticket_id in event.ticket_ids:
            if self.tickets.get(ticket_id, (b"", 0))[0] != event.order_id:
                raise Broken(f"{brief(event)} of a ticket that the order does not have")
            if ticket_id in self.cancelled:
                raise Broken(f"ticket {brief(ticket_id)} was cancelled twice")
            self.cancelled.add(ticket_id)

    def counts(self) -> list[tuple[int, int, int, int, int]]:
        """Recount every pool: (capacity, free, held, sold, withheld)."""
        if self.definition is None:
            return []
        held, sold = [0] * len(self.capacities), [0] * len(self.capacities)
        kinds = self.definition.ticket_types
        for hold in self.holds.values():
            if hold.end is None:
                for line in hold.held.lines:
                    for pool in kinds[line.ticket_type].pools:
                        held[pool] += line.quantity
        for ticket_id, (_, kind) in self.tickets.items():
            if ticket_id not in self.cancelled:
                for pool in kinds[kind].pools:
                    sold[pool] += 1
        kept = [self.withheld[at] + self._blocked(at) for at in range(len(self.capacities))]
        return [
            (capacity, capacity - held[at] - sold[at] - kept[at], held[at], sold[at], kept[at])
            for at, capacity in enumerate(self.capacities)
        ]

    def sold_out(self) -> tuple[int, ...]:
        """Return the types that nobody could get, were all holds to end."""
        if self.definition is None:
            return ()
        left = [capacity - sold - kept for capacity, _, _, sold, kept in self.counts()]
        kinds = enumerate(self.definition.ticket_types)
        return tuple(at for at, kind in kinds if any(left[pool] < kind.quantity_min for pool in kind.pools))

    def _blocked(self, pool: int) -> int:
        """Return what is left of the blocks of a pool."""
        left = 0
        for number, rule in enumerate(self.vouchers, 1):
            if rule.block_pool == pool and number not in self.retired:
                left += rule.block_quantity - self._taken(number)
        return left

    def _taken(self, number: int) -> int:
        return sum(line.quantity for line in self._live_lines() if line.block == number)

    def check(self) -> None:
        """Recount everything and compare it with what there is to sell."""
        for at, counts in enumerate(self.counts()):
            if min(counts) < 0:
                raise Broken(f"pool {at} is oversold: (capacity, free, held, sold, withheld) = {counts}")
        if self.definition is not None:
            self._check_buyers()
            self._check_tiers(self.definition)
        for number, rule in enumerate(self.vouchers, 1):
            self._check_voucher(number, rule)

    def _live_lines(self) -> list[e.HeldLine]:
        """Return the lines of live holds, and of each ticket that is not cancelled."""
        held = [line for hold in self.holds.values() if hold.end is None for line in hold.held.lines]
        return held + [
            msgspec.structs.replace(line, quantity=1)
            for ticket_id, line in self.lines.items()
            if ticket_id not in self.cancelled
        ]

    def _check_tiers(self, definition: SaleDefinition) -> None:
        """A tier may only be fuller than its number if that was lowered after it had filled."""
        counts: dict[tuple[int, int], int] = {}
        for line in self._live_lines():
            at = (line.ticket_type, line.tier)
            counts[at] = counts.get(at, 0) + line.quantity
        for position, kind in enumerate(definition.ticket_types):
            for tier in kind.tiers:
                at = (position, tier.number)
                now, before = counts.get(at, 0), self._in_tiers.get(at, 0)
                if tier.quantity is not None and now > max(tier.quantity, before):
                    raise Broken(f"tier {tier.number} of type {position} has {now} of {tier.quantity}")
        self._in_tiers = counts

    def _check_voucher(self, number: int, rule: VoucherRule) -> None:
        uses = 0
        for hold in self.holds.values():
            if number in getattr(hold.held, "vouchers", ()):
                uses += hold.end is None or (hold.end == "Sold" and self._is_alive(hold.held.operation_id))
        if rule.uses_max is not None and uses > rule.uses_max:
            raise Broken(f"voucher {number} has {uses} uses, the most is {rule.uses_max}")
        taken = self._taken(number)
        if rule.block_pool is not None and taken > rule.block_quantity:
            raise Broken(f"{taken} places of a block of {rule.block_quantity} are held and sold")

    def _is_alive(self, hold_id: bytes) -> bool:
        """Say whether the order that was sold from a hold has a ticket left."""
        sold = self.sales[hold_id]
        return not self.cancelled.issuperset(sold.ticket_ids)

    def _check_buyers(self) -> None:
        has: dict[bytes, int] = {}
        for hold in self.holds.values():
            quantity = sum(line.quantity for line in hold.held.lines)
            if hold.end is None:
                has[hold.held.buyer_id] = has.get(hold.held.buyer_id, 0) + quantity
        for ticket_id, (order_id, _) in self.tickets.items():
            sale = self.operations[order_id]
            assert isinstance(sale, e.Sold)
            if ticket_id not in self.cancelled:
                has[sale.buyer_id] = has.get(sale.buyer_id, 0) + 1
        for buyer_id, quantity in has.items():
            if quantity > self.buyer_limit:
                raise Broken(f"buyer {brief(buyer_id)} has {quantity}, the limit is {self.buyer_limit}")


class History:
    """Everything that became durable and everything that was answered."""

    def __init__(self) -> None:
        self.books: dict[EventId, Book] = {}
        self.epochs: dict[int, int] = {}
        self.acknowledged: dict[bytes, tuple[c.AnyCommand, e.AnyEvent]] = {}
        self.standings: dict[EventId, Standing] = {}
        self.commits = 0

    def book(self, event_id: EventId) -> Book:
        """Return what is durable of an event."""
        if event_id not in self.books:
            self.books[event_id] = Book(event_id)
        return self.books[event_id]

    def claimed(self, shard: int, epoch: int) -> None:
        """A new incarnation of a shard has started."""
        if epoch <= self.epochs.get(shard, 0):
            raise Broken(f"shard {shard} was given epoch {epoch} after {self.epochs[shard]}")
        self.epochs[shard] = epoch

    def committed(self, batch: Batch) -> None:
        """A batch became durable."""
        self.written(batch)
        self.standings.update({standing.event_id: standing for standing in batch.standings})
        for entry in batch.entries:
            standing = self.standings.get(entry.event_id)
            self.stands(entry.event_id, () if standing is None else standing.sold_out)

    def written(self, batch: Batch) -> None:
        """A batch was written to the journal; what it says of standings is not looked at."""
        self.commits += 1
        if batch.epoch != self.epochs.get(batch.shard):
            newest = self.epochs.get(batch.shard)
            raise Broken(f"shard {batch.shard}: epoch {batch.epoch} wrote after epoch {newest} had started")
        for entry in batch.entries:
            self._entry(entry)

    def stands(self, event_id: EventId, sold_out: tuple[int, ...]) -> None:
        """The record says which ticket types of an event are sold out."""
        book = self.book(event_id)
        if sold_out != book.sold_out():
            raise Broken(
                f"event {brief(event_id)} at {book.seq}: sold out is {book.sold_out()}, written is {sold_out}"
            )

    def _entry(self, entry: Entry) -> None:
        book = self.book(entry.event_id)
        happened = e.unpack(entry.body)
        if entry.seq_first != book.seq + 1 or entry.seq_last != book.seq + len(happened):
            raise Broken(
                f"event {brief(entry.event_id)}: entry {entry.seq_first} to {entry.seq_last} with "
                f"{len(happened)} events after {book.seq}"
            )
        for event in happened:
            book.add(event, entry.at_ms)
        book.check()

    def answered(self, command: c.AnyCommand, answer: e.AnyEvent | Refusal) -> None:
        """A client got an answer."""
        known = self.acknowledged.get(command.operation_id)
        if isinstance(answer, Refusal):
            if known is not None and answer.code not in PASSING:
                raise Broken(
                    f"{brief(command)} was acknowledged with {brief(known[1])}, now refused: {brief(answer)}"
                )
            done = self.book(command.event_id).operations.get(command.operation_id)
            if done is not None and answer.code not in PASSING:
                raise Broken(f"{brief(command)} was refused: {brief(answer)}, but it was done: {brief(done)}")
            return
        durable = self.book(command.event_id).operations.get(command.operation_id)
        if durable != answer:
            raise Broken(f"acknowledged {brief(answer)}, but the durable record has {brief(durable)}")
        self.acknowledged[command.operation_id] = (command, answer)

    def digest(self) -> str:
        """Return what has happened, as text that is equal for equal histories."""
        counts = [(event_id.hex(), book.seq, book.counts()) for event_id, book in self.books.items()]
        return msgspec.json.encode((self.commits, len(self.acknowledged), counts)).decode()
