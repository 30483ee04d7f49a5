"""Real servers for tests: one PostgreSQL and one Valkey a session, in a folder of their own.

fsync is on: what a test calls durable is durable.
"""

import asyncio
import itertools
import os
import shutil
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
import redis

from cluster.embedded import EmbeddedPostgres, EmbeddedValkey
from cluster.ray_head import RayHead

_numbers = itertools.count(1)
TEMPLATE = "template_migrated"
# A busy machine is no Redis that is away: for tests that mean to have one.
PATIENT_MS = 10_000
T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine to its end in a loop of its own, whatever loop the test has."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


async def execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    # Not pytest's own folder: PostgreSQL's user must reach it, and its path has the user's name in it.
    folder = Path(tempfile.mkdtemp(prefix="bilten-tests-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server(servers_folder: Path) -> Iterator[EmbeddedPostgres]:
    """The session's server. A test that stops or kills a server starts one of its own instead."""
    server = EmbeddedPostgres(servers_folder / "postgres", shared_buffers_mb=64)
    server.start()
    yield server
    server.stop("immediate")


@pytest.fixture(scope="session")
def valkey_server(servers_folder: Path) -> Iterator[EmbeddedValkey]:
    """The session's server. A test that stops or kills a server starts one of its own instead."""
    server = EmbeddedValkey(servers_folder / "valkey")
    server.start()
    yield server
    server.stop()


def _database(server: EmbeddedPostgres, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    run(execute(server.dsn("postgres"), f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield server.dsn(name)
    run(execute(server.dsn("postgres"), f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def postgres_dsn(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """A fresh, empty database."""
    yield from _database(postgres_server, "template0")


@pytest.fixture(scope="session")
def _migrated_template(postgres_server: EmbeddedPostgres) -> str:
    from storage.migrate import migrate

    run(execute(postgres_server.dsn("postgres"), f"CREATE DATABASE {TEMPLATE} TEMPLATE template0"))
    run(migrate(postgres_server.dsn(TEMPLATE)))
    return TEMPLATE


@pytest.fixture
def migrated_dsn(postgres_server: EmbeddedPostgres, _migrated_template: str) -> Iterator[str]:
    """A fresh database with every migration applied."""
    yield from _database(postgres_server, _migrated_template)


@pytest.fixture
def redis_url(valkey_server: EmbeddedValkey) -> str:
    """A Redis with nothing in it."""
    with redis.Redis.from_url(valkey_server.url()) as connection:
        connection.flushall()
    return valkey_server.url()


@pytest.fixture(scope="session")
def ray_head(servers_folder: Path) -> Iterator[RayHead]:
    """A running Ray whose driver this process is. Actors are the test's own to end, by their names."""
    import ray

    from actors.host import NAMESPACE

    head = RayHead(servers_folder / "ray")
    head.folder.mkdir()
    # This process may have imported Ray before, and keeps to the token that it found then.
    shutil.copy2(os.environ["RAY_AUTH_TOKEN_PATH"], head.folder / "token")
    head.start()
    os.environ.update(head.environment())
    ray.init(address=head.address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
    yield head
    ray.shutdown()
    head.stop()
