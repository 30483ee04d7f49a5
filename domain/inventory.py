"""The inventory of one event: its counts, its live holds, what each buyer has, and how an event changes them.

`apply(state, event)` is the only thing that changes the state, and it cannot fail: what is applied has been
decided (`domain.decisions`). So what recovery does with the journal is exactly what the actor did with its
commands.

A hold is a two-phase transfer: it is pending until its time is over, and then at most once one of sold,
released, expired. For every pool, after every event::

    free + held + sold + withheld == capacity
"""

import enum
from collections.abc import Callable, Iterable
from typing import Any, Final

from domain import events as e
from domain.catalogue import SaleDefinition
from domain.ids import EventId, HoldId
from domain.operations import OperationMemory
from domain.packed import PackedCounter


class SaleStatus(enum.IntEnum):
    """Where the sale of an event stands; `decisions.sale_refusal` says what each means for a hold."""

    NEW = 0
    OPEN = 1
    PAUSED = 2
    CLOSED = 3


class PoolCounts:
    """The four places where a pool's capacity can be. All count single places."""

    __slots__ = ("capacity", "free", "held", "sold", "withheld")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.free = capacity
        self.held = 0
        self.sold = 0
        self.withheld = 0

    def check(self) -> None:
        """Assert the invariant that all of Bilten rests on."""
        free, held, sold, withheld = self.free, self.held, self.sold, self.withheld
        assert free + held + sold + withheld == self.capacity, self.as_tuple()
        assert free >= 0 <= held, self.as_tuple()
        assert sold >= 0 <= withheld, self.as_tuple()

    def as_tuple(self) -> tuple[int, int, int, int, int]:
        """Return (capacity, free, held, sold, withheld)."""
        return self.capacity, self.free, self.held, self.sold, self.withheld


class TypeCounts:
    """How many tickets of one type are held and sold."""

    __slots__ = ("held", "sold")

    def __init__(self) -> None:
        self.held = 0
        self.sold = 0


class Inventory:
    """The state of one event's sale. Changed by `apply` only.

    Attributes:
        seq: how many events were applied; the next one has this number plus one in the journal.
        holds: the live holds, each as the event that made it, in the order of placing.
        extended: the new expiry of those that were extended.
        early: those that expire before one placed earlier. Holds of an event last equally long, so there are
        such holds
            only where a clock went backwards: when another node took over, or was set right.
        newest_expiry_ms: the latest expiry among the live holds that are not early, without extensions.
        tally: tickets in holds and sales together, by buyer.
    """

    __slots__ = (
        "definition", "early", "event_id", "extended", "holds", "newest_expiry_ms", "opens_at_ms",
        "operations", "pools", "pools_of_type", "seq", "status", "tally", "type_positions", "types",
    )  # fmt: skip

    def __init__(self, event_id: EventId) -> None:
        self.event_id = event_id
        self.seq = 0
        self.definition: SaleDefinition | None = None
        self.status = SaleStatus.NEW
        self.opens_at_ms = 0
        self.pools: list[PoolCounts] = []
        self.types: list[TypeCounts] = []
        self.pools_of_type: list[tuple[PoolCounts, ...]] = []
        self.type_positions: dict[bytes, int] = {}
        self.holds: dict[HoldId, e.Held] = {}
        self.extended: dict[HoldId, int] = {}
        self.early: dict[HoldId, None] = {}
        self.newest_expiry_ms = 0
        self.tally = PackedCounter()
        self.operations = OperationMemory()

    def expires_at_ms(self, hold: e.Held) -> int:
        """Return when a live hold expires, its extension included."""
        return self.extended.get(hold.operation_id, hold.expires_at_ms)

    def keep_hold(self, hold: e.Held) -> None:
        """Add to the live holds."""
        self.holds[hold.operation_id] = hold
        if hold.expires_at_ms < self.newest_expiry_ms:
            self.early[hold.operation_id] = None
        else:
            self.newest_expiry_ms = hold.expires_at_ms

    def free_of_type(self, position: int) -> int:
        """Return how many tickets of a type could be held now: the scarcest of its pools."""
        pools = self.pools_of_type[position]
        return pools[0].free if len(pools) == 1 else min(pool.free for pool in pools)

    def adopt(self, definition: SaleDefinition) -> None:
        """Take over a definition: nothing of it is held or sold yet."""
        self.definition = definition
        self.pools = [PoolCounts(pool.capacity) for pool in definition.pools]
        self.types = [TypeCounts() for _ in definition.ticket_types]
        self.type_positions = {kind.ticket_type_id: at for at, kind in enumerate(definition.ticket_types)}
        self.pools_of_type = [tuple(self.pools[at] for at in kind.pools) for kind in definition.ticket_types]


def apply(state: Inventory, event: e.AnyEvent) -> None:
    """Change the state by an event that was decided on this very state."""
    _APPLY[type(event)](state, event)
    state.seq += 1


def _count(state: Inventory, position: int, held: int, sold: int) -> None:
    """Move tickets of a type: positive takes from what is free, negative gives back to it."""
    counts = state.types[position]
    counts.held += held
    counts.sold += sold
    for pool in state.pools_of_type[position]:
        pool.held += held
        pool.sold += sold
        pool.free -= held + sold
        pool.check()


def _configured(state: Inventory, event: e.Configured) -> None:
    state.adopt(event.definition)
    state.operations.remember(event.operation_id, event)


def _sale_opened(state: Inventory, event: e.SaleOpened) -> None:
    state.status = SaleStatus.OPEN
    state.opens_at_ms = event.opens_at_ms
    state.operations.remember(event.operation_id, event)


def _sale_paused(state: Inventory, event: e.SalePaused) -> None:
    state.status = SaleStatus.PAUSED
    state.operations.remember(event.operation_id, event)


def _sale_closed(state: Inventory, event: e.SaleClosed) -> None:
    state.status = SaleStatus.CLOSED
    state.operations.remember(event.operation_id, event)


def _held(state: Inventory, event: e.Held) -> None:
    quantity = 0
    for line in event.lines:
        _count(state, line.ticket_type, line.quantity, 0)
        quantity += line.quantity
    state.tally.add(event.buyer_id, quantity)
    state.keep_hold(event)


def _extended(state: Inventory, event: e.Extended) -> None:
    state.extended[event.hold_id] = event.expires_at_ms
    state.operations.remember(event.operation_id, event)


def _end_hold(state: Inventory, hold_id: HoldId) -> e.Held:
    """Take a hold out of the live ones; from here on it is remembered as a finished operation."""
    hold = state.holds.pop(hold_id)
    state.extended.pop(hold_id, None)
    state.early.pop(hold_id, None)
    if not state.holds:
        state.newest_expiry_ms = 0
    state.operations.remember(hold_id, hold)
    return hold


def _give_back(state: Inventory, hold: e.Held) -> None:
    for line in hold.lines:
        _count(state, line.ticket_type, -line.quantity, 0)
    state.tally.add(hold.buyer_id, -sum(line.quantity for line in hold.lines))


def _released(state: Inventory, event: e.Released) -> None:
    _give_back(state, _end_hold(state, event.hold_id))
    state.operations.remember(event.operation_id, event)


def _expired(state: Inventory, event: e.Expired) -> None:
    _give_back(state, _end_hold(state, event.hold_id))


def _sold(state: Inventory, event: e.Sold) -> None:
    hold = _end_hold(state, event.hold_id)
    for line in hold.lines:
        _count(state, line.ticket_type, -line.quantity, line.quantity)
    state.operations.remember(event.operation_id, event)


def _cancelled(state: Inventory, event: e.Cancelled) -> None:
    for position in event.ticket_types:
        _count(state, position, 0, -1)
    state.tally.add(event.buyer_id, -len(event.ticket_types))
    state.operations.remember(event.operation_id, event)


def _withheld(state: Inventory, event: e.Withheld) -> None:
    _withhold(state.pools[event.pool], event.quantity)
    state.operations.remember(event.operation_id, event)


def _returned(state: Inventory, event: e.Returned) -> None:
    _withhold(state.pools[event.pool], -event.quantity)
    state.operations.remember(event.operation_id, event)


def _withhold(pool: PoolCounts, quantity: int) -> None:
    pool.withheld += quantity
    pool.free -= quantity
    pool.check()


def _capacity_changed(state: Inventory, event: e.CapacityChanged) -> None:
    pool = state.pools[event.pool]
    pool.free += event.capacity - pool.capacity
    pool.capacity = event.capacity
    pool.check()
    state.operations.remember(event.operation_id, event)


_APPLY: Final[dict[type, Callable[[Inventory, Any], None]]] = {
    e.Configured: _configured,
    e.SaleOpened: _sale_opened,
    e.SalePaused: _sale_paused,
    e.SaleClosed: _sale_closed,
    e.Held: _held,
    e.Extended: _extended,
    e.Released: _released,
    e.Expired: _expired,
    e.Sold: _sold,
    e.Cancelled: _cancelled,
    e.Withheld: _withheld,
    e.Returned: _returned,
    e.CapacityChanged: _capacity_changed,
}


def replay(state: Inventory, history: Iterable[e.AnyEvent]) -> Inventory:
    """Apply events in their order and return the state."""
    for event in history:
        apply(state, event)
    return state
