"""Shards and journals with one rule broken on purpose. The simulation has to find each of them, or it proves
nothing.
"""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from actors import turn as turns
from actors.sale import SaleShard
from actors.turn import Turn
from domain import applying, decisions, placing, pricing, redeeming
from domain.ids import OperationId
from domain.inventory import Inventory
from domain.vouchers import Vouchers
from storage.journal import Batch, Fenced, Refused, Unknown
from storage.memory_journal import MemoryJournal


class WithoutFence(MemoryJournal):
    """Takes batches of any incarnation; that an entry follows its event's last one is still checked."""

    def __init__(self) -> None:
        super().__init__()
        self.newest: dict[int, int] = {}

    async def claim(self, shard: int, owner: str) -> int:
        self.newest[shard] = await super().claim(shard, owner)
        return self.newest[shard]

    async def renew(self, shard: int, epoch: int) -> int:
        self.newest[shard] = await super().renew(shard, epoch)
        return self.newest[shard]

    async def commit(self, batch: Batch) -> None:
        await super().commit(msgspec.structs.replace(batch, epoch=self.newest[batch.shard]))


class WithoutOperations(MemoryJournal):
    """Has lost the operations that left a shard's memory."""

    async def find_operations(self, operation_ids: Sequence[OperationId]) -> dict[OperationId, bytes]:
        return {}


class AnswersBeforeCommit(SaleShard):
    """Tells callers what was decided before it is durable."""

    async def _commit_after_the_one_before(self, turn: Turn) -> None:
        turn.answer()
        await super()._commit_after_the_one_before(turn)


class TakesUnknownForDone(SaleShard):
    """Believes that a batch without an answer has committed."""

    async def _commit(self, batch: Batch) -> bool:
        try:
            await self._journal.commit(batch)
        except Unknown:
            return True
        except (Fenced, Refused, ConnectionError):
            self.ended.set()
            return False
        return True


class KeepsWhatIsInDoubt(SaleShard):
    """Goes on with a state of which nobody knows whether it is durable."""

    def _in_doubt(self, turn: Turn) -> None:
        turn.abandon()


def sale_shard_without_operation_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decide everything anew, however often it is asked for."""
    monkeypatch.setattr(decisions, "first_answer", lambda state, command: None)


def holds_that_never_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sell a hold as long as the sweep has not come by."""
    live = decisions._live_hold
    monkeypatch.setattr(
        decisions, "_live_hold", lambda state, hold_id, buyer_id, now_ms: live(state, hold_id, buyer_id, 0)
    )


def cancels_that_do_not_see_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decide two cancellations of one order on the same evidence."""
    monkeypatch.setattr(turns, "_mark_cancelled", lambda evidence, event: None)


def codes_that_are_good_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two buyers use the last use of a voucher."""
    monkeypatch.setattr(redeeming, "_uses_refusal", lambda state, buyer_id, number, rule: None)
    monkeypatch.setattr(Vouchers, "_check", lambda vouchers, number: None)


def tiers_that_are_never_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sell at the first price whatever was sold at it before."""
    tiered = pricing.tiered
    monkeypatch.setattr(
        placing, "tiered", lambda kind, at, quantity, _, now_ms: tiered(kind, at, quantity, {}, now_ms)
    )


def blocks_that_are_in_the_sale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sell the places of a block to anybody, and then to those who have its code."""

    def count(state: Inventory, at: int | None, quantity: int) -> None:
        if at is not None:
            state.pools[at].blocked += quantity
            state.pools[at].withheld += quantity
            state.pools[at].capacity += quantity

    monkeypatch.setattr(applying, "_block", count)


def what_is_held_is_sold_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Say of types of which the last are only held that they are sold out."""

    def sold_out(state: Inventory) -> tuple[int, ...]:
        kinds = enumerate(state.definition.ticket_types if state.definition else ())
        return tuple(at for at, kind in kinds if state.free_of_type(at) < kind.quantity_min)

    monkeypatch.setattr(Inventory, "sold_out", sold_out)


JOURNALS: list[type[MemoryJournal]] = [WithoutFence, WithoutOperations]
SHARDS: list[type[SaleShard]] = [
    AnswersBeforeCommit,
    TakesUnknownForDone,
    KeepsWhatIsInDoubt,
]
RULES: list[Callable[[pytest.MonkeyPatch], None]] = [
    sale_shard_without_operation_ids,
    holds_that_never_end,
    cancels_that_do_not_see_each_other,
    codes_that_are_good_for_ever,
    tiers_that_are_never_full,
    blocks_that_are_in_the_sale,
    what_is_held_is_sold_out,
]
