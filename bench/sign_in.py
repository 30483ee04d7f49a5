"""`bilten bench sign-in`: does a rush of sign-ins slow down those who look and those who buy?

Pages are read and holds placed at a steady rate, whatever the answers take (an open loop: a slow answer
delays nobody's next question and hides none of them), in turns without and with sign-ins beside them. The
password hashes are the ones that production has. Everything, the generator too, shares the machine's cores.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import msgspec
import uvloop
from rich.console import Console

from bench.latency import Latency, latency
from bench.load import BenchFailed
from bench.machine import CpuMeter, limit_line, machine
from bench.own_platform import own_platform
from bench.platform import Identifiers
from bench.purchase import bench_catalogue, platform_parts
from bench.raw_socket import RawSocket, client_frame
from bench.results import Result, print_table, ratio
from bench.rush_event import make_event
from bench.shoppers import open_socket
from client import BiltenClient
from cluster.key_ring import ensure_ring, read_ring
from cluster.running import Running
from domain import ids, wire
from domain.ids import BuyerId, UserId
from services.users.passwords import Passwords, PasswordSettings
from services.users.people import lookup_of
from services.vault import Vault
from storage.accounts import Accounts, User, UserState
from storage.person_keys import PersonKeys
from storage.postgres import close_pool, create_pool

NAME: Final = "sign-in"
GATEWAYS: Final = 2
# A little above what is asked for: the last of a round are answered after it.
SIGN_INS_PER_S: Final = 21
READS_PER_S: Final = 100
HOLDS_PER_S: Final = 100
ACCOUNTS: Final = 60
SOCKETS: Final = 20
ROUNDS: Final = 6
ROUND_S: Final = 6.0
ROUNDS_QUICK: Final = 2
ROUND_S_QUICK: Final = 3.0
_PASSWORD: Final = "a phrase for the bench only"  # noqa: S105 - of accounts that last as long as the bench
# Limits that are there to stop one person; here one address does the work of a town.
UNLIMITED: Final[dict[str, dict[str, float]]] = {
    "gateway": {"requests_per_s": 1e6, "requests_burst": 1_000_000},
    "limits": {"sign_in_per_s": 1e5, "sign_in_burst": 100_000},
    "users": {"attempts_per_s": 1e5, "attempts_burst": 100_000},
    "shards": {"count": 1},
}

_write: Final = msgspec.msgpack.Encoder().encode


class _Reply(msgspec.Struct):
    type: str
    id: int = 0


_read: Final = msgspec.msgpack.Decoder(_Reply).decode


class Observed:
    """What was observed in one kind of round. Durations in seconds."""

    def __init__(self) -> None:
        self.reads: list[float] = []
        self.holds: list[float] = []
        self.sign_ins: list[float] = []
        self.seconds = 0.0
        self.refused = 0


class Buyer:
    """A socket on which holds are placed; each is timed from its sending to its answer."""

    def __init__(self, event: str, ticket_type: str, fresh: Identifiers) -> None:
        self._event = event
        self._lines = [wire.Line(ticket_type, 1)]
        self._fresh = fresh.fresh
        self._number = 0
        self._sent: dict[int, tuple[float, list[float]]] = {}
        self.socket: RawSocket | None = None

    def hold(self, into: list[float]) -> None:
        assert self.socket is not None
        self._number += 1
        operation = ids.text(ids.OPERATION, self._fresh())
        self._sent[self._number] = time.perf_counter(), into
        self.socket.write(client_frame(_write(wire.Hold(self._number, operation, self._event, self._lines))))

    def received(self, payload: bytes) -> None:
        reply = _read(payload)
        if reply.type == "held" and reply.id in self._sent:
            sent_at, into = self._sent.pop(reply.id)
            into.append(time.perf_counter() - sent_at)
        elif reply.type == "refused":
            raise BenchFailed(f"a hold was refused: {payload!r}")

    @property
    def unanswered(self) -> int:
        return len(self._sent)


async def at_rate(per_s: float, seconds: float, begin: Callable[[int], Awaitable[None] | None]) -> None:
    """Begin something at a steady rate, and wait until all that was begun is done."""
    tasks: list[asyncio.Task[Any]] = []
    started = time.perf_counter()
    for number in range(int(per_s * seconds)):
        delay = started + number / per_s - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        work = begin(number)
        if work is not None:
            tasks.append(asyncio.ensure_future(work))
    await asyncio.gather(*tasks)


class Crowd:
    """Those who read, hold and sign in."""

    def __init__(
        self, url: str, slug: str, http: aiohttp.ClientSession, buyers: list[Buyer], emails: list[str]
    ) -> None:
        self._page = f"{url}/e/{slug}"
        self._sign_in = f"{url}/api/v1/sign-in"
        self._http = http
        self._buyers = buyers
        self._emails = emails

    async def round(self, seconds: float, observed: Observed, *, with_sign_ins: bool) -> None:
        """Go on for so long, and add what is observed."""
        began = time.perf_counter()

        def hold(number: int) -> None:
            self._buyers[number % len(self._buyers)].hold(observed.holds)

        work = [
            at_rate(READS_PER_S, seconds, lambda _: self._read(observed)),
            at_rate(HOLDS_PER_S, seconds, hold),
        ]
        if with_sign_ins:
            work.append(at_rate(SIGN_INS_PER_S, seconds, lambda number: self._enter(number, observed)))
        await asyncio.gather(*work)
        async with asyncio.timeout(10):
            while any(buyer.unanswered for buyer in self._buyers):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        observed.seconds += time.perf_counter() - began

    async def _read(self, observed: Observed) -> None:
        began = time.perf_counter()
        async with self._http.get(self._page) as answer:
            await answer.read()
            if answer.status != 200:
                raise BenchFailed(f"the page answered {answer.status}")
        observed.reads.append(time.perf_counter() - began)

    async def _enter(self, number: int, observed: Observed) -> None:
        began = time.perf_counter()
        body = {"email": self._emails[number % len(self._emails)], "password": _PASSWORD}
        async with self._http.post(self._sign_in, json=body) as answer:
            await answer.read()
            if answer.status == 200:
                observed.sign_ins.append(time.perf_counter() - began)
            else:
                observed.refused += 1


async def make_accounts(found: Running, data_path: Path, count: int) -> list[str]:
    """Make confirmed accounts with one password, hashed as production does, and return their addresses."""

    def clock() -> int:
        return time.time_ns() // 1_000_000

    fresh = Identifiers(seed=11).fresh
    ring = data_path / "people-keys"
    ensure_ring(ring)
    pool = await create_pool(found.dsn, application_name="bilten bench")
    passwords = Passwords(PasswordSettings())
    try:
        vault, accounts = Vault(PersonKeys(pool), lambda: read_ring(ring), clock), Accounts(pool)
        password_hash = await passwords.hash(_PASSWORD)
        assert isinstance(password_hash, str)
        emails = [f"bench-{number}-{time.time_ns()}@example.org" for number in range(count)]
        for email in emails:
            user_id = UserId(fresh())
            sealed = await vault.seal(user_id, "users", "email_sealed", email)
            name = await vault.seal(user_id, "users", "name_sealed", "Bench")
            lookup = lookup_of(vault, email)
            state, buyer_id = UserState.ACTIVE, BuyerId(fresh())
            user = User(user_id, buyer_id, state, lookup, sealed, name, "en", password_hash)
            if not await accounts.create(user, clock()):
                raise BenchFailed("an account could not be made")
        return emails
    finally:
        await passwords.close()
        await close_pool(pool)


@asynccontextmanager
async def crowd(found: Running, data_path: Path) -> AsyncIterator[Crowd]:
    """Everybody, connected."""
    event = await make_event(found, bench_catalogue(), 0)
    name = ids.text(ids.EVENT, event.event_id)
    emails = await make_accounts(found, data_path, ACCOUNTS)
    connector = aiohttp.TCPConnector(limit=0)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as http:
        async with BiltenClient(found.url) as client:
            page = await client.event(event.slug)
        ticket_type = page["ticket_types"][0]["ticket_type"]
        fresh = Identifiers(seed=12)
        buyers = [Buyer(name, ticket_type, fresh) for _ in range(SOCKETS)]
        for buyer in buyers:
            buyer.socket = await open_socket(found.url, buyer.received)
        try:
            yield Crowd(found.url, event.slug, http, buyers, emails)
        finally:
            for buyer in buyers:
                if buyer.socket is not None:
                    buyer.socket.close()


async def observe(
    found: Running, data_path: Path, rounds: int, round_s: float
) -> tuple[Observed, Observed, str]:
    """Return what was observed without and with sign-ins, and what was busy meanwhile."""
    quiet, busy = Observed(), Observed()
    async with crowd(found, data_path) as people:
        await people.round(1.0, Observed(), with_sign_ins=True)
        meter = CpuMeter({**platform_parts(found, data_path), "generator": [os.getpid()]}).start()
        for number in range(rounds):
            # In turns, and each first as often as the other: what else goes on in the machine meets both.
            order = ((quiet, False), (busy, True))
            for observed, with_sign_ins in order if number % 2 == 0 else reversed(order):
                await people.round(round_s, observed, with_sign_ins=with_sign_ins)
        cores = meter.stop()
    return quiet, busy, limit_line(cores, os.cpu_count() or 1)


def run(console: Console, *, is_quick: bool) -> Result:
    """Measure everything."""
    rounds, round_s = (ROUNDS_QUICK, ROUND_S_QUICK) if is_quick else (ROUNDS, ROUND_S)
    with own_platform(GATEWAYS, UNLIMITED) as (found, data_path):
        quiet, busy, limit = uvloop.run(observe(found, data_path, rounds, round_s))
    if not busy.sign_ins:
        raise BenchFailed("nobody was signed in")
    read_quiet, read_busy = latency(quiet.reads), latency(busy.reads)
    hold_quiet, hold_busy = latency(quiet.holds), latency(busy.holds)
    entered = latency(busy.sign_ins)
    figures: dict[str, float | int | str] = {
        "sign_ins_per_s": round(len(busy.sign_ins) / busy.seconds, 1),
        "read_p99_ratio": ratio(read_busy.p99_ms, read_quiet.p99_ms),
        "hold_p99_ratio": ratio(hold_busy.p99_ms, hold_quiet.p99_ms),
        "sign_in_p50_ms": entered.p50_ms,
        "sign_in_p99_ms": entered.p99_ms,
        "read_p99_ms": read_busy.p99_ms,
        "hold_p99_ms": hold_busy.p99_ms,
        "sign_ins_refused": busy.refused,
        "reads_per_s": READS_PER_S,
        "holds_per_s": HOLDS_PER_S,
        "hash": f"Argon2id, {PasswordSettings().memory_kib} KiB, {PasswordSettings().passes} passes",
    }
    baselines = {"read_p99_ms": read_quiet.p99_ms, "hold_p99_ms": hold_quiet.p99_ms}
    rows: list[tuple[object, ...]] = [
        _row("page reads, nobody signs in", read_quiet),
        _row("page reads beside sign-ins", read_busy),
        _row("holds, nobody signs in", hold_quiet),
        _row("holds beside sign-ins", hold_busy),
        _row("sign-ins", entered),
    ]
    columns = ("", "number", "p50 ms", "p95 ms", "p99 ms", "max ms")
    title = f"{figures['sign_ins_per_s']} sign-ins/s, {GATEWAYS} gateways"
    print_table(console, title, columns, rows)
    console.print(limit, soft_wrap=True)
    return Result(NAME, figures, baselines, {}, machine(), [limit])


def _row(what: str, seen: Latency) -> tuple[object, ...]:
    return (what, seen.count, seen.p50_ms, seen.p95_ms, seen.p99_ms, seen.max_ms)
