"""The deadline that many calls share: if it failed, an order would wait for ever for a provider that never
answers, or be given up although it was answered.
"""

import asyncio

import pytest

from services.payments.deadline import Deadline


async def _answer(after: "asyncio.Future[str]") -> str:
    return await after


async def test_what_is_answered_in_time_is_returned() -> None:
    assert await Deadline(10_000).keep(asyncio.sleep(0, "answer")) == "answer"


async def test_what_takes_too_long_is_ended_and_the_task_goes_on() -> None:
    deadline = Deadline(20)
    never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    with pytest.raises(TimeoutError):
        await deadline.keep(_answer(never))
    assert never.cancelled()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    assert await deadline.keep(asyncio.sleep(0, "next")) == "next"


async def test_one_that_is_late_takes_nobody_with_it() -> None:
    deadline = Deadline(100)
    loop = asyncio.get_running_loop()
    never: asyncio.Future[str] = loop.create_future()
    later: asyncio.Future[str] = loop.create_future()
    first = asyncio.create_task(deadline.keep(_answer(never)))
    while not never._callbacks:
        await asyncio.sleep(0)
    # The second begins when half of the first one's time is over, and is answered once that is late.
    loop.call_later(0.05, lambda: started.set_result(None))
    started: asyncio.Future[None] = loop.create_future()
    await started
    second = asyncio.create_task(deadline.keep(_answer(later)))
    with pytest.raises(TimeoutError):
        await first
    later.set_result("in time")
    assert await second == "in time"


async def test_a_task_that_is_cancelled_by_somebody_else_is_cancelled() -> None:
    never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(Deadline(10_000).keep(_answer(never)))
    while not never._callbacks:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_calls_that_are_over_are_not_kept() -> None:
    deadline = Deadline(20)
    for _ in range(50):
        await deadline.keep(asyncio.sleep(0))
    with pytest.raises(TimeoutError):
        await deadline.keep(asyncio.Event().wait())
    assert not deadline._calls
