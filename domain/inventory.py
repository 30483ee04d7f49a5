"""The inventory of one event: its counts, its live holds, and what each buyer has.

It is changed by events only (`domain.applying`), and what is to happen is decided elsewhere
(`domain.decisions`).

A hold is a two-phase transfer: it is pending until its time is over, and then at most once one of sold,
released, expired. For every pool, after every event::

    free + held + sold + withheld == capacity

What else is limited is counted beside it, and asserted as well: tickets by price tier, uses of vouchers,
places kept for their blocks (docs/decisions/prices-and-vouchers.md).
"""

import enum

from domain import events as e
from domain.catalogue import SaleDefinition
from domain.counts import PoolCounts, TypeCounts
from domain.expiries import Expiries
from domain.ids import EventId, HoldId
from domain.offers import TypeOffer
from domain.operations import OperationMemory
from domain.packed import PackedCounter, paired
from domain.vouchers import Vouchers


class SaleStatus(enum.IntEnum):
    """Where the sale of an event stands; `placing.sale_refusal` says what each means for a hold."""

    NEW = 0
    OPEN = 1
    PAUSED = 2
    CLOSED = 3
    CANCELLED = 4


class Inventory:
    """The state of one event's sale. Changed by `apply` only.

    Attributes:
        seq: how many events were applied; the next one has this number plus one in the journal.
        holds: the live holds, each as the event that made it, in the order of placing.
        extended: the new expiry of those that were extended.
        expiries: the live holds by when they expire.
        tally: tickets in holds and sales together, by buyer.
        definition_seq: the number of the event that made the definition what it is.
        is_plain: by type, whether window, quantity and stock are all there is to ask.
        limited: types that have or had a limit per buyer; `type_tally` counts theirs, by buyer and type.
        offers: what was last made of the definition for `domain.notices`, None when it has changed since.
    """

    __slots__ = (
        "definition", "definition_seq", "event_id", "expiries", "extended", "holds", "is_plain", "limited",
        "offers", "opens_at_ms", "operations", "pools", "pools_of_type", "seq", "status",
        "tally", "type_positions", "type_tally", "types", "vouchers",
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
        self.expiries = Expiries(self.holds, self.extended)
        self.tally = PackedCounter()
        self.operations = OperationMemory()
        self.definition_seq = 0
        self.is_plain: list[bool] = []
        self.limited: set[int] = set()
        self.type_tally = PackedCounter()
        self.vouchers = Vouchers()
        self.offers: tuple[TypeOffer, ...] | None = None

    @property
    def needs_sold(self) -> bool:
        """Whether taking tickets back needs more of their sale than their types."""
        return len(self.vouchers) > 0 or any(kind.tiers for kind in self.types)

    def expires_at_ms(self, hold: e.Held) -> int:
        """Return when a live hold expires, its extension included."""
        return self.extended.get(hold.operation_id, hold.expires_at_ms)

    def keep_hold(self, hold: e.Held) -> None:
        """Add to the live holds."""
        self.holds[hold.operation_id] = hold
        self.expiries.add(hold.operation_id, hold.expires_at_ms)

    def extend_hold(self, hold_id: HoldId, expires_at_ms: int) -> None:
        """Have a live hold expire later."""
        before_ms = self.expires_at_ms(self.holds[hold_id])
        self.extended[hold_id] = expires_at_ms
        self.expiries.move(hold_id, before_ms, expires_at_ms)

    def end_hold(self, hold_id: HoldId) -> e.Held:
        """Take a hold out of the live ones, and return it."""
        hold = self.holds.pop(hold_id)
        self.expiries.remove(self.extended.pop(hold_id, hold.expires_at_ms))
        return hold

    def free_of_type(self, position: int) -> int:
        """Return how many tickets of a type could be held now: the scarcest of its pools."""
        pools = self.pools_of_type[position]
        return pools[0].free if len(pools) == 1 else min(pool.free for pool in pools)

    def sold_out(self) -> tuple[int, ...]:
        """Return the positions of the types of which everything is sold, or too little left to be had.

        What is held counts as left: most of it is paid for, but some comes back within minutes
        (docs/decisions/sold-out.md).
        """
        if self.definition is None:
            return ()
        return tuple(
            position
            for position, kind in enumerate(self.definition.ticket_types)
            if min(pool.free + pool.held for pool in self.pools_of_type[position]) < kind.quantity_min
        )

    def adopt(self, definition: SaleDefinition) -> None:
        """Take over a definition. What it adds to the one before has nothing held or sold yet."""
        self.definition = definition
        self.pools.extend(PoolCounts(pool.capacity) for pool in definition.pools[len(self.pools) :])
        self.types.extend(TypeCounts() for _ in definition.ticket_types[len(self.types) :])
        self.type_positions = {kind.ticket_type_id: at for at, kind in enumerate(definition.ticket_types)}
        self.pools_of_type = [tuple(self.pools[at] for at in kind.pools) for kind in definition.ticket_types]
        self.is_plain = [kind.is_plain for kind in definition.ticket_types]
        self.offers = None

    def count_limited(self, positions: set[int]) -> None:
        """Count these types by buyer from now on, live holds included."""
        fresh = positions - self.limited
        self.limited |= fresh
        for hold in self.holds.values() if fresh else ():
            for line in hold.lines:
                if line.ticket_type in fresh:
                    self.type_tally.add(paired(hold.buyer_id, line.ticket_type), line.quantity)
