"""The lanes of a gateway: few calls for many waiting buyers, and an answer for each of them, whatever happens
to a shard.
"""

import asyncio
from collections import Counter

from actors.ports import ShardHandle, ShardLost
from actors.refs import LaneSettings, Shards
from domain import commands as c
from domain import events as e
from domain.ids import EventId, OperationId
from domain.refusals import Code, Refusal
from storage.postgres_journal import PostgresJournal
from tests.actors.stage import Direct, House, Show, fresh


async def test_many_waiting_buyers_make_few_calls(house: House) -> None:
    show = await Show(house, capacity=2_000).open()
    before = house.handles[0].calls
    outcomes = await asyncio.gather(*(house.ask(show.hold()) for _ in range(1_500)))
    assert Counter(type(outcome) for outcome in outcomes) == {e.Held: 1_500}
    assert house.handles[0].calls - before <= 6


async def test_each_buyer_gets_the_answer_to_his_own_command(house: House) -> None:
    show = await Show(house, capacity=50).open()
    holds = [show.hold() for _ in range(80)]
    outcomes = await asyncio.gather(*(house.ask(hold) for hold in holds))
    held = [(hold, got) for hold, got in zip(holds, outcomes, strict=True) if isinstance(got, e.Held)]
    assert len(held) == 50
    assert all(got.operation_id == hold.operation_id and got.buyer_id == hold.buyer_id for hold, got in held)
    assert outcomes.index(next(got for got in outcomes if isinstance(got, Refusal))) == 50, (
        "first come, first served"
    )


async def test_a_shard_that_comes_back_within_patience_is_not_noticed(house: House) -> None:
    show = await Show(house).open()
    lost: list[int] = []

    async def connect(number: int) -> ShardHandle:
        if len(lost) < 3:
            lost.append(number)
            raise ShardLost("not yet")
        return house.handles[number]

    lanes = Shards(PostgresJournal(house.pool), connect, 1)
    assert isinstance(await lanes.ask(show.hold()), e.Held)
    assert len(lost) == 3
    await lanes.close()


async def test_a_shard_that_stays_away_is_refused_as_busy(house: House) -> None:
    show = await Show(house).open()

    async def connect(number: int) -> ShardHandle:
        raise ShardLost("gone")

    lanes = Shards(PostgresJournal(house.pool), connect, 1, LaneSettings(patience_ms=200))
    refusal = await lanes.ask(show.hold())
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.BUSY
    assert refusal.retry_after_ms
    await lanes.close()


async def test_a_placement_that_postgres_refuses_leaves_nobody_waiting(house: House) -> None:
    """As it does when its disk is full: who asks is told that it is busy, and answered when it is mended."""
    lanes = Shards(PostgresJournal(house.pool), house.connect, 1, LaneSettings(patience_ms=200))
    pause = c.PauseSale(OperationId(fresh()), EventId(fresh()))
    await house.pool.execute("ALTER TABLE placements ADD CONSTRAINT refusing CHECK (false) NOT VALID")
    try:
        async with asyncio.timeout(5):
            refused = await asyncio.gather(*(lanes.ask(pause) for _ in range(3)))
        assert all(isinstance(one, Refusal) and one.code is Code.BUSY for one in refused)
    finally:
        await house.pool.execute("ALTER TABLE placements DROP CONSTRAINT refusing")
    answered = await lanes.ask(pause)
    assert isinstance(answered, Refusal)
    assert answered.code is Code.NOT_FOUND, "there is no such event, as the shard says"
    await lanes.close()


async def test_a_state_whose_placement_postgres_refuses_is_one_that_can_not_be_had_now(house: House) -> None:
    """The round that refreshes what pages watch ended with it, and its gateway was never ready again."""
    lanes = Shards(PostgresJournal(house.pool), house.connect, 1, LaneSettings(patience_ms=200))
    event_id = EventId(fresh())
    await house.pool.execute("ALTER TABLE placements ADD CONSTRAINT refusing CHECK (false) NOT VALID")
    try:
        assert await lanes.state(event_id) is None
    finally:
        await house.pool.execute("ALTER TABLE placements DROP CONSTRAINT refusing")
    assert await lanes.state(event_id) is not None
    await lanes.close()


async def test_a_call_with_an_answer_missing_leaves_nobody_waiting(house: House) -> None:
    class Forgetful(Direct):
        async def submit(self, packed: bytes) -> bytes:
            await super().submit(packed)
            return e.pack([])

    async def connect(number: int) -> ShardHandle:
        return Forgetful(house.shards[number])

    show = await Show(house).open()
    lanes = Shards(PostgresJournal(house.pool), connect, 1, LaneSettings(patience_ms=200))
    refusal = await asyncio.wait_for(lanes.ask(show.hold()), 5)
    assert isinstance(refusal, Refusal)
    assert refusal.code is Code.BUSY
    await lanes.close()


async def test_a_queue_that_is_full_refuses_at_once(house: House) -> None:
    show = await Show(house).open()
    journal = house.journals[0]
    lanes = Shards(PostgresJournal(house.pool), house.connect, 1, LaneSettings(waiting_max=10, calls_max=1))
    journal.open_gate.clear()
    journal.at_gate.clear()
    first = lanes.ask(show.hold())
    await journal.at_gate.wait()
    others = [lanes.ask(show.hold()) for _ in range(30)]
    refused = [other.result() for other in others if other.done()]
    assert len(refused) == 20
    assert all(isinstance(refusal, Refusal) and refusal.code is Code.BUSY for refusal in refused)
    journal.open_gate.set()
    assert isinstance(await first, e.Held)
    await asyncio.gather(*others)
    await lanes.close()


async def test_who_waits_for_a_placement_is_counted_too(house: House) -> None:
    """While PostgreSQL does not say where an event is, a crowd must not fill the gateway's memory."""
    show = await Show(house).open()
    lanes = Shards(PostgresJournal(house.pool), house.connect, 1, LaneSettings(waiting_max=10))
    async with house.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE placements IN ACCESS EXCLUSIVE MODE")
        asked = [lanes.ask(show.hold()) for _ in range(30)]
        refused = [each.result() for each in asked if each.done()]
        assert len(refused) == 20
        assert all(isinstance(refusal, Refusal) and refusal.code is Code.BUSY for refusal in refused)
    assert Counter(map(type, await asyncio.gather(*asked))) == {e.Held: 10, Refusal: 20}
    await lanes.close()


async def test_a_lost_answer_is_asked_for_again_with_the_same_operation(house: House) -> None:
    """The shard decided and committed, and its answer never arrived."""
    show = await Show(house).open()

    class Lossy:
        def __init__(self) -> None:
            self.lost = 0

        async def submit(self, packed: bytes) -> bytes:
            reply = await house.handles[0].submit(packed)
            if self.lost < 2:
                self.lost += 1
                raise ShardLost("the answer was lost")
            return reply

        async def state(self, event_id: bytes) -> bytes | None:
            return None

    lossy = Lossy()

    async def connect(number: int) -> ShardHandle:
        return lossy

    lanes = Shards(PostgresJournal(house.pool), connect, 1)
    hold = show.hold()
    assert isinstance(await lanes.ask(hold), e.Held)
    assert lossy.lost == 2
    held = [event for event in await show.history() if isinstance(event, e.Held)]
    assert [event.operation_id for event in held] == [hold.operation_id]
    await lanes.close()


async def test_a_call_that_a_shard_cannot_read_leaves_nobody_waiting(house: House) -> None:
    show = await Show(house).open()
    unreadable = c.Withhold(show.hold().operation_id, show.event_id, b"", None)  # type: ignore[arg-type]
    lanes = Shards(PostgresJournal(house.pool), house.connect, 1, LaneSettings(patience_ms=200))
    refusal = await asyncio.wait_for(lanes.ask(unreadable), 5)
    assert isinstance(refusal, Refusal)
    assert isinstance(await lanes.ask(show.hold()), e.Held)
    await lanes.close()
