"""`bilten serve`: one part of the platform as a process of its own."""

import asyncio
import logging
import os
from collections.abc import Callable

from cluster.settings import Settings

EXIT_FAILED = 1


def run_shards(settings: Settings) -> int:
    """Makes and watches the shards until told to stop; the exit code."""
    from cluster import wiring

    _log_to_output(settings)
    wiring.connect_to_ray(settings)

    from cluster.serve_shards import serve_shards

    asyncio.run(serve_shards(settings, wiring.shard_host(settings), _ready(settings, "shards")))
    return 0


def _ready(settings: Settings, name: str) -> Callable[[], None]:
    """Tells the supervisor that this process is ready; see cluster/supervision.py."""

    def ready() -> None:
        settings.data_path.mkdir(parents=True, exist_ok=True)
        (settings.data_path / f"{name}.ready").write_text(str(os.getpid()))

    return ready


def _log_to_output(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log.level.upper(), format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
