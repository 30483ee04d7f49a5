"""If these failed, `bilten doctor` would call a broken machine healthy, or not say how to mend it."""

import os
import socket
from pathlib import Path

from cluster import processes, running
from cluster.doctor import Finding, State, examine
from cluster.embedded import EmbeddedPostgres, EmbeddedValkey
from cluster.processes import Identity
from cluster.running import Running
from cluster.settings import GatewaySettings, PostgresSettings, RaySettings, RedisSettings, Settings


def findings(settings: Settings) -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine(settings)}


def test_a_machine_that_has_everything(
    tmp_path: Path, postgres_server: EmbeddedPostgres, valkey_server: EmbeddedValkey
) -> None:
    found = findings(
        Settings(
            data_dir=str(tmp_path),
            postgres=PostgresSettings(dsn=postgres_server.dsn()),
            redis=RedisSettings(url=valkey_server.url()),
            gateway=GatewaySettings(port=processes.free_port()),
        )
    )
    assert not [finding for finding in found.values() if finding.state is State.BAD]
    assert found["PostgreSQL"].what.startswith("18")
    assert found["Redis"].what.startswith("Valkey 9")
    assert postgres_server.password not in str(found)


def test_servers_that_are_not_there_are_named_with_what_to_do(tmp_path: Path) -> None:
    nobody = processes.free_port()
    found = findings(
        Settings(
            data_dir=str(tmp_path),
            postgres=PostgresSettings(dsn=f"postgresql://a:hidden@127.0.0.1:{nobody}/b"),
            redis=RedisSettings(url=f"redis://:hidden@127.0.0.1:{nobody}/0"),
            ray=RaySettings(address=f"127.0.0.1:{nobody}"),
        )
    )
    for subject, key in (("PostgreSQL", "postgres.dsn"), ("Redis", "redis.url"), ("Ray", "ray.address")):
        assert found[subject].state is State.BAD
        assert key in found[subject].fix
    assert "hidden" not in str(found)


def test_a_wrong_password_is_no_version(
    tmp_path: Path, postgres_server: EmbeddedPostgres, valkey_server: EmbeddedValkey
) -> None:
    found = findings(
        Settings(
            data_dir=str(tmp_path),
            postgres=PostgresSettings(dsn=postgres_server.dsn().replace(postgres_server.password, "x")),
            redis=RedisSettings(url=valkey_server.url().replace(valkey_server.password, "x")),
        )
    )
    assert found["PostgreSQL"].state is State.BAD
    assert found["Redis"].state is State.BAD


def test_a_taken_port_is_found_before_the_start(tmp_path: Path, valkey_server: EmbeddedValkey) -> None:
    found = findings(Settings(data_dir=str(tmp_path), gateway=GatewaySettings(port=valkey_server.port)))
    assert found["port"].state is State.BAD
    assert "BILTEN_GATEWAY_PORT" in found["port"].fix


def test_what_runs_is_looked_at_with_whatever_settings_it_was_started(
    tmp_path: Path, postgres_server: EmbeddedPostgres, valkey_server: EmbeddedValkey
) -> None:
    """Who had started it on another port was told that nobody listened on the usual one."""
    me = Identity.of(os.getpid())
    assert me is not None
    with socket.create_server(("127.0.0.1", 0)) as gateways:
        port = gateways.getsockname()[1]
        made = Running(
            supervisor=me,
            url=f"http://127.0.0.1:{port}",
            pages_url=f"http://localhost:{port}",
            listens_on=("127.0.0.1", port),
            event_slug="",
            dsn=postgres_server.dsn(),
            redis_url=valkey_server.url(),
            ray_address="",
            ray_environment={},
            parts=[],
        )
        running.write(tmp_path, made)
        found = findings(Settings(data_dir=str(tmp_path)))
    assert not [finding for finding in found.values() if finding.state is State.BAD]
    assert found["port"].what == f"127.0.0.1:{port} is ours"
    assert str(tmp_path) in found["platform"].what
    assert found["PostgreSQL"].what.endswith(f"127.0.0.1:{postgres_server.port}")
    assert found["Redis"].what.endswith(f"127.0.0.1:{valkey_server.port}")


def test_without_a_platform_the_folder_is_named_where_none_runs(tmp_path: Path) -> None:
    found = findings(Settings(data_dir=str(tmp_path)))
    assert str(tmp_path) in found["platform"].what
    assert "BILTEN_DATA_DIR" in found["platform"].fix
