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


class Databases:
    """Makes databases on the session's server, over one connection that is kept, in a thread with a
    loop of its own: a test may have one, too.
    """

    def __init__(self, server: EmbeddedPostgres, thread: ThreadPoolExecutor) -> None:
        self._server = server
        self._thread = thread
        self._loop = thread.submit(asyncio.Runner).result()
        self._connection = self._run(asyncpg.connect(server.dsn("postgres")))

    def make(self, name: str, template: str) -> str:
        """Returns the new database's DSN."""
        self._run(self._connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}"))
        return self._server.dsn(name)

    def drop(self, name: str) -> None:
        self._run(self._connection.execute(f"DROP DATABASE {name} WITH (FORCE)"))

    def fresh(self, template: str) -> Iterator[str]:
        """A database as long as the generator is not ended."""
        name = f"test_{next(_numbers)}"
        yield self.make(name, template)
        self.drop(name)

    def close(self) -> None:
        self._run(self._connection.close())
        self._thread.submit(self._loop.close).result()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._thread.submit(self._loop.run, work).result()


@pytest.fixture(scope="session")
def databases(postgres_server: EmbeddedPostgres) -> Iterator[Databases]:
    with ThreadPoolExecutor(1) as thread:
        made = Databases(postgres_server, thread)
        yield made
        made.close()


@pytest.fixture
def postgres_dsn(databases: Databases) -> Iterator[str]:
    """A fresh, empty database."""
    yield from databases.fresh("template0")


@pytest.fixture(scope="session")
def migrated_template(databases: Databases) -> str:
    """The name of a database with every migration applied, to make others from."""
    from storage.migrate import migrate

    run(migrate(databases.make("template_migrated", "template0")))
    return "template_migrated"


@pytest.fixture
def migrated_dsn(databases: Databases, migrated_template: str) -> Iterator[str]:
    """A fresh database with every migration applied."""
    yield from databases.fresh(migrated_template)


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
