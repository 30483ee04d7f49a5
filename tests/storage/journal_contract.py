"""What every journal promises, whatever it is made of. A store that broke one of these would sell a place
twice, lose what was acknowledged, or bring back what never happened.

`Contract` is inherited by the tests of each journal, which provide `journal` (a `Journal` with nothing in it)
and `authorise` (makes an order that can be sold).
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest

from domain.commands import SoldOrder, SoldTicket
from domain.ids import BuyerId, EventId, OperationId, OrderId, TicketId, uuid7
from storage.journal import (
    Batch,
    CancelledTicket,
    Entry,
    Fenced,
    Journal,
    OperationRow,
    Placement,
    Refused,
    TicketRow,
)

NOW_MS = 1_800_000_000_000
Authorise = Callable[[OrderId, EventId, BuyerId], Awaitable[None]]
_numbers = itertools.count(1)


def fresh() -> bytes:
    """An identifier that no other call gives; they sort in the order of making."""
    return uuid7(NOW_MS + next(_numbers), 0x1234_5678)


def event() -> EventId:
    return EventId(fresh())


def entry(event_id: EventId, first: int, last: int | None = None, body: bytes = b"body") -> Entry:
    return Entry(event_id, first, first if last is None else last, NOW_MS + first, body)


def ticket(order_id: OrderId, event_id: EventId, buyer_id: BuyerId, kind: int = 0) -> TicketRow:
    return TicketRow(TicketId(fresh()), order_id, event_id, buyer_id, kind)


class Contract:
    # --- what is committed is there ------------------------------------------------------------------------

    async def test_what_was_committed_is_read_in_order(self, journal: Journal) -> None:
        epoch = await journal.claim(0, "test")
        one, other = event(), event()
        first = [entry(one, 1, 3, b"\x00a\xff"), entry(other, 1, 1, b"b")]
        second = [entry(one, 4, 9, b"c")]
        await journal.commit(Batch(0, epoch, first))
        await journal.commit(Batch(0, epoch, second))
        assert await journal.read(one, 0, 10) == [first[0], second[0]]
        assert await journal.read(other, 0, 10) == [first[1]]
        assert await journal.read(event(), 0, 10) == []

    async def test_reading_continues_after_any_event(self, journal: Journal) -> None:
        """Recovery reads on from a snapshot, which may have been taken in the middle of an entry."""
        epoch = await journal.claim(0, "test")
        show = event()
        entries = [entry(show, 1, 3), entry(show, 4, 4), entry(show, 5, 8)]
        for each in entries:
            await journal.commit(Batch(0, epoch, [each]))
        expected = {0: 0, 1: 0, 2: 0, 3: 1, 4: 2, 5: 2, 7: 2, 8: 3, 100: 3}
        for after_seq, skipped in expected.items():
            assert await journal.read(show, after_seq, 10) == entries[skipped:], after_seq
        assert await journal.read(show, 0, 2) == entries[:2]

    async def test_a_large_body_comes_back_whole(self, journal: Journal) -> None:
        epoch = await journal.claim(0, "test")
        show, body = event(), bytes(range(256)) * 1_000
        await journal.commit(Batch(0, epoch, [entry(show, 1, 5_000, body)]))
        assert (await journal.read(show, 0, 1))[0].body == body

    # --- the fence -----------------------------------------------------------------------------------------

    async def test_epochs_grow_by_shard(self, journal: Journal) -> None:
        assert [await journal.claim(3, "a"), await journal.claim(3, "b"), await journal.claim(4, "a")] == [
            1,
            2,
            1,
        ]

    async def test_an_older_incarnation_writes_nothing(self, journal: Journal, authorise: Authorise) -> None:
        """A process that was stopped, replaced and woken up still believes that it is the one writer."""
        old = await journal.claim(0, "old")
        show, order, buyer, operation = event(), OrderId(fresh()), BuyerId(fresh()), OperationId(fresh())
        await journal.commit(Batch(0, old, [entry(show, 1)]))
        await journal.placement(show, 0)
        await authorise(order, show, buyer)
        await journal.claim(0, "new")
        with pytest.raises(Fenced):
            await journal.commit(
                Batch(
                    0,
                    old,
                    [entry(show, 2), entry(event(), 1)],
                    [OperationRow(operation, show, NOW_MS, b"answer")],
                    [ticket(order, show, buyer)],
                )
            )
        assert len(await journal.read(show, 0, 10)) == 1
        assert await journal.find_operations([operation]) == {}
        assert await journal.find_orders([order]) == {}
        assert await journal.find_sellable([order]) == {order}
        with pytest.raises(Fenced):
            await journal.save_snapshot(0, old, show, 1, b"snapshot")
        assert await journal.load_snapshots(show) == []
        with pytest.raises(Fenced):
            await journal.move(0, old, show, 1)
        assert (await journal.placement(show, 5)).shard == 0

    async def test_after_a_renewal_no_batch_of_the_epoch_before_commits(self, journal: Journal) -> None:
        """What a lost connection left open has to be settled before the journal is read again: a batch that
        committed after that would be an effect which its caller was told had not happened.
        """
        epoch, show = await journal.claim(0, "test"), event()
        renewed = await journal.renew(0, epoch)
        assert renewed > epoch
        with pytest.raises(Fenced):
            await journal.commit(Batch(0, epoch, [entry(show, 1)]))
        await journal.commit(Batch(0, renewed, [entry(show, 1)]))

    async def test_only_the_newest_incarnation_renews(self, journal: Journal) -> None:
        old = await journal.claim(0, "old")
        new = await journal.claim(0, "new")
        with pytest.raises(Fenced):
            await journal.renew(0, old)
        await journal.commit(Batch(0, new, []))

    async def test_an_empty_batch_meets_the_fence_too(self, journal: Journal) -> None:
        epoch = await journal.claim(0, "test")
        await journal.commit(Batch(0, epoch, []))
        with pytest.raises(Fenced):
            await journal.commit(Batch(0, epoch + 1, []))
        with pytest.raises(Fenced):
            await journal.commit(Batch(7, 1, []))

    async def test_renewing_settles_what_is_unknown(self, journal: Journal) -> None:
        """After a lost answer the batch may still land; past a renewal it has landed or never will."""
        epoch, show = await journal.claim(0, "test"), event()
        late = asyncio.create_task(journal.commit(Batch(0, epoch, [entry(show, 1)])))
        renewed = await journal.renew(0, epoch)
        assert renewed == epoch + 1
        there = await journal.read(show, 0, 10)
        outcome = (await asyncio.gather(late, return_exceptions=True))[0]
        assert outcome is None if there else isinstance(outcome, Fenced)
        assert await journal.read(show, 0, 10) == there
        with pytest.raises(Fenced):
            await journal.commit(Batch(0, epoch, [entry(show, len(there) + 1)]))
        await journal.commit(Batch(0, renewed, [entry(show, len(there) + 1)]))
        with pytest.raises(Fenced):
            await journal.renew(0, epoch)
        with pytest.raises(Fenced):
            await journal.renew(5, 1)

    async def test_of_two_incarnations_at_once_one_is_fenced(self, journal: Journal) -> None:
        """Commits and a claim at the same time: whatever the order, no batch of the old epoch follows the
        claim.
        """
        show = event()
        old = await journal.claim(0, "old")
        outcomes: list[str] = []

        async def write(seq: int) -> None:
            try:
                await journal.commit(Batch(0, old, [entry(show, seq)]))
                outcomes.append("written")
            except (Fenced, Refused) as error:
                outcomes.append(type(error).__name__)

        async def replace() -> int:
            epoch = await journal.claim(0, "new")
            seen = await journal.read(show, 0, 100)
            await journal.commit(Batch(0, epoch, [entry(show, len(seen) + 1, body=b"new")]))
            return len(seen)

        async def write_all() -> None:
            for seq in range(1, 30):
                await write(seq)

        _, seen = await asyncio.gather(write_all(), replace())
        entries = await journal.read(show, 0, 100)
        assert len(entries) == seen + 1
        assert entries[-1].body == b"new"
        assert outcomes.count("written") == seen

    # --- dense journals ------------------------------------------------------------------------------------

    @pytest.mark.parametrize(("first", "last"), [(1, 2), (2, 2), (4, 4), (9, 9)])
    async def test_an_entry_that_does_not_follow_is_refused(
        self, journal: Journal, first: int, last: int
    ) -> None:
        """A shard that decided on a state other than the newest has decided wrongly."""
        epoch = await journal.claim(0, "test")
        show, other = event(), event()
        await journal.commit(Batch(0, epoch, [entry(show, 1, 2)]))
        with pytest.raises(Refused):
            await journal.commit(Batch(0, epoch, [entry(other, 1), entry(show, first, last)]))
        assert await journal.read(other, 0, 10) == [], "the good part of a refused batch must not be there"
        assert len(await journal.read(show, 0, 10)) == 1
        await journal.commit(Batch(0, epoch, [entry(other, 1), entry(show, 3)]))

    async def test_a_journal_begins_with_one(self, journal: Journal) -> None:
        epoch = await journal.claim(0, "test")
        with pytest.raises(Refused):
            await journal.commit(Batch(0, epoch, [entry(event(), 2)]))

    async def test_two_entries_of_one_event_are_refused(self, journal: Journal) -> None:
        epoch = await journal.claim(0, "test")
        show = event()
        for _ in range(2):
            with pytest.raises(Refused):
                await journal.commit(Batch(0, epoch, [entry(show, 1), entry(show, 2)]))
            with pytest.raises(Refused):
                await journal.commit(Batch(0, epoch, [entry(show, 1), entry(show, 1)]))
        assert await journal.read(show, 0, 10) == []

    async def test_of_two_shards_that_write_one_event_one_is_refused(self, journal: Journal) -> None:
        """Even where fence and placement fail to keep them apart, two writers can't both decide on one
        state.
        """
        epochs = [await journal.claim(0, "test"), await journal.claim(1, "test")]
        show = event()
        await journal.commit(Batch(0, epochs[0], [entry(show, 1)]))
        batches = [Batch(shard, epochs[shard], [entry(show, 2)]) for shard in (0, 1)]
        outcomes = await asyncio.gather(*map(journal.commit, batches), return_exceptions=True)
        assert [type(outcome) for outcome in outcomes if outcome is not None] == [Refused]
        assert len(await journal.read(show, 0, 10)) == 2

    # --- operations ----------------------------------------------------------------------------------------

    async def test_the_first_answer_of_an_operation_stays(self, journal: Journal) -> None:
        """After a recovery a shard may write an operation down that is written down already."""
        epoch = await journal.claim(0, "test")
        show, one, other = event(), OperationId(fresh()), OperationId(fresh())
        rows = [OperationRow(one, show, NOW_MS, b"first")]
        await journal.commit(Batch(0, epoch, [entry(show, 1)], rows))
        rows = [OperationRow(one, show, NOW_MS, b"second"), OperationRow(other, show, NOW_MS, b"")]
        await journal.commit(Batch(0, epoch, [entry(show, 2)], rows))
        unknown = OperationId(fresh())
        assert await journal.find_operations([one, unknown, other]) == {one: b"first", other: b""}
        assert await journal.find_operations([]) == {}

    # --- tickets and orders --------------------------------------------------------------------------------

    async def test_tickets_are_issued_with_the_step_of_their_order(
        self, journal: Journal, authorise: Authorise
    ) -> None:
        epoch = await journal.claim(0, "test")
        show, buyer = event(), BuyerId(fresh())
        orders = [OrderId(fresh()), OrderId(fresh())]
        for order in orders:
            await authorise(order, show, buyer)
        assert await journal.find_sellable([*orders, OrderId(fresh())]) == set(orders)
        tickets = [ticket(orders[0], show, buyer, 0), ticket(orders[0], show, buyer, 3)]
        await journal.commit(Batch(0, epoch, [entry(show, 1)], [], tickets))
        sold = tuple(SoldTicket(row.ticket_id, row.ticket_type, False) for row in tickets)
        assert await journal.find_orders(orders) == {orders[0]: SoldOrder(orders[0], show, buyer, sold)}
        assert await journal.find_sellable(orders) == {orders[1]}

    async def test_an_order_is_sold_once(self, journal: Journal, authorise: Authorise) -> None:
        """A second sell, or one of an order that nobody paid, must take the whole batch with it."""
        epoch = await journal.claim(0, "test")
        show, buyer, order = event(), BuyerId(fresh()), OrderId(fresh())
        await authorise(order, show, buyer)
        await journal.commit(Batch(0, epoch, [entry(show, 1)], [], [ticket(order, show, buyer)]))
        for bad in (order, OrderId(fresh())):
            with pytest.raises(Refused):
                await journal.commit(Batch(0, epoch, [entry(show, 2)], [], [ticket(bad, show, buyer)]))
        assert len(await journal.read(show, 0, 10)) == 1
        assert len((await journal.find_orders([order]))[order].tickets) == 1

    async def test_a_ticket_is_issued_once(self, journal: Journal, authorise: Authorise) -> None:
        epoch = await journal.claim(0, "test")
        show, buyer, one, other = event(), BuyerId(fresh()), OrderId(fresh()), OrderId(fresh())
        for order in (one, other):
            await authorise(order, show, buyer)
        issued = ticket(one, show, buyer)
        await journal.commit(Batch(0, epoch, [entry(show, 1)], [], [issued]))
        again = TicketRow(issued.ticket_id, other, show, buyer, 0)
        with pytest.raises(Refused):
            await journal.commit(Batch(0, epoch, [entry(show, 2)], [], [again]))
        assert await journal.find_sellable([other]) == {other}

    async def test_taking_tickets_back(self, journal: Journal, authorise: Authorise) -> None:
        epoch = await journal.claim(0, "test")
        show, buyer, order = event(), BuyerId(fresh()), OrderId(fresh())
        await authorise(order, show, buyer)
        rows = [ticket(order, show, buyer) for _ in range(3)]
        await journal.commit(Batch(0, epoch, [entry(show, 1)], [], rows))

        def batch(seq: int, *taken: TicketRow) -> Batch:
            cancelled = [CancelledTicket(row.ticket_id, order) for row in taken]
            return Batch(0, epoch, [entry(show, seq)], cancelled=cancelled)

        await journal.commit(batch(2, rows[1]))
        sold = (await journal.find_orders([order]))[order]
        assert [each.is_cancelled for each in sold.tickets] == [False, True, False]
        # Twice is refused, and so is a batch that has only one ticket wrong.
        for taken in ([rows[1]], [rows[0], rows[1]], [rows[0], rows[0]], [ticket(order, show, buyer)]):
            with pytest.raises(Refused):
                await journal.commit(batch(3, *taken))
        await journal.commit(batch(3, rows[0], rows[2]))
        sold = (await journal.find_orders([order]))[order]
        assert all(each.is_cancelled for each in sold.tickets)

    # --- snapshots -----------------------------------------------------------------------------------------

    async def test_the_newest_two_snapshots_are_kept(self, journal: Journal) -> None:
        epoch = await journal.claim(0, "test")
        show = event()
        assert await journal.load_snapshots(show) == []
        await journal.commit(Batch(0, epoch, [entry(show, 1, 30)]))
        for seq in (10, 20, 30, 30):
            await journal.save_snapshot(0, epoch, show, seq, b"at %d" % seq)
        assert await journal.load_snapshots(show) == [b"at 30", b"at 20"]

    async def test_no_snapshot_of_what_is_not_durable(self, journal: Journal) -> None:
        """Recovery believes snapshots: one taken of a batch that then failed would make it true."""
        epoch = await journal.claim(0, "test")
        show = event()
        with pytest.raises(Refused):
            await journal.save_snapshot(0, epoch, show, 1, b"")
        await journal.commit(Batch(0, epoch, [entry(show, 1, 5)]))
        with pytest.raises(Refused):
            await journal.save_snapshot(0, epoch, show, 6, b"")
        assert await journal.load_snapshots(show) == []

    # --- placements ----------------------------------------------------------------------------------------

    async def test_an_event_is_placed_once(self, journal: Journal) -> None:
        show = event()
        found = await asyncio.gather(*(journal.placement(show, shard) for shard in range(8)))
        assert len(set(map(repr, found))) == 1
        assert found[0].version == 1
        assert await journal.placement(show, 99) == found[0]

    async def test_a_placement_tells_how_far_the_journal_has_come(self, journal: Journal) -> None:
        """What has none needs no reading."""
        epoch, show = await journal.claim(0, "test"), event()
        assert (await journal.placement(show, 0)).seq == 0
        await journal.commit(Batch(0, epoch, [entry(show, 1)]))
        await journal.commit(Batch(0, epoch, [entry(show, 2, 4)]))
        assert (await journal.placement(show, 0)).seq == 4
        await journal.move(0, epoch, show, 1)
        assert (await journal.placement(show, 0)).seq == 4

    async def test_only_the_shard_that_has_an_event_moves_it(self, journal: Journal) -> None:
        epochs = [await journal.claim(0, "test"), await journal.claim(1, "test")]
        show = event()
        await journal.placement(show, 0)
        with pytest.raises(Refused):
            await journal.move(1, epochs[1], show, 2)
        with pytest.raises(Refused):
            await journal.move(0, epochs[0], event(), 1)
        await journal.move(0, epochs[0], show, 1)
        assert await journal.placement(show, 0) == Placement(show, shard=1, version=2, seq=0)
        with pytest.raises(Refused):
            await journal.move(0, epochs[0], show, 2)

    async def test_events_that_may_have_live_holds_are_found(self, journal: Journal) -> None:
        """A shard that starts has to expire the holds of events that nobody asks for any more."""
        epoch = await journal.claim(0, "test")
        idle, quiet, busy, elsewhere = event(), event(), event(), event()
        for show, shard in ((idle, 0), (quiet, 0), (busy, 0), (elsewhere, 1)):
            await journal.placement(show, shard)
        for show in (quiet, busy, elsewhere):
            await journal.commit(Batch(0, epoch, [entry(show, 1)]))
        await journal.commit(Batch(0, epoch, [entry(busy, 2, 200), entry(elsewhere, 2, 200)]))
        assert await journal.placed_on(0, NOW_MS + 2) == [busy]
        assert await journal.placed_on(0, NOW_MS) == [quiet, busy]
        assert await journal.placed_on(9, 0) == []
