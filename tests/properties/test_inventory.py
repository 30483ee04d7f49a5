"""Any order of commands, at any times, with clocks that go backwards: the inventory agrees with a model that
counts everything anew. If this failed, some sequence that nobody thought of oversells, loses places, or gives
the wrong reason.
"""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from domain import commands as c
from domain import events as e
from domain import snapshots
from domain.applying import apply, replay
from domain.catalogue import Pool, SaleDefinition, TicketType
from domain.decisions import Seen, decide, due, expiring
from domain.ids import TicketId
from domain.inventory import Inventory
from domain.refusals import Code, Refusal
from tests.domain.stage import EVENT, NOW_MS, buyer, definition, identifier, op, ticket
from tests.properties.naive import NaiveSale

BUYERS = [buyer(number) for number in range(1, 4)]


def picture(state: Inventory) -> tuple[Any, ...]:
    """Everything in a state, in values that can be compared."""
    return (
        state.seq,
        state.definition,
        state.status,
        state.opens_at_ms,
        [pool.as_tuple() for pool in state.pools],
        [(kind.held, kind.sold) for kind in state.types],
        [[state.pools.index(pool) for pool in pools] for pools in state.pools_of_type],
        state.type_positions,
        list(state.holds.items()),
        state.extended,
        dict(state.tally.items()),
        list(state.operations.recent.items()),
        dict(state.operations.spilled.items()),
        state.definition_seq,
        [dict(kind.tiers) for kind in state.types],
        [pool.blocked for pool in state.pools],
        state.limited,
        dict(state.type_tally.items()),
        state.vouchers.dump(),
        list(state.vouchers.numbers.items()),
    )


def snapshot(state: Inventory) -> bytes:
    return snapshots.pack(list(snapshots.take(state)))


class Sale(RuleBasedStateMachine):
    """Commands against the inventory and the model at once."""

    holds: Bundle[Any] = Bundle("holds")
    orders: Bundle[Any] = Bundle("orders")

    @initialize(
        standing=st.integers(0, 12),
        limit=st.integers(1, 9),
        window=st.sampled_from([(None, None), (NOW_MS + 50, None), (None, NOW_MS + 50_000)]),
    )
    def configure(self, standing: int, limit: int, window: tuple[int | None, int | None]) -> None:
        self.now_ms = NOW_MS
        self.made = 0
        self.done: list[tuple[c.AnyCommand, e.AnyEvent]] = []
        self.history: list[e.AnyEvent] = []
        self.state = Inventory(EVENT)
        sale = definition(
            standing=standing, buyer_limit=limit, sales_start_ms=window[0], sales_end_ms=window[1]
        )
        self.model = NaiveSale(sale)
        self.middle = snapshot(self.state)
        self.run(c.Configure(self.fresh(), EVENT, sale), None)

    def fresh(self) -> Any:
        self.made += 1
        return op(self.made)

    def run(self, command: c.AnyCommand, expected: Code | None) -> e.AnyEvent | None:
        """Decide, which changes nothing; compare; apply, which can't fail."""
        before = picture(self.state)
        made = decide(self.state, command, self.now_ms)
        assert picture(self.state) == before, "deciding changed the state"
        assert not isinstance(made, Seen)
        if isinstance(made, Refusal):
            assert made.code is expected, (command, made)
            return None
        assert expected is None, (command, made, expected)
        self.happen(made)
        self.done.append((command, made))
        return made

    def happen(self, event: e.AnyEvent) -> None:
        apply(self.state, event)
        self.history.append(event)

    @rule(step_ms=st.sampled_from([0, 1, 1_000, 29_999, 30_000, 60_000, -5_000]))
    def time_passes(self, step_ms: int) -> None:
        self.now_ms += step_ms

    @rule(steps=st.sampled_from(["open", "pause", "close", "later"]))
    def change_sale(self, steps: str) -> None:
        legal = {
            "open": {"new", "open", "paused"},
            "later": {"new", "open", "paused"},
            "pause": {"open"},
            "close": {"new", "open", "paused"},
        }
        expected = None if self.model.status in legal[steps] else Code.ILLEGAL_STEP
        opens_at_ms = self.now_ms + (20_000 if steps == "later" else 0)
        operation = self.fresh()
        if steps in ("open", "later"):
            made = self.run(c.OpenSale(operation, EVENT, opens_at_ms), expected)
            if made:
                self.model.status, self.model.opens_at_ms = "open", opens_at_ms
        elif steps == "pause":
            if self.run(c.PauseSale(operation, EVENT), expected):
                self.model.status = "paused"
        elif self.run(c.CloseSale(operation, EVENT), expected):
            self.model.status = "closed"

    @rule(
        target=holds,
        who=st.sampled_from(BUYERS),
        lines=st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 7)), max_size=3),
    )
    def place(self, who: Any, lines: list[tuple[int, int]]) -> Any:
        self.open_if_new()
        kinds = [kind.ticket_type_id for kind in self.model.definition.ticket_types]
        unknown = identifier(3, 99)
        wanted = tuple(
            c.Line(kinds[at] if at < 4 else unknown, quantity)  # type: ignore[arg-type]
            for at, quantity in lines
        )
        command = c.PlaceHold(self.fresh(), EVENT, who, wanted)
        self.run(command, self.model.place(command, self.now_ms))
        return command.operation_id, who

    def open_if_new(self) -> None:
        """Most runs should sell something."""
        if self.model.status == "new":
            self.run(c.OpenSale(self.fresh(), EVENT, 0), None)
            self.model.status = "open"

    @rule(hold=holds, who=st.sampled_from([None, *BUYERS]))
    def extend(self, hold: tuple[Any, Any], who: Any) -> None:
        command = c.ExtendHold(self.fresh(), EVENT, who or hold[1], hold[0])
        self.run(command, self.model.extend(command, self.now_ms))

    @rule(hold=holds, who=st.sampled_from([None, *BUYERS]))
    def release(self, hold: tuple[Any, Any], who: Any) -> None:
        command = c.ReleaseHold(self.fresh(), EVENT, who or hold[1], hold[0])
        self.run(command, self.model.release(command, self.now_ms))

    @rule(
        target=orders, hold=holds, who=st.sampled_from([None, None, *BUYERS]), more=st.sampled_from([0, 0, 1])
    )
    def sell(self, hold: tuple[Any, Any], who: Any, more: int) -> Any:
        known = self.model.holds.get(hold[0])
        count = (known.quantity if known else 1) + more
        operation = self.fresh()
        tickets = tuple(ticket(self.made * 100 + number) for number in range(count))
        command = c.Sell(operation, EVENT, who or hold[1], hold[0], tickets)
        self.run(command, self.model.sell(command, self.now_ms))
        return operation, tickets

    @rule(order=orders, some=st.integers(0, 3))
    def cancel(self, order: tuple[Any, tuple[TicketId, ...]], some: int) -> None:
        order_id, tickets = order
        command = c.CancelTickets(self.fresh(), EVENT, order_id, tickets[:some], self.model.order(order_id))
        self.run(command, self.model.cancel(command))

    @rule(at=st.integers(0, 3), quantity=st.integers(-1, 5), is_back=st.booleans())
    def withhold(self, at: int, quantity: int, is_back: bool) -> None:
        pools = self.model.definition.pools
        pool_id = pools[at].pool_id if at < len(pools) else identifier(2, 99)
        make = c.ReturnWithheld if is_back else c.Withhold
        expected: Code | None = None
        if at >= len(pools):
            expected = Code.UNKNOWN_POOL
        elif quantity < 1:
            expected = Code.QUANTITY_OUT_OF_RANGE
        elif quantity > (self.model.withheld[at] if is_back else self.model.free(at)):
            expected = Code.SOLD_OUT
        if self.run(make(self.fresh(), EVENT, pool_id, quantity), expected):  # type: ignore[arg-type]
            self.model.withheld[at] += -quantity if is_back else quantity

    @rule(at=st.integers(0, 2), capacity=st.integers(-1, 15))
    def change_capacity(self, at: int, capacity: int) -> None:
        used = self.model.capacity[at] - self.model.free(at)
        expected = Code.CAPACITY_IN_USE if capacity < used else None
        pool_id = self.model.definition.pools[at].pool_id
        if self.run(c.ChangeCapacity(self.fresh(), EVENT, pool_id, capacity), expected):
            self.model.capacity[at] = capacity

    @rule(limit=st.integers(1, 5))
    def sweep(self, limit: int) -> None:
        found = due(self.state, self.now_ms, limit)
        overdue = self.model.overdue(self.now_ms)
        assert not (overdue and self.state.expiries.is_none_until(self.now_ms))
        assert {event.hold_id for event in found} <= overdue
        assert len(found) == min(limit, len(overdue)), "a hold whose time is over was not found"
        for event in found:
            self.happen(event)
        self.model.expire(found)

    @rule(at=st.integers(0, 10**6))
    def do_again(self, at: int) -> None:
        command, answer = self.done[at % len(self.done)]
        assert decide(self.state, command, self.now_ms) == Seen(answer)

    @rule()
    def restart(self) -> None:
        """Go on from what recovery would make: from a snapshot, and from the journal's start."""
        from_snapshot = snapshots.load(snapshot(self.state))
        from_middle = snapshots.load(self.middle)
        replay(from_middle, self.history[from_middle.seq :])
        from_start = replay(Inventory(EVENT), self.history)
        expected = picture(self.state)
        assert picture(from_snapshot) == expected
        assert picture(from_middle) == expected
        assert picture(from_start) == expected
        self.middle = snapshot(self.state)
        self.state = from_snapshot

    @invariant()
    def counts_agree(self) -> None:
        if not hasattr(self, "model"):
            return
        for pool in self.state.pools:
            pool.check()
        assert [pool.as_tuple() for pool in self.state.pools] == self.model.counts()
        assert set(self.state.holds) == set(self.model.live())
        for who in BUYERS:
            assert self.state.tally.get(who) == self.model.has(who)
        for hold_id, hold in self.state.holds.items():
            assert self.state.expires_at_ms(hold) == self.model.holds[hold_id].expires_at_ms

    @invariant()
    def announcements_are_complete(self) -> None:
        if not hasattr(self, "model"):
            return
        soon = expiring(self.state, self.now_ms, self.now_ms + 30_000)
        expected = {
            (hold.buyer, hold_id, hold.expires_at_ms)
            for hold_id, hold in self.model.live().items()
            if self.now_ms < hold.expires_at_ms <= self.now_ms + 30_000
        }
        assert len(soon) == len(expected)
        assert set(soon) == expected


Sale.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestSale = Sale.TestCase


def test_a_type_of_no_places_left_in_one_pool_is_not_on_sale_in_any() -> None:
    """A sanity check of the model itself: it counts by pool, not by type."""
    sale = SaleDefinition(
        EVENT,
        "EUR",
        (Pool(identifier(2, 1), 1), Pool(identifier(2, 2), 5)),  # type: ignore[arg-type]
        (TicketType(identifier(3, 1), (0, 1), 100),),  # type: ignore[arg-type]
    )
    model = NaiveSale(sale)
    model.status = "open"
    line = (c.Line(identifier(3, 1), 1),)  # type: ignore[arg-type]
    assert model.place(c.PlaceHold(op(1), EVENT, BUYERS[0], line), NOW_MS) is None
    assert model.place(c.PlaceHold(op(2), EVENT, BUYERS[0], line), NOW_MS) is Code.SOLD_OUT
