"""The page of an event that is not published yet. If these failed, strangers would read what is still secret,
or learn that there is something, or those who write it could not look at it.
"""

from tests.gateway.api.organising import TICKETS, Caller, Office, Town


async def page(caller: Caller, path: str) -> tuple[int, str]:
    async with caller.http.get(caller.stage.url + path, headers={"Accept": "text/html"}) as response:
        return response.status, await response.text()


async def test_a_draft_is_shown_to_those_who_work_on_it_and_to_nobody_else(place: Town) -> None:
    owner = await place.person()
    organisation = await place.organisation(owner)
    office = Office(owner, organisation)
    event = await office.draft("Night of Words", description="Not **yet**")
    await owner.ask("PUT", f"{office.of(event)}/ticket-types", TICKETS, version=1)
    paths = [f"/e/{event['slug']}", f"/e/{event['event']}"]
    viewer = await place.member(owner, organisation, "viewer")
    other_event = await office.draft("Another")
    of_event = await place.member(owner, organisation, "event_manager", event["event"])
    of_another = await place.member(owner, organisation, "event_manager", other_event["event"])
    for caller in (owner, viewer, of_event):
        for path in paths:
            status, text = await page(caller, path)
            assert status == 200
            assert '<meta name="robots" content="noindex" />' in text
            assert "application/ld+json" not in text
            assert '"status":"draft"' in text
            # What is hidden behind a code is not on the page, as on every other.
            assert '"Full"' in text
            assert '"Friends"' not in text
    guest, stranger = await place.caller(), await place.person()
    await place.organisation(stranger, "south")
    for caller in (guest, stranger, of_another):
        for path, nothing in zip(
            paths, (f"/e/{'x' * len(event['slug'])}", paths[1][:-4] + "0000"), strict=True
        ):
            told, never = await page(caller, path), await page(caller, nothing)
            assert told[0] == never[0] == 404
            assert told[1].replace(path, "") == never[1].replace(nothing, "")
    for feed in (f"/calendar/events/{event['slug']}.ics", f"/api/v1/events/{event['slug']}"):
        assert (await page(owner, feed))[0] == 404


async def test_a_co_organiser_sees_it_once_they_have_accepted(place: Town) -> None:
    owner, guest = await place.person(), await place.person()
    office = Office(owner, await place.organisation(owner))
    theirs = await place.organisation(guest, "south")
    event = await office.draft("Night of Words")
    path = f"/e/{event['slug']}"
    status, grants = await owner.ask("POST", f"{office.of(event)}/grants", {"slug": "south"})
    assert (status, grants["items"][0]["is_accepted"]) == (200, False)
    assert (await page(guest, path))[0] == 404
    offers = f"/organisations/{theirs}/offers"
    status, answer = await guest.ask("GET", offers)
    assert [row["hosted"] for row in answer["items"]] == [event["event"]]
    status, _ = await guest.ask("POST", f"{offers}/{event['event']}/accept")
    assert status == 200
    assert (await page(guest, path))[0] == 200
    status, _ = await guest.ask("DELETE", f"{offers}/{event['event']}")
    assert status == 200
