"""The composition root: what the settings say becomes the arguments that each part takes."""

import asyncio
import contextlib
import logging
import os
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from pathlib import Path

import msgspec

from actors.host import NAMESPACE, HostSettings, connect_through_ray
from actors.ports import ShardSettings, steady_clock
from actors.refs import LaneSettings, Shards
from cluster.capabilities import Ground, services
from cluster.part_health import Parts, part_checks
from cluster.people_wiring import PeopleParts, audit_key, people_parts
from cluster.settings import Settings
from cluster.ticket_key import ticket_key, voucher_key
from domain import ids
from gateway.app import GatewayDependencies
from gateway.limits import ClassRates, GatewayLimits, Rate
from services.answers import Answers
from services.events import Events
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
from storage import audit_log
from storage.catalogue import Catalogue
from storage.event_pages import EventPages
from storage.fanout import RedisFanout
from storage.limits import RedisLimits
from storage.orders import Orders
from storage.postgres import Pool, close_pool, create_pool
from storage.postgres_journal import PostgresJournal
from storage.sandbox_ledger import SandboxLedger
from storage.sessions import SessionStore

ROOT = Path(__file__).resolve().parent.parent


def connect_to_ray(settings: Settings) -> None:
    """Makes this process a driver of the Ray that the settings name; its environment must be set by now."""
    import ray

    ray.init(
        address=settings.ray.address,
        namespace=NAMESPACE,
        log_to_driver=False,
        logging_level=logging.WARNING,
        configure_logging=False,
    )


def _ray_nodes() -> int:
    import ray

    nodes: list[dict[str, object]] = ray.nodes()  # type: ignore[no-untyped-call]
    return sum(bool(node["Alive"]) for node in nodes)


def shard_host(settings: Settings) -> HostSettings:
    """What a shard's actor is started with."""
    shards = settings.shards
    return HostSettings(
        postgres_dsn=settings.postgres.dsn,
        redis_url=settings.redis.url,
        shard=ShardSettings(
            mailbox_commands_max=shards.mailbox_max,
            batch_commands_max=shards.batch_max,
            sweep_interval_ms=shards.sweep_every_ms,
            publish_interval_ms=shards.publish_every_ms,
            snapshot_events_min=shards.snapshot_every,
            idle_ms=shards.idle_ms,
            busy_retry_ms=shards.busy_retry_ms,
            recent_operations_max=shards.operations_max,
        ),
    )


def lanes(settings: Settings) -> LaneSettings:
    """How a gateway asks the shards."""
    gateway = settings.gateway
    return LaneSettings(
        calls_max=gateway.calls_in_flight_max,
        call_commands_max=gateway.call_commands_max,
        waiting_max=gateway.pending_max,
        patience_ms=gateway.deadline_ms,
        call_ms_max=gateway.call_ms_max,
        busy_retry_ms=settings.shards.busy_retry_ms,
    )


def limits(settings: Settings) -> GatewayLimits:
    """The bounds of a gateway process."""
    gateway = settings.gateway
    return GatewayLimits(
        connections_max=gateway.connections_max,
        connections_per_buyer_max=gateway.connections_per_buyer_max,
        connections_per_address_max=gateway.connections_per_address_max,
        trust_loopback=gateway.trust_loopback,
        message_bytes_max=gateway.message_bytes_max,
        body_bytes_max=gateway.body_bytes_max,
        heartbeat_ms=gateway.heartbeat_ms,
        handshake_ms=gateway.handshake_ms,
        outbox_bytes_max=gateway.outbox_bytes_max,
        update_bytes_max=gateway.update_bytes_max,
        unreadable_max=gateway.unreadable_max,
        refused_rate_max=gateway.refused_rate_max,
        in_flight_max=gateway.in_flight_max,
        waiting_after_ms=gateway.waiting_after_ms,
        drain_ms=gateway.drain_ms,
        requests=Rate(gateway.requests_per_s, gateway.requests_burst),
        sessions=Rate(gateway.sessions_per_s, gateway.sessions_burst),
        sockets=Rate(gateway.sockets_per_s, gateway.sockets_burst),
        codes=Rate(settings.limits.codes_per_s, settings.limits.codes_burst),
        purchases_of_address=Rate(
            settings.limits.purchase_address_per_s, settings.limits.purchase_address_burst
        ),
        api=_class_rates(settings),
    )


def _class_rates(settings: Settings) -> ClassRates:
    given = settings.limits
    return ClassRates(
        browse=Rate(given.browse_per_s, given.browse_burst),
        sign_in=Rate(given.sign_in_per_s, given.sign_in_burst),
        sign_up=Rate(given.sign_up_per_s, given.sign_up_burst),
        purchase=Rate(given.purchase_per_s, given.purchase_burst),
        organizer=Rate(given.organizer_per_s, given.organizer_burst),
        device=Rate(given.device_per_s, given.device_burst),
        user_factor=given.user_factor,
        key_factor=given.key_factor,
    )


class Core(msgspec.Struct, frozen=True):
    """What every process has that asks the shards."""

    pool: Pool
    shards: Shards
    catalogue: Catalogue
    clock: Callable[[], int]


@contextlib.asynccontextmanager
async def core(settings: Settings, name: str) -> AsyncIterator[Core]:
    """Connections to PostgreSQL and the way to the shards; Ray must be connected to."""
    audit_log.seal_with(audit_key(settings))
    pool = await create_pool(
        settings.postgres.dsn,
        application_name=f"bilten {name}",
        connections_max=settings.postgres.pool_size,
        statement_timeout_ms=settings.postgres.statement_ms,
    )
    shards = Shards(PostgresJournal(pool), connect_through_ray(), settings.shards.count, lanes(settings))
    try:
        yield Core(pool, shards, Catalogue(pool), steady_clock())
    finally:
        await shards.close()
        await close_pool(pool)


@contextlib.asynccontextmanager
async def gateway(settings: Settings, name: str) -> AsyncIterator[GatewayDependencies]:
    """Everything that one gateway process stands on."""
    async with core(settings, name) as parts:
        fanout = RedisFanout(settings.redis.url)
        event_pages = EventPages(settings.redis.url, fanout)
        reading = Reading(parts.pool, event_pages, parts.clock)
        events = Events(parts.catalogue, reading, parts.shards)
        shared_limits = RedisLimits(settings.redis.url, settings.redis.limits_ms)
        signing_key, codes_key = ticket_key(settings), voucher_key(settings)
        tickets = Tickets(parts.shards, events, parts.clock, codes_key)
        # Unique to this run: an order leased to an earlier run of this gateway is nobody's.
        orders = Orders(parts.pool, f"{name}:{os.uname().nodename}:{os.getpid()}", parts.clock)
        new_id = new_ids(parts.clock)
        lasting = SessionSettings(settings.gateway.session_ms, settings.gateway.socket_ticket_ms)
        sessions = Sessions(SessionStore(parts.pool), parts.clock, new_id, lasting)
        people = people_parts(settings, parts.pool, shared_limits, parts.clock, new_id)
        saga = _saga(settings, parts, orders, events, tickets)
        answers = Answers(parts.pool, events, people.vault)
        bought = BuyerOrders(orders, events, answers, signing_key, parts.clock)
        purchases = Purchases(
            saga=saga,
            orders=orders,
            events=events,
            tickets=tickets,
            answers=answers,
            ticket_key=signing_key,
            clock=parts.clock,
            settings=_purchase_settings(settings),
        )
        try:
            await people.users.passwords.start()
            yield GatewayDependencies(
                limits=limits(settings),
                clock=parts.clock,
                monotonic=time.monotonic,
                origins=tuple(settings.gateway.origins),
                trusted_proxies=tuple(map(ip_network, settings.gateway.trusted_proxies)),
                public_url=settings.gateway.public_url,
                passkeys_url=settings.url,
                session_ms=max(settings.gateway.session_ms, settings.users.session_ms),
                web_folder=ROOT / "web",
                docs_folder=ROOT / "docs",
                events=events,
                sessions=sessions,
                tickets=tickets,
                purchases=purchases,
                unlocking=Unlocking(parts.shards, events, codes_key, parts.clock, new_id),
                shared_limits=shared_limits,
                subscriptions=fanout,
                states=parts.shards,
                recovery=OrderRecovery(orders, saga, _recovery_settings(settings), random.Random()),  # noqa: S311
                is_reachable=_is_reachable(parts.pool),
                mailbox_folder=Path(settings.mail.mailbox_dir) if settings.mail.mailbox_dir else None,
                services=services(
                    _ground(settings, parts, people, sessions, bought, events, answers, reading, codes_key)
                ),
            )
        finally:
            await people.close()
            await orders.close()
            await event_pages.close()
            await fanout.close()
            await shared_limits.close()


def _ground(
    settings: Settings,
    parts: Core,
    people: PeopleParts,
    sessions: Sessions,
    orders: BuyerOrders,
    events: Events,
    answers: Answers,
    reading: Reading,
    codes: bytes,
) -> Ground:
    return Ground(
        pool=parts.pool,
        clock=parts.clock,
        new_id=new_ids(parts.clock),
        sessions=sessions,
        orders=orders,
        events=events,
        answers=answers,
        users=people.users,
        organisations=people.organisations,
        vault=people.vault,
        shards=parts.shards,
        reading=reading,
        code_key=codes,
        url=settings.url,
        checks=part_checks(
            Parts(
                pool=parts.pool,
                redis_url=settings.redis.url,
                connect=connect_through_ray(),
                shard_count=settings.shards.count,
                mailer=people.mailer,
                passwords=people.users.passwords,
                clock=parts.clock,
                data_path=settings.data_path,
                gateways_min=settings.gateway.processes,
                ray_nodes=_ray_nodes,
            )
        ),
    )


def _saga(settings: Settings, parts: Core, orders: Orders, events: Events, tickets: Tickets) -> OrderSaga:
    return OrderSaga(
        orders=orders,
        provider=_provider(settings, SandboxLedger(parts.pool), parts.clock),
        shards=parts.shards,
        events=events,
        tickets=tickets,
        clock=parts.clock,
        new_id=new_ids(parts.clock),
        lease_ms=settings.purchases.lease_ms,
    )


def _recovery_settings(settings: Settings) -> RecoverySettings:
    purchases = settings.purchases
    return RecoverySettings(interval_ms=purchases.recovery_every_ms, lease_ms=purchases.lease_ms)


def _purchase_settings(settings: Settings) -> PurchaseSettings:
    purchases = settings.purchases
    return PurchaseSettings(
        patience_ms=purchases.patience_ms,
        lease_ms=purchases.lease_ms,
        finishing_max=purchases.finishing_max,
    )


def _provider(settings: Settings, ledger: SandboxLedger, clock: Callable[[], int]) -> Breaker:
    sandbox, purchases = settings.sandbox, settings.purchases
    provider = SandboxProvider(
        ledger,
        SandboxSettings(
            latency_ms=sandbox.latency_ms,
            slow_ms=sandbox.slow_ms,
            decline_rate=sandbox.decline_rate,
            outage=sandbox.outage,
        ),
        random.Random(),  # noqa: S311 - it decides which cards are declined, and keeps no secret
    )
    return Breaker(
        provider,
        BreakerSettings(
            timeout_ms=purchases.provider_ms,
            failures_max=purchases.provider_failures_max,
            open_ms=purchases.provider_rest_ms,
            calls_max=purchases.provider_calls_max,
        ),
        clock,
    )


def new_ids(clock: Callable[[], int]) -> Callable[[], bytes]:
    """What makes identifiers."""
    return lambda: ids.uuid7(clock(), secrets.randbits(74))


def _is_reachable(pool: Pool) -> Callable[[], "asyncio.Future[bool]"]:
    async def answers() -> bool:
        try:
            async with asyncio.timeout(2):
                await pool.execute("SELECT 1")
        except Exception:  # noqa: BLE001 - whatever is wrong, it does not answer
            return False
        return True

    return lambda: asyncio.ensure_future(answers())
