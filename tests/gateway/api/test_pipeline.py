"""The stages that every request to the API goes through. If one failed, requests would reach services that
are too large, unreadable, forged, or not permitted.
"""

import asyncio
import gzip
import json

import pytest

from domain.refusals import Refusal
from domain.roles import Access, Permission
from gateway.api.route import Answer, Call
from services.models import PageQuery
from tests.gateway.api.conftest import (
    BODY_BYTES_MAX,
    EVENT_PATH,
    FOREIGN_EVENT_PATH,
    FOREIGN_PATH,
    NOBODYS_EVENT_PATH,
    NOBODYS_PATH,
    OWN_PATH,
    Opening,
    Thing,
    echoed,
    route,
)

THINGS = route("/things", Access.ANYONE, "POST", body=Thing, answer=Thing, handler=echoed, status=201)
GOOD = {"name": "Anna", "count": 3}


# --- size -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [BODY_BYTES_MAX + 1, 100 * 1024 * 1024])
async def test_a_large_body_is_refused_before_any_of_it_is_sent(opening: Opening, size: int) -> None:
    door = await opening([THINGS])
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    head = "POST /api/v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {size}\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert door.calls == []


async def test_a_body_that_does_not_say_how_long_it_is_stops_at_the_bound(opening: Opening) -> None:
    door = await opening([THINGS])
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    head = b"POST /api/v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    writer.write(head + b"Transfer-Encoding: chunked\r\n\r\n")
    chunk = b"1000\r\n" + b"[" * 4096 + b"\r\n"
    for _ in range(4):
        writer.write(chunk)
        await writer.drain()
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_who_asks_first_is_not_told_to_go_on_with_too_much(opening: Opening) -> None:
    door = await opening([THINGS])
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    head = "POST /api/v1/things HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Expect: 100-continue\r\nContent-Length: 104857600\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")


# --- form -------------------------------------------------------------------------------------------------


async def test_every_field_at_fault_is_named(opening: Opening) -> None:
    door = await opening([THINGS])
    status, said, headers = await door.ask("POST", "/things", json={"name": "", "count": "3", "more": 1})
    assert (status, headers["Content-Type"]) == (400, "application/problem+json")
    assert said["code"] == "malformed"
    assert {error["field"] for error in said["errors"]} == {"name", "count", "more"}
    assert all(error["message"].endswith(".") and error["code"] for error in said["errors"])
    assert door.calls == []


async def test_a_rule_that_a_schema_cannot_say_has_a_status_of_its_own(opening: Opening) -> None:
    door = await opening([THINGS])
    status, said, _ = await door.ask("POST", "/things", json={"name": "a\u0000b", "count": 3})
    assert (status, said["code"]) == (422, "invalid")
    assert [error["code"] for error in said["errors"]] == ["control_characters"]


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff\xfe", b"[" * 9_000, b'"text"', b"null", b'{"name": "\\ud800", "count": 1}']
)
async def test_what_is_no_object_is_refused(opening: Opening, raw: bytes) -> None:
    door = await opening([THINGS])
    headers = {"Content-Type": "application/json"}
    status, said, _ = await door.ask("POST", "/things", data=raw, headers=headers)
    assert (status, said["code"]) == (400, "malformed")
    assert said["errors"]


async def test_other_media_and_packed_bodies_are_refused(opening: Opening) -> None:
    door = await opening([THINGS])
    body = json.dumps(GOOD).encode()
    status, said, _ = await door.ask("POST", "/things", data=body, headers={"Content-Type": "text/plain"})
    assert (status, said["code"]) == (415, "unsupported_media")
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    status, said, _ = await door.ask("POST", "/things", data=gzip.compress(body), headers=packed)
    assert (status, said["code"]) == (415, "unsupported_media")


async def test_queries_are_held_to_their_model(opening: Opening) -> None:
    door = await opening([route("/list", Access.ANYONE, query=PageQuery), route("/bare", Access.ANYONE)])
    assert (await door.ask("GET", "/list?limit=7"))[0] == 204
    assert door.calls[0].query.limit == 7
    for path in ("/list?limit=0", "/list?limit=x", "/list?limit=1&limit=2", "/list?other=1", "/bare?a=1"):
        status, said, _ = await door.ask("GET", path)
        assert (status, said["code"]) == (400, "malformed"), path
        assert said["errors"][0]["field"] in path


async def test_names_survive_and_are_normalised(opening: Opening) -> None:
    door = await opening([THINGS])
    name = "  Cafe\u0301 שלום 👩‍👩‍👧 ประเทศไทย "
    status, said, _ = await door.ask("POST", "/things", json={"name": name, "count": 1})
    assert (status, said["name"]) == (201, "Café שלום 👩‍👩‍👧 ประเทศไทย")


# --- who --------------------------------------------------------------------------------------------------


async def test_a_key_that_nobody_has_is_refused_everywhere(opening: Opening) -> None:
    door = await opening([THINGS])
    for shown in ("Bearer unknown", "Basic YTpi", "Bearer", "Bearer a b"):
        headers = {"Authorization": shown}
        status, said, answered = await door.ask("POST", "/things", json=GOOD, headers=headers)
        assert (status, said["code"]) == (401, "unauthenticated"), shown
        assert "Bearer" in answered["WWW-Authenticate"]


async def test_a_key_makes_the_cookie_count_for_nothing(opening: Opening) -> None:
    door = await opening([route("/mine", Access.USER)])
    assert (await door.ask("GET", "/mine", who="user"))[0] == 204
    assert (await door.ask("GET", "/mine", who="user", key="a-key"))[0] == 401


# --- cross-site forgery -----------------------------------------------------------------------------------


async def test_pages_of_others_change_nothing_with_a_cookie(opening: Opening) -> None:
    door = await opening([THINGS])
    own = f"http://127.0.0.1:{door.port}"
    for headers, wanted in (
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": own}, 201),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({}, 201),
    ):
        assert (await door.ask("POST", "/things", "user", json=GOOD, headers=headers))[0] == wanted, headers
    status, _, _ = await door.ask(
        "POST", "/things", key="a-key", json=GOOD, headers={"Origin": "https://x.example"}
    )
    assert status == 201, "nobody's browser adds a key by itself"


async def test_other_origins_read_with_keys_only(opening: Opening) -> None:
    door = await opening([THINGS])
    asking = {"Origin": "https://x.example", "Access-Control-Request-Method": "POST"}
    status, _, headers = await door.ask(
        "OPTIONS",
        "/things",
        headers={**asking, "Access-Control-Request-Headers": "authorization,content-type"},
    )
    assert (status, headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Access-Control-Allow-Credentials" not in headers
    _, _, headers = await door.ask(
        "OPTIONS", "/things", headers={**asking, "Access-Control-Request-Headers": "content-type"}
    )
    assert "Access-Control-Allow-Origin" not in headers
    _, _, headers = await door.ask("POST", "/things", key="a-key", json=GOOD)
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert "ETag" in headers["Access-Control-Expose-Headers"]
    _, _, headers = await door.ask("POST", "/things", key="unknown", json=GOOD)
    assert headers["Access-Control-Allow-Origin"] == "*", "a page must be able to read why it was refused"
    _, _, headers = await door.ask("POST", "/things", who="user", json=GOOD)
    assert "Access-Control-Allow-Origin" not in headers


# --- permission -------------------------------------------------------------------------------------------

ORGANISATION = route("/organisations/{organisation}", Permission.ORGANISATION_READ)
MEMBERS = route("/organisations/{organisation}/members", Permission.MEMBERS_MANAGE)
EVENT = route("/organisations/{organisation}/events/{event}", Permission.EVENTS_EDIT)


async def test_what_is_not_somebodys_looks_like_what_does_not_exist(opening: Opening) -> None:
    door = await opening([ORGANISATION, EVENT])
    there = await door.ask("GET", FOREIGN_PATH, who="owner")
    nowhere = await door.ask("GET", NOBODYS_PATH, who="owner")
    nonsense = await door.ask("GET", "/organisations/nonsense", who="owner")
    assert there[0] == 404
    assert there[:2] == nowhere[:2] == nonsense[:2]
    assert [(k, v) for k, v in there[2].items() if k not in {"Date", "RateLimit"}] == [
        (k, v) for k, v in nowhere[2].items() if k not in {"Date", "RateLimit"}
    ]
    there = await door.ask("GET", OWN_PATH + FOREIGN_EVENT_PATH, who="owner")
    nowhere = await door.ask("GET", OWN_PATH + NOBODYS_EVENT_PATH, who="owner")
    assert (there[0], there[:2]) == (404, nowhere[:2])
    assert door.calls == []


async def test_roles_are_held_for_an_organisation_or_an_event(opening: Opening) -> None:
    door = await opening([ORGANISATION, MEMBERS, EVENT])
    for path, who, wanted in (
        (OWN_PATH, "owner", 204),
        (OWN_PATH, "viewer", 204),
        (OWN_PATH, "user", 404),
        (OWN_PATH, "platform", 404),
        (OWN_PATH, "guest", 401),
        (OWN_PATH, "", 401),
        (OWN_PATH, "barred", 403),
        (OWN_PATH, "manager", 404),
        (OWN_PATH + "/members", "viewer", 403),
        (OWN_PATH + EVENT_PATH, "manager", 204),
        (OWN_PATH + EVENT_PATH, "viewer", 403),
        (OWN_PATH + NOBODYS_EVENT_PATH, "manager", 404),
    ):
        assert (await door.ask("GET", path, who=who))[0] == wanted, (path, who)
    assert (await door.ask("GET", OWN_PATH, who="barred"))[1]["code"] == "second_factor_needed"


async def test_a_key_may_do_what_it_was_given_for(opening: Opening) -> None:
    door = await opening([ORGANISATION, EVENT])
    assert (await door.ask("GET", OWN_PATH + EVENT_PATH, key="a-key"))[0] == 204
    assert (await door.ask("GET", OWN_PATH, key="a-key"))[0] == 403


async def test_the_platforms_permissions_are_its_peoples(opening: Opening) -> None:
    door = await opening([route("/admin", Permission.PLATFORM_MANAGE)])
    found = [(await door.ask("GET", "/admin", who=who))[0] for who in ("platform", "owner", "guest")]
    assert found == [204, 403, 401]
    assert (await door.ask("GET", "/admin", key="a-key"))[0] == 403


async def test_what_is_dear_asks_for_a_fresh_proof(opening: Opening) -> None:
    from msgspec.structs import replace

    door = await opening([route("/organisations/{organisation}/refunds", Permission.ORDERS_REFUND, "POST")])
    status, said, _ = await door.ask("POST", OWN_PATH + "/refunds", who="owner")
    assert (status, said["code"]) == (403, "step_up_needed")
    owner = door.people.sessions["owner"]
    door.people.sessions["owner"] = replace(owner, stepped_up_until_ms=2**60)
    assert (await door.ask("POST", OWN_PATH + "/refunds", who="owner"))[0] == 204


# --- repetition and versions ------------------------------------------------------------------------------


async def test_a_repeated_post_is_done_once(opening: Opening) -> None:
    door = await opening([THINGS])
    headers = {"Idempotency-Key": "0123456789abcdef"}
    first = await door.ask("POST", "/things", json=GOOD, headers=headers)
    second = await door.ask("POST", "/things", json=GOOD, headers=headers)
    assert first[:2] == second[:2] == (201, GOOD)
    assert (second[2]["Idempotency-Replayed"], second[2]["ETag"]) == ("true", '"1"')
    assert len(door.calls) == 1
    status, said, _ = await door.ask("POST", "/things", json={**GOOD, "count": 4}, headers=headers)
    assert (status, said["code"]) == (409, "operation_reused")
    for key in ("short", "x" * 201, "with spaces in it"):
        status, _, _ = await door.ask("POST", "/things", json=GOOD, headers={"Idempotency-Key": key})
        assert status == 400
    assert len(door.calls) == 1


async def test_a_change_names_the_version_that_it_changes(opening: Opening) -> None:
    door = await opening([route("/thing", Access.ANYONE, "PATCH", is_versioned=True)])
    assert (await door.ask("PATCH", "/thing"))[1]["code"] == "version_required"
    for wrong in ("1", "*", 'W/"1"', '"x"', '"01"', '"1", "2"'):
        assert (await door.ask("PATCH", "/thing", headers={"If-Match": wrong}))[0] == 400, wrong
    assert (await door.ask("PATCH", "/thing", headers={"If-Match": '"7"'}))[0] == 204
    assert [call.version for call in door.calls] == [7]


async def test_what_has_not_changed_is_not_sent_again(opening: Opening) -> None:
    async def versioned(_: Call) -> Answer | Refusal:
        return Answer(body=Thing(name="Anna", count=1), version=4)

    door = await opening([route("/thing", Access.ANYONE, answer=Thing, handler=versioned)])
    status, _, headers = await door.ask("GET", "/thing")
    assert (status, headers["ETag"]) == (200, '"4"')
    status, body, _ = await door.ask("GET", "/thing", headers={"If-None-Match": '"3", W/"4"'})
    assert (status, body) == (304, b"")


async def test_other_methods_are_told_which_there_are(opening: Opening) -> None:
    door = await opening([THINGS])
    status, _, headers = await door.ask("DELETE", "/things")
    assert status == 405
    assert headers["Allow"] == "OPTIONS,POST"


async def test_a_word_in_a_path_is_not_taken_for_an_identifier(opening: Opening) -> None:
    """`DELETE /things/options` is not the removal of a thing that is called "options"."""
    removal = route("/organisations/{organisation}", Permission.ORGANISATION_READ, "DELETE")
    door = await opening([route("/organisations/find", Access.ANYONE, answer=Thing), removal])
    status, _, headers = await door.ask("DELETE", "/organisations/find")
    assert status == 405
    assert headers["Allow"] == "GET,HEAD,OPTIONS"
