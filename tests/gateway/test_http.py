"""The HTTP side: pages, data, sessions, and what operators ask. If one of these fails, pages do not load, or
they load what they must not.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from html.parser import HTMLParser
from typing import Any

import aiohttp
import msgspec
import pytest

from domain.wire import CLOSE_CODES
from gateway.headers import HEADERS
from gateway.limits import Rate
from gateway.protocol import CLIENT_TYPES, SERVER_TYPES
from tests.gateway.conftest import Staging
from tests.gateway.stage import ROOMY, Stage, Works, hold, new_sale, operation


async def get(stage: Stage, path: str, **options: Any) -> tuple[int, Any, Mapping[str, str]]:
    async with stage.http.get(stage.url + path, **options) as answer:
        body = await answer.read()
        found = json.loads(body) if "json" in answer.content_type else body.decode(errors="replace")
        return answer.status, found, answer.headers.copy()


class Scripts(HTMLParser):
    """Collects the data blocks of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks: dict[str, str] = {}
        self._kind = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._kind = str(dict(attributes).get("type")) if tag == "script" else ""

    def handle_data(self, data: str) -> None:
        if self._kind.startswith("application/"):
            self.blocks[self._kind] = self.blocks.get(self._kind, "") + data

    def handle_endtag(self, tag: str) -> None:
        self._kind = ""


async def test_an_event_page_says_what_previews_and_searches_need(stage: Stage, made: Works) -> None:
    """The title of this event is full of what ends a script element or an attribute."""
    sale = await new_sale(made)
    status, page, headers = await get(stage, f"/e/{sale.record.slug}")
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<b>" not in page.split("</head>")[0]
    assert '<meta property="og:title" content="Evening &lt;b&gt;' in page
    scripts = Scripts()
    scripts.feed(page)
    said = json.loads(scripts.blocks["application/ld+json"])
    assert said["@type"] == "Event"
    assert said["name"] == sale.record.title
    assert said["startDate"] == "2030-01-01T20:00:00+01:00"
    assert [offer["price"] for offer in said["offers"]] == ["15.00", "9.50"]
    data = json.loads(scripts.blocks["application/json"])
    assert data["event"]["title"] == sale.record.title
    _, served, _ = await get(stage, f"/api/v1/events/{sale.record.slug}")
    assert served == data["event"]
    _, by_id, _ = await get(stage, f"/api/v1/events/{sale.event}")
    assert by_id == data["event"]
    assert abs(data["server_time_ms"] - made.clock()) < 5_000
    assert [kind["ticket_type"] for kind in served["ticket_types"]] == sale.types


async def test_the_home_page_lists_events(stage: Stage, made: Works) -> None:
    sale = await new_sale(made)
    status, page, _ = await get(stage, "/")
    assert status == 200
    assert sale.record.slug in page
    _, found, _ = await get(stage, "/api/v1/events")
    assert [event["slug"] for event in found["items"]] == [sale.record.slug]


@pytest.mark.parametrize(
    "path", ["/", "/livez", "/api/v1/events", "/static/shared/tokens.css", "/nothing", "/metrics"]
)
async def test_every_response_carries_the_security_headers(stage: Stage, path: str) -> None:
    _, _, headers = await get(stage, path)
    assert {name: headers.get(name) for name in HEADERS} == HEADERS
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Server"] == "bilten"


async def test_pages_have_no_inline_script(stage: Stage, made: Works) -> None:
    """The policy forbids it: such a page would not work."""
    sale = await new_sale(made)
    for path in ("/", f"/e/{sale.record.slug}", "/organizer"):
        _, page, _ = await get(stage, path)
        for attributes in re.findall(r"<script([^>]*)>", page):
            assert "src=" in attributes or "application/" in attributes, (path, attributes)
        assert not re.search(r"\son\w+=|<style|\sstyle=", page)


async def test_what_is_missing_is_a_problem_or_a_page(stage: Stage) -> None:
    status, found, headers = await get(stage, "/api/v1/events/nothing")
    assert (status, found["code"]) == (404, "not_found")
    assert headers["Content-Type"].startswith("application/problem+json")
    status, found, _ = await get(stage, "/nowhere")
    assert (status, found["status"]) == (404, 404)
    status, page, _ = await get(stage, "/e/nothing", headers={"Accept": "text/html"})
    assert status == 404
    assert "<h1>There is nothing here</h1>" in page
    async with stage.http.put(f"{stage.url}/api/v1/events") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD,OPTIONS")


async def test_static_files_are_told_apart_by_content(stage: Stage) -> None:
    status, _, headers = await get(stage, "/static/shared/tokens.css")
    assert (status, headers["Content-Type"]) == (200, "text/css; charset=utf-8")
    status, body, _ = await get(
        stage, "/static/shared/tokens.css", headers={"If-None-Match": headers["ETag"]}
    )
    assert (status, body) == (304, "")


@pytest.mark.parametrize(
    "path",
    [
        "/static/wire_types.py",
        "/static/../pyproject.toml",
        "/static/%2e%2e/README.md",
        "/static/shared/",
        "/static/shared/%00.js",
    ],
)
async def test_other_files_are_not_served(stage: Stage, path: str) -> None:
    import yarl

    async with stage.http.get(yarl.URL(stage.url + path, encoded=True)) as answer:
        assert answer.status == 404


async def test_no_address_takes_another_files_place(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asked for one file by enough addresses would have every page lose its scripts."""
    monkeypatch.setattr("gateway.static.FILES_MAX", 3)
    for slashes in range(1, 6):
        status, _, _ = await get(stage, f"/static/shared{'/' * slashes}tokens.css")
        assert status == 200
    for name in ("shared/components.css", "shared/forms.css"):
        assert (await get(stage, f"/static/{name}"))[0] == 200


async def test_a_page_of_an_error_says_when_to_come_back(staging: Staging) -> None:
    """Programs that read pages go by the headers: without them they come back at once."""
    stage = await staging(msgspec.structs.replace(ROOMY, http=Rate(0.1, 1), trust_loopback=False))
    for accepted in ("text/html", "application/json"):
        for _ in range(2):
            status, _, headers = await get(stage, "/nowhere", headers={"Accept": accepted})
        assert (status, headers["Retry-After"]) == (429, "10")
    other = await staging()
    async with other.http.put(f"{other.url}/", headers={"Accept": "text/html"}) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "GET,HEAD")


@pytest.mark.parametrize(
    ("back", "led_to"),
    [
        ("/tickets?all=1&page=2", "/tickets?all=1&page=2"),
        ("/", "/"),
        ("", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        # Browsers leave these out of an address: what is left names another host.
        ("/\t/evil.example", "/"),
        ("/\n/evil.example", "/"),
    ],
)
async def test_choosing_a_language_leads_nowhere_else(stage: Stage, back: str, led_to: str) -> None:
    """A link to us that ends on somebody's copy of the sign-in page is how passwords are fished for."""
    asked = {"to": "ar", "back": back}
    async with stage.http.get(f"{stage.url}/language", params=asked, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, led_to)


async def test_the_session_cookie_is_out_of_reach(staging: Staging) -> None:
    plain = await staging()
    async with plain.http.post(f"{plain.url}/api/v1/session") as answer:
        cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("bilten=")
    assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert "Secure" not in cookie
    secure = await staging(public_url="https://tickets.example")
    async with secure.http.post(f"{secure.url}/api/v1/session") as answer:
        cookie = answer.headers["Set-Cookie"]
        assert "Strict-Transport-Security" in answer.headers
    assert cookie.startswith("__Host-bilten=")
    assert "Secure" in cookie
    assert "Domain" not in cookie


async def test_a_session_stays_the_same(stage: Stage) -> None:
    async with stage.http.post(f"{stage.url}/api/v1/session") as answer:
        assert "Set-Cookie" in answer.headers
        first = (await answer.json())["buyer"]
    async with stage.http.post(f"{stage.url}/api/v1/session") as answer:
        assert "Set-Cookie" not in answer.headers
        assert (answer.status, (await answer.json())["buyer"]) == (200, first)


async def test_a_foreign_page_gets_neither_session_nor_ticket(stage: Stage) -> None:
    await stage.ticket()
    for path in ("/api/v1/session", "/api/v1/socket-ticket"):
        async with stage.http.post(stage.url + path, headers={"Origin": "https://evil.example"}) as answer:
            assert answer.status == 403


async def test_orders_and_tickets_are_their_buyers_alone(stage: Stage, made: Works) -> None:
    sale = await new_sale(made)
    client = await stage.connect()
    held = await hold(client, sale, 1)
    bought = await client.ask(
        "purchase",
        operation=operation(),
        event=sale.event,
        hold=held["hold"],
        amount_minor=1500,
        payment="card_ok",
    )
    order, ticket = bought["order"], bought["tickets"][0]["ticket"]
    status, found, _ = await get(stage, f"/api/v1/orders/{order}")
    assert (status, found["tickets"][0]["code"]) == (200, bought["tickets"][0]["code"])
    status, drawing, headers = await get(stage, f"/api/v1/tickets/{ticket}/qr.svg")
    assert (status, headers["Content-Type"]) == (200, "image/svg+xml")
    assert drawing.startswith("<svg")
    assert "no-store" in headers["Cache-Control"]

    own, stage.http = stage.http, aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
    async with own:
        for path in ("/api/v1/orders", f"/api/v1/orders/{order}", f"/api/v1/tickets/{ticket}/qr.svg"):
            assert (await get(stage, path))[0] == 401
        await stage.ticket()
        assert (await get(stage, "/api/v1/orders"))[1] == {"items": [], "next_cursor": None}
        assert (await get(stage, f"/api/v1/orders/{order}"))[1]["code"] == "not_found"
        assert (await get(stage, f"/api/v1/tickets/{ticket}/qr.svg"))[0] == 404
        assert (await get(stage, "/api/v1/tickets/nonsense/qr.svg"))[0] == 404


async def test_a_text_is_drawn_whole_however_it_arrives(stage: Stage) -> None:
    async def in_pieces() -> AsyncIterator[bytes]:
        for piece in (b"otpauth://totp/", b"Anna", b"?secret=ABC"):
            yield piece
            await asyncio.sleep(0.02)

    drawings = []
    for body in (b"otpauth://totp/Anna?secret=ABC", in_pieces()):
        async with stage.http.post(f"{stage.url}/qr.svg", data=body) as answer:
            assert answer.status == 200
            drawings.append(await answer.read())
    assert drawings[0] == drawings[1]
    async with stage.http.post(f"{stage.url}/qr.svg", data=b"x" * 501) as answer:
        assert answer.status == 400


async def test_metrics_are_complete_from_the_start(stage: Stage) -> None:
    """A counter that appears with its first event shows no rate for it."""
    client = await stage.connect()
    await client.ask("ping")
    status, page, headers = await get(stage, "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "bilten_gateway_connections 1.0" in page
    assert 'bilten_gateway_messages_total{type="ping"} 1.0' in page
    for kind in CLIENT_TYPES:
        assert f'bilten_gateway_messages_total{{type="{kind}"}}' in page
    for code in CLOSE_CODES:
        assert f'bilten_gateway_closes_total{{code="{code}"}}' in page


async def test_asyncapi_names_every_message_and_resolves(stage: Stage) -> None:
    status, document, _ = await get(stage, "/docs/asyncapi.json")
    assert (status, document["asyncapi"]) == (200, "3.0.0")
    messages = document["components"]["messages"]
    assert set(messages) == set(document["channels"]["socket"]["messages"]) == {*CLIENT_TYPES, *SERVER_TYPES}

    def follow(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                target: Any = document
                for step in value["$ref"].removeprefix("#/").split("/"):
                    target = target[step]
            for inner in value.values():
                follow(inner)
        elif isinstance(value, list):
            for inner in value:
                follow(inner)

    follow(document)
    for operation_name, described in document["operations"].items():
        assert described["action"] in {"send", "receive"}
        assert described["messages"], operation_name
    for tag, message in messages.items():
        schema = document["components"]["schemas"][message["title"]]
        assert schema["properties"]["type"] == {"enum": [tag]} or schema["properties"]["type"]["enum"] == [
            tag
        ]


async def test_the_protocol_is_served(stage: Stage) -> None:
    status, page, _ = await get(stage, "/docs/protocol")
    assert status == 200
    assert page.startswith("# The protocol")
