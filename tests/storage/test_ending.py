"""Ending tasks. If this failed, one lost cancellation would keep a shard or a gateway from ever stopping."""

import asyncio

import pytest

from actors.notifying import Notifier
from storage.ending import end


async def deaf(times: int, began: asyncio.Event) -> None:
    """Loses so many cancellations, as a library does that is just then dealing with an error."""
    for _ in range(times):
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue
    began.set()
    await asyncio.Event().wait()


@pytest.mark.parametrize("times", [0, 1, 3])
async def test_who_loses_a_cancellation_is_asked_again(times: int) -> None:
    began = asyncio.Event()
    task = asyncio.create_task(deaf(times, began))
    await began.wait()
    async with asyncio.timeout(10):
        await end([task])
    assert task.cancelled()


async def test_errors_and_those_that_ended_before_are_no_hindrance() -> None:
    async def fails() -> None:
        raise ValueError("its own business")

    failed, slow = asyncio.create_task(fails()), asyncio.create_task(asyncio.Event().wait())
    await asyncio.wait([failed])
    await end([failed, slow])
    assert slow.cancelled()
    assert isinstance(failed.exception(), ValueError)


async def test_a_notifier_ends_although_its_publisher_loses_the_cancellation() -> None:
    class Losing:
        def __init__(self) -> None:
            self.began = asyncio.Event()

        async def publish(self, _: list[tuple[str, bytes]]) -> None:
            self.began.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                return

    publisher = Losing()
    notifier = Notifier(publisher, lambda: 0, 1)
    notifier.start()
    notifier._expired[b"e" * 16] = [(b"b" * 16, b"h" * 16)]  # type: ignore[index, list-item]
    notifier._something.set()
    await publisher.began.wait()
    async with asyncio.timeout(10):
        await notifier.stop()
