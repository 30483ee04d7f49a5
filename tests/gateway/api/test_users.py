"""Accounts over HTTP, as a browser uses them. If these failed, a cookie would open what it must not, or the
answer to an address would tell whether it has an account.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from domain.ids import SESSION, text
from tests.gateway.stage import ROOMY, Stage, Works, works
from tests.mailbox import Mailbox, mailbox
from tests.people import PASSWORD, Person


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


class Browser:
    """Somebody's browser: cookies, and the headers that pages add."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def ask(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any, aiohttp.ClientResponse]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"{self.stage.url}/api/v1{path}"
        async with self.http.request(method, url, json=body, headers=sent) as answer:
            read = await answer.read()
            return answer.status, await answer.json(content_type=None) if read else None, answer

    async def sign_in(self, person: Person) -> None:
        body = {"email": person.email, "password": person.password}
        status, answer, _ = await self.ask("POST", "/sign-in", body)
        assert status == 200, answer

    @property
    def token(self) -> str:
        return next((cookie.value for cookie in self.http.cookie_jar if cookie.key == "bilten"), "")


@asynccontextmanager
async def browsing(stage: Stage) -> AsyncIterator[Browser]:
    browser = Browser(stage)
    try:
        yield browser
    finally:
        await browser.http.close()


async def test_from_guest_to_account_and_back(migrated_dsn: str, redis_url: str, box: Mailbox) -> None:
    async with works(migrated_dsn, redis_url, smtp_url=box.url) as made:
        stage = Stage(made, ROOMY)
        await stage.start()
        async with browsing(stage) as browser:
            _, guest, _ = await browser.ask("POST", "/session")
            before = browser.token
            email = "anna@example.org"
            body = {"email": email, "password": PASSWORD, "name": "Anna", "locale": "de"}
            status, answer, _ = await browser.ask("POST", "/sign-up", body)
            assert (status, answer) == (202, {"is_accepted": True})
            token = await box.token_to(email)
            status, answer, _ = await browser.ask("POST", "/sign-up/confirm", {"token": token})
            assert (status, answer) == (200, {"is_signed_in": True})
            assert browser.token != before
            status, me, response = await browser.ask("GET", "/me")
            assert status == 200
            assert (me["email"], me["name"], me["locale"], me["memberships"]) == (email, "Anna", "de", [])
            assert response.headers["ETag"] == '"1"'
            _, session, _ = await browser.ask("POST", "/session")
            assert session["buyer"] == guest["buyer"], "the orders of the guest stay"
            status, orders, _ = await browser.ask("GET", "/me/orders")
            assert (status, orders) == (200, {"items": [], "next_cursor": None})
            status, _, _ = await browser.ask("POST", "/sign-out")
            assert status == 204
            assert browser.token == ""
            assert (await browser.ask("GET", "/me"))[0] == 401
        await stage.close()


async def test_known_and_unknown_addresses_get_the_same_bytes(stage: Stage) -> None:
    person = await stage.works.people.add()
    async with browsing(stage) as browser:
        for path, more in (
            ("/sign-up", {"password": PASSWORD, "name": "X"}),
            ("/sign-in", {"password": "wrong"}),
            ("/password-reset", {}),
        ):
            found = []
            for email in (person.email, "nobody-there@example.org"):
                status, answer, response = await browser.ask("POST", path, {"email": email, **more})
                found.append((status, answer, sorted(set(response.headers) - {"Date"})))
            assert found[0] == found[1], path


async def test_the_cookie_is_nobody_elses(stage: Stage) -> None:
    """Not for scripts, not sent along from other sites, and over https for this host alone."""
    person = await stage.works.people.add()
    async with browsing(stage) as browser:
        body = {"email": person.email, "password": person.password}
        _, _, response = await browser.ask("POST", "/sign-in", body)
        cookie = response.headers["Set-Cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "path=/" in cookie
        assert "domain" not in cookie


async def test_over_https_the_cookie_is_of_this_host_only(staging: Any) -> None:
    stage = await staging(public_url="https://tickets.example")
    person = await stage.works.people.add()
    async with browsing(stage) as browser:
        body = {"email": person.email, "password": person.password}
        _, _, response = await browser.ask("POST", "/sign-in", body)
        cookie = response.headers["Set-Cookie"]
        assert cookie.startswith("__Host-bilten=")
        assert "secure" in cookie.lower()


async def test_another_sites_page_can_not_sign_anybody_in_or_out(stage: Stage) -> None:
    person = await stage.works.people.add()
    async with browsing(stage) as browser:
        body = {"email": person.email, "password": person.password}
        status, answer, _ = await browser.ask("POST", "/sign-in", body, Origin="https://evil.example")
        assert (status, answer["code"]) == (403, "forbidden")
        await browser.sign_in(person)
        status, _, _ = await browser.ask("POST", "/sign-out", Origin="https://evil.example")
        assert status == 403
        assert (await browser.ask("GET", "/me"))[0] == 200


async def test_a_profile_has_versions(stage: Stage) -> None:
    person = await stage.works.people.add()
    async with browsing(stage) as browser:
        await browser.sign_in(person)
        assert (await browser.ask("PATCH", "/me", {"name": "Y"}))[0] == 428
        status, me, _ = await browser.ask("PATCH", "/me", {"name": "  Y\u0301 "}, If_Match='"1"')
        assert (status, me["name"], me["version"]) == (200, "Ý", 2)
        status, answer, _ = await browser.ask("PATCH", "/me", {"locale": "ar"}, If_Match='"1"')
        assert (status, answer["code"]) == (412, "version_conflict")


async def test_sessions_of_others_look_like_none(stage: Stage) -> None:
    person, other = await stage.works.people.add(), await stage.works.people.add()
    async with browsing(stage) as here, browsing(stage) as there, browsing(stage) as stranger:
        await here.sign_in(person)
        await there.sign_in(person)
        await stranger.sign_in(other)
        _, listed, _ = await here.ask("GET", "/me/sessions")
        theirs = next(each["id"] for each in listed["items"] if not each["is_current"])
        missing = await stranger.ask("DELETE", f"/me/sessions/{text(SESSION, bytes(16))}")
        foreign = await stranger.ask("DELETE", f"/me/sessions/{theirs}")
        assert (missing[0], missing[1]) == (foreign[0], foreign[1])
        assert foreign[0] == 404
        assert (await here.ask("DELETE", f"/me/sessions/{theirs}"))[0] == 204
        assert (await there.ask("GET", "/me"))[0] == 401


async def test_rights_and_proofs_change_the_cookie(stage: Stage) -> None:
    person = await stage.works.people.add()
    async with browsing(stage) as browser:
        await browser.sign_in(person)
        first = browser.token
        status, answer, _ = await browser.ask("POST", "/me/totp")
        assert (status, answer["code"]) == (403, "step_up_needed")
        status, _, _ = await browser.ask("POST", "/me/step-up", {"password": person.password})
        assert status == 200
        assert browser.token != first
        status, secret, _ = await browser.ask("POST", "/me/totp")
        assert status == 200
        assert secret["uri"].startswith("otpauth://totp/Bilten:")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/sign-up", {"email": "not an address", "password": PASSWORD, "name": "A"}),
        ("/sign-up", {"email": "a@example.org\r\nBcc: b@example.org", "password": PASSWORD, "name": "A"}),
        ("/sign-up", {"email": "a@example.org", "password": "x" * 257, "name": "A"}),
        ("/sign-up", {"email": "a@example.org", "password": PASSWORD, "name": "A" * 121}),
        ("/sign-up", {"email": "a@example.org", "password": PASSWORD, "name": "A\u0000B"}),
        ("/sign-up", {"email": "a@example.org", "password": PASSWORD, "name": "A", "platform_role": "x"}),
        ("/sign-in", {"email": "a" * 255, "password": "x"}),
        ("/sign-in", {"email": "a@example.org", "password": 7}),
        ("/sign-up/confirm", {"token": "short"}),
        ("/sign-up/confirm", {"token": "x" * 5_000}),
        ("/sign-in/second-factor", {"challenge": "x" * 43, "code": "123"}),
        ("/sign-in/passkey", {"challenge": "x" * 43, "credential": []}),
        ("/password-reset/confirm", {"token": "x" * 43}),
    ],
)
async def test_every_field_has_bounds(stage: Stage, path: str, body: dict[str, Any]) -> None:
    async with browsing(stage) as browser:
        status, answer, _ = await browser.ask("POST", path, body)
        assert status in {400, 422}, answer
        assert answer["errors"], answer


async def test_nonsense_credentials_are_refused(stage: Stage) -> None:
    async with browsing(stage) as browser:
        for credential in ({}, {"id": "AAAA"}, {"id": 7}, {"id": "\u2603"}, {"id": "A" * 40, "response": {}}):
            _, options, _ = await browser.ask("POST", "/sign-in/passkey/options")
            body = {"challenge": options["challenge"], "credential": credential}
            status, answer, _ = await browser.ask("POST", "/sign-in/passkey", body)
            assert (status, answer["code"]) == (401, "sign_in_failed"), credential


async def test_a_session_that_was_ended_elsewhere_is_refused_within_a_second(
    made: Works, staging: Any
) -> None:
    one, other = await staging(), await staging()
    person = await made.people.add()
    async with browsing(one) as here, browsing(other) as there:
        await here.sign_in(person)
        await there.sign_in(person)
        assert (await there.ask("GET", "/me"))[0] == 200
        assert (await here.ask("POST", "/sign-out-everywhere"))[0] == 200
        async with asyncio.timeout(1):
            while (await there.ask("GET", "/me"))[0] == 200:
                await asyncio.sleep(0.02)


async def socket_of(browser: Browser) -> aiohttp.ClientWebSocketResponse:
    _, ticket, _ = await browser.ask("POST", "/socket-ticket")
    address = f"{browser.stage.url}/ws?ticket={ticket['ticket']}"
    socket = await browser.http.ws_connect(address, protocols=("bilten.v1.json",))
    assert (await socket.receive_json())["type"] == "welcome"
    await socket.send_json({"type": "ping", "id": 1})
    assert (await socket.receive_json())["type"] == "pong"
    return socket


async def test_sockets_of_a_session_that_ends_are_closed_within_a_second(made: Works, staging: Any) -> None:
    """On every gateway, and only those of that session; a new token of the same session closes none."""
    one, other = await staging(), await staging()
    person = await made.people.add()
    async with browsing(one) as here, browsing(other) as there:
        await here.sign_in(person)
        await there.sign_in(person)
        staying, going = await socket_of(here), await socket_of(there)
        assert (await here.ask("POST", "/me/step-up", {"password": person.password}))[0] == 200
        _, listed, _ = await here.ask("GET", "/me/sessions")
        theirs = next(each["id"] for each in listed["items"] if not each["is_current"])
        assert (await here.ask("DELETE", f"/me/sessions/{theirs}"))[0] == 204
        async with asyncio.timeout(1):
            message = await going.receive()
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert message.data == 4401
        assert (await there.ask("POST", "/socket-ticket"))[0] == 401
        await staying.send_json({"type": "ping", "id": 2})
        assert (await staying.receive_json())["type"] == "pong"
        await staying.close()


async def test_a_guests_socket_ends_when_they_sign_in(made: Works, staging: Any) -> None:
    """It would go on buying as the guest; the page opens another one as the user."""
    stage = await staging()
    person = await made.people.add()
    async with browsing(stage) as browser:
        await browser.ask("POST", "/session")
        socket = await socket_of(browser)
        await browser.sign_in(person)
        async with asyncio.timeout(1):
            assert (await socket.receive()).data == 4401
        again = await socket_of(browser)
        await again.close()


async def test_the_mailbox_is_nowhere_else(stage: Stage) -> None:
    """Where no folder is set, as beside a real mail server, there is no such page."""
    for path in ("/dev/mail", "/dev/mail.json"):
        async with stage.http.get(stage.url + path) as answer:
            assert answer.status == 404


async def test_what_waits_is_shown(stage: Stage) -> None:
    """Every queue has a metric; nobody notices one that fills up otherwise."""
    person = await stage.works.people.add()
    async with browsing(stage) as browser:
        await browser.sign_in(person)
        await browser.ask("GET", "/me")
        async with stage.http.get(f"{stage.url}/metrics") as answer:
            shown = await answer.text()
    for name in ("passwords", "identities", "mails", "account_work", "keys"):
        assert f"bilten_{name}_now{{" in shown
    for name in ("passwords", "identities", "mails", "keys", "catalogue_reads"):
        assert f"# TYPE bilten_{name}_total counter" in shown, "what only goes up has a rate"
    for counted in ('passwords_total{what="done"}', 'identities_total{what="asked"}'):
        assert f"bilten_{counted} 0.0" not in shown
        assert f"bilten_{counted} " in shown
    assert "bilten_catalogue_redis_failures_total 0.0" in shown
    assert person.email not in shown
