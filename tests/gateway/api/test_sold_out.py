"""What is sold out, on two gateways. If these failed, lists would offer what nobody can buy, or hide what
came back, until somebody looked for themselves.
"""

import asyncio
from typing import Any

from domain import commands as c
from domain import events as e
from domain.ids import EVENT, ORDER, EventId, OperationId, OrderId, parse
from tests.gateway.api.organising import Office, Town, until
from tests.gateway.api.test_feeds import stamps
from tests.gateway.stage import fresh, operation
from tests.gateway.wire_client import Client

TICKETS = {
    "pools": [
        {"name": "Hall", "capacity": 2},
        {"name": "Balcony", "capacity": 1},
        {"name": "Friends", "capacity": 9},
    ],
    "ticket_types": [
        {"name": "Hall", "price_minor": 2000, "pools": [0]},
        {"name": "Balcony", "price_minor": 3000, "pools": [1]},
        {"name": "Friends", "price_minor": 100, "pools": [2], "is_hidden": True},
    ],
}


async def on_sale(office: Office, **fields: Any) -> Any:
    event = await office.draft("Concert", **fields)
    status, answer = await office.owner.ask("PUT", f"{office.of(event)}/ticket-types", TICKETS, version=1)
    assert status == 200, answer
    publish = f"{office.of(event)}/publish"
    status, event = await office.owner.ask("POST", publish, version=event["version"])
    assert status == 200, event
    return event


async def bought(client: Client, event: Any, position: int, quantity: int) -> str:
    kind = event["tickets"]["ticket_types"][position]
    line = {"ticket_type": kind["ticket_type"], "quantity": quantity}
    held = await client.ask("hold", operation=operation(), event=event["event"], lines=[line])
    assert held["type"] == "held", held
    paid = await client.ask(
        "purchase", operation=operation(), event=event["event"], hold=held["hold"],
        amount_minor=held["amount_minor"], payment="card_ok",
    )  # fmt: skip
    assert paid["type"] == "purchased", paid
    return str(paid["order"])


async def stands(place: Town, status: str, *sold_out: bool) -> None:
    """Wait, for a second at most, until every gateway says it, wherever it is said."""
    await until(
        place,
        "/events/concert",
        lambda _, page: (
            page["status"] == status
            and [kind["is_sold_out"] for kind in page["ticket_types"]] == list(sold_out)
        ),
    )
    await until(place, "/events", lambda _, found: [row["status"] for row in found["items"]] == [status])


async def read(place: Town, path: str) -> list[str]:
    guest = await place.caller()
    found = []
    for stage in (place.here, place.there):
        async with guest.http.get(stage.url + path) as response:
            assert response.status == 200
            found.append(await response.text())
    return found


async def test_every_gateway_says_it_within_a_second_and_takes_it_back(place: Town, office: Office) -> None:
    event = await on_sale(office)
    client = await place.here.connect()
    await stands(place, "on_sale", False, False)
    hall = await bought(client, event, 0, 2)
    await stands(place, "on_sale", True, False)
    for page in await read(place, "/e/concert"):
        assert page.count("https://schema.org/SoldOut") == page.count("https://schema.org/InStock") == 1
    await bought(client, event, 1, 1)
    await stands(place, "sold_out", True, True)
    for page in await read(place, "/e/concert"):
        assert page.count("https://schema.org/SoldOut") == 2
    for home in await read(place, "/"):
        assert "Sold out" in home
    for calendar in await read(place, "/calendar/north.ics"):
        assert "X-BILTEN-STATUS:sold_out" in calendar
    status, own = await office.owner.ask("GET", f"{office.base}/events?status=sold_out")
    assert [row["status"] for row in own["items"]] == ["sold_out"]

    event_id, order_id = EventId(parse(EVENT, event["event"])), OrderId(parse(ORDER, hall))
    cancelled = await place.made.shards.ask(c.CancelTickets(OperationId(fresh()), event_id, order_id))
    assert isinstance(cancelled, e.Cancelled)
    await stands(place, "on_sale", False, True)
    await bought(client, event, 0, 2)
    await stands(place, "sold_out", True, True)
    pool = event["tickets"]["pools"][1]["pool"]
    status, answer = await office.owner.ask(
        "POST", f"{office.of(event)}/pools/{pool}/capacity", {"capacity": 2}, version=2
    )
    assert (status, answer["status"]) == (200, "on_sale")
    await stands(place, "on_sale", True, False)


async def test_calendars_say_when_it_was_sold_out(place: Town, office: Office) -> None:
    """One that goes by the time of the last change would go on saying that there are tickets."""
    event = await on_sale(office)
    client = await place.here.connect()
    await bought(client, event, 0, 2)
    await stands(place, "on_sale", True, False)
    first = stamps((await read(place, "/calendar/events/concert.ics"))[0])
    # It is written to the second.
    while place.made.clock() // 1000 <= first["LAST-MODIFIED"].timestamp():
        await asyncio.sleep(0.05)
    await bought(client, event, 1, 1)
    await stands(place, "sold_out", True, True)
    for calendar in await read(place, "/calendar/events/concert.ics"):
        last = stamps(calendar)
        assert last["LAST-MODIFIED"] > first["LAST-MODIFIED"]
        assert last["SEQUENCE"] > first["SEQUENCE"]


async def test_what_is_held_is_not_sold_out(place: Town, office: Office) -> None:
    event = await on_sale(office)
    client = await place.here.connect()
    await bought(client, event, 1, 1)
    kind = event["tickets"]["ticket_types"][0]["ticket_type"]
    line = {"ticket_type": kind, "quantity": 2}
    held = await client.ask("hold", operation=operation(), event=event["event"], lines=[line])
    assert held["type"] == "held"
    await stands(place, "on_sale", False, True)


async def test_an_organiser_still_runs_what_is_sold_out(place: Town, office: Office) -> None:
    """Nothing is written into the event's own row, so its steps go on from where it stands."""
    event = await on_sale(office)
    client = await place.here.connect()
    await bought(client, event, 0, 2)
    await bought(client, event, 1, 1)
    await stands(place, "sold_out", True, True)
    for step, status in (("pause", "paused"), ("resume", "sold_out"), ("close", "ended")):
        path, version = f"{office.of(event)}/{step}", event["version"]
        code, event = await office.owner.ask("POST", path, version=version)
        assert (code, event["status"]) == (200, status)


async def test_a_shard_that_starts_again_says_the_same(place: Town, office: Office) -> None:
    """Its word may be lost with it; what is written is not."""
    event = await on_sale(office)
    client = await place.here.connect()
    await bought(client, event, 0, 2)
    await bought(client, event, 1, 1)
    handle = place.made.handle
    assert handle is not None
    await handle.shard.kill()
    await stands(place, "sold_out", True, True)
