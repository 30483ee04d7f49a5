"""Events come into memory, leave it, and move between shards, and no acknowledged operation is lost on the
way.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from actors.ports import ShardSettings
from actors.recovery import JournalGap, recover
from actors.residents import BROKEN_MS, LOADED_AT_ONCE_MAX, LOADED_UNASKED_MAX
from actors.sale import SaleShard
from actors.snapshotting import AT_ONCE_MAX as SNAPSHOTS_AT_ONCE_MAX
from actors.snapshotting import RETRY_MS_MIN
from domain import commands as c
from domain import events as e
from domain import snapshots
from domain.ids import EventId, HoldId, OperationId
from storage.postgres_journal import PostgresJournal
from tests.actors.stage import Direct, House, Show, Watched, fresh, until


def fingerprint(state: object) -> bytes:
    return snapshots.pack(list(snapshots.take(state)))  # type: ignore[arg-type]


async def test_recovery_gives_the_state_that_was(house: House) -> None:
    show = await Show(house).open()
    holds = [show.hold() for _ in range(20)]
    await asyncio.gather(*(house.ask(hold) for hold in holds))
    release = c.ReleaseHold(
        OperationId(fresh()), show.event_id, holds[0].buyer_id, HoldId(holds[0].operation_id)
    )
    await house.ask(release)
    (resident,) = house.shards[0].residents
    recovered, _ = await recover(PostgresJournal(house.pool), show.event_id)
    assert fingerprint(recovered) == fingerprint(resident.state)


async def test_a_long_journal_is_read_in_pieces_to_its_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    show = await Show(house).open()
    for hold in [show.hold() for _ in range(4)]:
        await house.ask(hold)
    (resident,) = house.shards[0].residents
    journal = PostgresJournal(house.pool)
    entries = len(await journal.read(show.event_id, 0, 100))
    for at_once in range(1, entries + 2):
        monkeypatch.setattr("actors.recovery.ENTRIES_A_READ", at_once)
        recovered, _ = await recover(journal, show.event_id)
        assert fingerprint(recovered) == fingerprint(resident.state), at_once


async def test_a_snapshot_and_the_journal_after_it_give_the_state_that_was(house: House) -> None:
    await house.shards[0].kill()
    house.settings = ShardSettings(snapshot_events_min=10, sweep_interval_ms=5, recent_operations_max=5)
    await house.start()
    show = await Show(house).open()
    stored = "SELECT count(*) FROM snapshots"
    for hold in [show.hold() for _ in range(15)]:
        await house.ask(hold)

    async def has_snapshot() -> bool:
        house.now_ms += 5
        return bool(await house.pool.fetchval(stored))

    await until(has_snapshot)
    await asyncio.gather(*(house.ask(show.hold()) for _ in range(5)))
    (resident,) = house.shards[0].residents
    recovered, snapshot_seq = await recover(PostgresJournal(house.pool), show.event_id)
    assert 10 < snapshot_seq <= 17
    assert recovered.seq == resident.state.seq == len(await show.history())
    assert fingerprint(recovered) == fingerprint(resident.state)


async def test_an_event_whose_journal_is_wrong_is_not_read_again_for_everybody_who_asks(house: House) -> None:
    """Nor whenever arrivals are looked for: a shard did nothing else then, if it was a long one. What was
    mended is sold from after a minute.
    """
    show = await Show(house).open()
    mend = "UPDATE journal SET body = $2 WHERE event_id = $1 AND seq = 2"
    good = await house.pool.fetchval(
        "SELECT body FROM journal WHERE event_id = $1 AND seq = 2", show.event_id
    )
    await house.pool.execute(mend, show.event_id, b"\x93")
    shard, journal = await counted(house)
    await until(lambda: not shard.residents._wanted)
    looks = journal.looks
    assert looks == 1
    for _ in range(20):
        shard.residents.get(show.event_id)
        await shard.residents.load_placed()
        await until(lambda: not shard.residents._loading)
    assert journal.looks == looks
    await house.pool.execute(mend, show.event_id, good)
    house.now_ms += BROKEN_MS
    assert isinstance(await house.ask(show.hold()), e.Held)


class Failing(Watched):
    """Can't store snapshots for a while."""

    failures_left = 3
    tries = 0

    async def save_snapshot(self, shard: int, epoch: int, event_id: EventId, seq: int, body: bytes) -> None:
        self.tries += 1
        if self.failures_left:
            self.failures_left -= 1
            raise ConnectionError("PostgreSQL is away")
        await super().save_snapshot(shard, epoch, event_id, seq, body)


async def test_a_snapshot_that_failed_is_stored_soon_though_nothing_more_is_sold(house: House) -> None:
    """It waited for a hundred thousand events more, which recovery would have had to read on top."""
    await house.shards[0].kill()
    settings = ShardSettings(snapshot_events_min=10, sweep_interval_ms=5)
    journal = Failing(house.pool)
    shard = SaleShard(0, journal, house.heard, lambda: house.now_ms, settings, owner="test")
    await shard.start()
    house.shards[0], house.handles[0] = shard, Direct(shard)
    show = await Show(house).open()
    await asyncio.gather(*(house.ask(show.hold()) for _ in range(15)))
    began_ms = house.now_ms

    async def has_snapshot() -> bool:
        house.now_ms += 50
        return bool(await house.pool.fetchval("SELECT count(*) FROM snapshots"))

    await until(has_snapshot)
    assert journal.tries == 4
    # A second, two, and four, and not with every sweep.
    assert house.now_ms - began_ms >= 7 * RETRY_MS_MIN
    (resident,) = shard.residents
    assert resident.snapshot_seq == resident.state.seq


async def test_an_unreadable_snapshot_only_makes_recovery_slower(house: House) -> None:
    show = await Show(house).open()
    await house.ask(show.hold())
    await house.pool.execute(
        "INSERT INTO snapshots (event_id, seq, snapshot_id) VALUES ($1, 3, 77)", show.event_id
    )
    part = "INSERT INTO snapshot_parts (snapshot_id, part, event_id, body) VALUES (77, 0, $1, $2)"
    await house.pool.execute(part, show.event_id, b"not a snapshot")
    recovered, snapshot_seq = await recover(PostgresJournal(house.pool), show.event_id)
    assert (recovered.seq, snapshot_seq) == (3, 0)


async def test_a_shard_that_is_killed_again_and_again_stores_a_snapshot_in_the_end(house: House) -> None:
    """Each start began to count anew, and what the next one had to read grew without an end."""
    show = await Show(house).open()
    house.settings = ShardSettings(snapshot_events_min=10, sweep_interval_ms=5)

    async def has_snapshot() -> bool:
        house.now_ms += 5
        return bool(await house.pool.fetchval("SELECT count(*) FROM snapshots"))

    for _ in range(2):
        await house.shards[0].kill()
        await house.start()
        house.lanes._lanes.clear()  # the lanes of a gateway would find the new incarnation by its name
        assert not await has_snapshot()
        await asyncio.gather(*(house.ask(show.hold()) for _ in range(7)))
    await until(has_snapshot)


async def test_a_gap_in_the_journal_is_not_sold_from(house: House) -> None:
    show = await Show(house).open()
    for _ in range(3):
        await house.ask(show.hold())
    await house.pool.execute("DELETE FROM journal WHERE event_id = $1 AND seq = 3", show.event_id)
    with pytest.raises(JournalGap):
        await recover(PostgresJournal(house.pool), show.event_id)


@pytest.mark.parametrize(
    "body",
    [b"\x93", e.pack([e.Released(OperationId(bytes(16)), HoldId(bytes(16)))])],
    ids=["unreadable", "impossible"],
)
async def test_a_journal_that_can_not_have_happened_is_read_once_and_reported(
    house: House, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """It was read again four times a second, for as long as its shard lived, and nobody was told why."""
    show = await Show(house).open()
    await house.shards[0].kill()
    await house.pool.execute(
        "UPDATE journal SET body = $2 WHERE event_id = $1 AND seq = 2", show.event_id, body
    )
    shard = await house.start()
    await until(lambda: not shard.residents._wanted)
    assert f"event {show.event_id.hex()} is not sold from" in caplog.text
    assert await shard.state(show.event_id) is None
    moving = asyncio.create_task(shard.move_event(show.event_id, 1))

    def has_ended() -> bool:
        house.now_ms += 1_000
        return moving.done()

    await until(has_ended)
    assert not await moving, "nor is it moved"
    assert not shard._moves


class Counted(Watched):
    """Counts how many events are loaded or stored at once."""

    at_once = 0
    most = 0
    looks = 0

    async def load_snapshots(self, event_id: EventId) -> list[bytes]:
        self.looks += 1
        with self._counted():
            return await super().load_snapshots(event_id)

    async def save_snapshot(self, shard: int, epoch: int, event_id: EventId, seq: int, body: bytes) -> None:
        with self._counted():
            await super().save_snapshot(shard, epoch, event_id, seq, body)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            yield
        finally:
            self.at_once -= 1


async def counted(house: House) -> tuple[SaleShard, Counted]:
    """Start shard 0 anew, with such a journal."""
    await house.shards[0].kill()
    journal = Counted(house.pool)
    shard = SaleShard(0, journal, house.heard, lambda: house.now_ms, house.settings, owner="test")
    await shard.start()
    house.shards[0], house.handles[0] = shard, Direct(shard)
    house.lanes._lanes.clear()  # the lanes of a gateway would find the new incarnation by its name
    return shard, journal


async def test_what_has_no_journal_is_not_read(house: House) -> None:
    """Ten thousand events that open would be looked for three times each."""
    _, journal = await counted(house)
    show = await Show(house).open()
    assert journal.looks == 0
    house.shards[0].residents.reload(show.event_id)
    assert isinstance(await house.ask(show.hold()), e.Held)
    assert journal.looks == 1


async def test_a_shard_that_starts_loads_a_few_events_at_once(house: House) -> None:
    """Thousands may be placed on it. All at once they would be before its first batch in the queue for a
    connection, and most of them wait in vain and begin again.
    """
    shows = [await Show(house).open() for _ in range(12)]
    shard, journal = await counted(house)
    await until(lambda: len(shard.residents) == len(shows))
    assert 1 <= journal.most <= LOADED_UNASKED_MAX


async def test_events_that_are_asked_for_together_are_loaded_a_few_at_once(house: House) -> None:
    """After a restart in the middle of many sales each of them is. A batch would wait behind all of them for
    a connection, in vain, and its events would be loaded once more.
    """
    shows = [await Show(house).open() for _ in range(3 * LOADED_AT_ONCE_MAX)]
    shard, journal = await counted(house)
    answers = await asyncio.gather(*(house.ask(show.hold()) for show in shows))
    assert all(isinstance(answer, e.Held) for answer in answers)
    assert 1 <= journal.most <= LOADED_AT_ONCE_MAX
    assert len(shard.residents) == len(shows)


async def test_events_that_become_idle_together_are_stored_a_few_at_once(house: House) -> None:
    house.settings = ShardSettings(idle_ms=1_000, sweep_interval_ms=5)
    shard, journal = await counted(house)
    shows = [await Show(house).open() for _ in range(8)]
    await asyncio.gather(*(house.ask(c.CloseSale(OperationId(fresh()), show.event_id)) for show in shows))
    journal.most = 0

    async def are_stored() -> bool:
        house.now_ms += 500
        return bool(await house.pool.fetchval("SELECT count(*) FROM snapshots") == len(shows))

    await until(are_stored)
    assert len(shard.residents) == 0
    assert 1 <= journal.most <= SNAPSHOTS_AT_ONCE_MAX


async def test_who_asks_for_an_event_does_not_wait_for_those_of_others(house: House) -> None:
    shows = [await Show(house).open() for _ in range(12)]
    await house.shards[0].kill()
    house.lanes._lanes.clear()  # the lanes of a gateway would find the new incarnation by its name
    async with house.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE snapshots IN ACCESS EXCLUSIVE MODE")
        shard = await house.start()
        wanted = [
            event_id for event_id in shard.residents._wanted if event_id not in shard.residents._loading
        ]
        assert len(wanted) == 12 - LOADED_UNASKED_MAX
        last = next(show for show in shows if show.event_id == wanted[-1])
        asked = asyncio.create_task(house.ask(last.hold()))
        await until(lambda: last.event_id in shard.residents._loading)
    assert isinstance(await asked, e.Held)
    await until(lambda: len(shard.residents) == 12)


async def test_an_event_that_postgres_refuses_to_load_is_loaded_when_it_does_not(house: House) -> None:
    """As it does when it is out of memory or of disk: that passes, and nobody has to ask for the event."""
    show = await Show(house).open()
    await house.shards[0].kill()
    await house.pool.execute("ALTER VIEW snapshot_bodies RENAME TO away")
    try:
        shard = await house.start()
        await until(lambda: not shard.residents._loading)
        assert len(shard.residents) == 0
    finally:
        await house.pool.execute("ALTER VIEW away RENAME TO snapshot_bodies")

    def is_there() -> bool:
        house.now_ms += 20
        return len(shard.residents) == 1

    await until(is_there)
    assert [resident.event_id for resident in shard.residents] == [show.event_id]


async def test_an_idle_event_leaves_memory_and_comes_back(house: House) -> None:
    await house.shards[0].kill()
    house.settings = ShardSettings(idle_ms=1_000, sweep_interval_ms=5)
    await house.start()
    show = await Show(house).open()
    hold = show.hold()
    first = await house.ask(hold)
    release = c.ReleaseHold(OperationId(fresh()), show.event_id, hold.buyer_id, HoldId(hold.operation_id))
    await house.ask(release)

    def is_gone() -> bool:
        house.now_ms += 500
        return len(house.shards[0].residents) == 0

    await until(is_gone)
    assert await house.ask(hold) == first


async def test_an_event_moves_while_it_sells(house: House) -> None:
    """Hundreds of holds are under way when the event is handed over; each is there once, none is lost."""
    await house.start(1)
    show = await Show(house, capacity=1_000).open()
    holds = [show.hold() for _ in range(400)]

    async def buy(hold: c.PlaceHold) -> None:
        held = await house.ask(hold)
        assert isinstance(held, e.Held), held

    asked = [asyncio.ensure_future(buy(hold)) for hold in holds[:200]]
    moving = asyncio.ensure_future(house.shards[0].move_event(show.event_id, 1))
    asked += [asyncio.ensure_future(buy(hold)) for hold in holds[200:]]
    assert await moving
    await asyncio.gather(*asked)
    after = show.hold()
    assert isinstance(await house.ask(after), e.Held)
    assert [resident.event_id for resident in house.shards[1].residents] == [show.event_id]
    held = [event.operation_id for event in await show.history() if isinstance(event, e.Held)]
    assert sorted(held) == sorted(hold.operation_id for hold in [*holds, after])


@pytest.mark.parametrize(("events_min", "is_stored"), [(10, True), (100_000, False)])
async def test_draining_finishes_what_waits_and_stores_what_is_long_to_replay(
    house: House, events_min: int, is_stored: bool
) -> None:
    """One statement more for each of ten thousand events is half a minute that nobody waits for a shard."""
    await house.shards[0].kill()
    house.settings = ShardSettings(snapshot_events_min=events_min)
    await house.start()
    show = await Show(house).open()
    asked = [asyncio.ensure_future(house.ask(show.hold())) for _ in range(10)]
    await until(lambda: house.handles[0].calls >= 3)
    await house.shards[0].drain()
    stored = await house.pool.fetchval("SELECT max(seq) FROM snapshots")
    assert stored == (len(await show.history()) if is_stored else None)
    await house.start()
    house.lanes._lanes.clear()  # the lanes of a gateway would find the new incarnation by its name
    assert all(isinstance(held, e.Held) for held in await asyncio.gather(*asked))
