"""What websockets cost by themselves: a bare echo, asked by three clients that differ in what they cost.

Every connection has one message under way, and the clock starts when all of them are open. The client that
takes the least processor time for a round trip disturbs a measurement on the same cores least, and is what
`bilten bench purchase` uses.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Final

import aiohttp
import msgspec
from websockets.asyncio.client import connect

from bench.latency import Latency, latency
from bench.machine import CpuMeter, CpuShare
from bench.raw_socket import RawSocket, client_frame, open_raw

WARM_UP_S: Final = 0.4
_OPENED_AT_ONCE: Final = 50
_HOST: Final = "127.0.0.1"


class EchoLoad(msgspec.Struct, frozen=True):
    """What one client got done against the echo."""

    client: str
    connections: int
    per_s: float
    latency: Latency
    cores: dict[str, CpuShare]

    @property
    def client_us(self) -> float:
        """Processor time of the client for one round trip, in microseconds."""
        return round(self.cores["client"].cores / self.per_s * 1e6, 1)


@contextlib.contextmanager
def echo_server(page_bytes: int = 0) -> Iterator[tuple[int, int]]:
    """Run the echo in a process of its own, and yield its (pid, port)."""
    command = [sys.executable, "-m", "bench.echo_server", str(page_bytes)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        yield child.pid, int(child.stdout.readline())
    finally:
        assert child.stdin is not None
        child.stdin.close()
        child.wait(10)


class _Clock:
    """Counts round trips that end within the time that is measured, which starts when the last connection is
    open: opening thousands takes longer than the whole measurement may.
    """

    def __init__(self, seconds: float, connections: int, started: Callable[[], object]) -> None:
        self._seconds = seconds
        self._missing = connections
        self._all_open = asyncio.Event()
        self._started = started
        self._opening = asyncio.Semaphore(_OPENED_AT_ONCE)
        self.begin = self.end = 0.0
        self.seconds: list[float] = []

    @contextlib.asynccontextmanager
    async def opening(self) -> AsyncIterator[None]:
        """Around opening a connection: a few at once."""
        async with self._opening:
            yield
        self._missing -= 1
        if not self._missing:
            self.begin = time.perf_counter() + WARM_UP_S
            self.end = self.begin + self._seconds
            self._started()
            self._all_open.set()

    async def all_open(self) -> None:
        """Wait for the start."""
        await self._all_open.wait()

    def took(self, began: float) -> bool:
        """Note a round trip; returns whether to make another."""
        now = time.perf_counter()
        if self.begin <= now <= self.end:
            self.seconds.append(now - began)
        return now < self.end


class _RawAsker:
    """One connection of the raw client that asks again as soon as it is answered."""

    def __init__(self, frame: bytes, clock: _Clock) -> None:
        self._frame = frame
        self._clock = clock
        self._began = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.socket: RawSocket | None = None

    def ask(self) -> None:
        assert self.socket is not None
        self._began = time.perf_counter()
        self.socket.write(self._frame)

    def received(self, _: bytes) -> None:
        if self._clock.took(self._began):
            self.ask()
        elif not self.done.done():
            self.done.set_result(None)


async def _raw(port: int, message: bytes, clock: _Clock, connections: int) -> None:
    frame = client_frame(message)
    askers = [_RawAsker(frame, clock) for _ in range(connections)]
    for asker in askers:
        async with clock.opening():
            asker.socket = await open_raw(_HOST, port, "/ws", "echo", asker.received)
    for asker in askers:
        asker.ask()
    await asyncio.gather(*(asker.done for asker in askers))
    for asker in askers:
        if asker.socket is not None:
            asker.socket.close()


async def _websockets(port: int, message: bytes, clock: _Clock, connections: int) -> None:
    async def ask() -> None:
        address = f"ws://{_HOST}:{port}/ws"
        async with contextlib.AsyncExitStack() as stack:
            async with clock.opening():
                opened = connect(address, compression=None, ping_interval=None, proxy=None)
                socket = await stack.enter_async_context(opened)
            await clock.all_open()
            going = True
            while going:
                began = time.perf_counter()
                await socket.send(message)
                await socket.recv()
                going = clock.took(began)

    await asyncio.gather(*(ask() for _ in range(connections)))


async def _aiohttp(port: int, message: bytes, clock: _Clock, connections: int) -> None:
    async def ask(session: aiohttp.ClientSession) -> None:
        async with contextlib.AsyncExitStack() as stack:
            async with clock.opening():
                opened = session.ws_connect(f"http://{_HOST}:{port}/ws", compress=0)
                socket = await stack.enter_async_context(opened)
            await clock.all_open()
            going = True
            while going:
                began = time.perf_counter()
                await socket.send_bytes(message)
                await socket.receive_bytes()
                going = clock.took(began)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(ask(session) for _ in range(connections)))


CLIENTS: Final[dict[str, Callable[[int, bytes, _Clock, int], Awaitable[None]]]] = {
    "raw": _raw,
    "aiohttp": _aiohttp,
    "websockets": _websockets,
}


async def measure_echo(client: str, message: bytes, connections: int, seconds: float) -> EchoLoad:
    """Measure one client against a fresh echo."""
    with echo_server() as (pid, port):
        meter = CpuMeter({"client": [os.getpid()], "echo": [pid]})
        clock = _Clock(seconds, connections, meter.start)
        await CLIENTS[client](port, message, clock, connections)
        cores = meter.stop()
    return EchoLoad(client, connections, len(clock.seconds) / seconds, latency(clock.seconds), cores)
