"""One gateway, put together: what it needs comes in as `GatewayDependencies`, an aiohttp application goes
out.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import msgspec
from aiohttp import web

from gateway.api.api import register
from gateway.api.idempotency import Answers
from gateway.api.pipeline import Pipeline, PipelineParts
from gateway.api.rates import ApiRates
from gateway.api.table import Services, all_routes
from gateway.browsing import Browsing
from gateway.client_address import Network, behind_proxies
from gateway.connections import Connections
from gateway.cookies import SESSION_MS, SessionCookie
from gateway.dev_mail import DevMail
from gateway.draft_gate import DraftGate
from gateway.feeds import Feeds
from gateway.headers import add_headers, errors
from gateway.http import Http
from gateway.limits import GatewayLimits, Limiter, SharedLimits
from gateway.metrics import GatewayMetrics
from gateway.origins import Origins
from gateway.page_handlers import Pages
from gateway.people_metrics import watch_people
from gateway.platform_gate import PlatformGate
from gateway.requests import Requests
from gateway.revocations import watch_revocations
from gateway.sales_rights import SalesRights
from gateway.shell import Shell
from gateway.static import StaticFiles
from gateway.timers import Timers
from gateway.topics import States, Subscriptions, Topics
from gateway.turns import Turns
from gateway.websocket import Websockets
from services.events import Events
from services.order_recovery import OrderRecovery
from services.purchases import Purchases
from services.sessions import Sessions
from services.tickets import Tickets
from services.unlocking import Unlocking


class GatewayDependencies(msgspec.Struct, frozen=True, kw_only=True):
    """What a gateway needs; `cluster/wiring.py` puts it together.

    Attributes:
        clock: milliseconds since the epoch.
        origins: from where pages of others may open sockets; this gateway's own is always allowed.
        trusted_proxies: networks of the proxies in front, whose word for a client's address is taken.
        public_url: the address that people type, "" to take it from each request.
        passkeys_url: where passkeys work, which pages tell at any other address; "" for where they are.
        web_folder, docs_folder: the pages' files and the documents.
        recovery: finishes the orders that nobody works on; None where another process does it.
        is_reachable: whether PostgreSQL answers, for `/readyz`.
        services: what the API's routes call.
        session_ms: as long as any session may last, so that browsers keep its cookie.
        mailbox_folder: whose mails /dev/mail shows; None, and no such page, but in the embedded stack.
    """

    limits: GatewayLimits
    clock: Callable[[], int]
    monotonic: Callable[[], float]
    origins: tuple[str, ...]
    trusted_proxies: tuple[Network, ...] = ()
    public_url: str
    passkeys_url: str = ""
    web_folder: Path
    docs_folder: Path
    events: Events
    sessions: Sessions
    tickets: Tickets
    purchases: Purchases
    unlocking: Unlocking
    shared_limits: SharedLimits
    subscriptions: Subscriptions
    states: States
    recovery: OrderRecovery | None
    is_reachable: Callable[[], Awaitable[bool]]
    services: Services
    session_ms: int = SESSION_MS
    mailbox_folder: Path | None = None


class Gateway:
    """The parts of a gateway that outlive a request."""

    def __init__(self, dependencies: GatewayDependencies) -> None:
        given = dependencies
        self.limits = given.limits
        self.metrics = GatewayMetrics()
        self.timers = Timers()
        self.limiter = Limiter(given.limits, given.shared_limits, given.monotonic)
        self.connections = Connections(given.limits, self.metrics)
        self.turns = Turns(given.limits.waiting_after_ms, self.metrics)
        self.topics = Topics(
            given.subscriptions,
            given.states,
            self.connections,
            self.metrics,
            given.clock,
            given.events.learn,
        )
        self.sales_rights = SalesRights(given.services.users.identities, given.services.owners)
        self.requests = Requests(
            sales_rights=self.sales_rights,
            limits=given.limits,
            metrics=self.metrics,
            limiter=self.limiter,
            turns=self.turns,
            topics=self.topics,
            events=given.events,
            tickets=given.tickets,
            purchases=given.purchases,
            unlocking=given.unlocking,
            clock=given.clock,
        )
        self.purchases = given.purchases
        self._recovery = given.recovery
        self._catalogue = given.services
        reading = given.services.reading
        self.metrics.watch_reads(reading.reads, reading.list_reads, reading.redis_failures)
        self._people = given.services.users
        watch_people(self.metrics.registry, given.services.users, given.services.organisations.keys)
        self._events = given.events
        self._is_reachable = given.is_reachable
        self._monotonic = given.monotonic
        self._looked_until = -math.inf
        self._reachable: asyncio.Future[bool]

    async def is_ready(self) -> bool:
        """Say whether new connections should come here."""
        if self.connections.is_draining or not self.timers.are_whole:
            return False
        # Anybody may ask, as often as they like; PostgreSQL is asked once in a while.
        now = self._monotonic()
        if now >= self._looked_until:
            self._looked_until = now + LOOKED_S
            self._reachable = asyncio.ensure_future(self._is_reachable())
        return await asyncio.shield(self._reachable)

    async def drain(self) -> None:
        """Send everybody elsewhere and finish what is under way; see `Connections.drain`."""
        await self.connections.drain(self.limits.drain_ms)

    async def running(self, _: web.Application) -> AsyncIterator[None]:
        """Run the timers while the application runs."""
        people = self._people
        work: dict[str, Coroutine[Any, Any, None]] = {
            "holding sockets to their deadlines": self.connections.watch(),
            "telling those who wait": self.turns.watch(),
            "watching over topics": self.topics.watch_over(),
            "watching over rights": self.sales_rights.watch(),
            "watching over sessions": watch_revocations(
                people.sessions.ended, people.identities, self.connections
            ),
            "finishing changes": self._catalogue.organising.changes.run(CHANGES_EVERY_S),
            "following venues": self._catalogue.organising.venues.run(CHANGES_EVERY_S),
            "finding events by new names": self._catalogue.organising.renaming.run(CHANGES_EVERY_S),
        }
        if self._recovery is not None:
            work["finishing orders"] = self._recovery.run()
        self._catalogue.reading.on_change(self._events.forget, self._events.forget_all)
        await self._catalogue.reading.listen()
        self.timers.start(work)
        yield
        await self.timers.stop()
        await self.topics.close()
        await self.requests.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.limits.drain_ms / 1000):
                await self.purchases.close()


CHANGES_EVERY_S: Final = 1.0
# How old the answer of `/readyz` may be.
LOOKED_S: Final = 0.5
GATEWAY: Final = web.AppKey("gateway", Gateway)


def build_app(dependencies: GatewayDependencies) -> web.Application:
    """Return the application of one gateway process."""
    gateway = Gateway(dependencies)
    origins = Origins(dependencies.public_url, dependencies.origins)
    http = Http(
        metrics=gateway.metrics,
        docs_folder=dependencies.docs_folder,
        public_url=dependencies.public_url,
        is_ready=gateway.is_ready,
    )
    websockets = Websockets(
        limits=dependencies.limits,
        metrics=gateway.metrics,
        limiter=gateway.limiter,
        connections=gateway.connections,
        topics=gateway.topics,
        requests=gateway.requests,
        sessions=dependencies.sessions,
        origins=origins,
    )
    limits = dependencies.limits
    shell = Shell(dependencies.web_folder, dependencies.passkeys_url)
    reading = dependencies.services.reading
    identities = dependencies.services.identities
    cookie = SessionCookie(dependencies.public_url, dependencies.session_ms)
    gate = PlatformGate(identities, cookie)
    drafts = DraftGate(reading, identities, dependencies.services.owners, cookie)
    rates = ApiRates(gateway.limiter, limits.api)
    browsing = Browsing(rates)
    pages = Pages(shell, reading, gate, drafts, browsing, dependencies.clock, dependencies.public_url)
    middlewares = [errors(gateway.metrics, gateway.limiter, shell, limits.body_bytes_max)]
    if dependencies.trusted_proxies:
        middlewares.insert(0, behind_proxies(dependencies.trusted_proxies))
    app = web.Application(
        middlewares=middlewares,
        client_max_size=limits.body_bytes_max,
    )
    app[GATEWAY] = gateway
    app.add_routes(http.routes())
    app.add_routes(pages.routes())
    app.add_routes(Feeds(reading, browsing, dependencies.clock, dependencies.public_url).routes())
    app.router.add_get("/ws", websockets.handle)
    if dependencies.mailbox_folder is not None:
        app.add_routes(DevMail(dependencies.mailbox_folder).routes())
    routes = all_routes(
        dependencies.services, gateway.limiter, dependencies.public_url, dependencies.web_folder
    )
    register(app, routes, _pipeline(dependencies, rates, origins))
    app.router.add_get("/static/{path:.+}", StaticFiles(dependencies.web_folder).serve)
    app.on_response_prepare.append(add_headers(is_https=dependencies.public_url.startswith("https:")))
    app.cleanup_ctx.append(gateway.running)
    return app


def _pipeline(given: GatewayDependencies, rates: ApiRates, origins: Origins) -> Pipeline:
    return Pipeline(
        PipelineParts(
            identities=given.services.identities,
            owners=given.services.owners,
            rates=rates,
            repetitions=Answers(given.services.repeated_requests, given.clock),
            origins=origins,
            cookie=SessionCookie(given.public_url, given.session_ms),
            clock=given.clock,
            body_bytes_max=given.limits.body_bytes_max,
        )
    )
