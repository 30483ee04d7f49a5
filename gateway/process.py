"""A gateway process: it listens, serves until it is told to stop, and leaves without dropping anything.

Several processes listen on one port (SO_REUSEPORT); the kernel spreads new connections over them. On SIGTERM:

1. `/readyz` turns false, so that a load balancer sends nobody here any more, and clients are told `draining`;
2. the listening socket is closed, so new connections go to the other processes;
3. requests under way are finished, for at most `drain_ms`;
4. everybody who is left is closed with 1001, and what goes on without its client (orders) is waited for.
"""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable
from typing import Any, Final

from aiohttp import web

from gateway.app import GATEWAY, GatewayDependencies, build_app
from gateway.limits import GatewayLimits
from gateway.no_http import server_log

GC_THRESHOLDS: Final = (50_000, 20, 100)
_BACKLOG: Final = 4_096
_SHUTDOWN_S: Final = 1.0

log = logging.getLogger(__name__)


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a bound socket that other processes may share the port of. Port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    listener.setblocking(False)
    return listener


def runner_for(
    app: web.Application, limits: GatewayLimits, unreadable: Callable[[], None] = lambda: None
) -> web.AppRunner:
    """Return what serves an application, with the deadlines that aiohttp leaves open; `unreadable` is called
    for each request that is no HTTP.
    """
    return web.AppRunner(
        app,
        handle_signals=False,
        access_log=None,
        logger=server_log(unreadable),
        # This is also how long the head of a request may take to come.
        keepalive_timeout=limits.handshake_ms / 1000,
        lingering_time=0.5,
        max_line_size=4_096,
        max_field_size=8_192,
        max_headers=64,
        shutdown_timeout=_SHUTDOWN_S,
    )


async def serve(
    dependencies: GatewayDependencies,
    listener: socket.socket,
    *,
    ready: Callable[[], Any] = lambda: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve on a socket until SIGTERM, SIGINT or `stop`; then drain.

    Args:
        dependencies: see there.
        listener: of `listening_socket`.
        ready: called when requests are taken.
        stop: set by whoever wants this to end; signals set it too.
    """
    app = build_app(dependencies)
    runner = runner_for(app, dependencies.limits, app[GATEWAY].metrics.unreadable_requests.inc)
    await runner.setup()
    site = web.SockSite(runner, listener, backlog=_BACKLOG)
    await site.start()
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # What is there now stays for good, and what a request leaves behind has few cycles: with the usual
    # thresholds a third of the processor went into looking for them.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    log.info("listening on %s port %d", *listener.getsockname()[:2])
    ready()
    try:
        await stop.wait()
        log.info("draining %d connections", len(app[GATEWAY].connections))
        app[GATEWAY].connections.is_draining = True
        await site.stop()
        await app[GATEWAY].drain()
    finally:
        await runner.cleanup()
        log.info("ended")
