"""A marker is planted in every field that holds personal data, and every store, log and metric is searched
for it. If this failed, people could be read by whoever reads a database dump, Redis, a log or a dashboard.
"""

import asyncio
import logging
import secrets
from pathlib import Path

import aiohttp
import pytest
import redis.asyncio

from cluster.embedded import EmbeddedPostgres
from domain.ids import ORGANISATION, QUESTION, USER, parse, text
from domain.roles import PlatformRole
from services.vault import Unreadable, Vault
from storage.postgres import Pool
from tests.gateway.api.organising import Caller, town
from tests.gateway.api.test_users import Browser, browsing
from tests.gateway.stage import ROOMY, Stage, fresh, hold, new_sale, operation, works
from tests.mailbox import mailbox
from tests.people import PASSWORD, URL, Person
from tests.searching import in_no_store, in_postgres, in_redis, in_texts, marker_in
from tests.services.users.authenticator import Authenticator


async def test_the_search_finds_what_is_there(migrated_dsn: str, redis_url: str) -> None:
    """In the clear and packed; a search that finds nothing would make the other test pass."""
    marker = marker_in("planted")
    async with works(migrated_dsn, redis_url) as made:
        sale = await new_sale(made)
        assert await in_postgres(made.pool, marker) == []
        await made.pool.execute(
            "UPDATE events SET title = $1 WHERE event_id = $2", marker, sale.record.event_id
        )
        await _plant_bytes(made.pool, b"\x93" + marker.upper().encode())
        assert {"public.events", "public.account_tokens"} <= set(await in_postgres(made.pool, marker))
        client = redis.asyncio.from_url(redis_url)
        await client.set("bilten-test-marker", b"\x01" + marker.encode())
        assert await in_redis(redis_url, marker) == ["bilten-test-marker"]
        await client.delete("bilten-test-marker")
        await client.aclose()
        assert in_texts([("log", f"x {marker.encode().hex()} y"), ("other", "x")], marker) == ["log"]


async def test_no_store_holds_people_in_the_clear(
    migrated_dsn: str,
    redis_url: str,
    postgres_server: EmbeddedPostgres,
    servers_folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # The mail server is somebody else's, although it runs in this process: what it logs is its business.
    caplog.set_level(logging.DEBUG)
    planted: dict[str, str] = {}

    def plant(field: str) -> str:
        planted[field] = marker_in(field)
        return planted[field]

    async with mailbox() as box, works(migrated_dsn, redis_url, smtp_url=box.url) as made:
        stage = Stage(made, ROOMY)
        await stage.start()
        async with browsing(stage) as browser:
            await browser.ask("POST", "/session")
            email = f"{plant('email')}@example.org"
            name = plant("name")
            body = {"email": email, "password": PASSWORD, "name": name, "locale": "en"}
            key = {"Idempotency_Key": secrets.token_hex(16)}
            status, answer, _ = await browser.ask("POST", "/sign-up", body, **key)
            assert status == 202, answer
            token = await box.token_to(email)
            assert (await browser.ask("POST", "/sign-up/confirm", {"token": token}))[0] == 200
            # What goes wrong is logged, and must not be logged with the person.
            body = {"email": f"{plant('guessed')}@example.org", "password": plant("password")}
            assert (await browser.ask("POST", "/sign-in", body))[0] in {401, 403}
            other = f"{plant('newemail')}@example.org"
            status, answer, _ = await browser.ask("POST", "/me/email", {"email": other, "password": PASSWORD})
            assert status == 202, answer
            token = await box.token_to(other)
            assert (await browser.ask("POST", "/me/email/confirm", {"token": token}))[0] == 204
            status, me, response = await browser.ask("GET", "/me")
            assert (me["email"], me["name"]) == (other, name), "it is there, for the one whose it is"
            change = {"name": plant("newname")}
            status, answer, _ = await browser.ask("PATCH", "/me", change, If_Match=response.headers["ETag"])
            assert status == 200, answer
            organisation = {"name": "Harbour", "slug": f"harbour-{secrets.token_hex(4)}"}
            status, made_organisation, _ = await browser.ask("POST", "/organisations", organisation)
            assert status in {200, 201}, made_organisation
            invited = {"email": f"{plant('invited')}@example.org", "role": "viewer"}
            path = f"/organisations/{made_organisation['id']}"
            status, answer, _ = await browser.ask("POST", f"{path}/invitations", invited)
            assert status in {200, 201, 202}, answer
            assert (await browser.ask("GET", f"{path}/members"))[1]["items"][0]["name"] == planted["newname"]
            await _answered(stage, plant("answer"), plant("refusedanswer"))
            metrics = await _text(f"{stage.url}/metrics")
            await in_no_store(made.pool, redis_url, planted)
            await _erased(stage, browser, made_organisation["id"])
            await in_no_store(made.pool, redis_url, planted)
        await stage.close()
    texts = [
        *((record.name, record.getMessage()) for record in caplog.records if record.name != "mail.log"),
        ("metrics", metrics),
        *((file.name, file.read_text(errors="replace")) for file in servers_folder.rglob("*.log")),
    ]
    assert len(texts) > 2, "the servers' own logs are searched, too"
    for field, marker in planted.items():
        assert in_texts(texts, marker) == [], f"{field} was written there"


async def _answered(stage: Stage, said: str, refused: str) -> None:
    """A buyer answers what an event asks."""
    sale = await new_sale(stage.works)
    question_id = fresh()
    await stage.works.pool.execute(
        """
        INSERT INTO questions (question_id, event_id, position, per, label, kind, is_required)
        VALUES ($1, $2, 0, 'order', 'Who?', 'text', true)
        """,
        question_id,
        sale.record.event_id,
    )
    client = await stage.connect()
    held = await hold(client, sale, 2)
    order = {"event": sale.event, "hold": held["hold"], "amount_minor": 3000, "payment": "card_ok"}
    for text_given, expected in ((refused + "\u0000", "refused"), (said, "purchased")):
        answers = [{"question": text(QUESTION, question_id), "text": text_given}]
        bought = await client.ask("purchase", operation=operation(), answers=answers, **order)
        assert bought["type"] == expected, bought
        assert text_given not in str(bought)
    own = await _text(f"{stage.url}/api/v1/orders/{bought['order']}", stage.http)
    assert said in own, "it is there, for the one whose it is"


async def _erased(stage: Stage, browser: Browser, organisation: str) -> None:
    """The person goes, and what is sealed of them, wherever it is and from whenever, opens for nobody."""
    pool, vault = stage.works.pool, stage.works.people.vault
    kept = await _sealed(pool)
    assert {"users.email_sealed", "users.name_sealed", "order_answers.answer_sealed"} <= {
        f"{table}.{column}" for table, column, _, _ in kept
    }
    readable = [one for one in kept if await _opens(vault, *one)]
    assert readable == kept, "a search that opens nothing would find nothing"
    other = await stage.works.people.add()
    await stage.works.pool.execute(
        """
        INSERT INTO members (member_id, organisation_id, user_id, role, created_at)
        VALUES ($1, $2, $3, 'owner', now())
        """,
        fresh(),
        parse(ORGANISATION, organisation),
        other.user_id,
    )
    # The buyer who answered is the same person: they sign up where they bought.
    await stage.works.pool.execute(
        """
        INSERT INTO user_buyers SELECT DISTINCT orders.buyer_id, users.user_id
        FROM orders, users WHERE users.user_id = $1
        """,
        parse(USER, (await browser.ask("GET", "/me"))[1]["id"]),
    )
    assert (await browser.ask("POST", "/me/step-up", {"password": PASSWORD}))[0] == 200
    status, answer, _ = await browser.ask("DELETE", "/me")
    assert status == 204, answer
    assert browser.token == ""
    assert (await browser.ask("GET", "/me"))[0] == 401
    for one in kept:
        assert not await _opens(vault, *one), one[:2]


async def _sealed(pool: Pool) -> list[tuple[str, str, bytes, bytes]]:
    """Every value of every table that is sealed under a person's key, with whose it is."""
    columns = await pool.fetch(
        """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND column_name LIKE '%sealed' AND table_name <> 'vouchers'
        """
    )
    owners = {"order_answers": "buyer_id", "invitations": "invitation_id"}
    found = []
    for table, column in columns:
        owner = owners.get(table, "user_id")
        rows = await pool.fetch(f"SELECT {owner}, {column} FROM {table}")
        found += [(table, column, row[0], row[1]) for row in rows]
    return found


async def _opens(vault: Vault, table: str, column: str, person: bytes, sealed: bytes) -> bool:
    try:
        return bool(await vault.open(person, table, column, sealed))
    except Unreadable:
        return False


async def test_no_store_holds_what_else_is_said_of_people(
    migrated_dsn: str, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each ticket's own answers, addresses and phone numbers, what a passkey is called, and whom the
    platform's people look for. Why they look is written down in the audit log, and nowhere else.
    """
    caplog.set_level(logging.DEBUG)
    planted = {name: marker_in(name) for name in ("ticketname", "ticketmail", "passkey", "lookedfor")}
    planted["phone"] = "49" + "".join(secrets.choice("0123456789") for _ in range(24))
    reason = marker_in("reason")
    async with town(migrated_dsn, redis_url) as place:
        await _tickets_answered(place.here, planted)
        anna = await place.person()
        await _passkey(anna, place.people[-1], planted["passkey"])
        support = await place.platform_person(PlatformRole.SUPPORT)
        body = {"email": f"{planted['lookedfor']}@example.org"}
        assert (await support.ask("POST", "/admin/users/find", body))[0] == 404
        path = f"/admin/users/{text(USER, place.people[0].user_id)}/reveal"
        assert (await support.ask("POST", path, {"reason": reason}))[0] == 200
        metrics = await _text(f"{place.here.url}/metrics")
        await in_no_store(place.made.pool, redis_url, planted)
        assert await in_postgres(place.made.pool, reason) == ["public.audit_entries"]
        assert await in_redis(redis_url, reason) == []
    records = [one for one in caplog.records if one.name != "mail.log"]
    texts = [("metrics", metrics), *((one.name, one.getMessage()) for one in records)]
    for field, marker in {**planted, "reason": reason}.items():
        assert in_texts(texts, marker) == [], f"{field} was written there"


async def _tickets_answered(stage: Stage, planted: dict[str, str]) -> None:
    """A buyer of two tickets says whose each is."""
    sale = await new_sale(stage.works)
    said = [
        ("text", [planted["ticketname"], "Somebody"]),
        ("email", [f"{planted['ticketmail']}@example.org", "b@example.org"]),
        ("phone", [planted["phone"], "4930123456"]),
    ]
    answers = []
    for position, (kind, texts) in enumerate(said):
        question_id = fresh()
        await stage.works.pool.execute(
            """
            INSERT INTO questions (question_id, event_id, position, per, label, kind, is_required)
            VALUES ($1, $2, $3, 'ticket', 'Who?', $4, true)
            """,
            question_id,
            sale.record.event_id,
            position,
            kind,
        )
        name = text(QUESTION, question_id)
        answers += [{"question": name, "ticket": at, "text": each} for at, each in enumerate(texts)]
    client = await stage.connect()
    held = await hold(client, sale, 2)
    order = {"event": sale.event, "hold": held["hold"], "amount_minor": 3000, "payment": "card_ok"}
    bought = await client.ask("purchase", operation=operation(), answers=answers, **order)
    assert bought["type"] == "purchased", bought
    own = await _text(f"{stage.url}/api/v1/orders/{bought['order']}", stage.http)
    for name in ("ticketname", "ticketmail", "phone"):
        assert planted[name] in own, "it is there, for the one whose it is"


async def _passkey(caller: Caller, person: Person, name: str) -> None:
    """Somebody names a passkey after themselves."""
    assert (await caller.ask("POST", "/me/step-up", {"password": person.password}))[0] == 200
    status, asked = await caller.ask("POST", "/me/passkeys/options")
    assert status == 200, asked
    credential = Authenticator(URL).make(asked["options"])
    body = {"challenge": asked["challenge"], "credential": credential, "name": name}
    status, kept = await caller.ask("POST", "/me/passkeys", body)
    assert (status, kept["name"]) == (201, name), kept


async def _plant_bytes(pool: Pool, payload: bytes) -> None:
    await pool.execute(
        """
        INSERT INTO account_tokens (token_hash, purpose, payload, expires_at)
        VALUES ($1, 'sign_up', $2, now())
        """,
        secrets.token_bytes(32),
        payload,
    )


async def _text(url: str, known: aiohttp.ClientSession | None = None) -> str:
    async with asyncio.timeout(10), aiohttp.ClientSession() as http, (known or http).get(url) as answer:
        return await answer.text()
