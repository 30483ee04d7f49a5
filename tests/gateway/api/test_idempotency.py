"""Requests that come twice. If one failed, a click on a bad line would make two of a thing, or somebody would
be shown another's answer.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.identity import Attempt
from domain.refusals import Code, Refusal
from gateway.api.idempotency import KEPT_MS, LEASE_MS, Answers
from gateway.api.ports import Rendered
from storage.housekeeping import keep_house
from storage.postgres import Pool, close_pool, create_pool
from storage.repeated_requests import RepeatedRequests

KEY = "a-key-of-the-client"
ANSWER = Rendered(201, (("ETag", '"1"'),), b'{"name":"Anna"}', session_token="secret-of-the-session")


class Work:
    """Counts how often it is done."""

    def __init__(self, *answers: Rendered | Refusal | Exception) -> None:
        self.answers = list(answers)
        self.times = 0
        self.attempts: list[Attempt] = []
        self.may_end = asyncio.Event()
        self.may_end.set()

    async def __call__(self, attempt: Attempt) -> Rendered | Refusal:
        self.times += 1
        self.attempts.append(attempt)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await self.may_end.wait()
        if isinstance(found, Exception):
            raise found
        return found


async def lost(made: str) -> Rendered | Refusal:
    """Answers who repeats a request whose effect is there and whose answer is not."""
    return Rendered(200, (), made.encode())


@pytest.fixture
async def pool(migrated_dsn: str) -> AsyncIterator[Pool]:
    pool = await create_pool(migrated_dsn, application_name="test")
    yield pool
    await close_pool(pool)


class Clock:
    now_ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now_ms


async def test_the_second_is_given_what_the_first_was(pool: Pool) -> None:
    answers = Answers(RepeatedRequests(pool), Clock())
    work = Work(ANSWER)
    first = await answers.once(b"anna", KEY, b"request", work, lost)
    second = await answers.once(b"anna", KEY, b"request", work, lost)
    assert work.times == 1
    assert first == ANSWER
    assert isinstance(second, Rendered)
    assert (second.status, second.body, second.session_token) == (201, ANSWER.body, ANSWER.session_token)
    assert ("Idempotency-Replayed", "true") in second.headers


async def test_another_request_with_the_same_key_is_refused(pool: Pool) -> None:
    answers = Answers(RepeatedRequests(pool), Clock())
    await answers.once(b"anna", KEY, b"request", Work(ANSWER), lost)
    other = Work(ANSWER)
    assert await answers.once(b"anna", KEY, b"another", other, lost) == Refusal(Code.OPERATION_REUSED)
    assert other.times == 0


async def test_the_same_key_of_somebody_else_is_another(pool: Pool) -> None:
    answers = Answers(RepeatedRequests(pool), Clock())
    work = Work(ANSWER)
    await answers.once(b"anna", KEY, b"request", work, lost)
    await answers.once(b"berta", KEY, b"request", work, lost)
    assert work.times == 2


async def test_two_at_once_are_done_once_and_both_answered(pool: Pool) -> None:
    one, other = (Answers(RepeatedRequests(pool), Clock()) for _ in range(2))
    work = Work(ANSWER)
    work.may_end.clear()
    first = asyncio.create_task(one.once(b"anna", KEY, b"request", work, lost))
    second = asyncio.create_task(other.once(b"anna", KEY, b"request", work, lost))
    while not work.times:
        await asyncio.sleep(0.01)
    work.may_end.set()
    found = await asyncio.gather(first, second)
    assert [one.body for one in found if isinstance(one, Rendered)] == [ANSWER.body] * 2
    assert work.times == 1


async def test_who_waits_too_long_is_told_busy(pool: Pool) -> None:
    answers = Answers(RepeatedRequests(pool), Clock(), patience_s=0.1)
    work = Work(ANSWER)
    work.may_end.clear()
    first = asyncio.create_task(answers.once(b"anna", KEY, b"request", work, lost))
    while not work.times:
        await asyncio.sleep(0.01)
    second = await answers.once(b"anna", KEY, b"request", Work(ANSWER), lost)
    assert isinstance(second, Refusal)
    assert second.code is Code.BUSY
    work.may_end.set()
    assert await first == ANSWER


async def test_a_refusal_and_a_failure_leave_the_key_free(pool: Pool) -> None:
    answers = Answers(RepeatedRequests(pool), Clock())
    work = Work(Refusal(Code.BUSY), RuntimeError("broken"), ANSWER)
    assert await answers.once(b"anna", KEY, b"request", work, lost) == Refusal(Code.BUSY)
    with pytest.raises(RuntimeError):
        await answers.once(b"anna", KEY, b"request", work, lost)
    assert await answers.once(b"anna", KEY, b"request", work, lost) == ANSWER


async def test_the_key_of_a_process_that_died_is_free_after_its_lease(pool: Pool) -> None:
    clock = Clock()
    answers = Answers(RepeatedRequests(pool), clock, patience_s=0.0)
    dying = Work(ANSWER)
    dying.may_end.clear()
    never = asyncio.create_task(answers.once(b"anna", KEY, b"request", dying, lost))
    while not dying.times:
        await asyncio.sleep(0.01)
    clock.now_ms += LEASE_MS + 1
    assert await answers.once(b"anna", KEY, b"request", Work(ANSWER), lost) == ANSWER
    # The first was only slow: it does not overwrite what the second was answered.
    dying.may_end.set()
    await never
    again = await answers.once(b"anna", KEY, b"request", Work(Refusal(Code.BUSY)), lost)
    assert isinstance(again, Rendered)


async def test_an_answer_is_forgotten_after_a_day(pool: Pool) -> None:
    clock = Clock()
    answers = Answers(RepeatedRequests(pool), clock)
    work = Work(ANSWER)
    await answers.once(b"anna", KEY, b"request", work, lost)
    clock.now_ms += KEPT_MS + 1
    assert await answers.once(b"anna", KEY, b"a new request", work, lost) == ANSWER
    assert work.times == 2


async def test_nothing_of_an_answer_or_a_key_is_stored_in_the_clear(pool: Pool) -> None:
    answers = Answers(RepeatedRequests(pool), Clock())
    await answers.once(b"anna", KEY, b"request of Anna", Work(ANSWER), lost)
    row = await pool.fetchrow("SELECT * FROM repeated_requests")
    assert row is not None
    stored = b"".join(value for value in row.values() if isinstance(value, bytes))
    for secret in (b"Anna", b"secret-of-the-session", KEY.encode(), b"request"):
        assert secret not in stored


async def test_what_has_expired_is_cleared_away(pool: Pool) -> None:
    clock = Clock()
    await Answers(RepeatedRequests(pool), clock).once(b"anna", KEY, b"request", Work(ANSWER), lost)
    kept = await keep_house(pool, clock.now_ms + KEPT_MS - 1_000)
    assert kept.repeated_requests == 0
    kept = await keep_house(pool, clock.now_ms + KEPT_MS + 1_000)
    assert kept.repeated_requests == 1
    assert await pool.fetchval("SELECT count(*) FROM repeated_requests") == 0
