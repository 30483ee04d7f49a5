"""Calling an event off, on two gateways. If these failed, another gateway would go on selling what is off, or
let people look at it as if nothing had happened.
"""

import asyncio
import time
from typing import Any

from tests.gateway.api.organising import Office, Town
from tests.gateway.stage import operation
from tests.gateway.wire_client import Client


async def hold(client: Client, event: Any) -> dict[str, Any]:
    line = {"ticket_type": event["tickets"]["ticket_types"][0]["ticket_type"], "quantity": 1}
    return await client.ask("hold", operation=operation(), event=event["event"], lines=[line])


async def test_the_other_gateway_sells_nothing_any_more_and_says_so(place: Town, office: Office) -> None:
    event = await office.published("Concert")
    buyer, watcher = await place.there.connect(), await place.there.connect()
    others: list[Client] = [await place.here.connect(), watcher]
    for client in (buyer, *others):
        assert (await client.ask("watch", event=event["event"]))["state"]["status"] == "open"
    held = await hold(buyer, event)
    assert held["type"] == "held", held

    cancel = f"{office.of(event)}/cancel"
    status, answer = await office.owner.ask(
        "POST", cancel, {"reason": "Rain"}, version=event["version"], stage=place.here
    )
    assert (status, answer["status"]) == (200, "cancelled")
    # Once it is answered there is nothing to wait for: the first to ask is refused.
    refused = await hold(buyer, event)
    assert (refused["type"], refused.get("code")) == ("refused", "event_cancelled"), refused
    paid = await buyer.ask(
        "purchase", operation=operation(), event=event["event"], hold=held["hold"],
        amount_minor=held["amount_minor"], payment="card_ok",
    )  # fmt: skip
    assert paid.get("code") == "event_cancelled", paid
    for client in (buyer, *others):
        async with asyncio.timeout(1):
            await client.until(
                lambda message: (
                    message["type"] == "availability" and message["state"]["status"] == "cancelled"
                )
            )
    late = await place.there.connect()
    assert (await late.ask("watch", event=event["event"]))["state"]["status"] == "cancelled"


async def test_whoever_asks_meanwhile_is_sold_what_was_before_it_or_nothing(
    place: Town, office: Office
) -> None:
    """Buyers of the other gateway never stop asking: whoever asks after the answer gets nothing, and nobody
    gets something after somebody was told that it is off.
    """
    event = await office.published("Concert")
    replies: list[tuple[float, float, dict[str, Any]]] = []

    async def insist(client: Client) -> None:
        while True:
            asked_at = time.monotonic()
            reply = await hold(client, event)
            replies.append((asked_at, time.monotonic(), reply))
            if reply["type"] == "held":
                await client.ask("release", operation=operation(), event=event["event"], hold=reply["hold"])

    guests = [await place.there.guest() for _ in range(4)]
    clients = [await place.there.connect(http=guest) for guest in guests]
    buyers = [asyncio.create_task(insist(client)) for client in clients]
    async with asyncio.timeout(10):
        while sum(reply["type"] == "held" for _, _, reply in replies) < 20:
            await asyncio.sleep(0.001)
    status, _ = await office.owner.ask(
        "POST", f"{office.of(event)}/cancel", {}, version=event["version"], stage=place.here
    )
    assert status == 200
    answered_at = time.monotonic()
    async with asyncio.timeout(10):
        while sum(asked_at > answered_at for asked_at, _, _ in replies) < 20:
            assert not any(buyer.done() for buyer in buyers)
            await asyncio.sleep(0.001)
    for buyer in buyers:
        buyer.cancel()
    await asyncio.gather(*buyers, return_exceptions=True)
    for guest in guests:
        await guest.close()
    off = [(asked, told) for asked, told, reply in replies if reply.get("code") == "event_cancelled"]
    sold = [asked for asked, _, reply in replies if reply["type"] == "held"]
    assert len(off) + len(sold) == len(replies)
    assert max(sold) < min(answered_at, min(told for _, told in off))
