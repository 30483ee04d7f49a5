"""What an event remembers of the operations it has done, so that doing one twice gives the first answer.

Three places, in the order in which they are asked:

1. a live hold is the record of the operation that placed it (`Inventory.holds`);
2. `recent`: the newest finished operations, as the events they caused;
3. `spilled`: operations that left memory for the `operations` table. Only a fingerprint of 64 bits stays,
   which says that the table has to be asked before a command with this id is decided. Two ids with one
   fingerprint cost a needless look.

Refusals have no effect that could happen twice, so they are remembered in memory only, while there is room.
"""

from collections import OrderedDict
from typing import Final

from domain.events import AnyEvent
from domain.ids import OperationId
from domain.packed import PackedCounter
from domain.refusals import Refusal

RECENT_MAX: Final = 10_000
REFUSED_MAX: Final = 5_000
SPILL_BATCH_MAX: Final = 1_000


class OperationMemory:
    """The finished operations of one event."""

    __slots__ = ("_refused", "recent", "spilled")

    def __init__(self) -> None:
        # Ordered: a plain dict walks over its own tombstones to find the oldest entry.
        self.recent: OrderedDict[OperationId, AnyEvent] = OrderedDict()
        self.spilled = PackedCounter()
        self._refused: OrderedDict[OperationId, Refusal] = OrderedDict()

    def answer(self, operation_id: OperationId) -> AnyEvent | Refusal | None:
        """Return the first answer to an operation if memory still has it."""
        return self.recent.get(operation_id) or self._refused.get(operation_id)

    def is_spilled(self, operation_id: OperationId) -> bool:
        """Say whether the `operations` table has to be asked about this operation."""
        if self.spilled.is_untouched or operation_id in self.recent:
            return False
        return self.spilled.get(operation_id) > 0

    def has_done(self, operation_id: OperationId) -> bool:
        """Say whether this operation is among the finished ones, wherever its answer is by now."""
        return operation_id in self.recent or self.spilled.get(operation_id) > 0

    def remember(self, operation_id: OperationId, event: AnyEvent) -> None:
        """Keep the answer of a finished operation."""
        self.recent[operation_id] = event

    def remember_refusal(self, operation_id: OperationId, refusal: Refusal) -> None:
        """Keep a refusal, forgetting the oldest when there are too many."""
        self._refused[operation_id] = refusal
        if len(self._refused) > REFUSED_MAX:
            self._refused.popitem(last=False)

    def spill(
        self, recent_max: int = RECENT_MAX, limit: int = SPILL_BATCH_MAX
    ) -> list[tuple[OperationId, AnyEvent]]:
        """Take the oldest operations above `recent_max` out of memory, at most `limit`.

        The caller writes them to the `operations` table in its next transaction; if that transaction fails,
        the event is recovered from the journal, which still has them.
        """
        excess = min(len(self.recent) - recent_max, limit)
        taken = [self.recent.popitem(last=False) for _ in range(excess)]
        for operation_id, _ in taken:
            if not self.spilled.get(operation_id):
                self.spilled.add(operation_id, 1)
        return taken
