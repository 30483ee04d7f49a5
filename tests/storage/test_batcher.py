"""Every purchase and every session goes through a batcher. If it mixed up answers, lost a caller, or let one
bad item fail the others, buyers would be told what happened to somebody else.
"""

import asyncio

import pytest

from storage.batcher import Batcher, Full
from storage.journal import Refused, Unknown


class Slow:
    """A store that is told when to finish."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = asyncio.Event()
        self.bad: set[int] = set()
        self.error: Exception | None = None

    async def write(self, items: list[int]) -> list[str]:
        self.batches.append(items)
        await self.go.wait()
        if self.error is not None:
            raise self.error
        if self.bad & set(items):
            raise Refused("23503")
        return [f"wrote {item}" for item in items]


async def put_all(batcher: Batcher[int, str], *items: int) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(batcher.put(item)) for item in items]
    await asyncio.sleep(0)  # every task has queued its item
    return tasks


async def test_a_batch_forms_while_another_is_written() -> None:
    store = Slow()
    batcher = Batcher(store.write, batch_max=3)
    first = await put_all(batcher, 1)
    await asyncio.sleep(0)
    others = await put_all(batcher, 2, 3, 4, 5)
    store.go.set()
    assert await asyncio.gather(*first, *others) == [f"wrote {item}" for item in (1, 2, 3, 4, 5)]
    assert store.batches == [[1], [2, 3, 4], [5]]
    assert (batcher.batches, batcher.items) == (3, 5)


async def test_one_bad_item_harms_only_itself() -> None:
    store = Slow()
    store.go.set()
    store.bad = {3, 6}
    batcher = Batcher(store.write)
    answers = await asyncio.gather(*await put_all(batcher, *range(8)), return_exceptions=True)
    for item, answer in enumerate(answers):
        assert isinstance(answer, Refused) if item in store.bad else answer == f"wrote {item}"


@pytest.mark.parametrize("error", [Unknown("cut"), ConnectionError("gone"), ValueError("a bug")])
async def test_what_is_not_a_refusal_is_not_tried_again(error: Exception) -> None:
    """After Unknown the batch may be there: only its callers know whether doing it again is harmless."""
    store = Slow()
    store.go.set()
    store.error = error
    batcher = Batcher(store.write)
    answers = await asyncio.gather(*await put_all(batcher, 1, 2, 3), return_exceptions=True)
    assert answers == [error] * 3
    assert store.batches == [[1, 2, 3]]
    store.error = None
    assert await batcher.put(4) == "wrote 4"


async def test_more_than_may_wait_is_turned_away_at_once() -> None:
    store = Slow()
    batcher = Batcher(store.write, batch_max=1, waiting_max=2)
    first = await put_all(batcher, 1)
    await asyncio.sleep(0)
    waiting = await put_all(batcher, 2, 3)
    with pytest.raises(Full):
        await batcher.put(4)
    store.go.set()
    await asyncio.gather(*first, *waiting)
    assert await batcher.put(4) == "wrote 4"


async def test_who_gave_up_before_the_batch_is_not_written() -> None:
    store = Slow()
    batcher = Batcher(store.write)
    first = await put_all(batcher, 1)
    await asyncio.sleep(0)
    gone, stays = await put_all(batcher, 2, 3)
    gone.cancel()
    first[0].cancel()
    await asyncio.sleep(0)
    store.go.set()
    assert await stays == "wrote 3"
    assert store.batches == [[1], [3]]


async def test_closing_waits_for_what_is_written() -> None:
    store = Slow()
    batcher = Batcher(store.write)
    tasks = await put_all(batcher, 1, 2)
    closing = asyncio.create_task(batcher.close())
    await asyncio.sleep(0)
    assert not closing.done()
    store.go.set()
    await closing
    await asyncio.sleep(0)  # every caller hears of it
    assert [task.done() for task in tasks] == [True, True]
    assert await asyncio.gather(*tasks) == ["wrote 1", "wrote 2"]
    await Batcher(store.write).close()
