"""What every test shares: real servers, and a say on tests that need a browser."""

import os
import secrets
import shutil
import tempfile
from pathlib import Path

import pytest

# Ray reads these when it is imported, which the first test file does that needs an actor: they keep
# everything that tests start on loopback (see cluster/ray_head.py), and name the token of the session's head
# before there is one.
_token = Path(tempfile.mkdtemp(prefix="bilten-tests-token-")) / "token"
_token.write_text(secrets.token_hex(32) + "\n")
_token.chmod(0o600)
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
os.environ["RAY_AUTH_MODE"] = "token"
os.environ["RAY_AUTH_TOKEN_PATH"] = str(_token)

from cluster import doctor
from storage.audit_log import seal_with
from tests.measured import measured, pytest_terminal_summary
from tests.servers import (
    databases,
    migrated_dsn,
    migrated_template,
    postgres_dsn,
    postgres_server,
    ray_head,
    redis_url,
    servers_folder,
    valkey_server,
)

__all__ = [
    "databases",
    "measured",
    "migrated_dsn",
    "migrated_template",
    "postgres_dsn",
    "postgres_server",
    "pytest_terminal_summary",
    "ray_head",
    "redis_url",
    "servers_folder",
    "valkey_server",
]

# The browser without its windows: the same engine, at a third of the cost of a page, which with windows goes
# into pages that the browser makes for itself.
CHROMIUM = next(filter(None, map(shutil.which, doctor.CHROMIUM)), None)
# Of the browser tests those that take longest come first: no process is left alone with one at the end.
LONGEST = (
    "test_people_pages.py",
    "test_event_page.py",
    "test_missed_parts.py",
    "test_admin_pages.py",
    "test_team_pages.py",
)
AUDIT_KEY = bytes(range(32))
seal_with(AUDIT_KEY)


def _note_end(config: pytest.Config, status: int | None) -> None:
    # For who looks again at what failed (cluster/test_again.sh). A process of pytest-xdist does not know.
    cache = getattr(config, "cache", None)
    if cache is not None and not hasattr(config, "workerinput"):
        cache.set("bilten/ended", status)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Of a run that is killed nothing older may be believed."""
    _note_end(session.config, None)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    _note_end(session.config, int(exitstatus))


def pytest_unconfigure() -> None:
    """Remove the token's folder: the processes of pytest-xdist end without what is registered with atexit."""
    shutil.rmtree(_token.parent, ignore_errors=True)


@pytest.fixture(autouse=True)
def _audit_key() -> None:
    """A process has one audit key; tests that put a whole platform together have set it to that one's."""
    seal_with(AUDIT_KEY)


def _turn(item: pytest.Item) -> int:
    if item.get_closest_marker("browser") is None:
        return 0
    return 1 if item.path.name in LONGEST else 2


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last, the longest of them first, and skip without a Chromium on a person's machine.

    Playwright's synchronous interface leaves an event loop running in this thread for as long as its browser
    is open; whatever test comes after and runs a loop of its own would fail. So a file, whose tests stay in
    one process, has either only browser tests or none.
    """
    kinds: dict[Path, set[bool]] = {}
    for item in items:
        kinds.setdefault(item.path, set()).add(item.get_closest_marker("browser") is not None)
    if mixed := [str(path) for path, found in kinds.items() if len(found) > 1]:
        raise pytest.UsageError(f"browser tests beside others: {mixed}")
    items.sort(key=_turn)
    if CHROMIUM or os.environ.get("BILTEN_REQUIRE_BROWSER") or os.environ.get("CI"):
        return
    missing = pytest.mark.skip(
        reason="there is no Chromium (on Debian: apt-get install chromium-headless-shell libatomic1)"
    )
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(missing)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser; the test fails when there is none and it may not be skipped."""
    if CHROMIUM is None:
        pytest.fail("there is no Chromium, and BILTEN_REQUIRE_BROWSER or CI says that it must be there")
    return CHROMIUM
