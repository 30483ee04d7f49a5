"""Puts events on sale at a running platform, in one process: joining Ray takes seconds.

    python -P -m tests.browser.event_loader KEY < requests

A line of input is the JSON of `LoadRequest`, its answer a line with the JSON of `services.demo.Loaded`.
"""

import asyncio
import sys

import msgspec

from cluster.cli import settings_of_running
from services.demo import load
from services.events.catalogue_file import read_catalogue


class LoadRequest(msgspec.Struct, frozen=True):
    """A catalogue file's text, and when its sale opens."""

    catalogue: str
    opens_in_ms: int


class LoadAnswer(msgspec.Struct, frozen=True):
    """The event, by its id in hexadecimal."""

    event_id: str
    opens_at_ms: int


async def serve(key: str) -> None:
    settings = settings_of_running(None)
    # Imports Ray, which reads the environment that the line above has set.
    from cluster import wiring

    wiring.connect_to_ray(settings)
    async with wiring.core(settings, "browser tests") as core:
        while line := await asyncio.to_thread(sys.stdin.readline):
            request = msgspec.json.decode(line, type=LoadRequest)
            loaded = await load(
                read_catalogue(request.catalogue),
                catalogue=core.catalogue,
                shards=core.shards,
                clock=core.clock,
                access_key=key,
                opens_in_ms=request.opens_in_ms,
            )
            answer = LoadAnswer(loaded.event_id.hex(), loaded.opens_at_ms)
            sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
