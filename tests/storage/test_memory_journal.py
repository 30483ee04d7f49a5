"""The journal that the simulation crashes and delays. If it promised more or less than the real one, the
simulation would prove nothing about the real one.
"""

import asyncio

import pytest

from domain.ids import BuyerId, EventId, OrderId
from storage.journal import Batch, Refused, Unknown
from storage.memory_journal import MemoryJournal, Moment
from tests.storage.journal_contract import Authorise, Contract, entry, event


class TestMemoryJournal(Contract):
    @pytest.fixture
    def journal(self) -> MemoryJournal:
        return MemoryJournal()

    @pytest.fixture
    def authorise(self, journal: MemoryJournal) -> Authorise:
        async def authorise(order_id: OrderId, event_id: EventId, buyer_id: BuyerId) -> None:
            journal.authorise(order_id)

        return authorise


@pytest.mark.parametrize("is_written", [True, False])
async def test_after_unknown_the_batch_is_there_or_not(is_written: bool) -> None:
    journal = MemoryJournal()
    epoch, show = await journal.claim(0, "test"), event()
    journal.fail_next(Unknown("cut"), is_written=is_written)
    with pytest.raises(Unknown):
        await journal.commit(Batch(0, epoch, [entry(show, 1)]))
    assert len(await journal.read(show, 0, 10)) == is_written
    await journal.commit(Batch(0, epoch, [entry(show, 1 + is_written)]))


async def test_refused_leaves_nothing() -> None:
    journal = MemoryJournal()
    epoch, show = await journal.claim(0, "test"), event()
    journal.fail_next(Refused("no space left on device"))
    with pytest.raises(Refused):
        await journal.commit(Batch(0, epoch, [entry(show, 1)]))
    assert await journal.read(show, 0, 10) == []
    with pytest.raises(ValueError, match="Unknown"):
        journal.fail_next(Refused(""), is_written=True)


async def test_the_gate_stands_on_both_sides_of_the_effect() -> None:
    """A crash before the effect and one after it are the two that the simulation has to tell apart."""
    journal = MemoryJournal()
    epoch, show = await journal.claim(0, "test"), event()
    seen: list[tuple[Moment, int]] = []

    async def gate(moment: Moment, batch: Batch) -> None:
        seen.append((moment, len(await journal.read(show, 0, 10))))

    journal.gate = gate
    await journal.commit(Batch(0, epoch, [entry(show, 1)]))
    assert seen == [(Moment.BEFORE, 0), (Moment.AFTER, 1)]


async def test_a_commit_that_waits_at_its_gate_is_fenced_by_a_claim() -> None:
    journal = MemoryJournal()
    epoch, show, opened = await journal.claim(0, "old"), event(), asyncio.Event()

    async def gate(moment: Moment, batch: Batch) -> None:
        await opened.wait()

    journal.gate = gate
    late = asyncio.create_task(journal.commit(Batch(0, epoch, [entry(show, 1)])))
    await journal.claim(0, "new")
    opened.set()
    assert type((await asyncio.gather(late, return_exceptions=True))[0]).__name__ == "Fenced"
    assert await journal.read(show, 0, 10) == []
