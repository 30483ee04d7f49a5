"""The catalogue over HTTP, on two gateways. If these failed, a change would not reach every gateway, drafts
would be seen by strangers, or an organisation would reach another's events.
"""

import re
from urllib.parse import urlencode

from domain.roles import PlatformRole
from tests.gateway.api.organising import TICKETS, Office, Town, until

PLACE = {"name": "Hall", "city": "Köln", "time_zone": "Europe/Berlin"}


async def test_a_change_is_seen_on_every_gateway_within_a_second(place: Town, office: Office) -> None:
    event = await office.draft("Night of Words")
    await until(place, "/events/night-of-words", lambda status, _: status == 404)
    await until(place, "/events", lambda _, found: found["items"] == [])
    await office.owner.ask("PUT", f"{office.of(event)}/ticket-types", TICKETS, version=1)
    await until(place, "/events/night-of-words", lambda status, _: status == 404)
    publish = f"{office.of(event)}/publish"
    status, event = await office.owner.ask("POST", publish, version=event["version"])
    assert status == 200, event
    page = await until(place, "/events/night-of-words", lambda status, _: status == 200)
    assert [kind["name"] for kind in page["ticket_types"]] == ["Full"]
    await until(place, "/events?q=wörds", lambda _, found: len(found["items"]) == 1)
    patch = {"title": "Night of Songs", "slug": "songs"}
    status, event = await office.owner.ask("PATCH", office.of(event), patch, version=event["version"])
    assert status == 200, event
    await until(
        place, "/events/songs", lambda status, page: status == 200 and page["title"] == "Night of Songs"
    )
    await until(place, "/events/night-of-words", lambda status, _: status == 404)
    cancel = f"{office.of(event)}/cancel"
    status, event = await office.owner.ask("POST", cancel, {"reason": "Rain"}, version=event["version"])
    assert status == 200, event
    page = await until(place, "/events/songs", lambda _, page: page["status"] == "cancelled")
    assert page["cancelled_reason"] == "Rain"
    await until(place, "/events", lambda _, found: found["items"] == [])


async def test_two_editors(office: Office) -> None:
    event = await office.draft("Concert")
    status, answer = await office.owner.ask("PATCH", office.of(event), {"summary": "One"})
    assert (status, answer["code"]) == (428, "version_required")
    status, _ = await office.owner.ask("PATCH", office.of(event), {"summary": "One"}, version=1)
    assert status == 200
    status, answer = await office.owner.ask("PATCH", office.of(event), {"summary": "Two"}, version=1)
    assert (status, answer["code"]) == (412, "version_conflict")


async def test_who_looks_at_an_older_version_is_told(office: Office) -> None:
    """Nobody publishes a text that they have not seen, or removes what somebody else has just changed."""
    ask, event = office.owner.ask, await office.draft("Concert")
    await ask("PUT", f"{office.of(event)}/ticket-types", TICKETS, version=1)
    venues, place = f"{office.base}/venues", {"name": "Hall", "city": "Bonn", "time_zone": "Europe/Berlin"}
    venue = (await ask("POST", venues, place))[1]
    code = (await ask("POST", f"{office.of(event)}/vouchers", {"code": "Early", "amount_minor": 100}))[1]
    pool = (await ask("GET", f"{office.of(event)}/ticket-types"))[1]["pools"][0]["pool"]
    removals = [
        ("POST", f"{office.of(event)}/pools/{pool}/capacity", {"capacity": 20}, 3, 2),
        ("POST", f"{office.of(event)}/publish", None, 2, 1),
        ("POST", f"{office.of(event)}/cancel", {}, 1, 2),
        ("POST", f"{office.of(event)}/archive", None, 2, 3),
        ("DELETE", f"{venues}/{venue['venue']}", None, 2, 1),
        ("DELETE", f"{office.of(event)}/vouchers/{code['voucher']}", None, 2, 1),
    ]
    for method, path, body, wrong, right in removals:
        status, answer = await ask(method, path, body)
        assert (status, answer["code"]) == (428, "version_required"), path
        status, answer = await ask(method, path, body, version=wrong)
        assert (status, answer["details"]) == (412, {"version": right}), path
        status, answer = await ask(method, path, body, version=right)
        assert status < 300, (path, answer)


async def test_a_sale_is_stopped_whatever_is_being_edited(office: Office) -> None:
    event = await office.published("Concert")
    status, answer = await office.owner.ask("POST", f"{office.of(event)}/pause", version=1)
    assert (status, answer["code"]) == (412, "version_conflict"), "a version that is named counts"
    assert (await office.owner.ask("POST", f"{office.of(event)}/pause"))[0] == 200


async def test_events_of_others_look_like_none(place: Town, office: Office) -> None:
    event = await office.published("Concert")
    stranger = await place.person()
    theirs = Office(stranger, await place.organisation(stranger, "south"))
    nobody = f"{theirs.base}/events/event_00000000000000000000000000"
    for method, rest, body, version in [
        ("GET", "", None, None),
        ("PATCH", "", {"summary": "x"}, 1),
        ("POST", "/cancel", {}, 1),
        ("GET", "/vouchers", None, None),
        ("PUT", "/ticket-types", TICKETS, 1),
    ]:
        own = await stranger.ask(
            method, f"{theirs.base}/events/{event['event']}{rest}", body, version=version
        )
        none = await stranger.ask(method, nobody + rest, body, version=version)
        assert own == none
        assert own[0] == 404
        assert (await stranger.ask(method, office.of(event) + rest, body, version=version))[0] == 404


async def test_what_is_looked_for(place: Town, office: Office) -> None:
    await office.published("Jazz", city="Köln", country="DE", category="music", tags=["Blue"], language="de")
    await office.published("Opera", city="Bonn", starts_at="2031-05-01T20:00")
    guest = await place.caller()

    async def found(**query: str) -> list[str]:
        status, answer = await guest.ask("GET", f"/events?{urlencode(query)}")
        assert status == 200, answer
        return [row["title"] for row in answer["items"]]

    await until(place, "/events", lambda _, page: len(page["items"]) == 2)
    assert await found() == ["Jazz", "Opera"]
    assert await found(sort="newest") == ["Opera", "Jazz"]
    assert await found(city="koln") == ["Jazz"]
    # All of the words, of which only the last may be begun.
    assert await found(q="north oper") == ["Opera"]
    assert await found(q="oper north") == []
    assert await found(to="2030-12-31") == ["Jazz"]
    assert await found(**{"from": "2031-01-01"}) == ["Opera"]
    assert await found(tag="BLUE", category="music", language="de", country="DE") == ["Jazz"]
    assert await found(free="true") == []
    assert await found(price_max="1999", currency="EUR") == []
    assert await found(price_max="2000", currency="EUR", organisation="north") == ["Jazz", "Opera"]
    # Amounts of different currencies are not compared.
    assert await found(price_max="2000", currency="JPY") == []
    for query in ({"price_max": "2000"}, {"sort": "price"}):
        status, refused = await office.owner.ask("GET", "/events", query=query)
        assert (status, refused["errors"][0]["field"]) == (422, "currency")
    assert await found(organisation="nobody") == []

    async def shown(query: str) -> list[str]:
        async with guest.http.get(f"{place.here.url}/?{query}", headers={"Accept": "text/html"}) as page:
            return re.findall(r'<h2><a href="/e/[^"]*"><bdi>([^<]*)', await page.text())

    # The page has all of these as well, with amounts as people write them.
    assert await shown("category=music&language=de&tag=blue&price=20&currency=EUR") == ["Jazz"]
    assert await shown("category=theatre") == []
    assert await shown("price=19.99&currency=EUR") == []
    # What can't be meant narrows nothing down.
    assert await shown("price=cheap&currency=EUR&category=nonsense") == ["Jazz", "Opera"]
    status, page = await guest.ask("GET", "/events?limit=1")
    # What comes between two parts of a list neither repeats nor hides others.
    await office.published("Between", starts_at="2030-04-01T20:00")
    await until(place, "/events", lambda _, answer: len(answer["items"]) == 3)
    status, rest = await guest.ask("GET", f"/events?cursor={page['next_cursor']}")
    assert [row["title"] for row in rest["items"]] == ["Opera"]
    status, answer = await guest.ask("GET", "/events?cursor=nonsense")
    assert (status, answer["code"]) == (422, "invalid")


async def test_only_what_costs_nothing_at_all_is_called_free(place: Town, office: Office) -> None:
    """Whoever came for it would find that only children get in free."""
    child = {"name": "Child", "kind": "free", "price_minor": 0, "pools": [0]}
    adult = {"name": "Adult", "price_minor": 2000, "pools": [0]}
    pools = TICKETS["pools"]
    await office.published("Reading", {"pools": pools, "ticket_types": [child]})
    await office.published("Concert", {"pools": pools, "ticket_types": [child, adult]})
    await until(place, "/events", lambda _, page: len(page["items"]) == 2)
    guest = await place.caller()
    async with guest.http.get(f"{place.here.url}/o/north") as answer:
        page = await answer.text()
    prices = {
        title: re.search(rf">{title}</bdi>.*?<span>([^<]+)</span></p></div>", page, re.DOTALL)
        for title in ("Reading", "Concert")
    }
    assert {title: found and found[1] for title, found in prices.items()} == {
        "Reading": "Free",
        "Concert": "Free and up",
    }


async def test_vouchers_series_venues_and_copies(place: Town, office: Office) -> None:
    owner = office.owner
    status, venue = await owner.ask(
        "POST", f"{office.base}/venues",
        {**PLACE, "geo": {"latitude": 50.9, "longitude": 7}},
    )  # fmt: skip
    assert status == 201, venue
    event = await office.published("Concert", venue=venue["venue"])
    assert (event["city"], event["geo"]["longitude"]) == ("Köln", 7)
    renamed = {key: venue[key] for key in ("name", "city", "time_zone")} | {"name": "Big hall"}
    status, answer = await owner.ask("PUT", f"{office.base}/venues/{venue['venue']}", renamed, version=1)
    assert (status, answer["version"]) == (200, 2)
    await until(place, "/events/concert", lambda _, page: page["venue_name"] == "Big hall")
    status, _ = await owner.ask("DELETE", f"{office.base}/venues/{venue['venue']}", version=2)
    assert status == 409
    vouchers = f"{office.of(event)}/vouchers"
    status, voucher = await owner.ask("POST", vouchers, {"code": "Early", "percent_basis_points": 1000})
    assert (status, voucher["code"]) == (201, "EARLY")
    status, bulk = await owner.ask(
        "POST", f"{vouchers}/bulk", {"amount_minor": 100, "count": 3, "batch": "b"}
    )
    assert (status, len(bulk["codes"])) == (201, 3)
    async with owner.http.get(f"{place.here.url}/api/v1{vouchers}.csv") as response:
        assert response.content_type == "text/csv"
        assert len((await response.text()).splitlines()) == 5
    rule = {"kind": "weekly", "weekdays": [3]}
    said = {"event": event["event"], "title": "Wednesdays", "rule": rule, "count": 3}
    status, series = await owner.ask("POST", f"{office.base}/series", said)
    assert status == 201, series
    assert [row["starts_at"][:10] for row in series["events"]] == ["2030-05-01", "2030-05-08", "2030-05-15"]
    status, read = await owner.ask("GET", f"{office.base}/series/{series['series']}")
    assert (status, len(read["events"])) == (200, 3)
    status, first = await owner.ask("GET", office.of(event))
    setup = {"event": event["event"], "version": first["version"], "scope": "all", "parts": ["texts"]}
    setup |= {"tickets_version": first["tickets"]["version"]}
    path = f"{office.base}/series/{series['series']}/setup"
    status, done = await owner.ask("POST", path, setup)
    assert (status, done["done"], done["total"], done["next"]) == (200, 2, 2, None), done
    assert [row["outcome"] for row in done["items"]] == ["same", "same"]
    status, answer = await owner.ask("POST", path, setup | {"version": 1000})
    assert (status, answer["code"]) == (412, "version_conflict")
    stranger = await place.person()
    status, answer = await stranger.ask("POST", path, setup)
    assert status == 404


async def test_imports_over_http(place: Town, office: Office) -> None:
    url = f"{place.here.url}/api/v1{office.base}/import?time_zone=Europe/Berlin"
    body = "title,starts_at\nOne,2030-05-01T20:00\nTwo,never\n"
    async with office.owner.http.post(url, data=body, headers={"Content-Type": "text/csv"}) as response:
        report = await response.json()
        assert (response.status, report["created"]) == (200, 1), report
        assert report["mistakes"] == [
            {
                "line": 3,
                "code": "field",
                "message": "starts_at: 'never' is no time of ISO 8601",
                "values": {"field": "starts_at", "reason": "not_a_time"},
            }
        ]
    async with office.owner.http.get(f"{place.here.url}/api/v1{office.base}/export?format=csv") as response:
        assert "2030-05-01T20:00" in await response.text()


async def test_pages_are_read_without_redis(place: Town, office: Office) -> None:
    event = await office.published("Concert")
    pages = place.there.works.event_pages
    await pages.close()
    pages._redis = type(pages._redis).from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    guest = await place.caller()
    status, page = await guest.ask("GET", f"/events/{event['slug']}", stage=place.there)
    assert (status, page["title"]) == (200, "Concert")
    assert pages.failures


async def test_an_organisation_is_said_to_be_what_it_is_within_a_second(place: Town, office: Office) -> None:
    event = await office.published("Concert")
    path = f"/events/{event['slug']}"
    await until(place, path, lambda _, page: page["organiser"] == "North")
    status, own = await office.owner.ask("GET", office.base)
    patch = {"name": "Northern Lights", "slug": "lights"}
    status, answer = await office.owner.ask("PATCH", office.base, patch, version=own["version"])
    assert status == 200, answer
    await until(
        place,
        path,
        lambda _, page: (page["organiser"], page["organisation"]) == ("Northern Lights", "lights"),
    )
    await until(
        place, "/events", lambda _, found: [row["organiser"] for row in found["items"]] == ["Northern Lights"]
    )
    # People who search for it find it a little later.
    await until(place, "/events?q=northern+lights", lambda _, found: len(found["items"]) == 1, within_s=10)
    admin = await place.platform_person(PlatformRole.ADMIN)
    switch = f"/admin{office.base}"
    status, answer = await admin.ask("POST", f"{switch}/suspend", {"reason": "Nobody knows who they are"})
    assert status == 200, answer
    await until(place, path, lambda status, _: status == 404)
    await until(place, "/events", lambda _, found: found["items"] == [])
    await until(place, "/events?organisation=lights", lambda _, found: found["items"] == [])
    guest = await place.caller()
    for page in ("/calendar/lights.ics", f"/e/{event['slug']}", "/o/lights"):
        async with guest.http.get(place.there.url + page) as response:
            assert response.status == 404
    status, answer = await admin.ask("POST", f"{switch}/unsuspend", {"reason": "Now they do"})
    assert status == 200, answer
    await until(place, path, lambda status, page: (status, page.get("status")) == (200, "paused"))
    await until(place, "/events", lambda _, found: len(found["items"]) == 1)
