"""`bilten rush`: a whole sale through real websockets, with buyers that behave, parts that are killed in the
middle of it, and an audit at the end.

Runs against the platform whose data folder it is given; if none runs there, against one of its own in a
temporary folder, which ends with it.
"""

import asyncio
import contextlib
import gc
import os
import resource
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from rich.console import Console

from bench.audit import Audit, audit
from bench.buyers import Buyer, Offer, Sale
from bench.kills import VICTIMS, Kill, Killer, NotKilled, Victim
from bench.machine import CpuMeter, machine
from bench.own_platform import own_platform
from bench.progress import Progress
from bench.report import report, show, went_well
from bench.rush_event import make_event, read_rush_catalogue
from bench.witness import Witness
from client import BiltenClient, NotConnected
from cluster import processes, running
from cluster.running import Running
from domain.ids import EventId
from services.demo import NotLoaded
from services.events.catalogue_file import CatalogueFile, CatalogueMistake
from storage.postgres import connect

SALE_S_MAX: Final = 150.0
SETTLE_S_MAX: Final = 60.0
CONNECTS_PER_S: Final = 150.0
DEMAND: Final = 1.3
EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2


class RushOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for.

    Attributes:
        data_path: the data folder of the platform.
        catalogue: the file that says what is sold.
        kills: what is killed meanwhile, in this order.
    """

    data_path: Path
    catalogue: Path
    buyers: int = 2_000
    tickets: int = 10_000
    seed: int = 7
    kills: tuple[str, ...] = ()
    json_path: Path | None = None


def main(options: RushOptions) -> int:
    """Run a rush; the exit code is 0 if the audit passed and everything that was to be killed was killed and
    has recovered, 1 if not, 2 if it could not be run to its end.
    """
    console = Console(highlight=False)
    unknown = [kill for kill in options.kills if kill not in VICTIMS]
    if unknown:
        console.print(f"can't kill {unknown[0]!r}; there are: {', '.join(VICTIMS)}")
        return EXIT_USAGE
    # A websocket is a file; the soft limit is often 1,024 though the hard one allows many.
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    # Two thousand clients are some hundred thousand objects that live long; looking through all of them again
    # and again would take a third of this process's time.
    gc.set_threshold(100_000, 50, 1_000)
    try:
        file = read_rush_catalogue(options.catalogue, options.tickets, options.seed)
        with _platform(console, options.data_path) as (found, data_path):
            rush = Rush(console, msgspec.structs.replace(options, data_path=data_path), found, file)
            return uvloop.run(rush.run())
    except (OSError, CatalogueMistake, NotLoaded, NotConnected, processes.StartFailed) as error:
        console.print(f"the rush can't be run: {error}", soft_wrap=True)
        return EXIT_USAGE


@contextlib.contextmanager
def _platform(console: Console, data_path: Path) -> Iterator[tuple[Running, Path]]:
    """The running platform, or one of our own."""
    found = running.read_living(data_path)
    if found is not None:
        console.print(f"rush against the platform at {found.url}")
        yield found, data_path
        return
    console.print(
        "no platform runs (make up starts one): starting one for this rush, which ends with it",
        soft_wrap=True,
    )
    with own_platform() as (found, made):
        yield found, made


class Rush:
    """One rush against a running platform."""

    def __init__(self, console: Console, options: RushOptions, found: Running, file: CatalogueFile) -> None:
        self._console = console
        self._options = options
        self._running = found
        self._file = file
        self._witness = Witness()
        self._progress = Progress(console, self._witness, options.tickets)
        self._over = asyncio.Event()
        self._buyers: list[Buyer] = []
        self._pushes = 0
        self._kills: list[Kill] = []
        self._not_killed: list[NotKilled] = []

    async def run(self) -> int:
        """Sell, audit, report; the exit code."""
        described = machine()
        opens_in_s = 3.0 + self._options.buyers / CONNECTS_PER_S
        event = await make_event(self._running, self._file, round(opens_in_s * 1000))
        self._console.print(
            f"{self._options.tickets:,} tickets for {event.title!r} ({event.slug})", soft_wrap=True
        )
        meter = CpuMeter({"buyers": [os.getpid()]}).start()
        async with self._screen():
            seconds = await self._sell(event.event_id, event.slug)
        cores = meter.stop()
        self._console.print("the last buyer has left; waiting until every order is finished, then the audit")
        await self._settled(event.event_id)
        found: Audit = await audit(self._running.dsn, event.event_id, self._witness.seen())
        made = report(
            seed=self._options.seed,
            buyers=self._options.buyers,
            event=event.slug,
            offered=self._options.tickets,
            seconds=seconds,
            witness=self._witness,
            kills=self._kills,
            not_killed=self._not_killed,
            audit=found,
            cores=cores,
            machine=described,
        )
        show(self._console, made)
        if self._options.json_path is not None:
            self._options.json_path.parent.mkdir(parents=True, exist_ok=True)
            encoded = msgspec.json.format(msgspec.json.encode(made), indent=2)
            self._options.json_path.write_bytes(encoded + b"\n")
        return 0 if went_well(made) else EXIT_FAILED

    async def _sell(self, event_id: EventId, slug: str) -> float:
        async with BiltenClient(self._running.url) as onlooker:
            sale = await self._look(onlooker, slug)
            shard = await self._shard_of(event_id)
            looking = asyncio.create_task(self._count_pushes(onlooker, sale.event))
            numbers = range(self._options.buyers)
            self._buyers = [
                Buyer(sale, number, self._options.seed, self._witness, self._over) for number in numbers
            ]
            crowd = asyncio.create_task(self._crowd())
            wait_s = (sale.opens_at_ms - onlooker.server_time_ms()) / 1000
            opened = time.perf_counter() + max(0.0, wait_s)
            self._progress.opens_in_s = wait_s
            await asyncio.wait([crowd], timeout=max(0.0, wait_s))
            self._progress.opens_in_s = 0.0
            killing = asyncio.create_task(self._kill(shard, opened))
            await asyncio.wait([crowd], timeout=SALE_S_MAX)
            self._over.set()
            await crowd
            seconds = time.perf_counter() - opened
            await killing  # which ends when everything is over
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        return seconds

    async def _crowd(self) -> None:
        """Everybody comes, not all in the same millisecond."""
        async with asyncio.TaskGroup() as group:
            for number, buyer in enumerate(self._buyers):
                group.create_task(buyer.live())
                if number % 25 == 24:
                    await asyncio.sleep(25 / CONNECTS_PER_S)
        self._over.set()

    async def _look(self, client: BiltenClient, slug: str) -> Sale:
        """Read the event's page, as everybody does."""
        event = await client.event(slug)
        offers = [
            Offer(kind["ticket_type"], kind["quantity_min"], kind["quantity_max"])
            for kind in event["ticket_types"]
        ]
        wanted = DEMAND * self._options.tickets / self._options.buyers
        limit = event.get("buyer_limit") or 10
        return Sale(self._running.url, event["event"], event["opens_at_ms"], limit, offers, max(1.0, wanted))

    async def _count_pushes(self, client: BiltenClient, event: str) -> None:
        async with client.watch(event) as states:
            async for _ in states:
                self._pushes += 1

    async def _kill(self, shard: int, opened: float) -> None:
        """Kill one after the other, each when its share of the tickets is sold."""

        def is_due(share: float) -> bool:
            latest = opened + share * SALE_S_MAX
            return self._witness.tickets >= share * self._options.tickets or time.perf_counter() >= latest

        killer = Killer(
            self._options.data_path, shard, self._witness, self._clients, lambda: self._pushes, self._over
        )
        victims: list[Victim] = [
            victim for kill in self._options.kills for victim in VICTIMS if victim == kill
        ]
        self._kills, self._not_killed = await killer.kill_in_turn(victims, opened, is_due, self._progress.say)

    def _clients(self) -> list[BiltenClient]:
        return [buyer.client for buyer in self._buyers if buyer.client is not None]

    @contextlib.asynccontextmanager
    async def _screen(self) -> AsyncIterator[None]:
        async def count_people() -> None:
            while True:
                here = self._clients()
                self._progress.people = (len(here), sum(client.is_connected for client in here))
                self._progress.opens_in_s -= 0.25
                await asyncio.sleep(0.25)

        tasks = [asyncio.create_task(self._progress.run()), asyncio.create_task(count_people())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for line in self._progress.said if self._console.is_terminal else ():
                self._console.print(line)

    async def _shard_of(self, event_id: EventId) -> int:
        connection = await connect(self._running.dsn, application_name="bilten rush")
        try:
            query = "SELECT shard FROM placements WHERE event_id = $1"
            return int(await connection.fetchval(query, event_id))
        finally:
            await connection.close()

    async def _settled(self, event_id: EventId) -> None:
        """Wait until no order of the event is unfinished; the audit counts those that stay so."""
        connection = await connect(self._running.dsn, application_name="bilten rush")
        try:
            deadline = time.perf_counter() + SETTLE_S_MAX
            unfinished = "SELECT EXISTS (SELECT FROM orders WHERE event_id = $1 AND finished_at IS NULL)"
            while time.perf_counter() < deadline and await connection.fetchval(unfinished, event_id):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        finally:
            await connection.close()
