"""What every test shares: real servers, and a say on tests that need a browser."""

import os
import shutil

import pytest

# Ray reads it when it is imported: keeps everything that tests start on loopback (see cluster/ray_head.py).
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"

from tests.servers import (
    _migrated_template,
    migrated_dsn,
    postgres_dsn,
    postgres_server,
    ray_head,
    redis_url,
    servers_folder,
    valkey_server,
)

__all__ = [
    "_migrated_template",
    "migrated_dsn",
    "postgres_dsn",
    "postgres_server",
    "ray_head",
    "redis_url",
    "servers_folder",
    "valkey_server",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without a Chromium, browser tests skip on a person's machine and fail where they are required."""
    if shutil.which("chromium") or os.environ.get("BILTEN_REQUIRE_BROWSER") or os.environ.get("CI"):
        return
    missing = pytest.mark.skip(reason="there is no Chromium (on Debian: apt-get install chromium)")
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(missing)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser; the test fails when there is none and it may not be skipped."""
    found = shutil.which("chromium")
    if found is None:
        pytest.fail("there is no Chromium, and BILTEN_REQUIRE_BROWSER or CI says that it must be there")
    return found
