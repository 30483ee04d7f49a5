"""`bilten serve` and `bilten load`: what runs as a process of its own."""

import asyncio
import logging
import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.settings import Settings

ROOT = Path(__file__).resolve().parent.parent

if TYPE_CHECKING:
    from services.demo import Loaded


def run_shards(settings: Settings) -> int:
    """Makes and watches the shards until told to stop; the exit code."""
    from cluster import wiring
    from cluster.serve_shards import serve_shards

    log_to_output(settings)
    wiring.connect_to_ray(settings)
    asyncio.run(serve_shards(settings, wiring.shard_host(settings), _ready(settings, "shards")))
    return 0


def run_gateway(settings: Settings, name: str) -> int:
    """Serves HTTP and websockets until told to stop, then drains; the exit code."""
    import uvloop

    from cluster import wiring
    from gateway.process import listening_socket, serve

    log_to_output(settings)
    _allow_many_files()
    # Bound before anything slow: a taken port is known at once.
    listener = listening_socket(settings.gateway.host, settings.gateway.port)
    wiring.connect_to_ray(settings)

    async def run() -> None:
        async with wiring.gateway(settings, name) as dependencies:
            await serve(dependencies, listener, ready=_ready(settings, name))

    uvloop.run(run())
    return 0


def run_smtp(settings: Settings, port: int) -> int:
    """Takes mail until told to stop; the exit code."""
    from cluster.embedded_smtp import serve_smtp

    log_to_output(settings)
    asyncio.run(serve_smtp(settings.data_path / "mail", port, _ready(settings, "smtp")))
    return 0


def load_catalogue(settings: Settings, file: Path, opens_in_ms: int | None) -> "Loaded":
    """Loads a catalogue file and opens its sale.

    Raises CatalogueMistake, NotLoaded, ConnectionError and OSError.
    """
    from cluster import wiring
    from services.demo import load
    from services.events.catalogue_file import read_catalogue

    catalogue = read_catalogue(file.read_text(encoding="utf-8"))
    wiring.connect_to_ray(settings)

    async def run() -> "Loaded":
        async with wiring.core(settings, "load") as core:
            return await load(
                catalogue,
                catalogue=core.catalogue,
                shards=core.shards,
                clock=core.clock,
                opens_in_ms=opens_in_ms,
            )

    return asyncio.run(run())


def log_to_output(settings: Settings) -> None:
    """Writes log lines to standard error, which the supervisor sends to a file."""
    logging.basicConfig(
        level=settings.log.level.upper(), format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )


def _ready(settings: Settings, name: str) -> Callable[[], None]:
    """Tells the supervisor that this process is ready; see cluster/supervision.py."""

    def ready() -> None:
        settings.data_path.mkdir(parents=True, exist_ok=True)
        (settings.data_path / f"{name}.ready").write_text(str(os.getpid()))

    return ready


def _allow_many_files() -> None:
    """A websocket is a file; the soft limit is often 1,024 though the hard one allows many."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
