"""The platforms that benches start: their settings are settings."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from bench import catalogue, purchase, sign_in
from bench.own_platform import write_settings
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
