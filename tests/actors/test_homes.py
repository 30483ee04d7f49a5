"""Fewer shards are run than before. If these failed, events would stay on numbers that nobody starts, where
no ticket can be bought and none that was promised can be paid for, or two shards would sell the same event.
"""

import asyncio
import itertools
import secrets

from actors.homes import home_of, rehome
from domain import commands as c
from domain import events as e
from domain.ids import EventId, uuid7
from storage.placements import overview, placed_beyond
from storage.postgres_journal import PostgresJournal
from tests.actors.stage import NOW_MS, House, Show


def on_shard(house: House, number: int) -> Show:
    """An event that belongs on a shard while there are four."""
    numbers = itertools.count(secrets.randbits(32))
    while home_of(event_id := EventId(uuid7(NOW_MS, next(numbers))), 4) != number:
        pass
    return Show(house, event_id=event_id)


async def gone_home(house: House, shard_count: int) -> int:
    beyond = await placed_beyond(house.pool, shard_count)
    return await rehome(PostgresJournal(house.pool), beyond, shard_count, "test")


async def test_events_of_shards_that_run_no_more_go_to_those_that_do(house: House) -> None:
    house.lanes._shard_count = 4
    for number in (1, 2, 3):
        await house.start(number)
    shows = [await on_shard(house, number).open() for number in (3, 3, 2, 1)]
    holds = [show.hold() for show in shows]
    first = [await house.ask(hold) for hold in holds]
    assert all(isinstance(held, e.Held) for held in first)
    zombie = house.shards[3]
    for number in (2, 3):
        del house.handles[number]
    await house.shards[2].drain()

    house.lanes._shard_count = 2
    assert await gone_home(house, 2) == 3
    assert await placed_beyond(house.pool, 2) == []
    assert await gone_home(house, 2) == 0
    events = {each.shard: each.events for each in await overview(house.pool)}
    at_home = sum(home_of(show.event_id, 2) == 0 for show in shows)
    assert events == {0: at_home, 1: 4 - at_home, 2: 0, 3: 0}

    # The gateway still believes in the old shards, which it can't reach; what was promised holds, once.
    house.lanes._lanes.clear()
    assert [await house.ask(hold) for hold in holds] == first
    assert isinstance(await house.ask(shows[0].hold()), e.Held)
    # What was shard 3 did not notice, and can't sell any more.
    late = shows[1].hold()
    answer = asyncio.ensure_future(zombie.submit(c.pack([late])))
    await asyncio.wait_for(zombie.ended.wait(), 5)
    assert zombie.is_fenced
    answer.cancel()
    held = [each for each in await shows[1].history() if isinstance(each, e.Held)]
    assert [each.operation_id for each in held] == [holds[1].operation_id]


async def test_a_number_that_runs_after_all_keeps_its_events(house: House) -> None:
    """Somebody else starts it in the middle: two that take events from each other would never end."""
    house.lanes._shard_count = 4
    await house.start(3)
    shows = [await on_shard(house, 3).open() for _ in range(3)]
    beyond = await placed_beyond(house.pool, 2)

    class Overtaken(PostgresJournal):
        async def move(self, shard: int, epoch: int, event_id: EventId, to_shard: int) -> None:
            await super().move(shard, epoch, event_id, to_shard)
            await self.claim(3, "another")

    assert await rehome(Overtaken(house.pool), beyond, 2, "test") == 1
    assert len(await placed_beyond(house.pool, 2)) == len(shows) - 1


async def test_an_event_goes_to_one_shard_at_a_time(house: House) -> None:
    await house.start(1)
    show = await Show(house).open()
    shard = house.shards[0]
    both = await asyncio.gather(shard.move_event(show.event_id, 1), shard.move_event(show.event_id, 2))
    assert list(both) == [True, False]
    assert isinstance(await house.ask(show.hold()), e.Held)


async def test_a_shard_that_is_not_there_is_asked_for_no_event_twice(house: House) -> None:
    """Where an event is was remembered for ever by a gateway that could not reach the shard."""
    show = await Show(house).open()
    lanes = house.lanes
    assert lanes._placements[show.event_id] == 0
    handle = house.handles.pop(0)
    lanes._lanes.clear()
    asked = asyncio.ensure_future(lanes.ask(show.hold()))
    async with asyncio.timeout(5):
        while show.event_id in lanes._placements:
            await asyncio.sleep(0.001)
    house.handles[0] = handle
    assert isinstance(await asked, e.Held)
