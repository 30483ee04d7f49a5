"""Lists that gateways share through Redis. If these failed, every gateway would ask PostgreSQL for what
another has just read, a list would show what a change has undone, or what people look for could be read in
Redis.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import redis.asyncio as redis

from services.events import reading
from services.events.listing import LISTS, SharedForm
from services.events.reading import DATABASE, LIST_FRESH_S, LIST_STEP_MS, MEMORY, REDIS
from storage import event_pages
from storage.event_lists import Listed, Wanted, public_events
from storage.event_pages import CHANNEL, GENERATION, LIST_KEPT_S, Word
from storage.event_records import EventRecord, QuestionRecord
from storage.postgres import Pool, close_pool, create_pool
from tests.services.test_reading import Gateway, stored
from tests.storage.cuttable import proxied
from tests.storage.journal_contract import fresh
from tests.storage.test_catalogue import HALL, NOW_MS, concert

NOW = Wanted(from_ms=NOW_MS)


@pytest.fixture
async def pool(migrated_dsn: str) -> AsyncIterator[Pool]:
    made = await create_pool(migrated_dsn, application_name="test", connections_max=4)
    yield made
    await close_pool(made)


@pytest.fixture
async def two(pool: Pool, redis_url: str) -> AsyncIterator[tuple[Gateway, Gateway]]:
    one, other = Gateway(pool, redis_url), Gateway(pool, redis_url)
    for gateway in (one, other):
        await gateway.reading.listen()
    yield one, other
    for gateway in (one, other):
        await gateway.close()


async def titles(gateway: Gateway, wanted: Wanted = NOW) -> list[str]:
    listed = await gateway.reading.search(wanted, None, 10)
    assert listed is not None
    return [event.title for event in listed.events]


async def shared(gateway: Gateway, wanted: Wanted = NOW) -> None:
    """Have a gateway read a list until Redis has it: what is asked for twice."""
    for _ in range(2):
        await titles(gateway, wanted)
        gateway.clock.now_s += LIST_FRESH_S


async def until_it_has(gateway: Gateway, title: str) -> None:
    """Wait, for a second at most, until a gateway lists an event; its clock does not go on meanwhile."""
    async with asyncio.timeout(1):
        while await titles(gateway) != [title]:
            await asyncio.sleep(0.001)


@pytest.fixture
async def inside(redis_url: str) -> AsyncIterator[Any]:
    """What Redis has."""
    async with redis.Redis.from_url(redis_url) as connection:
        yield connection


async def test_what_one_has_read_the_other_gets_from_redis(pool: Pool, two: tuple[Gateway, Gateway]) -> None:
    await stored(pool, concert())
    one, other = two
    await shared(one)
    assert one.reading.list_reads == {MEMORY: 0, REDIS: 0, DATABASE: 2}
    assert await titles(other) == await titles(other) == ["Concert"]
    assert other.reading.list_reads == {MEMORY: 1, REDIS: 1, DATABASE: 0}
    # A moment later it is still the same list, and soon after it is another.
    assert await titles(other, Wanted(from_ms=NOW_MS + LIST_STEP_MS - 1 - NOW_MS % LIST_STEP_MS)) == [
        "Concert"
    ]
    assert other.reading.list_reads[DATABASE] == 0
    await titles(other, Wanted(from_ms=NOW_MS + LIST_STEP_MS))
    assert other.reading.list_reads[DATABASE] == 1


async def test_an_organisation_is_shared_too(pool: Pool, two: tuple[Gateway, Gateway]) -> None:
    await stored(pool, concert())
    one, other = two
    for _ in range(2):
        found = await one.reading.organisation("hall")
        one.clock.now_s += LIST_FRESH_S
    assert await other.reading.organisation("hall") == found
    assert (found and found.name, other.reading.list_reads[REDIS]) == ("Hall", 1)
    # What is not there now may be made at any time, which nobody announces.
    for _ in range(3):
        assert await one.reading.organisation("nothing") is None
        one.clock.now_s += LIST_FRESH_S
    assert one.reading.list_reads == {MEMORY: 0, REDIS: 0, DATABASE: 5}


async def test_what_is_asked_for_once_is_not_in_redis(
    pool: Pool, two: tuple[Gateway, Gateway], inside: Any
) -> None:
    await stored(pool, concert())
    await titles(two[0])
    assert await inside.keys("list:*") == []


async def test_a_change_is_in_the_list_of_the_other(pool: Pool, two: tuple[Gateway, Gateway]) -> None:
    event = await stored(pool, concert())
    one, other = two
    await shared(one)
    await titles(other)
    changed = await stored(pool, msgspec.structs.replace(event, title="Changed"))
    await one.reading.announce(changed)
    assert await titles(one) == ["Changed"]
    # The other's clock stands still: it asks anew because it was told, and finds no copy from before.
    await until_it_has(other, "Changed")


@pytest.mark.parametrize("said_by", ["shard", "organisation"])
async def test_other_words_are_changes_too(
    pool: Pool, two: tuple[Gateway, Gateway], redis_url: str, said_by: str
) -> None:
    """A gateway that starts after the word has heard nothing; no copy may tell it what was."""
    event = await stored(pool, concert())
    one, _ = two
    await shared(one)
    if said_by == "shard":
        await pool.execute("INSERT INTO sale_standings VALUES ($1, 1, '{0,1}')", event.event_id)
        await one.fanout.publish([(CHANNEL, Word(event.event_id, sold_seq=1).packed())])
    else:
        await pool.execute("UPDATE organisations SET name = 'Barn', version = version + 1")
        await one.reading.announce_organisation(HALL.organisation_id, 2)
    late = Gateway(pool, redis_url)
    listed = await late.reading.search(NOW, None, 10)
    assert listed is not None
    found = listed.events[0]
    assert (found.sold_out, found.organisation) == (((0, 1), "Hall") if said_by == "shard" else ((), "Barn"))
    assert late.reading.list_reads == {MEMORY: 0, REDIS: 0, DATABASE: 1}
    await late.close()


async def test_a_slow_reader_brings_no_old_list_back(
    pool: Pool, two: tuple[Gateway, Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads PostgreSQL, then comes a change with its word, then it keeps its copy for everybody."""
    event = await stored(pool, concert())
    one, other = two
    await titles(one)
    one.clock.now_s += LIST_FRESH_S
    has_read, may_go_on = asyncio.Event(), asyncio.Event()

    async def slowly(*given: Any) -> Listed | None:
        found = await public_events(*given)
        has_read.set()
        await may_go_on.wait()
        return found

    monkeypatch.setattr(reading, "public_events", slowly)
    slow = asyncio.create_task(titles(one))
    await has_read.wait()
    monkeypatch.undo()
    changed = await stored(pool, msgspec.structs.replace(event, title="Changed"))
    await other.reading.announce(changed)
    assert await titles(other) == ["Changed"]
    # Whoever asks after the change does not wait for the slow one, who would answer with what was.
    await until_it_has(one, "Changed")
    may_go_on.set()
    assert await slow == ["Concert"]
    assert await titles(one) == ["Changed"]
    # Nor does the copy come to hold later, once what is announced has been read and shared.
    await shared(other)
    assert await titles(other) == ["Changed"]


async def test_who_announces_sees_it_although_redis_has_not_taken_the_word(
    pool: Pool, two: tuple[Gateway, Gateway], redis_url: str
) -> None:
    event = await stored(pool, concert())
    await shared(two[0])
    async with proxied(redis_url) as (proxy, through):
        cut_off = Gateway(pool, through)
        assert await titles(cut_off) == ["Concert"]
        changed = await stored(pool, msgspec.structs.replace(event, title="Changed"))
        proxy.is_deaf = True
        announcing = asyncio.create_task(cut_off.reading.announce(changed))
        await asyncio.sleep(0)
        # While it is being said, and until it has been.
        assert await titles(cut_off) == ["Changed"]
        await announcing
        assert await titles(cut_off) == ["Changed"]
        cut_off.pages._rests_until = 0.0
        proxy.is_deaf = False
        cut_off.clock.now_s += LIST_FRESH_S
        assert await titles(cut_off) == ["Changed"]
        assert cut_off.reading.list_reads[REDIS] == 1
        await cut_off.close()


async def test_who_announces_sees_it_while_the_word_is_on_its_way(
    pool: Pool, two: tuple[Gateway, Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await stored(pool, concert())
    one, other = two
    await shared(other)
    script, may_go_on = one.pages._announce, asyncio.Event()

    async def late(**given: Any) -> Any:
        await may_go_on.wait()
        return await script(**given)

    monkeypatch.setattr(one.pages, "_announce", late)
    changed = await stored(pool, msgspec.structs.replace(event, title="Changed"))
    announcing = asyncio.create_task(one.reading.announce(changed))
    await asyncio.sleep(0)
    # Redis still has the old list, as what holds, and would answer at once.
    assert await titles(one) == ["Changed"]
    may_go_on.set()
    await announcing
    assert await titles(one) == ["Changed"]


async def test_redis_that_is_away_or_comes_back_empty(
    pool: Pool, two: tuple[Gateway, Gateway], inside: Any
) -> None:
    await stored(pool, concert())
    alone = Gateway(pool, "redis://127.0.0.1:1")
    for _ in range(3):
        assert await titles(alone) == ["Concert"]
        alone.clock.now_s += LIST_FRESH_S
    assert alone.reading.list_reads == {MEMORY: 0, REDIS: 0, DATABASE: 3}
    # It rests after the first failure.
    assert alone.pages.failures == 1
    await alone.close()
    one, other = two
    await shared(one)
    before = int(await inside.get(GENERATION))
    await inside.flushall()
    assert await titles(other) == ["Concert"]
    # Nobody's generation comes again, so what was read under it is never taken for new.
    assert int(await inside.get(GENERATION)) > before
    assert other.reading.list_reads[DATABASE] == 1
    await shared(one)
    other.clock.now_s += LIST_FRESH_S
    await titles(other)
    assert other.reading.list_reads[REDIS] == 1


async def test_garbage_is_no_list(pool: Pool, two: tuple[Gateway, Gateway], inside: Any) -> None:
    await stored(pool, concert())
    one, other = two
    await shared(one)
    (key,) = await inside.keys("list:*")
    good = await inside.get(key)
    generation = await inside.get(GENERATION)
    assert good.startswith(generation + b"\0")
    drawn = random.Random(1)
    bad = [
        *(
            b"",
            b"\0",
            generation,
            generation + b"\0",
            generation + b"\0\xc0",
            generation + b"\0\x91\xa3no",
        ),
        *(good[:length] for length in range(len(generation), len(good), 97)),
        *(generation + b"\0" + drawn.randbytes(drawn.randrange(200)) for _ in range(50)),
        good.replace(b"title", b"tilte"),
        good.replace(b"Concert", b"\xff\xfe\xff\xfe\xff\xfe\xff"),
    ]
    for copy in bad:
        await inside.set(key, copy)
        other.clock.now_s += LIST_FRESH_S
        assert await titles(other) == ["Concert"], copy
    assert other.reading.list_reads[REDIS] == 0
    await inside.delete(key)
    await inside.lpush(key, "what is no text at all")
    other.clock.now_s += LIST_FRESH_S
    assert await titles(other) == ["Concert"]


def test_another_version_of_the_code_has_another_name() -> None:
    """Fields that one version has and the other has not would else get what they are without."""

    class Listed(msgspec.Struct):
        events: tuple[EventRecord, ...]

    class Other(msgspec.Struct):
        title: str

    names = {SharedForm(Listed, Listed, each).name for each in (EventRecord, Other)}
    assert len(names | {LISTS.name}) == 3


async def test_copies_have_only_what_is_public(pool: Pool, two: tuple[Gateway, Gateway], inside: Any) -> None:
    """Whoever reads Redis finds neither hidden types nor what people look for."""
    secret = concert(summary="Loud", description="Marker", description_html="<p>Marker</p>")
    regular, hidden = secret.ticket_types
    types = (regular, msgspec.structs.replace(hidden, name="Marker", description="Marker", is_hidden=True))
    question = QuestionRecord(question_id=fresh(), per="order", label="Marker", kind="text")  # type: ignore[arg-type]
    await stored(pool, msgspec.structs.replace(secret, ticket_types=types, questions=(question,)))
    one, other = two
    wanted = Wanted(from_ms=NOW_MS, words="concert brno", city="brno")
    await shared(one, wanted)
    assert await titles(other, wanted) == ["Concert"]
    assert other.reading.list_reads[REDIS] == 1
    keys = await inside.keys("*")
    (key,) = [key for key in keys if key.startswith(b"list:")]
    assert not [key for key in keys if b"brno" in key.lower() or b"concert" in key.lower()]
    copy = await inside.get(key)
    assert b"Concert" in copy
    assert b"Marker" not in copy
    assert 0 < await inside.pttl(key) <= LIST_KEPT_S * 1_000


async def test_copies_are_few_and_small(
    pool: Pool, two: tuple[Gateway, Gateway], inside: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_pages, "LISTS_MAX", 3)
    await stored(pool, concert())
    one, other = two
    for number in range(6):
        await shared(one, Wanted(from_ms=NOW_MS, price_max_minor=100_000 + number))
    assert len(await inside.keys("list:*")) == 3
    await inside.flushall()
    monkeypatch.setattr(event_pages, "LISTS_MAX", 100)
    monkeypatch.setattr(event_pages, "LIST_BYTES_MAX", 100)
    await shared(other)
    assert await inside.keys("list:*") == []
    monkeypatch.setattr(event_pages, "LIST_BYTES_MAX", 10_000)
    monkeypatch.setattr(event_pages, "LISTS_BYTES_MAX", 100)
    await shared(other, Wanted(from_ms=NOW_MS, city="brno"))
    assert await inside.keys("list:*") == []
    monkeypatch.setattr(event_pages, "LISTS_BYTES_MAX", 10_000)
    await shared(other, Wanted(from_ms=NOW_MS, country="CZ"))
    assert len(await inside.keys("list:*")) == 1


async def test_changes_and_readers_at_once(pool: Pool, redis_url: str) -> None:
    """However they meet: whoever asks after a change was announced sees it, of whichever gateway, even one
    that hears no words and has nothing at hand.
    """
    event = await stored(pool, concert(title="0"))
    gateways = [Gateway(pool, redis_url) for _ in range(3)]
    announced, is_over = 0, False

    async def read(gateway: Gateway) -> int:
        count = 0
        while not is_over:
            least = announced
            (title,) = await titles(gateway)
            assert int(title) >= least
            gateway.clock.now_s += LIST_FRESH_S
            count += 1
        return count

    # Two at once through each, so that some of them wait for what others ask.
    readers = [asyncio.create_task(read(gateway)) for gateway in gateways for _ in range(2)]
    teller = Gateway(pool, redis_url)
    for number in range(1, 40):
        event = await stored(pool, msgspec.structs.replace(event, title=str(number)))
        await teller.reading.announce(event)
        announced = number
        await asyncio.sleep(0.005)
    is_over = True
    counts = await asyncio.gather(*readers)
    assert min(counts) > 10
    assert sum(gateway.reading.list_reads[REDIS] for gateway in gateways) > 10
    for gateway in (*gateways, teller):
        await gateway.close()
