"""What the platform's own people see and do. If these fail, support reads whom it likes, a suspended account
goes on buying, or a switch that was turned is seen by half of the gateways.
"""

import asyncio
import secrets
from typing import Any

from yarl import URL

from domain.ids import ORGANISATION, USER, text
from domain.roles import PlatformRole
from gateway.page_table import SCRIPTED
from services.admin.audit_check import AuditCheck
from tests.gateway.api.organising import Town, organisation_id
from tests.gateway.api.test_organisations import until_refused
from tests.gateway.stage import Sale, catalogue_file, fresh, new_sale, operation


def user(place: Town, number: int) -> str:
    return text(USER, place.people[number].user_id)


async def test_users_are_shown_without_what_they_are_called(place: Town) -> None:
    anna = await place.person("marker-5512@example.org", "Marker Name")
    await place.organisation(anna)
    support = await place.platform_person(PlatformRole.SUPPORT)
    status, listed = await support.ask("GET", "/admin/users")
    assert status == 200
    assert [row["id"] for row in listed["items"]] == [user(place, 0), user(place, 1)]
    assert listed["items"][0]["memberships"] == 1
    assert listed["items"][1]["platform_role"] == "platform_support"
    _, organisations = await support.ask("GET", "/admin/organisations", query={"q": "nort"})
    assert [each["slug"] for each in organisations["items"]] == ["north"]
    _, found = await support.ask("POST", "/admin/users/find", {"email": "Marker-5512@example.org"})
    assert found == listed["items"][0]
    assert "arker" not in str((listed, organisations, found))


async def test_whoever_has_no_role_of_the_platform_sees_nothing(place: Town) -> None:
    anna = await place.person()
    await place.organisation(anna)
    nobody = await place.caller()
    for path in ("/users", "/organisations", "/flags", "/health", "/audit", f"/users/{user(place, 0)}"):
        assert (await anna.ask("GET", f"/admin{path}"))[0] == 403
        assert (await nobody.ask("GET", f"/admin{path}"))[0] == 401
    flag = "/admin/flags/organisations_closed"
    assert (await anna.ask("PUT", flag, {"is_on": True}, version=0))[0] == 403


async def test_revealing_a_person_needs_a_reason_and_is_logged(place: Town) -> None:
    await place.person("anna@example.org", "Anna Ørsted")
    support = await place.platform_person(PlatformRole.SUPPORT)
    path = f"/admin/users/{user(place, 0)}/reveal"
    assert (await support.ask("POST", path, {"reason": "  "}))[0] in {400, 422}
    status, revealed = await support.ask("POST", path, {"reason": "Ticket 4711"})
    assert status == 200
    assert (revealed["name"], revealed["email"]) == ("Anna Ørsted", "anna@example.org")
    _, log = await support.ask("GET", "/admin/audit", query={"action": "people.reveal"})
    assert [(entry["actor"], entry["target"], entry["after"]) for entry in log["items"]] == [
        (user(place, 1), user(place, 0), {"reason": "Ticket 4711"})
    ]
    assert (await support.ask("POST", f"/admin/users/{text(USER, b'n' * 16)}/reveal", {"reason": "x"}))[
        0
    ] == 404


async def test_revealing_needs_a_fresh_proof(place: Town) -> None:
    await place.person()
    support = await place.platform_person(PlatformRole.SUPPORT)
    await place.made.pool.execute("UPDATE sessions SET stepped_up_until = now() - interval '1 s'")
    async with asyncio.timeout(5):
        while True:
            status, problem = await support.ask(
                "POST", f"/admin/users/{user(place, 0)}/reveal", {"reason": "Ticket"}
            )
            if status == 403:
                break
            await asyncio.sleep(0.05)
    assert problem["code"] == "step_up_needed"


async def test_a_suspended_user_is_signed_out_within_a_second_and_kept_out(place: Town) -> None:
    anna = await place.person()
    admin = await place.platform_person(PlatformRole.ADMIN)
    assert (await anna.ask("GET", "/me", stage=place.there))[0] == 200
    path = f"/admin/users/{user(place, 0)}"
    status, row = await admin.ask("POST", f"{path}/suspend", {"reason": "Fraud"})
    assert (status, row["is_suspended"], row["sessions"]) == (200, True, 0)
    assert await until_refused(anna, "/me", place) < 1
    body = {"email": place.people[0].email, "password": place.people[0].password}
    assert (await anna.ask("POST", "/sign-in", body))[0] != 200
    status, row = await admin.ask("POST", f"{path}/unsuspend", {"reason": "Mistake"})
    assert (status, row["is_suspended"]) == (200, False)
    assert (await anna.ask("POST", "/sign-in", body))[0] == 200
    own = f"/admin/users/{user(place, 1)}/suspend"
    assert (await admin.ask("POST", own, {"reason": "Myself"}))[0] == 409
    _, log = await admin.ask("GET", "/admin/audit", query={"target": user(place, 0)})
    assert [entry["action"] for entry in log["items"]] == ["user.unsuspend", "user.suspend"]


async def test_support_looks_and_does_not_touch(place: Town) -> None:
    anna = await place.person()
    organisation = await place.organisation(anna)
    support = await place.platform_person(PlatformRole.SUPPORT)
    reason = {"reason": "Because"}
    for method, path, body in [
        ("POST", f"/users/{user(place, 0)}/suspend", reason),
        ("DELETE", f"/users/{user(place, 0)}/sessions", None),
        ("POST", f"/organisations/{organisation}/suspend", reason),
        ("PUT", "/flags/organisations_closed", {"is_on": True}),
    ]:
        assert (await support.ask(method, f"/admin{path}", body))[0] == 403
    assert (await support.ask("GET", f"/admin/users/{user(place, 0)}/sessions"))[0] == 200


async def test_sessions_are_ended_one_by_one_and_all(place: Town) -> None:
    anna = await place.person()
    admin = await place.platform_person(PlatformRole.ADMIN)
    path = f"/admin/users/{user(place, 0)}/sessions"
    _, listed = await admin.ask("GET", path)
    assert len(listed["items"]) == 1
    assert (await admin.ask("DELETE", f"{path}/{listed['items'][0]['id']}"))[0] == 204
    assert await until_refused(anna, "/me", place) < 1
    assert (await admin.ask("DELETE", f"{path}/{listed['items'][0]['id']}"))[0] == 404
    status, ended = await admin.ask("DELETE", path)
    assert (status, ended) == (200, {"count": 0})


async def test_a_suspended_organisation_can_do_nothing_nor_can_its_keys(place: Town) -> None:
    anna = await place.person()
    organisation = await place.organisation(anna)
    admin = await place.platform_person(PlatformRole.ADMIN)
    path = f"/organisations/{organisation}"
    _, made = await anna.ask("POST", f"{path}/keys", {"name": "W", "scopes": ["organisation.read"]})
    program = await place.caller(made["token"])
    assert (await program.ask("GET", path, stage=place.there))[0] == 200
    status, shown = await admin.ask("POST", f"/admin{path}/suspend", {"reason": "Fraud"})
    assert (status, shown["standing"]) == (200, "suspended")
    assert await until_refused(anna, path, place) < 1
    assert await until_refused(program, path, place) < 1
    await admin.ask("POST", f"/admin{path}/unsuspend", {"reason": "Mistake"})
    assert (await anna.ask("GET", path))[0] == 200
    assert (await place.audited(organisation))[-2:] == ["organisation.suspend", "organisation.unsuspend"]


async def test_the_sales_of_a_suspended_organisation_are_paused(place: Town) -> None:
    """Money would go on coming in for an organisation that is thought to be a fraud."""
    _, record = await place.made.load(catalogue_file())
    admin = await place.platform_person(PlatformRole.ADMIN)
    sale = Sale(record)
    client = await place.here.connect()

    async def hold() -> Any:
        lines = [{"ticket_type": sale.types[0], "quantity": 1}]
        return await client.ask("hold", operation=operation(), event=sale.event, lines=lines)

    assert (await hold())["type"] == "held"
    path = f"/admin/organisations/{text(ORGANISATION, record.organisation_id)}"
    assert (await admin.ask("POST", f"{path}/suspend", {"reason": "Fraud"}))[0] == 200
    assert (await hold())["code"] == "sale_paused"
    assert (await admin.ask("POST", f"{path}/unsuspend", {"reason": "Mistake"}))[0] == 200
    assert (await hold())["code"] == "sale_paused"
    actions = await place.audited(text(ORGANISATION, record.organisation_id))
    assert actions == ["organisation.suspend", "event.pause", "organisation.unsuspend"]


async def test_a_flag_is_seen_everywhere_within_a_second(place: Town) -> None:
    anna = await place.person()
    admin = await place.platform_person(PlatformRole.ADMIN)
    _, listed = await admin.ask("GET", "/admin/flags")
    assert {flag["flag"]: flag["is_on"] for flag in listed["items"]} == {"organisations_closed": False}
    # Both gateways have read it by now.
    for number, stage in enumerate((place.here, place.there)):
        body = {"name": "North", "slug": f"north-{number}"}
        assert (await anna.ask("POST", "/organisations", body, stage=stage))[0] == 201
    path = "/admin/flags/organisations_closed"
    status, flag = await admin.ask("PUT", path, {"is_on": True}, version=listed["items"][0]["version"])
    assert (status, flag["is_on"], flag["version"]) == (200, True, 1)
    # Somebody else looks at a page from before.
    status, told = await admin.ask("PUT", path, {"is_on": False}, version=0)
    assert (status, told["code"], told["details"]) == (412, "version_conflict", {"version": 1})
    body = {"name": "North", "slug": "late"}
    assert (await anna.ask("POST", "/organisations", body))[0] == 403
    async with asyncio.timeout(1):
        number = 0
        while (await anna.ask("POST", "/organisations", {**body, "slug": f"s{number}"}, stage=place.there))[
            0
        ] != 403:
            number += 1
            await asyncio.sleep(0.02)
    assert (await admin.ask("PUT", "/admin/flags/nothing_asks_for_it", {"is_on": True}, version=0))[0] == 404
    _, log = await admin.ask("GET", "/admin/audit", query={"only_platform": "true", "action": "flag."})
    assert [entry["after"] for entry in log["items"]] == [{"is_on": True}]


async def test_health_names_every_part(place: Town) -> None:
    support = await place.platform_person(PlatformRole.SUPPORT)
    status, health = await support.ask("GET", "/admin/health")
    assert status == 200
    assert {part["part"]: part["is_well"] for part in health["parts"]} == {
        "PostgreSQL": True,
        "Redis": True,
        "Gateways": True,
        "Shard 0": True,
        "Changes": True,
        "Passwords": True,
        "Mail": True,
        "Disk": True,
    }
    assert health["is_well"]


async def test_a_change_that_nobody_finishes_is_not_well(place: Town) -> None:
    """A sale that can't be asked keeps a change waiting; somebody of the platform is to see it."""
    support = await place.platform_person(PlatformRole.SUPPORT)
    sale = await new_sale(place.made)
    await place.made.pool.execute(
        """
        INSERT INTO event_changes (operation_id, event_id, organisation_id, kind, commands, effect, state,
            created_at, attempted_at)
        VALUES ($1, $2, $3, 'test', '', '', 'pending', $4, $5)
        """,
        fresh(),
        sale.record.event_id,
        sale.record.organisation_id,
        place.made.clock() - 90_000,
        place.made.clock() + 60_000,
    )
    _, health = await support.ask("GET", "/admin/health")
    (found,) = (part for part in health["parts"] if part["part"] == "Changes")
    assert not found["is_well"]
    assert found["detail"].startswith("1 wait for their sale, the oldest for 9")


async def test_the_platform_searches_all_logs(place: Town) -> None:
    anna = await place.person()
    for slug in ("north", "south"):
        await place.organisation(anna, slug)
    support = await place.platform_person(PlatformRole.SUPPORT)
    found: list[tuple[str | None, str]] = []
    cursor: dict[str, str] = {}
    while True:
        _, part = await support.ask(
            "GET", "/admin/audit", query={"limit": "1", "action": "organisation.", **cursor}
        )
        found += [(entry["organisation"], entry["target"]) for entry in part["items"]]
        if part["next_cursor"] is None:
            break
        cursor = {"cursor": part["next_cursor"]}
    assert len(found) == 4
    assert len(set(found)) == 4
    organisation = next(each for each, _ in found if each is not None)
    _, own = await support.ask("GET", "/admin/audit", query={"organisation": organisation})
    assert [entry["seq"] for entry in own["items"]] == [1]


async def test_support_sees_what_a_user_is_in_which_organisations(place: Town) -> None:
    anna = await place.person()
    north, south = [await place.organisation(anna, slug) for slug in ("north", "south")]
    admin = await place.platform_person(PlatformRole.ADMIN)
    assert (await admin.ask("POST", f"/admin/organisations/{south}/suspend", {"reason": "Fraud"}))[0] == 200
    _, found = await admin.ask("GET", f"/admin/users/{user(place, 0)}/memberships")
    assert [(one["organisation"]["id"], one["role"], one["standing"]) for one in found["items"]] == [
        (north, "owner", "active"),
        (south, "owner", "suspended"),
    ]
    assert (await admin.ask("GET", f"/admin/users/{text(USER, b'n' * 16)}/memberships"))[0] == 404
    _, suspended = await admin.ask("GET", "/admin/organisations", query={"standing": "suspended"})
    assert [one["id"] for one in suspended["items"]] == [south]


async def test_the_verdict_names_an_entry_that_was_edited(place: Town) -> None:
    anna = await place.person()
    organisation = await place.organisation(anna)
    support = await place.platform_person(PlatformRole.SUPPORT)
    # As somebody would who has the database's own rights.
    await place.made.pool.execute("ALTER TABLE audit_entries DISABLE TRIGGER append_only")
    await place.made.pool.execute(
        "UPDATE audit_entries SET actor = 'system' WHERE action = 'organisation.create' AND chain = $1",
        organisation_id(organisation),
    )
    status, verdict = await support.ask("GET", "/admin/audit/verdict")
    assert (status, verdict["is_sound"], verdict["findings_count"]) == (200, False, 1)
    assert [(one["organisation"], one["damage"], one["first"]) for one in verdict["findings"]] == [
        (organisation, "edit", 1)
    ]
    # The other gateway reads for itself.
    status, verdict = await support.ask("GET", "/admin/audit/verdict", stage=place.there)
    assert (status, verdict["is_sound"]) == (200, False)


async def test_a_verdict_that_takes_too_long_is_none(place: Town) -> None:
    verdict = await AuditCheck(place.made.pool, place.made.clock, patience_s=0.0).verdict()
    assert (verdict.is_sound, verdict.findings) == (None, ())


async def test_pages_of_the_platform_are_there_for_its_people_only(place: Town) -> None:
    anna = await place.person()
    support = await place.platform_person(PlatformRole.SUPPORT)
    over = await place.caller()
    over.http.cookie_jar.update_cookies({"bilten": secrets.token_urlsafe(32)}, URL(place.here.url))
    pages = [kind.path for kind in SCRIPTED if kind.is_platform]
    assert len(pages) == 6
    for page in pages:
        url = f"{place.here.url}{page.partition('/{')[0]}"
        async with over.http.get(url, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"].partition("=")[0]) == (302, "/sign-in?next")
        async with anna.http.get(url) as answer:
            assert answer.status == 404
        async with support.http.get(url) as answer:
            assert answer.status == 200
