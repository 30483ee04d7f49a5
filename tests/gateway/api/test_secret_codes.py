"""Codes of vouchers are planted wherever somebody types or is given one, and every store, log and metric is
searched for them. If this failed, who reads a database dump, Redis, a log or a dashboard could buy with them.
"""

import asyncio
import logging
import secrets
from pathlib import Path
from typing import Any

import pytest

from cluster.embedded import EmbeddedPostgres
from tests.gateway.api.organising import Caller, Town, town
from tests.gateway.stage import Stage, operation
from tests.searching import in_no_store, in_postgres, in_texts, marker_in

TICKETS = {
    "pools": [{"name": "Hall", "capacity": 100}],
    "ticket_types": [
        {"name": "Full", "price_minor": 2_000, "pools": [0]},
        {"name": "Friends", "price_minor": 100, "pools": [0], "is_hidden": True},
    ],
}


class Office:
    """An organiser and what they plant.

    Attributes:
        planted: codes as they are compared, by what they are for.
        path: of the event whose codes they are.
    """

    def __init__(self, owner: Caller, organisation: str) -> None:
        self.owner = owner
        self.base = f"/organisations/{organisation}/events"
        self.path = ""
        self.planted: dict[str, str] = {}

    def plant(self, field: str) -> str:
        """Return a code as somebody types it."""
        marker = self.planted[field] = marker_in(field)
        self.planted[f"{field} as typed"] = typed = f"{marker[:9]}-{marker[9:].title()}"
        return typed

    async def ask(self, expected: int, method: str, path: str, body: Any = None, **how: Any) -> Any:
        status, answer = await self.owner.ask(method, f"{self.path or self.base}{path}", body, **how)
        assert status == expected, answer
        return answer

    async def event(self) -> Any:
        """Make a draft."""
        said = {"title": "Concert", "time_zone": "Europe/Berlin", "starts_at": "2030-05-01T20:00"}
        event = await self.ask(201, "POST", "", said)
        self.path = f"{self.base}/{event['event']}"
        return await self.ask(200, "PUT", "/ticket-types", TICKETS, version=1)

    async def codes(self, when: str) -> None:
        """Make, read, change and end codes."""
        body = {"code": self.plant(f"kept{when}"), "kind": "access"}
        key = secrets.token_urlsafe()
        kept = await self.ask(201, "POST", "/vouchers", body, key=key)
        assert kept["code"] == self.planted[f"kept{when}"].upper(), "it is there, for those whose it is"
        assert await self.ask(201, "POST", "/vouchers", body, key=key) == kept
        assert (await self.ask(409, "POST", "/vouchers", body))["code"] == "voucher_exists"
        new: dict[str, Any] = {"code": self.plant(f"edited{when}"), "amount_minor": 100}
        one = await self.ask(201, "POST", "/vouchers", new)
        path = f"/vouchers/{one['voucher']}"
        one = await self.ask(200, "PUT", path, {"amount_minor": 200}, version=one["version"])
        one = await self.ask(200, "DELETE", path, version=one["version"])
        assert await self.ask(200, "GET", path) == one
        prefix = self.planted[f"bulk{when}"] = marker_in("bulk")[:12]
        bulk = {"count": 3, "prefix": prefix, "batch": "press", "amount_minor": 100}
        made = await self.ask(201, "POST", "/vouchers/bulk", bulk)
        self.planted |= {f"{when} {code}": code for code in made["codes"]}
        wrong: list[tuple[int, dict[str, Any]]] = [
            (422, {"code": self.plant(f"refused{when}"), "percent_basis_points": 1, "amount_minor": 1}),
            (400, {"code": self.plant(f"unread{when}") + "!", "amount_minor": 100}),
        ]
        for status, new in wrong:
            assert new["code"] not in str(await self.ask(status, "POST", "/vouchers", new))
        listed = (await self.ask(200, "GET", "/vouchers"))["items"]
        assert {kept["code"], one["code"], *made["codes"]} <= {voucher["code"] for voucher in listed}
        url = f"{self.owner.stage.url}/api/v1{self.path}/vouchers.csv"
        async with self.owner.http.get(url) as answer:
            assert kept["code"] in await answer.text()


async def test_no_store_holds_codes_in_the_clear(
    migrated_dsn: str,
    redis_url: str,
    postgres_server: EmbeddedPostgres,
    servers_folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with town(migrated_dsn, redis_url) as place:
        owner = await place.person()
        office = Office(owner, await place.organisation(owner))
        tickets = await office.event()
        await office.codes("draft")
        await office.ask(200, "POST", "/publish", version=1)
        await office.codes("live")
        await bought(place.here, office, tickets["ticket_types"][1]["ticket_type"])
        await under_way(place, office)
        async with owner.http.get(f"{place.here.url}/metrics") as answer:
            metrics = await answer.text()
        await in_no_store(place.made.pool, redis_url, office.planted)
        assert await in_postgres(place.made.pool, office.path.rpartition("/")[2]), "the search finds things"
    texts = [
        *((record.name, record.getMessage()) for record in caplog.records),
        ("metrics", metrics),
        *((file.name, file.read_text(errors="replace")) for file in servers_folder.rglob("*.log")),
    ]
    assert len(texts) > 2, "the servers' own logs are searched, too"
    for field, marker in office.planted.items():
        assert in_texts(texts, marker) == [], f"{field} was written there"


async def bought(stage: Stage, office: Office, hidden: str) -> None:
    """A buyer types a code that there is, and one that there is not."""
    client = await stage.connect()
    event = office.path.rpartition("/")[2]
    lines = [{"ticket_type": hidden, "quantity": 1}]
    known, guessed = office.planted["keptlive as typed"], office.plant("guessed")
    for code, unlocked, held in ((guessed, "refused", "refused"), (known, "unlocked", "held")):
        answer = await client.ask("unlock", event=event, code=code)
        assert answer["type"] == unlocked, answer
        answer = await client.ask("hold", operation=operation(), event=event, lines=lines, codes=[code])
        assert answer["type"] == held, answer
    order = {"event": event, "hold": answer["hold"], "amount_minor": 100, "payment": "card_ok"}
    answer = await client.ask("purchase", operation=operation(), **order)
    assert answer["type"] == "purchased", answer


async def under_way(place: Town, office: Office) -> None:
    """A code is just being made while its sale is away: it is written down, for whoever finishes that."""
    assert place.made.handle is not None
    await place.made.handle.shard.kill()
    body = {"code": office.plant("written"), "amount_minor": 100}
    async with asyncio.timeout(60):
        url = f"{office.owner.stage.url}/api/v1{office.path}/vouchers"
        async with office.owner.http.post(url, json=body) as answer:
            assert (answer.status, (await answer.json())["code"]) == (503, "under_way")
    assert await place.made.pool.fetchval("SELECT count(*) FROM event_changes WHERE state = 'pending'") == 1
