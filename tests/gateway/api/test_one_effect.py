"""A request that carries an idempotency key has its effect once, whatever is lost in between. If one failed,
a bad line would make two of a thing, or an organiser would be told that nothing came of what was done.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from domain.identity import Attempt
from domain.refusals import Code, Refusal
from gateway.api.idempotency import Answers
from gateway.api.ports import Rendered
from storage.postgres import Pool, asking, close_pool, create_pool
from storage.repeated_requests import Overtaken, RepeatedRequests, mark
from tests.storage.cuttable import Proxy, proxied

KEY = "a-key-of-the-client"
ANSWER = Rendered(201, (), b"made")


@pytest.fixture
async def pool(migrated_dsn: str) -> AsyncIterator[Pool]:
    pool = await create_pool(migrated_dsn, application_name="test", connections_max=6)
    await pool.execute("CREATE TABLE things (name text)")
    yield pool
    await close_pool(pool)


@pytest.fixture
async def cuttable(migrated_dsn: str) -> AsyncIterator[tuple[Proxy, Pool]]:
    """A pool whose one connection can be cut."""
    async with proxied(migrated_dsn) as (proxy, dsn):
        pool = await create_pool(dsn, application_name="test", connections_max=1)
        yield proxy, pool
        await close_pool(pool)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Making:
    """Makes a thing in a transaction that marks the attempt."""

    def __init__(self, pool: Pool, before_commit: Callable[[], Awaitable[None]] | None = None) -> None:
        self.pool = pool
        self.before_commit = before_commit
        self.is_marked = asyncio.Event()

    async def __call__(self, attempt: Attempt) -> Rendered | Refusal:
        async with asking(self.pool) as connection, connection.transaction():
            await connection.execute("INSERT INTO things VALUES ('thing')")
            await mark(connection, attempt, "thing_1")
            self.is_marked.set()
            if self.before_commit is not None:
                await self.before_commit()
        return ANSWER


async def lost(made: str) -> Rendered | Refusal:
    return Rendered(200, (), made.encode())


async def once(answers: Answers, work: Making) -> Rendered | Refusal:
    return await answers.once(b"anna", KEY, b"request", work, lost)


async def things(pool: Pool) -> int:
    found: int = await pool.fetchval("SELECT count(*) FROM things")
    return found


async def body_of(found: Rendered | Refusal) -> bytes:
    assert isinstance(found, Rendered), found
    return found.body


async def test_an_answer_that_could_not_be_kept_is_given_by_what_was_made(
    pool: Pool, cuttable: tuple[Proxy, Pool]
) -> None:
    proxy, weak = cuttable
    store = RepeatedRequests(weak)

    async def cut() -> None:
        proxy.cut_at_next_answer()

    # The work commits, and the connection is cut when the answer is to be kept. So is the one after it.
    found = await once(Answers(store, now_ms, lease_ms=200), Making(pool, cut))
    assert (found, proxy.answers_lost) == (ANSWER, 1)
    # The server may have kept it all the same, since only its own answer was lost.
    await pool.execute("UPDATE repeated_requests SET answer = NULL")
    async with asyncio.timeout(20):
        while True:
            again = await once(Answers(RepeatedRequests(pool), now_ms), Making(pool))
            if isinstance(again, Rendered):
                break
            assert again.code is Code.BUSY
    assert again.body == b"thing_1"
    assert await things(pool) == 1


async def test_a_commit_whose_answer_was_lost_is_not_done_again(
    pool: Pool, cuttable: tuple[Proxy, Pool]
) -> None:
    proxy, weak = cuttable

    async def cut() -> None:
        proxy.cut_at_next_answer()

    answers = Answers(RepeatedRequests(pool), now_ms)
    with pytest.raises(ConnectionError):
        await once(answers, Making(weak, cut))
    assert proxy.answers_lost == 1
    assert await body_of(await once(answers, Making(pool))) == b"thing_1"
    assert await things(pool) == 1


async def test_what_was_rolled_back_is_done_again_at_once(pool: Pool, cuttable: tuple[Proxy, Pool]) -> None:
    _, weak = cuttable

    async def fail() -> None:
        raise ConnectionError("PostgreSQL ends this connection")

    answers = Answers(RepeatedRequests(pool), now_ms)
    with pytest.raises(ConnectionError):
        await once(answers, Making(weak, fail))
    assert await things(pool) == 0
    assert await once(answers, Making(pool)) == ANSWER
    assert await things(pool) == 1


async def test_a_transaction_that_is_still_being_decided_is_waited_for(pool: Pool) -> None:
    """A process is gone, and PostgreSQL has not noticed: nobody can know yet whether it will commit."""
    may_commit = asyncio.Event()

    async def wait() -> None:
        await may_commit.wait()

    slow = Making(pool, wait)
    first = asyncio.create_task(once(Answers(RepeatedRequests(pool), now_ms, lease_ms=10), slow))
    await slow.is_marked.wait()
    second = asyncio.create_task(once(Answers(RepeatedRequests(pool), now_ms), Making(pool)))
    async with asyncio.timeout(20):
        while not await pool.fetchval(
            """
            SELECT EXISTS (SELECT FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock')
            """
        ):
            await asyncio.sleep(0.01)
    assert not second.done()
    may_commit.set()
    made = {b"thing_1", ANSWER.body}
    heard, others = await first, await second
    if isinstance(heard, Refusal):
        # The second took over before the first heard of its own commit: that is told to ask again.
        assert heard.code is Code.BUSY
        heard = await once(Answers(RepeatedRequests(pool), now_ms), Making(pool))
    assert await body_of(heard) in made
    assert await body_of(others) in made
    assert await things(pool) == 1


async def test_who_was_overtaken_leaves_nothing_behind(pool: Pool) -> None:
    """A process stands still for longer than its lease, and goes on when another has done its work."""
    still = Answers(RepeatedRequests(pool), now_ms, lease_ms=3_600_000)
    may_mark = asyncio.Event()

    async def stand_still(attempt: Attempt) -> Rendered | Refusal:
        began.set()
        await may_mark.wait()
        return await Making(pool)(attempt)

    began = asyncio.Event()
    first = asyncio.create_task(still.once(b"anna", KEY, b"request", stand_still, lost))
    await began.wait()
    await pool.execute("UPDATE repeated_requests SET leased_until = now() - interval '1 s'")
    assert await once(Answers(RepeatedRequests(pool), now_ms), Making(pool)) == ANSWER
    may_mark.set()
    refused = await first
    assert isinstance(refused, Refusal)
    assert refused.code is Code.BUSY
    assert await things(pool) == 1
    # And it took nothing from the other.
    assert await body_of(await once(still, Making(pool))) == ANSWER.body


async def test_a_second_transaction_of_a_request_is_a_mistake_of_ours(pool: Pool) -> None:
    async def twice(attempt: Attempt) -> Rendered | Refusal:
        await Making(pool)(attempt)
        return await Making(pool)(attempt)

    answers = Answers(RepeatedRequests(pool), now_ms)
    with pytest.raises(Exception, match="in one transaction"):
        await answers.once(b"anna", KEY, b"request", twice, lost)
    assert await things(pool) == 1


async def test_work_that_takes_longer_than_the_lease_keeps_it(pool: Pool) -> None:
    answers = Answers(RepeatedRequests(pool), now_ms, patience_s=0.0, lease_ms=1_500)
    may_end = asyncio.Event()
    times: list[Attempt] = []

    async def take_long(attempt: Attempt) -> Rendered | Refusal:
        times.append(attempt)
        await may_end.wait()
        return ANSWER

    first = asyncio.create_task(answers.once(b"anna", KEY, b"request", take_long, lost))
    began_ms = now_ms()
    async with asyncio.timeout(20):
        while not times:
            await asyncio.sleep(0.01)
        while now_ms() < began_ms + 2_500:
            refused = await answers.once(b"anna", KEY, b"request", take_long, lost)
            assert isinstance(refused, Refusal)
            assert refused.code is Code.BUSY
    may_end.set()
    assert await first == ANSWER
    assert len(times) == 1


async def test_work_ends_when_its_key_is_somebody_elses(pool: Pool) -> None:
    """An import marks nothing, because each of its entries stands for itself: two must not run for long."""
    answers = Answers(RepeatedRequests(pool), now_ms, lease_ms=100)
    was_ended = asyncio.Event()

    async def import_for_ever(_: Attempt) -> Rendered | Refusal:
        try:
            await asyncio.Event().wait()
        finally:
            was_ended.set()
        return ANSWER

    first = asyncio.create_task(answers.once(b"anna", KEY, b"request", import_for_ever, lost))
    while not await pool.fetchval("SELECT count(*) FROM repeated_requests"):
        await asyncio.sleep(0.01)
    await pool.execute("UPDATE repeated_requests SET worker = gen_random_uuid()")
    refused = await asyncio.wait_for(first, 20)
    assert isinstance(refused, Refusal)
    assert was_ended.is_set()


async def test_nobody_marks_what_is_not_theirs(pool: Pool) -> None:
    async with asking(pool) as connection, connection.transaction():
        with pytest.raises(Overtaken):
            await mark(connection, Attempt(bytes(32), bytes(16)), "thing_1")
