"""A whole gateway without Ray: real PostgreSQL and Valkey, a real shard in the same process, a real port."""

import asyncio
import itertools
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from actors.ports import ShardHandle, ShardSettings, steady_clock
from actors.refs import LaneSettings, Shards
from actors.sale import SaleShard
from cluster.capabilities import Ground, services
from cluster.part_health import Parts, part_checks
from domain.codes import code_key
from domain.ids import EVENT, OPERATION, TICKET_TYPE, text, uuid7
from gateway.app import GATEWAY, Gateway, GatewayDependencies, build_app
from gateway.limits import ClassRates, GatewayLimits, Rate
from gateway.process import listening_socket, runner_for
from services.admin.health import Check
from services.answers import Answers
from services.demo import Loaded, load
from services.events import Events
from services.events.catalogue_file import CatalogueFile, read_catalogue
from services.events.reading import Reading
from services.order_recovery import OrderRecovery, RecoverySettings
from services.order_saga import OrderSaga
from services.orders import BuyerOrders
from services.payments.breaker import Breaker, BreakerSettings
from services.payments.sandbox import SandboxProvider, SandboxSettings
from services.purchases import Purchases, PurchaseSettings
from services.sessions import Sessions, SessionSettings
from services.tickets import Tickets
from services.unlocking import Unlocking
from storage.catalogue import Catalogue, EventRecord
from storage.event_pages import EventPages
from storage.fanout import RedisFanout
from storage.limits import RedisLimits
from storage.orders import Orders
from storage.postgres import Pool, close_pool, create_pool
from storage.postgres_journal import PostgresJournal
from storage.sandbox_ledger import SandboxLedger
from storage.sessions import SessionStore
from tests.gateway.wire_client import Client
from tests.people import NO_SERVER, People
from tests.servers import PATIENT_MS

ROOT = Path(__file__).resolve().parents[2]
TICKET_KEY = b"k" * 32
MANY = Rate(10_000.0, 10_000)
ROOMY = GatewayLimits(
    requests=MANY,
    api=ClassRates(browse=MANY, sign_in=MANY, sign_up=MANY, purchase=MANY, organizer=MANY, device=MANY),
)
_numbers = itertools.count(1)


def fresh() -> bytes:
    return uuid7(time.time_ns() // 1_000_000, random.getrandbits(74))


def operation() -> str:
    return text(OPERATION, fresh())


def catalogue_file(capacity: int = 100, buyer_limit: int = 10, hold_seconds: int = 480) -> CatalogueFile:
    """A file with one pool and two types, under a slug that no other call gives."""
    slug = f"evening-{next(_numbers)}"
    return read_catalogue(
        f"""
        [organisation]
        name = "Test"
        slug = "test"
        [event]
        title = "Evening <b>&amp;</b> \\"Song\\" </script>"
        slug = "{slug}"
        starts_at = 2030-01-01T20:00:00
        time_zone = "Europe/Berlin"
        currency = "EUR"
        buyer_limit = {buyer_limit}
        hold_seconds = {hold_seconds}
        [[pools]]
        name = "Hall"
        capacity = {capacity}
        [[ticket_types]]
        name = "Full"
        price = "15.00"
        pools = ["Hall"]
        [[ticket_types]]
        name = "Reduced"
        price = "9.50"
        pools = ["Hall"]
        """
    )


class Direct:
    """A shard handle without Ray in between; `gate` and `state_gate` keep answers back."""

    def __init__(self, shard: SaleShard) -> None:
        self.shard = shard
        self.gate = asyncio.Event()
        self.gate.set()
        self.state_gate = asyncio.Event()
        self.state_gate.set()

    async def submit(self, packed: bytes) -> bytes:
        await self.gate.wait()
        return await self.shard.submit(packed)

    async def state(self, event_id: bytes) -> bytes | None:
        await self.state_gate.wait()
        return await self.shard.state(event_id)  # type: ignore[arg-type]


class Works:
    """Shard and services of one process, without the gateway on top."""

    def __init__(
        self,
        pool: Pool,
        redis_url: str,
        owner: str,
        shard: Direct | None = None,
        *,
        smtp_url: str = NO_SERVER,
    ) -> None:
        self.pool = pool
        self.clock = steady_clock()
        self.redis_url = redis_url
        self.fanout = RedisFanout(redis_url)
        self.shared_limits = RedisLimits(redis_url, PATIENT_MS)
        self.catalogue = Catalogue(pool)
        self.event_pages = EventPages(redis_url, self.fanout)
        self.reading = Reading(pool, self.event_pages, self.clock)
        self.handle = shard
        self.shards = Shards(PostgresJournal(pool), self._connect, 1, LaneSettings())
        self.events = Events(self.catalogue, self.reading, self.shards)
        self.orders = Orders(pool, owner, self.clock)
        self.sessions = Sessions(SessionStore(pool), self.clock, fresh, SessionSettings())
        self.people = People(pool, self.shared_limits, self.clock, smtp_url=smtp_url)
        self.tickets = Tickets(self.shards, self.events, self.clock, code_key(TICKET_KEY))
        self.unlocking = Unlocking(self.shards, self.events, code_key(TICKET_KEY), self.clock, fresh)
        self.sandbox = SandboxProvider(
            SandboxLedger(pool), SandboxSettings(latency_ms=1, slow_ms=1_500), random.Random(7)
        )
        self.breaker = Breaker(self.sandbox, BreakerSettings(timeout_ms=2_000), self.clock)
        self.saga = self.saga_with(self.breaker)
        self.answers = Answers(pool, self.events, self.people.vault)
        self.purchases = Purchases(
            answers=self.answers,
            saga=self.saga,
            orders=self.orders,
            events=self.events,
            tickets=self.tickets,
            ticket_key=TICKET_KEY,
            clock=self.clock,
            settings=PurchaseSettings(lease_ms=2_000, patience_ms=8_000),
        )
        self.recovery = OrderRecovery(
            self.orders, self.saga, RecoverySettings(interval_ms=200, lease_ms=2_000), random.Random(7)
        )

    def saga_with(self, provider: Any) -> OrderSaga:
        return OrderSaga(
            orders=self.orders,
            provider=provider,
            shards=self.shards,
            events=self.events,
            tickets=self.tickets,
            clock=self.clock,
            new_id=fresh,
            lease_ms=2_000,
        )

    async def start_shard(self, settings: ShardSettings | None = None) -> None:
        shard = SaleShard(
            0,
            PostgresJournal(self.pool),
            self.fanout,
            self.clock,
            settings or ShardSettings(sweep_interval_ms=20, publish_interval_ms=5),
            owner="test",
        )
        await shard.start()
        self.handle = Direct(shard)

    async def load(self, file: CatalogueFile, opens_in_ms: int = 0) -> tuple[Loaded, EventRecord]:
        loaded = await load(
            file,
            catalogue=self.catalogue,
            shards=self.shards,
            clock=self.clock,
            opens_in_ms=opens_in_ms,
        )
        record = await self.catalogue.find(loaded.event_id)
        assert record is not None
        return loaded, record

    def checks(self) -> Mapping[str, Check]:
        return part_checks(
            Parts(
                pool=self.pool,
                redis_url=self.redis_url,
                connect=self._connect,
                shard_count=1,
                mailer=self.people.mailer,
                passwords=self.people.passwords,
                clock=self.clock,
                data_path=ROOT,
            )
        )

    async def close(self) -> None:
        await self.purchases.close()
        await self.people.close()
        await self.shards.close()
        if self.handle is not None:
            await self.handle.shard.kill()
        await self.event_pages.close()
        await self.fanout.close()
        await self.shared_limits.close()

    async def _connect(self, _: int) -> ShardHandle:
        assert self.handle is not None
        return self.handle


@asynccontextmanager
async def works(
    dsn: str, redis_url: str, owner: str = "one", *, smtp_url: str = NO_SERVER
) -> AsyncIterator[Works]:
    pool = await create_pool(dsn, application_name="test", connections_max=4)
    made = Works(pool, redis_url, owner, smtp_url=smtp_url)
    await made.start_shard()
    try:
        yield made
    finally:
        await made.close()
        await close_pool(pool)


class Stage:
    """A gateway that listens, and what tests do to it."""

    def __init__(
        self, made: Works, limits: GatewayLimits, public_url: str = "", proxies: Sequence[str] = ()
    ) -> None:
        self.works = made
        self.proxies = tuple(map(ip_network, proxies))
        self.limits = limits
        self.public_url = public_url
        self.port = 0
        self.app: web.Application
        # A client that nobody refers to closes its connection when it is collected.
        self.clients: list[Client] = []
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def gateway(self) -> Gateway:
        return self.app[GATEWAY]

    def dependencies(self) -> GatewayDependencies:
        made = self.works

        async def is_reachable() -> bool:
            return True

        return GatewayDependencies(
            limits=self.limits,
            clock=made.clock,
            monotonic=time.monotonic,
            origins=("https://partner.example",),
            trusted_proxies=self.proxies,
            public_url=self.public_url,
            web_folder=ROOT / "web",
            docs_folder=ROOT / "docs",
            events=made.events,
            sessions=made.sessions,
            tickets=made.tickets,
            purchases=made.purchases,
            unlocking=made.unlocking,
            shared_limits=made.shared_limits,
            subscriptions=made.fanout,
            states=made.shards,
            recovery=made.recovery,
            is_reachable=is_reachable,
            services=services(
                Ground(
                    pool=made.pool,
                    clock=made.clock,
                    new_id=fresh,
                    sessions=made.sessions,
                    orders=BuyerOrders(made.orders, made.events, made.answers, TICKET_KEY, made.clock),
                    events=made.events,
                    answers=made.answers,
                    users=made.people.users,
                    organisations=made.people.organisations,
                    vault=made.people.vault,
                    checks=made.checks(),
                    shards=made.shards,
                    reading=made.reading,
                    code_key=code_key(TICKET_KEY),
                )
            ),
        )

    async def start(self) -> None:
        self.app = build_app(self.dependencies())
        self.runner = runner_for(self.app, self.limits, self.app[GATEWAY].metrics.unreadable_requests.inc)
        await self.runner.setup()
        listener = listening_socket("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        self.site = web.SockSite(self.runner, listener)
        await self.site.start()

    async def close(self) -> None:
        await self.http.close()
        await self.runner.cleanup()

    async def ticket(self, http: aiohttp.ClientSession | None = None) -> str:
        session = http or self.http
        async with session.post(f"{self.url}/api/v1/session") as answer:
            assert answer.status in {200, 201}, await answer.text()
        async with session.post(f"{self.url}/api/v1/socket-ticket") as answer:
            assert answer.status == 200, await answer.text()
            return str((await answer.json())["ticket"])

    async def connect(
        self,
        subprotocol: str = "bilten.v1.msgpack",
        http: aiohttp.ClientSession | None = None,
        **options: Any,
    ) -> Client:
        ticket = await self.ticket(http)
        socket = await (http or self.http).ws_connect(
            f"{self.url}/ws?ticket={ticket}", protocols=(subprotocol,), autoping=True, **options
        )
        client = Client(socket, subprotocol)
        self.clients.append(client)
        client.welcome = await client.receive()
        assert client.welcome["type"] == "welcome", client.welcome
        return client

    async def guest(self) -> aiohttp.ClientSession:
        """Another buyer's browser."""
        return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    def metric(self, name: str, **labels: str) -> float:
        value = self.gateway.metrics.registry.get_sample_value(name, labels)
        assert value is not None, (name, labels)
        return value


class Sale:
    """An event that is on sale, in the words of the wire."""

    def __init__(self, record: EventRecord) -> None:
        self.record = record
        self.event = text(EVENT, record.event_id)
        self.types = [text(TICKET_TYPE, kind.ticket_type_id) for kind in record.ticket_types]

    def lines(self, quantity: int = 1, position: int = 0) -> list[dict[str, Any]]:
        return [{"ticket_type": self.types[position], "quantity": quantity}]


async def new_sale(made: Works, opens_in_ms: int = 0, **catalogue: int) -> Sale:
    _, record = await made.load(catalogue_file(**catalogue), opens_in_ms)
    return Sale(record)


async def hold(client: Client, sale: Sale, quantity: int = 1, position: int = 0) -> dict[str, Any]:
    reply = await client.ask(
        "hold", operation=operation(), event=sale.event, lines=sale.lines(quantity, position)
    )
    assert reply["type"] == "held", reply
    return reply


async def eventually(is_so: Callable[[], bool], within_s: float = 10.0) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(within_s):
        while not is_so():
            await asyncio.sleep(0.01)


def nonsense(length: int) -> bytes:
    return secrets.token_bytes(length)
