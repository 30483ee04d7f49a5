"""The event of a rush: a fresh one, made of a catalogue file, with as many tickets as were asked for."""

import os
import time
from os import environ as environment
from pathlib import Path
from typing import Final

import msgspec

from cluster.running import Running
from services.demo import Loaded, load
from services.events.catalogue_file import CatalogueFile, PoolSection, read_catalogue

# Holds end while the rush still runs, so that it sees what becomes of those that were abandoned.
HOLD_S: Final = 10
EXTENSION_S: Final = 5
SHARD_COUNT: Final = 1


def read_rush_catalogue(catalogue: Path, tickets: int, seed: int) -> CatalogueFile:
    """Return what is to be sold. Raises `OSError`, `CatalogueMistake`."""
    name = f"rush-{seed}-{os.getpid()}-{int(time.time())}"
    return rush_catalogue(read_catalogue(catalogue.read_text(encoding="utf-8")), tickets, name)


def rush_catalogue(file: CatalogueFile, tickets: int, name: str) -> CatalogueFile:
    """Return the catalogue with another slug, short holds, and pools scaled to `tickets` places in all.

    The places that count are those of the pools that a ticket type names first; a pool that is only ever
    named second (the car park, the harbour walk) is scaled alike but offers no tickets of its own.
    """
    first = {kind.pools[0] for kind in file.ticket_types}
    offered = sum(pool.capacity for pool in file.pools if pool.name in first)
    scaled = {pool.name: pool.capacity * tickets // max(1, offered) for pool in file.pools}
    largest = max(first, key=lambda each: scaled[each])
    scaled[largest] += tickets - sum(scaled[each] for each in first)
    replaced = msgspec.structs.replace
    return replaced(
        file,
        event=replaced(
            file.event,
            slug=f"{file.event.slug[:50]}-{name}",
            title=f"{file.event.title} (rush)",
            hold_seconds=HOLD_S,
            extension_seconds=EXTENSION_S,
        ),
        pools=[PoolSection(name=pool.name, capacity=scaled[pool.name]) for pool in file.pools],
    )


async def make_event(running: Running, file: CatalogueFile, opens_in_ms: int) -> Loaded:
    """Make the event on a running platform, through its shards, as an organizer's tool would.

    Raises:
        NotLoaded, ConnectionError: the platform does not take it.
    """
    # Written, never read: Ray takes the token of its cluster from nowhere else, when it is imported.
    environment.update(running.ray_environment)
    import ray

    from actors.host import NAMESPACE, connect_through_ray
    from actors.refs import Shards
    from storage.catalogue import Catalogue
    from storage.postgres import create_pool
    from storage.postgres_journal import PostgresJournal

    pool = await create_pool(running.dsn, application_name="bilten rush")
    ray.init(address=running.ray_address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
    shards = Shards(PostgresJournal(pool), connect_through_ray(), SHARD_COUNT)
    try:
        return await load(
            file,
            catalogue=Catalogue(pool),
            shards=shards,
            clock=lambda: time.time_ns() // 1_000_000,
            opens_in_ms=opens_in_ms,
        )
    finally:
        await shards.close()
        ray.shutdown()
        await pool.close()
