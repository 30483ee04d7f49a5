"""The platforms that benches start: their settings are settings, and they are on servers of their own."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bench import catalogue, purchase, sign_in
from bench.own_platform import own_platform, write_settings
from cluster import running
from cluster.settings_source import load


@pytest.mark.parametrize(
    "tables",
    [catalogue.UNLIMITED, purchase.UNLIMITED, sign_in.UNLIMITED],
    ids=["catalogue", "purchase", "sign-in"],
)
def test_a_benchs_settings_are_taken(tmp_path: Path, tables: Mapping[str, Mapping[str, float]]) -> None:
    settings = load(write_settings(tmp_path, 3, tables), {})
    assert settings.gateway.processes == 3
    assert settings.shards.count == 1


@pytest.mark.ray
def test_a_benchs_platform_is_its_own_whatever_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a bench, or a rush that kills servers, would happen to the platform that people use."""
    monkeypatch.setenv("BILTEN_POSTGRES_DSN", "postgresql://nobody@127.0.0.1:9/nowhere")
    monkeypatch.setenv("BILTEN_REDIS_URL", "redis://127.0.0.1:9")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    monkeypatch.setenv("BILTEN_CONFIG", "nowhere.toml")
    with own_platform(1) as (found, made):
        assert {"postgres", "redis", "ray", "gateway-1"} <= {part.name for part in found.parts}
        for address in (found.dsn, found.redis_url, found.ray_address):
            assert "127.0.0.1:9/" not in f"{address}/"
        assert running.read_shards(made)
