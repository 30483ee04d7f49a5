"""The whole platform for browser tests, and events of each test's own on it."""

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import asyncpg
import msgspec
from playwright.sync_api import BrowserContext

from domain.ids import EVENT, ORGANISATION, text
from tests.browser.loader import AccountRequest, LoadAnswer, LoadRequest
from tests.running_platform import RunningPlatform
from tests.servers import execute, run

OWNER = "owner@example.org"
PASSWORD = "a lantern over the harbour"
_numbers = itertools.count(1)


class EventPage(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a test has put on sale."""

    event_id: bytes
    slug: str
    address: str
    sales_address: str
    opens_at_ms: int


class WidePlatform(RunningPlatform):
    """One whose output is not wrapped, however long the name of its folder is."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "COLUMNS": "240"}


class Platform:
    """What browser tests do with the running platform."""

    def __init__(self, running_platform: RunningPlatform, loader: "subprocess.Popen[str]") -> None:
        self._running = running_platform
        self._loader = loader
        self.url = running_platform.pages_url
        self.numeric_url = running_platform.url
        self._has_owner = False

    def add_event(
        self,
        capacity: dict[str, int],
        *,
        opens_in_ms: int = 0,
        hold_seconds: int = 480,
        extension_seconds: int = 240,
        ends_at: str = "",
        city: str = "Bremen",
        **prices: Any,
    ) -> EventPage:
        """Puts an event on sale that has a pool and a ticket type of each name; `ends_at` is as clocks there
        show it, `prices` are what else a `LoadRequest` takes.
        """
        slug = f"evening-{next(_numbers)}"
        catalogue = catalogue_text(slug, capacity, hold_seconds, extension_seconds, ends_at, city)
        answer = msgspec.json.decode(
            self._load(LoadRequest(catalogue, opens_in_ms, **prices)), type=LoadAnswer
        )
        event_id = bytes.fromhex(answer.event_id)
        organisation = text(ORGANISATION, bytes.fromhex(answer.organisation_id))
        return EventPage(
            event_id=event_id,
            slug=slug,
            address=f"{self.url}/e/{slug}",
            sales_address=f"{self.url}/organizer/{organisation}/events/{text(EVENT, event_id)}/sales",
            opens_at_ms=answer.opens_at_ms,
        )

    def sign_in_owner(self, context: BrowserContext, event: EventPage) -> None:
        """Signs a browser in as the owner of the organisation that all events here are of."""
        if not self._has_owner:
            self.add_account(OWNER, "Ada", PASSWORD, event=event)
            self._has_owner = True
        self.sign_in(context, OWNER)

    def sign_in(self, context: BrowserContext, email: str) -> None:
        """Signs a browser in without the page for it; the account's password is `PASSWORD`."""
        said = {"email": email, "password": PASSWORD}
        answer = context.request.post(f"{self.url}/api/v1/sign-in", data=said)
        assert answer.ok, answer.text()

    def add_account(
        self, email: str, name: str, password: str, role: str = "", event: EventPage | None = None
    ) -> None:
        """Makes an account that is confirmed; `role` is what it is to the platform, and `event` one whose
        organisation it owns.
        """
        slug = event.slug if event else ""
        assert self._load(AccountRequest(email, name, password, slug, role)) == '""\n'

    def _load(self, request: LoadRequest | AccountRequest) -> str:
        """The loader's answer, a line of JSON."""
        asking, answering = cast("IO[str]", self._loader.stdin), cast("IO[str]", self._loader.stdout)
        asking.write(msgspec.json.encode(request).decode() + "\n")
        asking.flush()
        return answering.readline()

    def kill_gateways(self) -> None:
        """Kills every gateway; the supervisor starts them again."""
        for pid in self._running.note.pids("gateway"):
            os.kill(pid, signal.SIGKILL)

    def make_older(self, event: EventPage, by_ms: int) -> None:
        """Has what an event has sold so far be sold by so much earlier, as its record says."""
        older = (
            f"UPDATE tickets SET issued_at = issued_at - {by_ms:d} * interval '1 millisecond'"
            f" WHERE event_id = '{event.event_id.hex()}'"
        )
        run(execute(self._running.note.dsn, older))

    def tickets_by_order(self, event: EventPage) -> list[int]:
        """How many tickets each order of an event has in PostgreSQL."""
        return run(_tickets_by_order(self._running.note.dsn, event.event_id))


async def _tickets_by_order(dsn: str, event_id: bytes) -> list[int]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch(
            "SELECT count(*) AS tickets FROM tickets WHERE event_id = encode($1::bytea, 'hex')::uuid"
            " GROUP BY order_id",
            event_id,
        )
    finally:
        await connection.close()
    return [row["tickets"] for row in rows]


def catalogue_text(
    slug: str,
    capacity: dict[str, int],
    hold_seconds: int,
    extension_seconds: int,
    ends_at: str = "",
    city: str = "Bremen",
) -> str:
    """A catalogue file as a person would write it."""
    event = f"""
        [organisation]
        name = "Kulturwerk am Hafen"
        slug = "kulturwerk"
        [event]
        title = "Nachtlicht: Lamplight Live"
        slug = "{slug}"
        summary = "One night, two stages, and the harbour lit from the water."
        description = "Lamplight close their tour where it began.\\n\\nDoors open early."
        venue = "Kranhalle"
        address = "Am Alten Hafen 7"
        city = "{city}"
        country = "DE"
        time_zone = "Europe/Berlin"
        doors_at = 2030-06-19T18:30:00
        starts_at = 2030-06-19T20:00:00
        {ends_at and f"ends_at = {ends_at}"}
        currency = "EUR"
        hold_seconds = {hold_seconds}
        extension_seconds = {extension_seconds}
    """
    types = [
        f"""
        [[pools]]
        name = "{name}"
        capacity = {places}
        [[ticket_types]]
        name = "{name}"
        description = "Somewhere near the stage."
        price = "49.00"
        pools = ["{name}"]
        """
        for name, places in capacity.items()
    ]
    return event + "".join(types)


@contextmanager
def running(folder: Path) -> Iterator[Platform]:
    """The platform, started; stopped at the end."""
    started = WidePlatform(folder, DEMO_LOAD="false", GATEWAY_PROCESSES=1, SHARDS_COUNT=1)
    started.start()
    loader = None
    try:
        loader = subprocess.Popen(
            [sys.executable, "-P", "-m", "tests.browser.loader"],
            env={**started.environment, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        yield Platform(started, loader)
    finally:
        if loader is not None:
            loader.communicate(timeout=30)
        started.stop()
