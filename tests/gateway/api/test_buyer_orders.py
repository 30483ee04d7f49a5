"""What buyers look up of what they bought. If these failed, somebody would stand at the door with a ticket
that does not say for what, or could not find an older one.
"""

from typing import Any

from tests.gateway.api.organising import Office, Town
from tests.gateway.stage import operation
from tests.gateway.wire_client import Client

TICKETS = {
    "pools": [{"name": "Hall", "capacity": 50}],
    "ticket_types": [
        {
            "name": "Backstage",
            "price_minor": 2000,
            "pools": [0],
            "is_hidden": True,
            "valid_days": ["2030-05-01"],
        }
    ],
}


async def published(office: Office, title: str) -> Any:
    event = await office.draft(title, venue_name="The shed", city="Bremen")
    status, answer = await office.owner.ask("PUT", f"{office.of(event)}/ticket-types", TICKETS, version=1)
    assert status == 200, answer
    code = {"kind": "access", "code": "SECRET"}
    assert (await office.owner.ask("POST", f"{office.of(event)}/vouchers", code))[0] == 201
    path = f"{office.of(event)}/publish"
    status, event = await office.owner.ask("POST", path, version=event["version"])
    assert status == 200, event
    return event


async def bought(client: Client, event: Any) -> str:
    kind = event["tickets"]["ticket_types"][0]["ticket_type"]
    lines = [{"ticket_type": kind, "quantity": 1}]
    held = await client.ask(
        "hold", operation=operation(), event=event["event"], lines=lines, codes=["secret"]
    )
    assert held["type"] == "held", held
    answer = await client.ask(
        "purchase",
        operation=operation(),
        event=event["event"],
        hold=held["hold"],
        amount_minor=2000,
        payment="card_ok",
    )
    assert answer["type"] == "purchased", answer
    return str(answer["order"])


async def test_a_ticket_says_what_it_is_for_when_its_event_is_put_away(place: Town, office: Office) -> None:
    event = await published(office, "Supper")
    order = await bought(await place.there.connect(), event)

    async def own() -> Any:
        async with place.there.http.get(f"{place.there.url}/api/v1/orders") as response:
            (found,) = (await response.json())["items"]
        return found

    before = await own()
    assert before["order"] == order
    assert before["about"] == {
        "title": "Supper",
        "slug": "supper",
        "status": "on_sale",
        "starts_at_ms": event["starts_at_ms"],
        "ends_at_ms": None,
        "time_zone": "Europe/Berlin",
        "venue_name": "The shed",
        "city": "Bremen",
    }
    (ticket,) = before["tickets"]
    # The type is hidden, the event is about to be: neither hides anything from who has paid.
    assert (ticket["name"], ticket["valid_days"]) == ("Backstage", ["2030-05-01"])
    now = event
    for step in ("close", "archive"):
        path = f"{office.of(event)}/{step}"
        status, now = await office.owner.ask("POST", path, version=now["version"])
        assert status == 200, now
    assert (await office.owner.ask("GET", f"/events/{event['event']}", stage=place.there))[0] == 404
    after = await own()
    assert after["about"] == {**before["about"], "slug": None, "status": "archived"}
    assert after["tickets"] == before["tickets"]


async def test_orders_come_in_parts_and_by_event(place: Town, office: Office) -> None:
    first, second = await published(office, "First"), await published(office, "Second")
    client = await place.there.connect()
    placed = [await bought(client, event) for event in (first, second, first)]

    async def part(query: str) -> Any:
        async with place.there.http.get(f"{place.there.url}/api/v1/orders?{query}") as response:
            return response.status, await response.json()

    _, newest = await part("limit=2")
    assert [one["order"] for one in newest["items"]] == placed[:0:-1]
    _, oldest = await part(f"limit=2&cursor={newest['next_cursor']}")
    assert ([one["order"] for one in oldest["items"]], oldest["next_cursor"]) == (placed[:1], None)
    _, of_first = await part(f"event={first['event']}")
    assert [one["order"] for one in of_first["items"]] == [placed[2], placed[0]]
    status, refused = await part("cursor=nonsense")
    assert (status, refused["errors"][0]["field"]) == (422, "cursor")
