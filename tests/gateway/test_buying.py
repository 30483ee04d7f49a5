"""A buyer's way over a real websocket: if one of these fails, nobody can buy a ticket."""

import pytest

from domain.credentials import ticket_of
from tests.gateway.stage import TICKET_KEY, Stage, Works, hold, new_sale, operation

DIALECTS = pytest.mark.parametrize("subprotocol", ["bilten.v1.msgpack", "bilten.v1.json"])


@DIALECTS
async def test_watch_hold_and_purchase(stage: Stage, made: Works, subprotocol: str) -> None:
    sale = await new_sale(made)
    client = await stage.connect(subprotocol)
    watching = await client.ask("watch", event=sale.event)
    assert watching["type"] == "watching"
    assert watching["state"]["status"] == "open"
    assert [kind["free"] for kind in watching["state"]["ticket_types"]] == [100, 100]

    held = await hold(client, sale, 2)
    assert held["amount_minor"] == 3000
    assert held["hold"].removeprefix("hold_") and held["currency"] == "EUR"
    push = await client.until(lambda message: message["type"] == "availability")
    assert push["version"] > watching["version"]
    assert [kind["free"] for kind in push["state"]["ticket_types"]] == [98, 98]

    bought = await client.ask(
        "purchase",
        operation=operation(),
        event=sale.event,
        hold=held["hold"],
        amount_minor=3000,
        payment="card_ok",
    )
    assert bought["type"] == "purchased", bought
    assert len({ticket["ticket"] for ticket in bought["tickets"]}) == 2
    for ticket in bought["tickets"]:
        assert ticket["ticket_type"] == sale.types[0]
        assert ticket_of(ticket["code"], TICKET_KEY) is not None

    async with stage.http.get(f"{stage.url}/api/v1/orders") as answer:
        orders = (await answer.json())["items"]
    assert [order["order"] for order in orders] == [bought["order"]]
    assert {ticket["code"] for ticket in orders[0]["tickets"]} == {
        ticket["code"] for ticket in bought["tickets"]
    }
