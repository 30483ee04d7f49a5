"""Organisers ask again after a shard was away, and after the gateway that they asked was killed. If one
failed, places would be withheld twice, codes made twice, or somebody be told that nothing came of what was.
"""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from domain.ids import EVENT, EventId, parse
from storage.postgres import AnyConnection, Pool
from tests.gateway.api.organising import Caller, Town, town
from tests.gateway.stage import ROOT

TICKETS = {
    "pools": [{"name": "Hall", "capacity": 100}],
    "ticket_types": [{"name": "Full", "price_minor": 2_000, "pools": [0]}],
}
CODES = {"percent_basis_points": 1_000, "count": 50, "batch": "press"}
HELD_UP = 4711


@pytest.fixture
async def stand(migrated_dsn: str, redis_url: str) -> AsyncIterator[Town]:
    async with town(migrated_dsn, redis_url) as made:
        yield made


class Desk:
    """An organiser's browser, which asks whichever gateway it is told to, once."""

    def __init__(self, caller: Caller, organisation: str) -> None:
        self.caller = caller
        self.organisation = organisation
        self.url = caller.stage.url

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str = "", version: int | None = None
    ) -> tuple[int, Any]:
        headers = {"Idempotency-Key": key or secrets.token_urlsafe()} if method == "POST" else {}
        if path.endswith("/publish"):
            # What is published here is a draft that nobody has edited.
            version = 1
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        url = f"{self.url}/api/v1/organisations/{self.organisation}{path}"
        async with self.caller.http.request(method, url, json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)

    async def draft(self) -> tuple[str, str]:
        """Return the paths of a draft with tickets, and of its pool."""
        said = {"title": "Concert", "time_zone": "Europe/Berlin", "starts_at": "2030-05-01T20:00"}
        status, event = await self.ask("POST", "/events", said)
        assert status == 201, event
        path = f"/events/{event['event']}"
        status, document = await self.ask("PUT", f"{path}/ticket-types", TICKETS, version=1)
        assert status == 200, document
        return path, f"{path}/pools/{document['pools'][0]['pool']}"

    async def until_done(self, path: str, body: Any, key: str) -> tuple[int, Any]:
        """Ask with one key until the answer is more than that it goes on."""
        async with asyncio.timeout(60):
            while True:
                status, answer = await self.ask("POST", path, body, key=key)
                if status != 503:
                    return status, answer
                await asyncio.sleep(0.1)


async def desk(stand: Town) -> Desk:
    owner = await stand.person()
    return Desk(owner, await stand.organisation(owner))


async def codes_of(ours: Desk, path: str) -> list[str]:
    """Return the codes of an event as an organiser reads them."""
    status, page = await ours.ask("GET", f"{path}/vouchers?limit=100")
    assert status == 200, page
    return sorted(voucher["code"] for voucher in page["items"])


async def audited(pool: Pool) -> list[str]:
    rows = await pool.fetch("SELECT action FROM audit_entries ORDER BY at, seq")
    return [row["action"] for row in rows]


async def lose_shard(stand: Town) -> None:
    assert stand.made.handle is not None
    await stand.made.handle.shard.kill()


async def start_shard(stand: Town) -> None:
    """A new shard behind the handle that everybody has."""
    handle = stand.made.handle
    await stand.made.start_shard()
    assert handle is not None
    assert stand.made.handle is not None
    handle.shard = stand.made.handle.shard
    stand.made.handle = handle


async def withheld(stand: Town, path: str) -> int:
    state = await stand.made.shards.state(EventId(parse(EVENT, path.split("/")[2])))
    assert state is not None
    return int(state.pools[0].withheld)


async def test_what_was_written_down_while_its_shard_was_away_is_done_once(stand: Town) -> None:
    ours = await desk(stand)
    path, _ = await ours.draft()
    live, live_pool = await ours.draft()
    assert (await ours.ask("POST", f"{live}/publish"))[0] == 200
    another, _ = await ours.draft()
    assert (await ours.ask("POST", f"{another}/publish"))[0] == 200
    asked: list[tuple[str, Any]] = [
        (f"{path}/publish", None),
        (f"{live_pool}/withhold", {"quantity": 7}),
        (f"{another}/vouchers/bulk", CODES),
    ]
    keys = [secrets.token_urlsafe() for _ in asked]
    await lose_shard(stand)
    for _ in range(2):
        # At once: each takes as long as a gateway has patience with a shard.
        asking = (
            ours.ask("POST", where, body, key=key) for (where, body), key in zip(asked, keys, strict=True)
        )
        for status, refused in await asyncio.gather(*asking):
            assert (status, refused["code"]) == (503, "under_way"), refused
    await start_shard(stand)
    answers = [
        await ours.until_done(where, body, key) for (where, body), key in zip(asked, keys, strict=True)
    ]
    assert [status for status, _ in answers] == [200, 200, 201]
    assert answers[0][1]["status"] == "on_sale"
    assert await withheld(stand, live) == 7
    assert await codes_of(ours, another) == sorted(answers[2][1]["codes"])
    assert await stand.made.pool.fetchval("SELECT count(*) FROM vouchers") == CODES["count"]
    # And who asks once more, is told the same.
    for (where, body), key, answer in zip(asked, keys, answers, strict=True):
        assert await ours.ask("POST", where, body, key=key) == answer
    assert await stand.made.pool.fetchval("SELECT count(*) FROM event_changes WHERE state = 'pending'") == 0
    done = await audited(stand.made.pool)
    assert (done.count("event.publish"), done.count("voucher.create")) == (3, 1)


async def test_what_the_sale_refuses_is_refused_again(stand: Town) -> None:
    ours = await desk(stand)
    path, pool = await ours.draft()
    await ours.ask("POST", f"{path}/publish")
    key = secrets.token_urlsafe()
    await lose_shard(stand)
    assert (await ours.ask("POST", f"{pool}/withhold", {"quantity": 101}, key=key))[0] == 503
    await start_shard(stand)
    for _ in range(2):
        status, refused = await ours.until_done(f"{pool}/withhold", {"quantity": 101}, key)
        assert (status, refused["code"]) == (409, "sold_out")
    assert await withheld(stand, path) == 0


class Doomed:
    """A gateway with a process of its own, that is killed when it reaches a certain statement."""

    def __init__(
        self, process: asyncio.subprocess.Process, port: int, pool: Pool, connection: AnyConnection
    ) -> None:
        self.process = process
        self.pool = pool
        self._connection = connection
        self.url = f"http://127.0.0.1:{port}"

    async def hold_up(self) -> None:
        """Let its statements wait from now on."""
        await self._connection.execute(f"SELECT pg_advisory_lock({HELD_UP})")

    async def is_held_up(self, times: int) -> None:
        """Wait until so many of its statements wait for us."""
        async with asyncio.timeout(60):
            while await self.pool.fetchval(_WAITING) < times:
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """Kill it, and let PostgreSQL notice before the statements are let go on."""
        self.process.kill()
        await self.process.wait()
        await self.pool.execute(
            f"SELECT pg_terminate_backend(pid) FROM ({_WAITING.replace('count(*)', 'pid')}) AS waiting"
        )
        async with asyncio.timeout(60):
            while await self.pool.fetchval(_WAITING):
                await asyncio.sleep(0.02)


_WAITING = f"""
    SELECT count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND objid = {HELD_UP} AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@asynccontextmanager
async def doomed(stand: Town, dsn: str, redis_url: str, table: str, column: str) -> AsyncIterator[Doomed]:
    """A gateway whose statements that set a column wait, until we leave the block."""
    pool = stand.made.pool
    await pool.execute(
        f"""
        CREATE FUNCTION hold_up() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock({HELD_UP}); RETURN NEW; END $$;
        CREATE TRIGGER hold_up BEFORE UPDATE OF {column} ON {table}
            FOR EACH ROW EXECUTE FUNCTION hold_up();
        """
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.gateway.gateway_process", dsn, redis_url, "0"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        port = (await asyncio.wait_for(process.stdout.readline(), 120)).split()[0]
        async with pool.acquire() as connection:
            try:
                yield Doomed(process, int(port), pool, connection)
            finally:
                await connection.execute("SELECT pg_advisory_unlock_all()")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await pool.execute("DROP FUNCTION hold_up CASCADE")


async def test_a_gateway_is_killed_between_the_work_and_its_record(
    stand: Town, migrated_dsn: str, redis_url: str
) -> None:
    ours = await desk(stand)
    path, _ = await ours.draft()
    living, pool = ours.url, stand.made.pool
    key = {"name": "Robot", "scopes": ["events.read"]}
    event = {"title": "Reading", "time_zone": "Europe/Berlin", "starts_at": "2030-05-02T20:00"}
    asked: list[tuple[str, Any]] = [("/events", event), (f"{path}/vouchers/bulk", CODES), ("/keys", key)]
    keys = [secrets.token_urlsafe() for _ in asked]
    async with doomed(stand, migrated_dsn, redis_url, "repeated_requests", "answer") as gateway:
        ours.url = gateway.url
        await gateway.hold_up()
        lost = []
        for number, (where, body) in enumerate(asked):
            lost.append(asyncio.create_task(ours.ask("POST", where, body, key=keys[number])))
            await gateway.is_held_up(number + 1)
        await gateway.kill()
        found = await asyncio.gather(*lost, return_exceptions=True)
        assert all(isinstance(one, Exception) for one in found), found
    ours.url = living
    answers = [
        await ours.until_done(where, body, key) for (where, body), key in zip(asked, keys, strict=True)
    ]
    assert [status for status, _ in answers] == [201, 201, 409]
    assert answers[0][1]["title"] == "Reading"
    assert await pool.fetchval("SELECT count(*) FROM events WHERE title = 'Reading'") == 1
    assert await codes_of(ours, path) == sorted(answers[1][1]["codes"])
    assert await pool.fetchval("SELECT count(*) FROM vouchers") == CODES["count"]
    # The secret was in the answer only: what is left is to say which key to revoke.
    assert answers[2][1]["code"] == "done_before"
    assert answers[2][1]["details"]["made"].startswith("key_")
    assert await pool.fetchval("SELECT count(*) FROM api_tokens") == 1


async def test_a_gateway_is_killed_between_the_sale_and_the_catalogue(
    stand: Town, migrated_dsn: str, redis_url: str
) -> None:
    ours = await desk(stand)
    living, key = ours.url, secrets.token_urlsafe()
    async with doomed(stand, migrated_dsn, redis_url, "event_changes", "state") as gateway:
        # Its process has the shard now.
        ours.url = gateway.url
        path, pool = await ours.draft()
        assert (await ours.ask("POST", f"{path}/publish"))[0] == 200
        await gateway.hold_up()
        where, body = f"{pool}/withhold", {"quantity": 7}
        lost = asyncio.create_task(ours.ask("POST", where, body, key=key))
        await gateway.is_held_up(1)
        await gateway.kill()
        assert isinstance((await asyncio.gather(lost, return_exceptions=True))[0], Exception)
    await lose_shard(stand)
    await start_shard(stand)
    ours.url = living
    status, answer = await ours.until_done(where, body, key)
    assert status == 200, answer
    assert await withheld(stand, path) == 7
    done = await audited(stand.made.pool)
    assert sum(action.startswith("event.withh") for action in done) == 1
