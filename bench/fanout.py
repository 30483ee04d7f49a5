"""`bilten bench fanout`: thousands of sockets that follow an event which changes a thousand times a second.

A change is seen by a client when a state comes whose version is at least the change's. The clock of the n-th
change starts when its hold is pressed, which is before it happens, so what is measured is what people feel.
"""

import asyncio
import bisect
import hashlib
import os
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec
import uvloop
from rich.console import Console

from bench.latency import nearest_rank
from bench.load import BenchFailed
from bench.machine import CpuMeter, limit_line, machine, rss_bytes
from bench.own_platform import own_platform
from bench.platform import Identifiers
from bench.purchase import UNLIMITED, bench_catalogue, platform_parts
from bench.raw_socket import RawSocket, client_frame, open_raw
from bench.results import Result, print_table
from bench.rush_event import make_event
from client import BiltenClient
from client.bilten_client import SOCKET_PATH
from cluster.running import Running
from domain import ids, wire
from storage.postgres import connect

NAME: Final = "fanout"
CONNECTIONS: Final = 8_000
CONNECTIONS_QUICK: Final = 1_000
FILES_KEPT: Final = 300
GATEWAYS: Final = 2
CHANGES_PER_S: Final = 1_000
PRESS_EVERY_S: Final = 0.01
HOLDERS: Final = 40
SECONDS: Final = 10.0
SECONDS_QUICK: Final = 4.0
OPENED_AT_ONCE: Final = 100
SAMPLED_CHANGES: Final = 2_000


class _State(msgspec.Struct):
    """As much of a message as is needed to know which state was seen."""

    type: str
    version: int = 0


_read: Final = msgspec.msgpack.Decoder(_State).decode
_write: Final = msgspec.msgpack.Encoder().encode


class Watcher:
    """One socket, and the versions that it saw with their times."""

    __slots__ = ("seen_at", "socket", "versions")

    def __init__(self) -> None:
        self.versions: list[int] = []
        self.seen_at: list[float] = []
        self.socket: RawSocket | None = None

    def received(self, payload: bytes) -> None:
        state = _read(payload)
        if state.type in {"availability", "watching"}:
            self.versions.append(state.version)
            self.seen_at.append(time.perf_counter())

    def forget(self) -> None:
        """Keep only the newest version."""
        self.versions, self.seen_at = self.versions[-1:], self.seen_at[-1:]


def delays_ms(
    watcher_versions: list[int], seen_at: list[float], base: int, pressed_at: list[float], step: int
) -> list[float]:
    """Return how long one client took to see every `step`-th change, in ms.

    Change n (from 0) has version base + n + 1. A change that was never seen counts as seen at infinity.
    """
    found = []
    for number in range(0, len(pressed_at), step):
        at = bisect.bisect_left(watcher_versions, base + number + 1)
        found.append((seen_at[at] - pressed_at[number]) * 1000 if at < len(seen_at) else float("inf"))
    return found


@asynccontextmanager
async def sockets(found: Running, watchers: list[Watcher]) -> AsyncIterator[None]:
    """Open a socket for each, with sessions and tickets that are written straight into the database: what it
    costs to get them over HTTP is not what is measured here.
    """
    tickets = [os.urandom(24).hex() for _ in watchers]
    fresh = Identifiers(seed=4).fresh
    connection = await connect(found.dsn, application_name="bilten bench")
    await connection.execute(
        """
        WITH opened AS (
            INSERT INTO sessions (token_hash, buyer_id, created_at, expires_at)
            SELECT hash, buyer, now(), now() + interval '10 minutes'
            FROM unnest($1::bytea[], $2::uuid[]) AS session (hash, buyer)
            RETURNING token_hash, buyer_id, expires_at
        )
        INSERT INTO socket_tickets (ticket_hash, session_hash, buyer_id, expires_at)
        SELECT token_hash, token_hash, buyer_id, expires_at FROM opened
        """,
        [hashlib.sha256(ticket.encode()).digest() for ticket in tickets],
        [fresh() for _ in tickets],
    )
    await connection.close()
    address = urlsplit(found.url)
    assert address.hostname is not None
    assert address.port is not None
    gate = asyncio.Semaphore(OPENED_AT_ONCE)

    async def open_one(watcher: Watcher, ticket: str) -> None:
        async with gate:
            path = f"{SOCKET_PATH}?ticket={ticket}"
            watcher.socket = await open_raw(
                str(address.hostname),
                int(address.port or 0),
                path,
                wire.SUBPROTOCOL_MSGPACK,
                watcher.received,
            )
            watcher.socket.write(client_frame(_write(wire.Ping(0))))

    try:
        await asyncio.gather(*map(open_one, watchers, tickets))
        yield
    finally:
        for watcher in watchers:
            if watcher.socket is not None:
                watcher.socket.close()


async def _watch(watchers: list[Watcher], event: str) -> None:
    question = client_frame(_write(wire.Watch(1, event)))
    for watcher in watchers:
        assert watcher.socket is not None
        watcher.socket.write(question)
    async with asyncio.timeout(60):
        while not all(watcher.versions for watcher in watchers):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def _change(holders: list[Watcher], event: str, ticket_type: str, seconds: float) -> list[float]:
    """Press hold a thousand times a second; returns when each was pressed."""
    fresh = Identifiers(seed=5).fresh
    lines = [wire.Line(ticket_type, 1)]
    pressed_at: list[float] = []
    begin = time.perf_counter()
    number = 0
    while (elapsed := time.perf_counter() - begin) < seconds:
        while number < elapsed * CHANGES_PER_S:
            socket = holders[number % len(holders)].socket
            assert socket is not None
            message = wire.Hold(number + 2, ids.text(ids.OPERATION, fresh()), event, lines)
            pressed_at.append(time.perf_counter())
            socket.write(client_frame(_write(message)))
            number += 1
        await asyncio.sleep(PRESS_EVERY_S)
    return pressed_at


async def _measure(
    found: Running, data_path: Path, number: int, seconds: float
) -> tuple[list[float], float, float, str]:
    """Return the delays in ms, the KB a connection, the changes a second, and what limited it."""
    event = await make_event(found, bench_catalogue(), 0)
    name = ids.text(ids.EVENT, event.event_id)
    async with BiltenClient(found.url) as client:
        kind = (await client.event(event.slug))["ticket_types"][0]["ticket_type"]
    watchers = [Watcher() for _ in range(number)]
    holders = [Watcher() for _ in range(HOLDERS)]
    gateways = found.pids("gateway")
    async with sockets(found, holders):
        await _watch(holders[:1], name)
        await _change(holders, name, kind, 0.5)
        before = sum(rss_bytes(pid) for pid in gateways)
        async with sockets(found, watchers):
            await _watch(watchers, name)
            await asyncio.sleep(1.0)
            kilobytes = (sum(rss_bytes(pid) for pid in gateways) - before) / number / 1024
            for watcher in watchers:
                watcher.forget()
            base = max(watcher.versions[-1] for watcher in watchers)
            meter = CpuMeter({**platform_parts(found, data_path), "clients": [os.getpid()]}).start()
            pressed_at = await _change(holders, name, kind, seconds)
            cores = meter.stop()
            last = base + len(pressed_at)
            deadline = time.perf_counter() + 5
            while time.perf_counter() < deadline and any(w.versions[-1] < last for w in watchers):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            if base + len(pressed_at) / 2 > max(watcher.versions[-1] for watcher in watchers):
                raise BenchFailed("most of the changes did not happen")
    step = max(1, len(pressed_at) // SAMPLED_CHANGES)
    delays = [
        delay
        for watcher in watchers
        for delay in delays_ms(watcher.versions, watcher.seen_at, base, pressed_at, step)
    ]
    updates = sum(len(watcher.versions) - 1 for watcher in watchers) / number / seconds
    limit = f"{limit_line(cores, os.cpu_count() or 1)}; each client got {updates:.1f} states/s"
    return sorted(delays), kilobytes, len(pressed_at) / seconds, limit


def run(console: Console, *, is_quick: bool) -> Result:
    """Measure everything."""
    described = machine()
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    number = min(CONNECTIONS_QUICK if is_quick else CONNECTIONS, files - FILES_KEPT)
    seconds = SECONDS_QUICK if is_quick else SECONDS
    with own_platform(GATEWAYS, UNLIMITED) as (found, data_path):
        delays, kilobytes, changes, limit = uvloop.run(_measure(found, data_path, number, seconds))
    figures = {
        "connections": number,
        "seen_p50_ms": round(nearest_rank(delays, 0.5), 1),
        "seen_p99_ms": round(nearest_rank(delays, 0.99), 1),
        "seen_max_ms": round(delays[-1], 1),
        "kb_per_connection": round(kilobytes, 2),
        "changes_per_s": round(changes),
        "gateways": GATEWAYS,
    }
    print_table(console, "Everybody watches one event", ("figure", ""), list(figures.items()))
    console.print(limit, soft_wrap=True)
    return Result(NAME, figures, {}, {}, described, [limit])
