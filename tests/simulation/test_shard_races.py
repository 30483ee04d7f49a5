"""Races that the simulation once found, each played on purpose on the virtual clock. Every one of them was a
broken promise: a refusal for what had been sold, a second effect, or places that nobody could buy any
more.
"""

import asyncio
from collections.abc import Sequence

import pytest

from actors.ports import ShardSettings
from actors.sale import SaleShard
from domain import commands as c
from domain import events as e
from domain.catalogue import Pool, SaleDefinition, TicketType
from domain.commands import SoldOrder
from domain.ids import BuyerId, EventId, HoldId, OperationId, OrderId, PoolId, TicketId, TicketTypeId
from domain.refusals import Code, Refusal
from simulation.virtual_time import run, virtual_loop
from storage.journal import Batch, Unknown
from storage.memory_journal import MemoryJournal

SETTINGS = ShardSettings(idle_ms=1_000, arrivals_interval_ms=1_000)
BUYER = BuyerId(b"buyer".ljust(16))
TYPE = TicketTypeId(b"type".ljust(16))
EVENTS = [EventId(b"event-a".ljust(16)), EventId(b"event-b".ljust(16))]
TTL_MS = 10_000


class Nobody:
    async def publish(self, notices: list[tuple[str, bytes]]) -> None:
        pass


async def shard(journal: MemoryJournal, number: int = 0, settings: ShardSettings = SETTINGS) -> SaleShard:
    started = SaleShard(number, journal, Nobody(), virtual_loop().now_ms, settings, owner=f"test {number}")
    await started.start()
    return started


async def ask(of: SaleShard, *commands: c.AnyCommand) -> list[e.Answer]:
    """Ask until nothing is `Again` any more, but not of a shard that has ended."""
    while True:
        answers: list[e.Answer] = e.unpack_answers(await of.submit(c.pack(list(commands))))
        if of.ended.is_set() or not any(isinstance(answer, e.Again) for answer in answers):
            return answers
        await asyncio.sleep(0.01)


_numbers = iter(range(10**9))


def op() -> OperationId:
    return OperationId(next(_numbers).to_bytes(16, "big"))


async def opened(of: SaleShard, event_id: EventId = EVENTS[0]) -> None:
    definition = SaleDefinition(
        event_id,
        "EUR",
        (Pool(PoolId(b"pool".ljust(16)), 100),),
        (TicketType(TYPE, (0,), 1000),),
        hold_ttl_ms=TTL_MS,
    )
    await ask(of, c.Configure(op(), event_id, definition), c.OpenSale(op(), event_id, 0))


async def held(of: SaleShard, event_id: EventId = EVENTS[0]) -> e.Held:
    (answer,) = await ask(of, c.PlaceHold(op(), event_id, BUYER, (c.Line(TYPE, 1),)))
    assert isinstance(answer, e.Held)
    return answer


def sale(journal: MemoryJournal, hold: e.Held, event_id: EventId = EVENTS[0]) -> c.Sell:
    command = c.Sell(op(), event_id, BUYER, HoldId(hold.operation_id), (TicketId(op()),))
    journal.authorise(command.operation_id)
    return command


async def history(journal: MemoryJournal, event_id: EventId = EVENTS[0]) -> list[e.AnyEvent]:
    return [event for entry in await journal.read(event_id, 0, 1_000) for event in e.unpack(entry.body)]


def test_a_zombie_does_not_refuse_what_its_successor_did() -> None:
    async def main() -> list[e.Answer]:
        journal = MemoryJournal()
        zombie = await shard(journal)
        await opened(zombie)
        successor = await shard(journal)
        sell = sale(journal, await held(successor))
        assert isinstance((await ask(successor, sell))[0], e.Sold)
        return await ask(zombie, sell)  # from what it knows, there never was such a hold

    assert run(main()) == [e.Again(is_elsewhere=False)]


def test_a_zombie_does_not_take_back_what_only_its_successor_sold() -> None:
    """The record says that it was sold, the zombie's memory does not: taken back there, less than nothing
    would be sold.
    """

    async def main() -> tuple[list[e.Answer], bool]:
        journal = MemoryJournal()
        zombie = await shard(journal)
        await opened(zombie)
        successor = await shard(journal)
        (sold,) = await ask(successor, sale(journal, await held(successor)))
        assert isinstance(sold, e.Sold)
        cancel = c.CancelTickets(op(), EVENTS[0], OrderId(sold.operation_id))
        return await ask(zombie, cancel), zombie.is_fenced

    assert run(main()) == ([e.Again(is_elsewhere=False)], True)


class LateJournal(MemoryJournal):
    """Cuts a connection in mid-commit: the transaction goes on, and commits `late_s` later."""

    late_s = 0.0

    async def commit(self, batch: Batch) -> None:
        if not self.late_s:
            await super().commit(batch)
            return
        late_s, self.late_s = self.late_s, 0.0
        later = super().commit(batch)
        asyncio.get_running_loop().call_later(late_s, lambda: asyncio.ensure_future(later))
        raise Unknown("the connection was cut")


@pytest.mark.filterwarnings("ignore")
def test_what_was_refused_after_an_unknown_outcome_does_not_happen_later() -> None:
    """Else a payment would be given back for tickets that are then issued."""

    async def main() -> tuple[e.Answer, list[e.AnyEvent]]:
        journal = LateJournal()
        # No sweep comes between: it would write, and the late batch would not follow what it was decided on.
        one = await shard(journal, settings=ShardSettings(sweep_interval_ms=60_000))
        await opened(one)
        hold = await held(one)
        await asyncio.sleep((TTL_MS - 100) / 1000)
        sell = sale(journal, hold)
        journal.late_s = 0.2
        first = e.unpack_answers(await one.submit(c.pack([sell])))
        assert first == [e.Again(is_elsewhere=False)]
        await asyncio.sleep(0.1)
        (answer,) = await ask(one, sell)
        await asyncio.sleep(1)
        return answer, await history(journal)

    answer, happened = run(main())
    sold = [event for event in happened if isinstance(event, e.Sold)]
    assert isinstance(answer, Refusal)
    assert not sold


def test_an_event_that_moved_is_swept_though_nobody_asks_for_it() -> None:
    async def main() -> list[e.AnyEvent]:
        journal = MemoryJournal()
        one, other = await shard(journal, 0), await shard(journal, 1)
        await opened(one)
        await held(one)
        assert await one.move_event(EVENTS[0], 1)
        await asyncio.sleep(TTL_MS / 1000 + 2)
        assert not other.ended.is_set()
        return await history(journal)

    assert isinstance(run(main())[-1], e.Expired)


@pytest.mark.parametrize("error", [ConnectionError("gone"), Unknown("cut")])
def test_an_event_in_doubt_is_swept_though_nobody_asks_for_it(error: Exception) -> None:
    async def main() -> list[e.AnyEvent]:
        journal = MemoryJournal()
        one = await shard(journal)
        await opened(one)
        await held(one)
        await asyncio.sleep(TTL_MS / 1000 - 0.5)
        journal.fail_next(error)
        await asyncio.sleep(3)
        return await history(journal)

    assert isinstance(run(main())[-1], e.Expired)


class SlowEvidence(MemoryJournal):
    """Takes a while to find orders, so that much can happen meanwhile."""

    async def find_orders(self, order_ids: Sequence[OrderId]) -> dict[OrderId, SoldOrder]:
        found = await super().find_orders(order_ids)
        await asyncio.sleep(1)
        return found


def test_an_event_that_is_loaded_while_evidence_is_fetched_is_decided_with_its_own() -> None:
    """Decided without, a cancellation would find no order, and an operation out of memory would happen
    twice.
    """

    async def main() -> list[e.Answer]:
        journal = SlowEvidence()
        one = await shard(journal, settings=ShardSettings(idle_ms=10_000_000))
        cancels: list[c.AnyCommand] = []
        for event_id in EVENTS:
            await opened(one, event_id)
            hold = await held(one, event_id)
            (sold,) = await ask(one, sale(journal, hold, event_id))
            assert isinstance(sold, e.Sold)
            cancels.append(c.CancelTickets(op(), event_id, OrderId(sold.operation_id)))
        one.residents.reload(EVENTS[1])  # is being loaded when both are cancelled in one call
        return await ask(one, *cancels)

    assert [type(answer) for answer in run(main())] == [e.Cancelled, e.Cancelled]


def test_a_hold_that_expires_while_evidence_is_fetched_is_not_sold() -> None:
    """Fetching may take as long as the store is away; decided by the time at which it began, the hold would
    be sold long after its buyer was told that it is over.
    """

    async def main() -> tuple[list[e.Answer], int]:
        journal = SlowEvidence()
        one = await shard(journal, settings=ShardSettings(sweep_interval_ms=60_000))
        await opened(one)
        (sold,) = await ask(one, sale(journal, await held(one)))
        assert isinstance(sold, e.Sold)
        hold = await held(one)
        await asyncio.sleep((TTL_MS - 500) / 1000)
        cancel = c.CancelTickets(op(), EVENTS[0], OrderId(sold.operation_id))
        answers = await ask(one, cancel, sale(journal, hold))
        return answers, virtual_loop().now_ms() - hold.expires_at_ms

    (cancelled, refused), late_ms = run(main())
    assert late_ms >= 0
    assert isinstance(cancelled, e.Cancelled)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.HOLD_EXPIRED


def test_a_sale_of_a_refused_batch_that_committed_before_is_not_refused() -> None:
    """The retry of a batch in doubt is refused because the batch is there already: its sales were done."""

    async def main() -> e.Answer:
        journal = MemoryJournal()
        one = await shard(journal)
        await opened(one)
        hold = await held(one)
        sell = sale(journal, hold)
        journal.fail_next(Unknown("cut"), is_written=True)
        first = e.unpack_answers(await one.submit(c.pack([sell])))
        assert first == [e.Again(is_elsewhere=False)]
        one._suspects.add(OrderId(sell.operation_id))
        return (await ask(one, sell))[0]

    assert isinstance(run(main()), e.Sold)


def test_an_unpaid_order_harms_only_itself() -> None:
    async def main() -> list[e.Answer]:
        journal = MemoryJournal()
        one = await shard(journal)
        await opened(one)
        paid, unpaid = await held(one), await held(one)
        good = sale(journal, paid)
        bad = c.Sell(op(), EVENTS[0], BUYER, HoldId(unpaid.operation_id), (TicketId(op()),))
        return await ask(one, good, bad)

    sold, refused = run(main())
    assert isinstance(sold, e.Sold)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.ILLEGAL_STEP
