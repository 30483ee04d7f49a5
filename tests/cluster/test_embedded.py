"""If these failed, `make up` would lose the data of its last run, or the fault tests would test nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import redis

from cluster import processes
from cluster.embedded import EmbeddedPostgres, EmbeddedValkey, StartFailed
from cluster.port_claims import CLAIMS_MAX, OURS, Claims
from tests.servers import execute, run


@pytest.fixture
def postgres(servers_folder: Path, request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(servers_folder / f"{request.node.name} of its own", shared_buffers_mb=32)
    server.start()
    yield server
    server.stop("immediate")


async def _one(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def test_postgres_keeps_its_data_through_a_kill_and_a_stop(postgres: EmbeddedPostgres) -> None:
    """Port and password must stay as well: pools reconnect to what they know."""
    dsn = postgres.dsn()
    run(execute(dsn, "CREATE TABLE kept (number int)", "INSERT INTO kept VALUES (7)"))
    postgres.kill()
    assert postgres.pid == 0
    postgres.start()
    postgres.stop()
    again = EmbeddedPostgres(postgres.folder)
    again.start()
    try:
        assert again.dsn() == dsn
        assert run(_one(dsn, "SELECT number FROM kept")) == 7
    finally:
        again.stop()


def test_postgres_is_durable_and_closed_to_strangers(postgres: EmbeddedPostgres) -> None:
    """Whoever reaches the port must not get in, and an acknowledged commit must be on the disk."""
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        assert run(_one(postgres.dsn(), f"SHOW {name}")) == "on"
    with pytest.raises(asyncpg.InvalidPasswordError):
        run(_one(postgres.dsn().replace(postgres.password, "guess"), "SELECT 1"))
    assert (postgres.folder / "password").stat().st_mode & 0o077 == 0


def test_what_a_killed_supervisor_left_is_taken_over(postgres: EmbeddedPostgres) -> None:
    """Two postmasters on one folder would be the end of it; refusing to start would leave people stuck."""
    said: list[str] = []
    successor = EmbeddedPostgres(postgres.folder, say=said.append)
    successor.start()
    try:
        assert postgres.poll() is not None
        assert successor.running
        assert any("earlier run" in line for line in said)
    finally:
        successor.stop()


def test_a_server_that_cannot_start_says_why(servers_folder: Path) -> None:
    server = EmbeddedPostgres(servers_folder / "wrong", options={"shared_buffers": "-5"})
    with pytest.raises(StartFailed, match="shared_buffers"):
        server.start()


def test_a_taken_port_is_not_fought_over(servers_folder: Path, valkey_server: EmbeddedValkey) -> None:
    """The remembered port may have gone to somebody else since the last run."""
    folder = servers_folder / "elsewhere"
    folder.mkdir()
    (folder / "port").write_text(str(valkey_server.port))
    port = processes.remembered_port(folder / "port")
    assert port != valkey_server.port
    assert processes.remembered_port(folder / "port") == port


@pytest.mark.parametrize("made", [EmbeddedPostgres, EmbeddedValkey])
def test_a_port_that_somebody_takes_before_the_server_does_is_left_to_them(
    servers_folder: Path,
    valkey_server: EmbeddedValkey,
    monkeypatch: pytest.MonkeyPatch,
    made: type[EmbeddedPostgres | EmbeddedValkey],
) -> None:
    folder = servers_folder / f"late-{made.__name__}"
    folder.mkdir()
    (folder / "port").write_text(str(valkey_server.port))
    looked = processes.port_is_free
    # As it is when the look comes just before the other one.
    first = iter([True])
    monkeypatch.setattr(processes, "port_is_free", lambda port: next(first, False) or looked(port))
    server = made(folder)
    server.start()
    try:
        assert server.running
        assert server.port != valkey_server.port
    finally:
        server.stop()


def test_a_port_is_given_to_one_process_only(tmp_path: Path) -> None:
    """Platforms that start together chose all their ports first, and some of them the same ones."""
    there = Claims(tmp_path / "ports")
    program = (
        "import sys; from pathlib import Path; from cluster.port_claims import Claims; "
        "claims = Claims(Path(sys.argv[1])); "
        "print([claims.take(port) for port in (20_001, 20_002)], flush=True); input()"
    )
    assert there.take(20_001)
    assert not there.take(20_001), "one that is to be started has it"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "ports")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "[False, True]\n"
        assert not there.take(20_002)
        other.kill()
    assert there.take(20_002)


def test_claims_are_bounded_and_the_oldest_go_first(tmp_path: Path) -> None:
    claims = Claims(tmp_path / "ports")
    assert all(claims.take(20_000 + number) for number in range(CLAIMS_MAX + 1))
    assert not claims.has(20_000)
    assert claims.has(20_001)


def test_no_port_is_given_twice() -> None:
    given = [processes.free_port() for _ in range(300)]
    assert len(set(given)) == len(given)
    assert all(OURS.has(port) for port in given)


def test_valkey_starts_empty_again_after_a_kill(servers_folder: Path) -> None:
    """It holds nothing that may not be lost; what matters is that it is back under the same URL."""
    server = EmbeddedValkey(servers_folder / "killed valkey")
    server.start()
    try:
        with redis.Redis.from_url(server.url()) as connection:
            connection.set("a", "1")
            server.kill()
            server.start()
            assert connection.get("a") is None
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=server.port).ping()
    finally:
        server.stop()


def test_a_reused_pid_is_not_taken_for_the_process() -> None:
    """Else a stale note would make us kill somebody else's process."""
    mine = processes.Identity.of(os.getpid())
    assert mine is not None
    assert mine.process() is not None
    other = processes.Identity(pid=mine.pid, started_s=mine.started_s - 100)
    assert other.process() is None
    assert not processes.stop_stray(other, signal.SIGKILL, 1)
