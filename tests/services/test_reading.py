"""Reading the catalogue. If these failed, pages would show what was, a popular page would ask PostgreSQL for
every reader, or a Redis that is away would take the pages with it.
"""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from domain.ids import EventId
from services.events.reading import DATABASE, MEMORY, PAGE_FRESH_S, REDIS, Reading
from storage.catalogue import Catalogue
from storage.event_lists import Wanted, own_events, public_events
from storage.event_pages import EventPages
from storage.event_records import EventRecord
from storage.fanout import RedisFanout
from storage.postgres import Pool, close_pool, create_pool
from tests.storage.cuttable import proxied
from tests.storage.journal_contract import fresh
from tests.storage.test_catalogue import HALL, HOUR_MS, NOW_MS, concert


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Gateway:
    """As much of a gateway as reads."""

    def __init__(self, pool: Pool, url: str) -> None:
        self.fanout = RedisFanout(url)
        self.pages = EventPages(url, self.fanout)
        self.clock = Clock()
        self.reading = Reading(pool, self.pages, lambda: NOW_MS, self.clock)

    async def close(self) -> None:
        await self.pages.close()
        await self.fanout.close()


@pytest.fixture
async def pool(migrated_dsn: str) -> AsyncIterator[Pool]:
    made = await create_pool(migrated_dsn, application_name="test", connections_max=4)
    yield made
    await close_pool(made)


@pytest.fixture
async def gateways(pool: Pool, redis_url: str) -> AsyncIterator[list[Gateway]]:
    made = [Gateway(pool, redis_url) for _ in range(2)]
    for gateway in made:
        await gateway.reading.listen()
    yield made
    for gateway in made:
        await gateway.close()


async def stored(pool: Pool, event: EventRecord) -> EventRecord:
    catalogue = Catalogue(pool)
    await catalogue.save(HALL, event)
    found = await catalogue.find(event.event_id)
    assert found is not None
    return found


async def title(gateway: Gateway, name: str) -> str | None:
    kept = await gateway.reading.page(name)
    return None if kept is None else kept.event.title


async def test_a_thousand_readers_make_one_question(pool: Pool, gateways: list[Gateway]) -> None:
    await stored(pool, concert())
    one = gateways[0]
    assert set(await asyncio.gather(*(title(one, "concert") for _ in range(1_000)))) == {"Concert"}
    assert one.reading.reads[DATABASE] == 1
    await title(one, "concert")
    assert one.reading.reads[MEMORY] >= 1


async def test_many_pages_make_few_questions_and_each_gets_its_own(
    pool: Pool, gateways: list[Gateway]
) -> None:
    """They are read together, what Redis has and what only PostgreSQL has; nobody may get another's."""
    names = [f"evening-{number}" for number in range(40)]
    for name in names:
        await stored(
            pool, msgspec.structs.replace(concert(), event_id=EventId(fresh()), slug=name, title=name)
        )
    one, other = gateways
    asked = [*names, "nothing", "nothing-either"]
    assert await asyncio.gather(*(title(one, name) for name in asked)) == [*names, None, None]
    questions = one.reading._catalogue._finding
    assert (questions.items, one.reading.reads[DATABASE]) == (42, 42)
    assert questions.batches <= 4
    for name in names[::2]:
        kept = await one.reading.page(name)
        assert kept is not None
        await one.pages.put(kept.event)
    assert await asyncio.gather(*(title(other, name) for name in reversed(asked))) == [
        None,
        None,
        *names[::-1],
    ]
    assert (other.reading.reads[REDIS], other.reading.reads[DATABASE]) == (20, 22)
    assert other.pages._finding.batches <= 4


async def test_what_is_asked_for_twice_is_shared(pool: Pool, gateways: list[Gateway]) -> None:
    await stored(pool, concert())
    one, other = gateways
    for _ in range(2):
        await title(one, "concert")
        one.clock.now_s += PAGE_FRESH_S
    await title(other, "concert")
    assert (one.reading.reads[DATABASE], other.reading.reads[REDIS]) == (2, 1)
    assert other.reading.reads[DATABASE] == 0


async def test_a_change_is_heard_by_everybody(pool: Pool, gateways: list[Gateway]) -> None:
    event = await stored(pool, concert())
    for gateway in gateways:
        await title(gateway, "concert")
    changed = await stored(pool, msgspec.structs.replace(event, title="Changed"))
    await gateways[0].reading.announce(changed)
    assert await title(gateways[0], "concert") == "Changed"
    async with asyncio.timeout(1):
        while await title(gateways[1], "concert") != "Changed":
            await asyncio.sleep(0.001)


async def test_a_word_that_was_lost_is_said_again(
    pool: Pool, gateways: list[Gateway], redis_url: str
) -> None:
    event = await stored(pool, concert())
    other = gateways[0]
    await title(other, "concert")
    async with proxied(redis_url) as (proxy, through):
        cut_off = Gateway(pool, through)
        proxy.is_deaf = True
        changed = await stored(pool, msgspec.structs.replace(event, title="Changed"))
        await cut_off.reading.announce(changed)
        assert await title(other, "concert") == "Concert"
        proxy.is_deaf = False
        # Nobody's clock goes on: what is at hand is not read anew for any other reason.
        async with asyncio.timeout(1):
            while await title(other, "concert") != "Changed":
                await asyncio.sleep(0.01)
        await cut_off.close()


async def test_a_slow_reader_brings_no_old_page_back(pool: Pool, gateways: list[Gateway]) -> None:
    old = await stored(pool, concert())
    new = await stored(pool, msgspec.structs.replace(old, title="Changed"))
    one, other = gateways
    await one.reading.announce(new)
    await one.pages.put(old)
    assert await title(other, "concert") == "Changed"
    assert other.reading.reads[REDIS] == 0


async def test_who_asks_after_a_change_is_not_given_what_was_read_before_it(
    pool: Pool, gateways: list[Gateway]
) -> None:
    """Somebody looks up an address that no event has, slowly; one gets it. Whoever asks for it then must not
    be told that none has it, nor must that be remembered.
    """
    event = await stored(pool, concert())
    reading = gateways[0].reading
    has_looked, may_answer = asyncio.Event(), asyncio.Event()

    async def slow_look() -> EventId | None:
        found = await Catalogue(pool).find_by_slug("moved")
        has_looked.set()
        await may_answer.wait()
        return None if found is None else found.event_id

    early = asyncio.create_task(reading._once("moved", slow_look))
    await has_looked.wait()
    moved = await stored(pool, msgspec.structs.replace(event, slug="moved"))
    await reading.announce(moved)
    late = asyncio.create_task(title(gateways[0], "moved"))
    await asyncio.sleep(0)
    may_answer.set()
    assert (await early, await late) == (None, "Concert")
    assert await title(gateways[0], "moved") == "Concert"


async def test_drafts_are_not_told_from_what_never_was(pool: Pool, gateways: list[Gateway]) -> None:
    draft = await stored(pool, concert(status="draft"))
    await stored(pool, concert("put-away", status="archived"))
    await stored(pool, concert("off", status="cancelled"))
    one = gateways[0]
    assert [await title(one, name) for name in ("concert", "put-away", "nothing")] == [None] * 3
    assert await title(one, "off") == "Concert"
    # Who has bought something of it still reads what that was, and what is at hand is not asked for again.
    asked = one.reading.reads[DATABASE]
    assert [await one.reading.record(draft.event_id) for _ in range(2)] == [draft, draft]
    assert one.reading.reads[DATABASE] == asked
    assert await one.reading.record(EventId(fresh())) is None
    published = await stored(pool, msgspec.structs.replace(draft, status="published"))
    await one.reading.announce(published)
    assert await title(one, "concert") == "Concert"
    assert await one.reading.record(draft.event_id) == published


async def test_an_address_moves(pool: Pool, gateways: list[Gateway]) -> None:
    event = await stored(pool, concert())
    one = gateways[0]
    assert await title(one, "concert") == "Concert"
    moved = await stored(pool, msgspec.structs.replace(event, slug="moved"))
    await one.reading.announce(moved)
    assert [await title(one, name) for name in ("concert", "moved")] == [None, "Concert"]


async def test_without_redis_postgresql_is_read(pool: Pool) -> None:
    await stored(pool, concert())
    alone = Gateway(pool, "redis://127.0.0.1:1")
    await alone.reading.listen()
    assert await title(alone, "concert") == "Concert"
    assert alone.pages.failures
    await alone.close()


async def test_lists_go_on_where_they_ended(pool: Pool) -> None:
    events = [
        await stored(pool, concert(f"e-{at}", starts_at_ms=NOW_MS + HOUR_MS * (1 + at // 3), ends_at_ms=None))
        for at in range(10)
    ]
    expected = sorted(events, key=lambda event: (event.starts_at_ms, event.event_id))
    found: list[str] = []
    cursor = None
    while True:
        listed = await public_events(pool, Wanted(from_ms=NOW_MS), cursor, 3)
        assert listed is not None
        found += [event.slug for event in listed.events]
        cursor = listed.next_cursor
        if cursor is None:
            break
        # What comes meanwhile, before or after, neither repeats nor hides what was there.
        await stored(pool, concert(f"late-{len(found)}", starts_at_ms=NOW_MS + 60_000, ends_at_ms=None))
    assert found == [event.slug for event in expected]
    assert await public_events(pool, Wanted(from_ms=NOW_MS, sort="price"), "AAAA", 3) is None


@pytest.mark.parametrize("cursor", ["AAAA", "x", "k6RkYXRlwMA", "_", "-" * 300])
async def test_cursors_that_are_not_ours(pool: Pool, cursor: str) -> None:
    assert await public_events(pool, Wanted(from_ms=NOW_MS), cursor, 3) is None


async def test_the_status_is_the_same_in_sql(pool: Pool) -> None:
    """The organiser's list is filtered by PostgreSQL, and shows what the table of steps says."""
    from domain.event_status import EventStatus
    from services.events.views import status_of

    times: list[dict[str, Any]] = [
        {"starts_at_ms": NOW_MS + HOUR_MS, "ends_at_ms": None, "opens_at_ms": NOW_MS + 1},
        {"starts_at_ms": NOW_MS + HOUR_MS, "ends_at_ms": None, "opens_at_ms": NOW_MS},
        {"starts_at_ms": NOW_MS - 24 * HOUR_MS, "ends_at_ms": None},
        {"starts_at_ms": NOW_MS - 24 * HOUR_MS + 1, "ends_at_ms": None},
        {"starts_at_ms": NOW_MS - HOUR_MS, "ends_at_ms": NOW_MS},
    ]
    # The second of the two types is not sold any more.
    sold_out: list[tuple[int, ...] | None] = [None, (), (0,), (1,), (0, 1)]
    for number, status in enumerate(EventStatus):
        for at, fields in enumerate(times):
            for sold, types in enumerate(sold_out):
                event = concert(f"e-{number}-{at}-{sold}", status=status.value, **fields)
                await stored(pool, event)
                if types is not None:
                    await pool.execute("INSERT INTO sale_standings VALUES ($1, 1, $2)", event.event_id, types)
    for status in EventStatus:
        listed = await own_events(
            pool, HALL.organisation_id, now_ms=NOW_MS, status=status.value, words="", cursor=None, limit=500
        )
        assert listed is not None
        assert {status_of(event, NOW_MS) for event in listed.events} == {status}
    everything = await own_events(
        pool, HALL.organisation_id, now_ms=NOW_MS, status=None, words="", cursor=None, limit=500
    )
    assert everything is not None
    assert len(everything.events) == len(times) * len(EventStatus) * len(sold_out)
    assert EventId(fresh()) not in {event.event_id for event in everything.events}


# Clocks go forward at midnight in Beirut (00:00 is 01:00) and back to 23:00, which comes twice; in Havana the
# hour after midnight comes twice. Days at UTC are others, of course, in Auckland and Honolulu.
@pytest.mark.parametrize(
    ("zone", "start", "day"),
    [
        ("Asia/Beirut", "2030-03-30T21:59:59Z", "2030-03-30"),
        ("Asia/Beirut", "2030-03-30T22:00:00Z", "2030-03-31"),
        ("Asia/Beirut", "2030-10-26T20:30:00Z", "2030-10-26"),
        ("Asia/Beirut", "2030-10-26T21:30:00Z", "2030-10-26"),
        ("Asia/Beirut", "2030-10-26T22:00:00Z", "2030-10-27"),
        ("America/Havana", "2030-11-03T04:00:00Z", "2030-11-03"),
        ("America/Havana", "2030-11-03T05:30:00Z", "2030-11-03"),
        ("America/Havana", "2030-11-03T03:59:00Z", "2030-11-02"),
        ("Pacific/Auckland", "2030-05-01T12:30:00Z", "2030-05-02"),
        ("Pacific/Honolulu", "2030-05-02T09:30:00Z", "2030-05-01"),
    ],
)
async def test_a_day_is_the_day_at_the_place(pool: Pool, zone: str, start: str, day: str) -> None:
    starts_ms = int(dt.datetime.fromisoformat(start).timestamp() * 1000)
    await stored(pool, concert(time_zone=zone, starts_at_ms=starts_ms, ends_at_ms=None))
    that_day = dt.date.fromisoformat(day)

    async def found(first: dt.date, last: dt.date) -> int:
        listed = await public_events(pool, Wanted(from_ms=NOW_MS, from_day=first, to_day=last), None, 3)
        assert listed is not None
        return len(listed.events)

    before, after = that_day - dt.timedelta(days=1), that_day + dt.timedelta(days=1)
    assert [await found(one, one) for one in (before, that_day, after)] == [0, 1, 0]
    assert await found(before, after) == 1


async def test_what_goes_on_over_days_is_found_on_each_of_them(pool: Pool) -> None:
    starts_ms = int(dt.datetime.fromisoformat("2030-05-03T18:00:00Z").timestamp() * 1000)
    # To midnight in Prague: the fifth has nothing of it.
    ends_ms = int(dt.datetime.fromisoformat("2030-05-04T22:00:00Z").timestamp() * 1000)
    await stored(pool, concert(starts_at_ms=starts_ms, ends_at_ms=ends_ms))
    for number, count in ((2, 0), (3, 1), (4, 1), (5, 0)):
        day = dt.date(2030, 5, number)
        listed = await public_events(pool, Wanted(from_ms=NOW_MS, from_day=day, to_day=day), None, 3)
        assert listed is not None
        assert len(listed.events) == count, day
