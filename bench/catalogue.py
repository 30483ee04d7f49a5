"""`bilten bench catalogue`: pages of a hundred thousand events, some liked better than others.

The events are loaded by COPY. What is asked for follows Zipf's law over all of them: a few are in the memory
of the gateway, some in Redis, most come from PostgreSQL. Pages a second a core are those that came divided by
the processor time of the gateway; how long one takes is measured at a steady rate of 1,000 a second, beside a
bare aiohttp that answers as many bytes at the same rate. At the end events are published, and looked at
through every gateway until all show them, each on its page and in the list of what is new.
"""

import asyncio
import bisect
import itertools
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from os import cpu_count
from os import environ as environment
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import uvloop
from rich.console import Console

from bench.echo import echo_server
from bench.latency import nearest_rank
from bench.load import BenchFailed
from bench.machine import CpuMeter, limit_line, machine
from bench.own_platform import own_platform
from bench.page_reader import PageReader, as_fast_as_can_be, at_a_rate, open_readers
from bench.platform import Identifiers
from bench.purchase import platform_parts
from bench.results import Result, print_table, ratio
from cluster.running import Running
from domain.identity import Identity, Origin, Who
from domain.ids import EventId, OrganisationId
from domain.refusals import Refusal
from storage.postgres import AnyConnection, connect

NAME: Final = "catalogue"
EVENTS: Final = 100_000
ORGANISERS: Final = 500
GATEWAYS: Final = 2
READERS: Final = 32
WATCHERS: Final = 16
RATE_PER_S: Final = 1_000
SECONDS: Final = 10.0
SECONDS_QUICK: Final = 4.0
WARM_S: Final = 2.0
PUBLISHED: Final = 10
PUBLISHED_QUICK: Final = 3
NEWEST: Final = "/api/v1/events?sort=newest"
ZIPF: Final = 1.0
_DAY_MS: Final = 86_400_000
_CITIES: Final = ("Berlin", "Köln", "Wien", "Zürich", "Brno", "Lyon", "Oslo", "Porto", "Riga", "Bari")
_WHO: Final = Who(Identity(), Origin("", "bench"))
UNLIMITED: Final[dict[str, dict[str, float]]] = {
    "shards": {"count": 1},
    "limits": {"browse_per_s": 1e5, "browse_burst": 1_000_000},
}


async def load_events(connection: AnyConnection, count: int) -> OrganisationId:
    """Load so many published events, each with a pool and two types, and return one of their organisers."""
    fresh, now_ms = Identifiers(seed=7).fresh, time.time_ns() // 1_000_000
    owners = [OrganisationId(fresh()) for _ in range(ORGANISERS)]
    await connection.copy_records_to_table(
        "organisations",
        columns=("organisation_id", "name", "slug"),
        records=((each, f"Bench {at}", f"bench-{at}") for at, each in enumerate(owners)),
    )
    events = [fresh() for _ in range(count)]
    pools = [fresh() for _ in range(count)]
    types = [(fresh(), fresh()) for _ in range(count)]
    text = "A long evening with everything that belongs to it. " * 20
    await connection.copy_records_to_table(
        "events",
        columns=(
            *("event_id", "organisation_id", "slug", "title", "summary", "description", "description_html"),
            *("venue", "address", "city", "country", "time_zone", "currency", "status", "opens_at"),
            *("starts_at", "search_text", "city_key", "price_min_minor", "price_max_minor", "buyer_limit"),
        ),
        records=(
            (
                *(event_id, owners[at % ORGANISERS], f"event-{at}"),
                *(f"Evening number {at}", "An evening", text),
                *(f"<p>{text}</p>", f"Hall {at % 500}", "Street 1", _CITIES[at % 10], "DE"),
                *("Europe/Berlin", "EUR", "published", now_ms, now_ms + _DAY_MS + at * 60_000),
                *(f"evening number {at} hall {at % 500}", _CITIES[at % 10].lower(), 1_200, 2_000, 10),
            )
            for at, event_id in enumerate(events)
        ),
    )
    await connection.copy_records_to_table(
        "pools",
        columns=("pool_id", "event_id", "position", "name", "capacity"),
        records=((pools[at], events[at], 0, "Hall", 500) for at in range(count)),
    )
    await connection.copy_records_to_table(
        "ticket_types",
        columns=("ticket_type_id", "event_id", "position", "name", "price_minor", "currency"),
        records=(
            (type_id, events[at], position, ("Full", "Reduced")[position], (2_000, 1_200)[position], "EUR")
            for at in range(count)
            for position, type_id in enumerate(types[at])
        ),
    )
    await connection.copy_records_to_table(
        "ticket_type_pools",
        columns=("ticket_type_id", "pool_id"),
        records=((type_id, pools[at]) for at in range(count) for type_id in types[at]),
    )
    await connection.execute("ANALYZE events, pools, ticket_types, ticket_type_pools")
    return owners[0]


def zipf(count: int, seed: int) -> Callable[[], int]:
    """Return what draws numbers below `count`, the n-th with a likelihood of 1/n."""
    drawn = random.Random(seed)
    weights = list(itertools.accumulate(1 / (at + 1) ** ZIPF for at in range(count)))
    # So that the favourites are not those that were loaded first.
    order = list(range(count))
    drawn.shuffle(order)
    return lambda: order[bisect.bisect_left(weights, drawn.random() * weights[-1])]


@asynccontextmanager
async def organisers(found: Running, data_path: Path) -> AsyncIterator[Any]:
    """The services of organisers on a running platform."""
    # Written, never read: Ray takes the token of its cluster from nowhere else, when it is imported.
    environment.update(found.ray_environment)
    import ray

    from actors.host import NAMESPACE, connect_through_ray
    from actors.refs import Shards
    from cluster.people_wiring import audit_key
    from cluster.settings import Settings
    from services.events.organising import organising
    from services.events.reading import Reading
    from storage import audit_log
    from storage.event_owners import EventOwners
    from storage.event_pages import EventPages
    from storage.fanout import RedisFanout
    from storage.postgres import close_pool, create_pool
    from storage.postgres_journal import PostgresJournal

    audit_log.seal_with(audit_key(Settings(data_dir=str(data_path))))
    pool = await create_pool(found.dsn, application_name="bilten bench")
    ray.init(address=found.ray_address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
    shards = Shards(PostgresJournal(pool), connect_through_ray(), 1)
    fanout = RedisFanout(found.redis_url)
    pages = EventPages(found.redis_url, fanout)
    try:
        yield organising(
            pool=pool,
            shards=shards,
            owners=EventOwners(pool),
            announcing=Reading(pool, pages, _now_ms),
            clock=_now_ms,
            new_id=Identifiers(seed=8).fresh,
            code_key=secrets.token_bytes(32),
        )
    finally:
        await pages.close()
        await fanout.close()
        await shards.close()
        ray.shutdown()
        await close_pool(pool)


async def publish_delays_s(
    services: Any,
    organisation_id: OrganisationId,
    watchers: list[PageReader],
    list_watchers: list[PageReader],
    count: int,
) -> tuple[list[float], list[float]]:
    """Publish events and return how long each took to be seen through every connection, and to be listed."""
    from domain.event_status import Step
    from domain.ids import EVENT, parse
    from services.events.models import NewEvent
    from services.events.tickets_models import PoolFields, TicketsFields, TicketTypeFields

    tickets = TicketsFields(
        pools=(PoolFields(name="Hall", capacity=10),),
        ticket_types=(TicketTypeFields(name="Full", price_minor=100, pools=(0,)),),
    )
    visible_s, listed_s = [], []
    for number in range(count):
        said = NewEvent(title=f"Published {number}", time_zone="UTC", starts_at="2035-01-01T20:00")
        event = await services.editing.create(_WHO, organisation_id, said)
        if isinstance(event, Refusal):
            raise BenchFailed(f"an event can't be made: {event}")
        event_id = EventId(parse(EVENT, event.event))
        await services.editing.set_tickets(_WHO, organisation_id, event_id, None, tickets)
        path = f"/e/{event.slug}"
        # Every gateway has looked, and remembers that there is nothing.
        await asyncio.gather(*(watcher.read(path) for watcher in watchers))
        await asyncio.gather(*(watcher.read(NEWEST) for watcher in list_watchers))
        begin = time.perf_counter()
        await services.steps.take(_WHO, organisation_id, event_id, Step.PUBLISH)
        seen_at, listed_at = await asyncio.gather(
            _until_all_have(watchers, path, b""),
            _until_all_have(list_watchers, NEWEST, f'"{event.slug}"'.encode()),
        )
        visible_s.append(seen_at - begin)
        listed_s.append(listed_at - begin)
    return visible_s, listed_s


async def _until_all_have(watchers: list[PageReader], path: str, text: bytes) -> float:
    """Return when a page was there, with a text, through every connection."""
    while True:
        answers = [await watcher.read(path) for watcher in watchers]
        if all(status == 200 and text in page for status, page in answers):
            return time.perf_counter()
        await asyncio.sleep(0.001)


async def _measure(
    found: Running, data_path: Path, seconds: float, published: int
) -> tuple[dict[str, float], dict[str, float], str]:
    connection = await connect(found.dsn, application_name="bilten bench")
    begin = time.perf_counter()
    # What is loaded is right by construction: foreign keys would look at half a million rows one by one.
    await connection.execute("SET session_replication_role = replica")
    organisation_id = await load_events(connection, EVENTS)
    loaded_s = time.perf_counter() - begin
    await connection.close()
    address = urlsplit(found.url)
    host, port = str(address.hostname), int(address.port or 0)
    draw = zipf(EVENTS, seed=9)

    def next_path() -> str:
        return f"/e/event-{draw()}"

    readers = await open_readers(host, port, READERS)
    await as_fast_as_can_be(readers, next_path, WARM_S)
    meter = CpuMeter(platform_parts(found, data_path)).start()
    per_s = await as_fast_as_can_be(readers, next_path, seconds)
    cores = meter.stop()
    taken_ms = await at_a_rate(readers, next_path, RATE_PER_S, seconds)
    _, page = await readers[0].read(next_path())
    for reader in readers:
        reader.close()
    bare_ms = await _bare(len(page), seconds)
    watchers, list_watchers = [await open_readers(host, port, WATCHERS) for _ in range(2)]
    async with organisers(found, data_path) as services:
        visible_s, listed_s = await publish_delays_s(
            services, organisation_id, watchers, list_watchers, published
        )
    for watcher in (*watchers, *list_watchers):
        watcher.close()
    figures = {
        "events": EVENTS,
        "reads_per_s_per_core": round(per_s / max(cores["gateway"].cores, 0.001)),
        "reads_per_s": round(per_s),
        "offered_per_s": RATE_PER_S,
        "p50_ms": round(nearest_rank(taken_ms, 0.5), 2),
        "p99_ms": round(nearest_rank(taken_ms, 0.99), 2),
        "publish_visible_s": round(max(visible_s), 3),
        "publish_listed_s": round(max(listed_s), 3),
        "load_s": round(loaded_s, 1),
        "gateways": GATEWAYS,
    }
    baselines = {
        "bare_p50_ms": round(nearest_rank(bare_ms, 0.5), 2),
        "bare_p99_ms": round(nearest_rank(bare_ms, 0.99), 2),
    }
    return figures, baselines, limit_line(cores, cpu_count() or 1)


async def _bare(page_bytes: int, seconds: float) -> list[float]:
    """Return how long pages of so many bytes take that cost nothing to make, at the same rate."""
    with echo_server(page_bytes) as (_, port):
        readers = await open_readers("127.0.0.1", port, READERS)
        taken_ms = await at_a_rate(readers, lambda: "/e/bare", RATE_PER_S, seconds)
        for reader in readers:
            reader.close()
    return taken_ms


def run(console: Console, *, is_quick: bool) -> Result:
    """Measure everything."""
    described = machine()
    seconds, published = (SECONDS_QUICK, PUBLISHED_QUICK) if is_quick else (SECONDS, PUBLISHED)
    with own_platform(GATEWAYS, UNLIMITED) as (found, data_path):
        figures, baselines, limit = uvloop.run(_measure(found, data_path, seconds, published))
    print_table(
        console, f"Pages of {EVENTS:,} events", ("figure", ""), [*figures.items(), *baselines.items()]
    )
    console.print(limit, soft_wrap=True)
    ratios = {"p99_per_bare": ratio(figures["p99_ms"], baselines["bare_p99_ms"])}
    return Result(NAME, figures, baselines, ratios, described, [limit])


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
