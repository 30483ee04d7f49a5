"""If these failed, `bilten doctor` would call a broken machine healthy, or not say how to mend it."""

from pathlib import Path

from cluster import processes
from cluster.doctor import Finding, State, examine
from cluster.embedded import EmbeddedPostgres, EmbeddedValkey
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
