"""What programs read of the catalogue, on two gateways: calendars, and the map of the site. If these failed,
calendars would keep what is called off, or nobody would find a page.
"""

import asyncio
import re
from typing import Any

from icalendar import Calendar

from tests.gateway.api.organising import Office, Town, until


async def test_feeds(place: Town, office: Office) -> None:
    event = await office.published("Concert; one, two", description="**Loud**", city="Köln")
    await until(place, f"/events/{event['slug']}", lambda status, _: status == 200)
    guest = await place.caller()
    for path, kind, needed in [
        ("/calendar/north.ics", "text/calendar", "SUMMARY:Concert\\; one\\, two"),
        (f"/calendar/events/{event['slug']}.ics", "text/calendar", "DTSTART:20300501T180000Z"),
    ]:
        async with guest.http.get(place.there.url + path) as response:
            text = await response.text()
            assert (response.status, response.content_type) == (200, kind)
            assert needed in text
    async with guest.http.get(f"{place.here.url}/calendar/nobody.ics") as response:
        assert response.status == 404


async def test_a_calendar_is_read_again_when_it_says_something_else(place: Town, office: Office) -> None:
    event = await office.published("Concert")
    guest, url = await place.caller(), f"{place.here.url}/calendar/north.ics"

    async def read(etag: str = "") -> tuple[int, str, str]:
        headers = {"If-None-Match": etag} if etag else {}
        async with guest.http.get(url, headers=headers) as response:
            return response.status, response.headers["ETag"], await response.text()

    _, etag, text = await read()
    first = stamps(text)
    # When it was put together, which is not when the event starts.
    assert "STATUS:CONFIRMED" in text
    assert "DTSTAMP:2030" not in text
    assert (await read(etag))[0] == 304
    # RFC 5545, section 3.8.7: put together again, and its last change is what it was.
    while (again := stamps((await read())[2]))["DTSTAMP"] == first["DTSTAMP"]:
        await asyncio.sleep(0.05)
    assert again["DTSTAMP"] > first["DTSTAMP"] >= first["LAST-MODIFIED"]
    assert again == {**first, "DTSTAMP": again["DTSTAMP"]}
    path = f"{office.of(event)}/cancel"
    status, _ = await office.owner.ask("POST", path, {"reason": "Rain"}, version=event["version"])
    assert status == 200
    # Whoever has it in their calendar is told that it is called off.
    status, other, text = await read(etag)
    assert (status, other != etag) == (200, True)
    assert "STATUS:CANCELLED" in text
    last = stamps(text)
    assert last["LAST-MODIFIED"] > first["LAST-MODIFIED"]
    assert last["SEQUENCE"] > first["SEQUENCE"]


def stamps(calendar: str) -> dict[str, Any]:
    """What an entry says of its own changes."""
    entry: Any
    (entry,) = Calendar.from_ical(calendar).walk("VEVENT")
    return {
        name: entry["SEQUENCE"] if name == "SEQUENCE" else entry[name].dt
        for name in ("DTSTAMP", "LAST-MODIFIED", "SEQUENCE")
    }


async def test_the_map_of_the_site_names_every_page(place: Town, office: Office) -> None:
    events = [await office.published(f"Concert {number}") for number in range(3)]
    await office.draft("Secret")
    guest = await place.caller()

    async def named(path: str, url: str = place.here.url, host: str = "") -> list[str]:
        async with guest.http.get(url + path, headers={"Host": host} if host else {}) as response:
            assert (response.status, response.content_type) == (200, "application/xml")
            return re.findall("<loc>([^<]*)</loc>", await response.text())

    maps = await named("/sitemap.xml")
    assert f"{place.here.url}/sitemaps/organisations.xml" in maps
    pages = [page for one in maps for page in await named("", one)]
    of_events = [page for page in pages if "/e/" in page]
    assert sorted(of_events) == sorted(f"{place.here.url}/e/{event['slug']}" for event in events)
    assert [page for page in pages if "/o/" in page] == [f"{place.here.url}/o/north"]
    # What one reader calls the site is not what the next one is told.
    assert all(
        one.startswith("http://other.example/") for one in await named("/sitemap.xml", host="other.example")
    )
    async with guest.http.get(f"{place.here.url}/sitemaps/events-16.xml") as response:
        assert response.status == 404
