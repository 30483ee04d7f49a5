"""Organisations over HTTP, through two gateways. If these fail, a newcomer can't make an organisation,
somebody who was removed goes on, or an answer tells what belongs to others.
"""

import asyncio
import time

import pytest

from domain.ids import API_KEY, MEMBER, ORGANISATION, text
from domain.roles import Role
from tests.gateway.api.organising import Caller, Town


async def until_refused(caller: Caller, path: str, place: Town) -> float:
    """Seconds until the gateway there refuses."""
    started = time.monotonic()
    async with asyncio.timeout(10):
        while (await caller.ask("GET", path, stage=place.there))[0] == 200:
            await asyncio.sleep(0.02)
    return time.monotonic() - started


async def test_what_somebody_has_made_is_theirs_at_once_on_every_gateway(place: Town) -> None:
    """A page goes on to the organisation it has just made, perhaps through another process."""
    anna = await place.person()
    for number in range(5):
        for stage in (place.here, place.there):
            # Who they are is remembered everywhere, without the organisation.
            assert (await anna.ask("GET", "/me", stage=stage))[0] == 200
        organisation = await place.organisation(anna, f"north-{number}")
        for stage in (place.there, place.here):
            status, shown = await anna.ask("GET", f"/organisations/{organisation}", stage=stage)
            assert status == 200
            assert (shown["name"], shown["version"]) == ("North", 1)
    _, me = await anna.ask("GET", "/me")
    assert [member["role"] for member in me["memberships"]] == ["owner"] * 5
    assert me["memberships"][0]["organisation"]["slug"] == "north-0"


async def test_two_editors(place: Town) -> None:
    anna = await place.person()
    path = f"/organisations/{await place.organisation(anna)}"
    status, problem = await anna.ask("PATCH", path, {"name": "South"})
    assert (status, problem["code"]) == (428, "version_required")
    status, changed = await anna.ask("PATCH", path, {"name": "South"}, version=1)
    assert (status, changed["name"], changed["version"]) == (200, "South", 2)
    status, problem = await anna.ask("PATCH", path, {"name": "East"}, version=1)
    assert (status, problem["code"]) == (412, "version_conflict")
    status, problem = await anna.ask("PATCH", path, {"website": "javascript:alert(1)"}, version=2)
    assert status in {400, 422}
    _, shown = await anna.ask("GET", path)
    assert (shown["name"], shown["website"]) == ("South", "")


async def test_what_is_not_ones_own_looks_like_what_does_not_exist(place: Town) -> None:
    anna, ben = await place.person(), await place.person()
    ours = await place.organisation(anna, "ours")
    theirs = await place.organisation(ben, "theirs")
    nobodys = text(ORGANISATION, b"n" * 16)
    _, members = await ben.ask("GET", f"/organisations/{theirs}/members")
    foreign_member, missing_member = members["items"][0]["id"], text(MEMBER, b"n" * 16)
    for method, path, version, body in [
        ("GET", "", None, None),
        ("PATCH", "", 1, {"name": "x"}),
        ("GET", "/members", None, None),
        ("GET", "/audit", None, None),
        ("GET", "/keys", None, None),
        ("POST", "/invitations", None, {"email": "x@example.org", "role": "viewer"}),
    ]:
        answers = [
            await anna.ask(method, f"/organisations/{whose}{path}", body, version=version)
            for whose in (theirs, nobodys)
        ]
        assert answers[0] == answers[1]
        assert answers[0][0] == 404
    answers = [
        await anna.ask("DELETE", f"/organisations/{ours}/members/{member}", version=1)
        for member in (foreign_member, missing_member)
    ]
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


async def test_somebody_who_is_removed_is_out_within_a_second_everywhere(place: Town) -> None:
    anna = await place.person()
    organisation = await place.organisation(anna)
    ben = await place.member(anna, organisation, "viewer")
    path = f"/organisations/{organisation}"
    assert (await ben.ask("GET", path, stage=place.there))[0] == 200
    _, members = await anna.ask("GET", f"{path}/members")
    member = next(each for each in members["items"] if each["email"] == place.people[1].email)
    assert (await ben.ask("DELETE", f"{path}/members/{member['id']}", version=1))[0] == 403
    status, _ = await anna.ask("DELETE", f"{path}/members/{member['id']}", version=member["version"])
    assert status == 204
    assert await until_refused(ben, path, place) < 1
    assert await place.audited(organisation) == [
        "organisation.create",
        "invitation.create",
        "member.join",
        "member.remove",
    ]


async def test_a_revoked_key_is_refused_within_a_second_on_both_gateways(place: Town) -> None:
    anna = await place.person()
    path = f"/organisations/{await place.organisation(anna)}"
    status, made = await anna.ask(
        "POST", f"{path}/keys", {"name": "Website", "scopes": ["organisation.read"], "expires_in_days": 1}
    )
    assert status == 201
    program = await place.caller(made["token"])
    for stage in (place.here, place.there):
        assert (await program.ask("GET", path, stage=stage))[0] == 200
    assert (await program.ask("GET", f"{path}/members"))[0] == 403
    _, keys = await anna.ask("GET", f"{path}/keys")
    assert [key["prefix"] for key in keys["items"]] == [made["key"]["prefix"]]
    assert made["token"] not in str(keys)
    assert (await anna.ask("DELETE", f"{path}/keys/{made['key']['id']}"))[0] == 204
    assert (await program.ask("GET", path))[0] == 401
    assert await until_refused(program, path, place) < 1
    assert (await anna.ask("DELETE", f"{path}/keys/{text(API_KEY, b'n' * 16)}"))[0] == 404
    assert (await anna.ask("GET", f"{path}/keys"))[1]["items"] == []


@pytest.mark.parametrize("scope", ["keys.manage", "members.manage", "people.erase", "platform.manage", "x"])
async def test_a_key_has_no_scope_that_keys_may_not_have(place: Town, scope: str) -> None:
    anna = await place.person()
    path = f"/organisations/{await place.organisation(anna)}"
    status, _ = await anna.ask("POST", f"{path}/keys", {"name": "Website", "scopes": [scope]})
    assert status in {400, 422}


async def test_devices(place: Town) -> None:
    anna = await place.person()
    path = f"/organisations/{await place.organisation(anna)}"
    status, made = await anna.ask("POST", f"{path}/devices", {"name": "Gate 1"})
    assert status == 201
    device = await place.caller(made["token"])
    assert (await device.ask("GET", path))[0] == 403
    assert (await anna.ask("DELETE", f"{path}/keys/{made['device']['id'].replace('device', 'key')}"))[
        0
    ] == 404
    assert (await anna.ask("DELETE", f"{path}/devices/{made['device']['id']}"))[0] == 204
    assert (await device.ask("GET", path))[0] == 401


async def test_invitations_are_for_their_address(place: Town) -> None:
    anna = await place.person()
    path = f"/organisations/{await place.organisation(anna)}"
    eve = await place.person()
    body = {"email": "ben@example.org", "role": "admin"}
    assert (await anna.ask("POST", f"{path}/invitations", body))[0] == 201
    token = await place.box.token_to("ben@example.org")
    status, problem = await eve.ask("POST", "/invitations/accept", {"token": token})
    assert (status, problem["code"]) == (403, "other_address")
    _, listed = await anna.ask("GET", f"{path}/invitations")
    assert [(each["email"], each["role"]) for each in listed["items"]] == [("ben@example.org", "admin")]
    assert (await anna.ask("DELETE", f"{path}/invitations/{listed['items'][0]['id']}"))[0] == 204
    ben = await place.person("ben@example.org")
    status, problem = await ben.ask("POST", "/invitations/accept", {"token": token})
    assert (status, problem["code"]) == (410, "link_not_valid")


async def test_leaving(place: Town) -> None:
    anna = await place.person()
    organisation = await place.organisation(anna)
    status, problem = await anna.ask("POST", "/me/leave", {"organisation": organisation})
    assert (status, problem["code"]) == (409, "last_owner")
    ben = await place.member(anna, organisation, "owner")
    assert (await anna.ask("POST", "/me/leave", {"organisation": organisation}))[0] == 204
    assert await until_refused(anna, f"/organisations/{organisation}", place) < 1
    assert (await ben.ask("GET", f"/organisations/{organisation}"))[0] == 200
    nobodys = text(ORGANISATION, b"n" * 16)
    answers = [
        await anna.ask("POST", "/me/leave", {"organisation": each}) for each in (organisation, nobodys)
    ]
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


@pytest.mark.parametrize("role", list(Role))
async def test_the_log_is_read_by_those_who_may(place: Town, role: Role) -> None:
    anna = await place.person()
    organisation = await place.organisation(anna)
    path = f"/organisations/{organisation}/audit"
    may_read = role in {Role.OWNER, Role.ADMIN, Role.FINANCE}
    member = await place.member(anna, organisation, role.value)
    assert (await member.ask("GET", path))[0] == (200 if may_read else 403)


async def test_the_log_in_parts_and_filtered(place: Town) -> None:
    anna = await place.person()
    organisation = await place.organisation(anna)
    path = f"/organisations/{organisation}"
    for number in range(1, 4):
        await anna.ask("PATCH", path, {"name": f"North {number}"}, version=number)
    await place.member(anna, organisation, "viewer")
    actions: list[tuple[int, str]] = []
    cursor: dict[str, str] = {}
    while True:
        status, part = await anna.ask("GET", f"{path}/audit", query={"limit": "2", **cursor})
        assert status == 200
        assert len(part["items"]) <= 2
        actions += [(entry["seq"], entry["action"]) for entry in part["items"]]
        if part["next_cursor"] is None:
            break
        cursor = {"cursor": part["next_cursor"]}
    assert actions == [
        (6, "member.join"),
        (5, "invitation.create"),
        (4, "organisation.edit"),
        (3, "organisation.edit"),
        (2, "organisation.edit"),
        (1, "organisation.create"),
    ]
    _, found = await anna.ask("GET", f"{path}/audit", query={"action": "organisation.edit", "limit": "1"})
    assert [entry["after"] for entry in found["items"]] == [{"name": "North 3"}]
    assert found["items"][0]["before"] == {"name": "North 2"}
    assert found["items"][0]["address"] == "127.0.0.1"
    actor = found["items"][0]["actor"]
    _, by_her = await anna.ask("GET", f"{path}/audit", query={"actor": actor})
    assert len(by_her["items"]) == 5
    _, later = await anna.ask(
        "GET", f"{path}/audit", query={"from_ms": str(time.time_ns() // 1_000_000 + 60_000)}
    )
    assert later["items"] == []
    assert (await anna.ask("GET", f"{path}/audit", query={"cursor": "AAAA"}))[0] == 422


async def test_a_broken_rule_of_ours_is_a_mistake_and_no_busy_server(place: Town) -> None:
    anna = await place.person()
    await place.made.pool.execute("ALTER TABLE organisations ADD CONSTRAINT broken CHECK (false) NOT VALID")
    status, _ = await anna.ask("POST", "/organisations", {"name": "North", "slug": "north"})
    assert status == 500
