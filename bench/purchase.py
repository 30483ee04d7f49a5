"""`bilten bench purchase`: holds and whole purchases through real websockets, beside a bare echo.

A thousand buyers at once are what a flash sale is, and two gateway processes what two cores carry; the echo
has as many connections. Captures, which no buyer waits for, have to keep up as well: how long the last order
took to be paid after the last answer is part of the result.

The generator runs on the same cores as the platform, so it is the cheapest client there is (`bench.echo`
compares three), and its share of the processor is part of the result. The echo is asked with a hold's own
bytes by the same client in the same run, before and after; the ratios are to the mean of both.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from rich.console import Console

from bench.echo import CLIENTS, EchoLoad, measure_echo
from bench.latency import latency
from bench.load import BenchFailed
from bench.machine import CpuMeter, Machine, limit_line, machine
from bench.own_platform import own_platform
from bench.platform import Identifiers
from bench.results import Result, print_table, ratio
from bench.rush_event import make_event
from bench.shoppers import Measured, shoppers
from client import BiltenClient
from cluster import running
from cluster.running import Running
from domain import ids, wire
from services.events.catalogue_file import CatalogueFile, read_catalogue
from storage.postgres import connect

NAME: Final = "purchase"
CONNECTIONS: Final = 1_000
GATEWAYS: Final = 2
SECONDS: Final = 8.0
SECONDS_QUICK: Final = 2.0
WARM_UP_S: Final = 1.0
CAPTURED_S_MAX: Final = 60.0
# Limits that are there to stop one person; here a thousand do the work of a town.
UNLIMITED: Final[Mapping[str, Mapping[str, float]]] = {
    "gateway": {
        "requests_per_s": 1e6,
        "requests_burst": 1_000_000,
    },
    "limits": {"purchase_per_s": 1e6, "purchase_burst": 1_000_000},
    "sandbox": {"latency_ms": 0},
    "shards": {"count": 1},
}
_CATALOGUE: Final = """
[organisation]
name = "Bench"
slug = "bench"
[event]
title = "Bench"
slug = "bench-%d"
starts_at = 2030-01-01T20:00:00
time_zone = "UTC"
currency = "EUR"
buyer_limit = 10000
[[pools]]
name = "Hall"
capacity = %d
[[ticket_types]]
name = "Standing"
price = "49.00"
pools = ["Hall"]
"""


def bench_catalogue(capacity: int = 5_000_000) -> CatalogueFile:
    """Return an event with one pool and one type that nobody can buy out."""
    return read_catalogue(_CATALOGUE % (time.time_ns(), capacity))


def platform_parts(found: Running, data_path: Path) -> dict[str, list[int]]:
    """The pids of a whole platform that a `CpuMeter` tells apart."""
    return {
        "gateway": found.pids("gateway"),
        "shard": [process.pid for process in running.read_shards(data_path)],
        "postgres": found.pids("postgres"),
        "valkey": found.pids("redis"),
        "ray": [*found.pids("ray"), *found.pids("shards")],
    }


async def _echoes(seconds: float, *, is_quick: bool) -> dict[str, EchoLoad]:
    fresh = Identifiers(seed=3).fresh
    names = [ids.text(kind, fresh()) for kind in (ids.OPERATION, ids.EVENT, ids.TICKET_TYPE)]
    message = msgspec.msgpack.encode(wire.Hold(1, names[0], names[1], [wire.Line(names[2], 1)]))
    clients = ["raw"] if is_quick else list(CLIENTS)
    return {client: await measure_echo(client, message, CONNECTIONS, seconds) for client in clients}


async def _shop(
    found: Running, data_path: Path, seconds: float
) -> tuple[Measured, Measured, list[str], float, float]:
    """Measure holds, then purchases; then the share of a core that the generator took for holds, and for how
    long payments were still captured when the last buyer had been answered.
    """
    event = await make_event(found, bench_catalogue(), 0)
    name = ids.text(ids.EVENT, event.event_id)
    async with BiltenClient(found.url) as client:
        page = await client.event(event.slug)
    limits = []
    share = 0.0
    done: list[Measured] = []
    async with shoppers(found.url, name, page["ticket_types"][0]["ticket_type"], CONNECTIONS) as crowd:
        for is_buying in (False, True):
            measured = Measured(seconds, WARM_UP_S, is_buying=is_buying)
            meter = CpuMeter({**platform_parts(found, data_path), "generator": [os.getpid()]}).start()
            async with asyncio.timeout(seconds + WARM_UP_S + 30):
                await asyncio.gather(*(shopper.start(measured) for shopper in crowd))
            cores = meter.stop()
            what = "purchases" if is_buying else "holds"
            limits.append(f"{what}: {limit_line(cores, os.cpu_count() or 1)}")
            share = share or cores["generator"].cores
            done.append(measured)
            if not (measured.purchases if is_buying else measured.holds):
                raise BenchFailed(f"no {what} at all; refused: {measured.refused}")
    return done[0], done[1], limits, share, await _captured(found.dsn)


async def _captured(dsn: str) -> float:
    """Wait until no order is unfinished, and return the seconds."""
    began = time.perf_counter()
    connection = await connect(dsn, application_name="bilten bench")
    try:
        async with asyncio.timeout(CAPTURED_S_MAX):
            unfinished = "SELECT count(*) FROM orders WHERE finished_at IS NULL"
            while await connection.fetchval(unfinished):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    finally:
        await connection.close()
    return round(time.perf_counter() - began, 2)


def result(
    holds: Measured,
    purchases: Measured,
    echoes: Mapping[str, EchoLoad],
    share: float,
    captured_s: float,
    limits: list[str],
    seconds: float,
    described: Machine,
) -> Result:
    """Put the figures under the names that the JSON has."""
    hold, purchase = latency(holds.holds), latency(purchases.purchases)
    holds_per_s, purchases_per_s = len(holds.holds) / seconds, len(purchases.purchases) / seconds
    raw = [load.per_s for load in echoes.values() if load.client == "raw"]
    echo = sum(raw) / len(raw)
    figures: dict[str, float | int | str] = {
        "holds_per_s": round(holds_per_s),
        "purchases_per_s": round(purchases_per_s),
        "hold_p50_ms": hold.p50_ms,
        "hold_p99_ms": hold.p99_ms,
        "purchase_p50_ms": purchase.p50_ms,
        "purchase_p99_ms": purchase.p99_ms,
        "all_captured_after_s": captured_s,
        "connections": CONNECTIONS,
        "gateways": GATEWAYS,
        "client": "raw frames on an asyncio Protocol",
        "client_cores": share,
    }
    baselines: dict[str, float | int | str] = {"echo_per_s": round(echo)}
    for name, load in echoes.items():
        baselines[f"echo_{name}_per_s"] = round(load.per_s)
        baselines[f"echo_{name}_client_us"] = load.client_us
    ratios = {"holds_per_echo": ratio(holds_per_s, echo), "purchases_per_echo": ratio(purchases_per_s, echo)}
    return Result(NAME, figures, baselines, ratios, described, limits)


def run(console: Console, *, is_quick: bool) -> Result:
    """Measure everything."""
    seconds = SECONDS_QUICK if is_quick else SECONDS
    described = machine()
    echoes = uvloop.run(_echoes(seconds, is_quick=is_quick))
    with own_platform(GATEWAYS, UNLIMITED) as (found, data_path):
        holds, purchases, limits, share, captured_s = uvloop.run(_shop(found, data_path, seconds))
    # Once more afterwards: on a shared machine the echo of a minute ago may have had more of it, or less.
    again = uvloop.run(_echoes(seconds, is_quick=True))["raw"]
    echoes |= {"raw_again": again}
    made = result(holds, purchases, echoes, share, captured_s, limits, seconds, described)
    rows: list[tuple[object, ...]] = [
        (f"echo, {name} client", load.per_s, load.latency.p50_ms, load.latency.p99_ms, load.client_us)
        for name, load in echoes.items()
    ]
    figures = made.figures
    rows += [
        ("holds", figures["holds_per_s"], figures["hold_p50_ms"], figures["hold_p99_ms"], ""),
        (
            "purchases",
            figures["purchases_per_s"],
            figures["purchase_p50_ms"],
            figures["purchase_p99_ms"],
            "",
        ),
    ]
    columns = ("through websockets", "per s", "p50 ms", "p99 ms", "client us each")
    print_table(console, f"{CONNECTIONS} connections, {GATEWAYS} gateways", columns, rows)
    console.print(f"ratios to the echo: {dict(made.ratios)}; the generator took {share:.2f} cores")
    console.print(f"all captured {captured_s} s after the last answer")
    for refused in (holds.refused, purchases.refused):
        if refused:
            console.print(f"refused: {refused}")
    for line in limits:
        console.print(line, soft_wrap=True)
    return made
