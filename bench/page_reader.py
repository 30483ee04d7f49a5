"""Reading pages over kept connections, with as little work here as can be: the gateway is measured."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from bench.load import BenchFailed

_LENGTH: Final = b"content-length:"


class PageReader:
    """One connection that asks for one page after the other."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def open(self) -> "PageReader":
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port, limit=1 << 20)
        return self

    async def read(self, path: str) -> tuple[int, bytes]:
        """Return the status and the body of a page. A connection that was closed for its idleness is made
        anew, once.
        """
        try:
            return await self._read(path)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.close()
            await self.open()
        try:
            return await self._read(path)
        except asyncio.IncompleteReadError as error:
            raise BenchFailed("a gateway closed a connection") from error

    async def _read(self, path: str) -> tuple[int, bytes]:
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n")[1:]:
            if line.startswith(_LENGTH):
                length = int(line[len(_LENGTH) :])
        return int(head[9:12]), await self._reader.readexactly(length)

    def close(self) -> None:
        self._writer.close()


async def open_readers(host: str, port: int, count: int) -> list[PageReader]:
    """Open connections; the kernel spreads them over the gateways."""
    return [await PageReader(host, port).open() for _ in range(count)]


async def as_fast_as_can_be(readers: list[PageReader], next_path: Callable[[], str], seconds: float) -> float:
    """Read with every connection for some seconds and return the pages a second."""
    ends = time.perf_counter() + seconds
    counts = [0] * len(readers)

    async def go_on(number: int) -> None:
        while time.perf_counter() < ends:
            status, _ = await readers[number].read(next_path())
            _expect(status)
            counts[number] += 1

    begin = time.perf_counter()
    await asyncio.gather(*(go_on(number) for number in range(len(readers))))
    return sum(counts) / (time.perf_counter() - begin)


async def at_a_rate(
    readers: list[PageReader], next_path: Callable[[], str], per_s: float, seconds: float
) -> list[float]:
    """Ask for so many pages a second, whether or not the ones before have come, and return how long each took
    in ms, from when it was due: a page that waits for a free connection waits as a person would.
    """
    taken: list[float] = []
    free: asyncio.Queue[PageReader] = asyncio.Queue()
    for reader in readers:
        free.put_nowait(reader)
    begin = time.perf_counter()

    async def one(due: float, path: str) -> None:
        reader = await free.get()
        status, _ = await reader.read(path)
        taken.append((time.perf_counter() - due) * 1000)
        free.put_nowait(reader)
        _expect(status)

    asked: set[asyncio.Task[None]] = set()
    for number in range(int(per_s * seconds)):
        due = begin + number / per_s
        wait_s = due - time.perf_counter()
        if wait_s > 0:
            await asyncio.sleep(wait_s)
        task = asyncio.create_task(one(due, next_path()))
        asked.add(task)
        task.add_done_callback(asked.discard)
    await asyncio.gather(*asked)
    return sorted(taken)


def _expect(status: int) -> None:
    if status != 200:
        raise BenchFailed(f"a page was answered with {status}")
