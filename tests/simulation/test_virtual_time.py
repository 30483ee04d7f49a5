"""The loop of the simulation. If these failed, a `kill` there would be kinder than kill -9, time would not be
the loop's own, or runs would not repeat.
"""

import asyncio
import time

import pytest

from simulation.virtual_time import START_MS, Process, Stuck, run, virtual_loop


def test_an_hour_takes_no_time() -> None:
    async def main() -> int:
        await asyncio.sleep(3600)
        return virtual_loop().now_ms()

    began_s = time.monotonic()
    assert run(main()) == START_MS + 3_600_000
    assert time.monotonic() - began_s < 1


def test_timers_fire_in_their_order() -> None:
    async def main() -> list[int]:
        seen: list[int] = []

        async def note(number: int, delay_s: float) -> None:
            await asyncio.sleep(delay_s)
            seen.append(number)

        await asyncio.gather(note(3, 0.3), note(1, 0.1), note(2, 0.2))
        return seen

    assert run(main()) == [1, 2, 3]


def test_a_killed_process_does_nothing_more_not_even_finally() -> None:
    async def main() -> list[str]:
        seen: list[str] = []

        async def live() -> None:
            child = asyncio.create_task(asyncio.sleep(2))
            try:
                seen.append("began")
                await asyncio.sleep(1)
                seen.append("went on")
                await child
            finally:
                seen.append("finally")

        process = Process("a")
        process.start(live())
        await asyncio.sleep(1.5)
        process.kill()
        await asyncio.sleep(10)
        return list(seen)

    assert run(main()) == ["began", "went on"]


def test_a_process_can_be_killed_before_what_is_ready_runs() -> None:
    async def main() -> list[str]:
        seen: list[str] = []
        process = Process("a")

        async def live() -> None:
            seen.append("ran")

        process.start(live())
        process.kill()
        await asyncio.sleep(1)
        return seen

    assert run(main()) == []


def test_a_stopped_process_goes_on_where_it_was() -> None:
    async def main() -> list[tuple[float, str]]:
        seen: list[tuple[float, str]] = []

        async def live() -> None:
            for number in range(3):
                await asyncio.sleep(1)
                seen.append((virtual_loop().time(), f"{number}"))

        process = Process("a")
        process.start(live())
        await asyncio.sleep(1.5)
        process.stop()
        await asyncio.sleep(10)
        assert len(seen) == 1
        process.go_on()
        await asyncio.sleep(5)
        return seen

    assert run(main()) == [(1.0, "0"), (11.5, "1"), (12.5, "2")]


def test_a_run_that_waits_for_nothing_is_stuck() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck):
        run(main())
