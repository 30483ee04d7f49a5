"""Questions to buyers, from the organiser's form to the organiser's list. If these failed, buyers would not
be asked what was just added, could not see what they said, or strangers could.
"""

from typing import Any

from tests.gateway.api.organising import Caller, Office, Town
from tests.gateway.stage import operation
from tests.gateway.wire_client import Client

TICKETS = {
    "pools": [{"name": "Hall", "capacity": 50}],
    "ticket_types": [{"name": "Full", "price_minor": 2000, "pools": [0]}],
}
DIET = {"per": "ticket", "label": "Diet", "kind": "choice", "choices": ["Fish", "Beans"], "is_required": True}


async def published(office: Office, questions: list[Any]) -> Any:
    event = await office.draft("Dinner")
    body = {**TICKETS, "questions": questions}
    status, answer = await office.owner.ask("PUT", f"{office.of(event)}/ticket-types", body, version=1)
    assert status == 200, answer
    status, event = await office.owner.ask("POST", f"{office.of(event)}/publish", version=event["version"])
    assert status == 200, event
    return event


class Buying:
    """A buyer with a hold, who pays for it."""

    def __init__(self, client: Client, event: Any, held: Any) -> None:
        self.client = client
        self.event = event["event"]
        self.held = held

    async def pay(self, answers: list[Any], name: str = "", payment: str = "card_ok") -> Any:
        return await self.client.ask(
            "purchase",
            operation=name or operation(),
            event=self.event,
            hold=self.held["hold"],
            amount_minor=self.held["amount_minor"],
            payment=payment,
            answers=answers,
        )


async def buying(client: Client, event: Any, quantity: int = 1) -> Buying:
    lines = [{"ticket_type": event["tickets"]["ticket_types"][0]["ticket_type"], "quantity": quantity}]
    held = await client.ask("hold", operation=operation(), event=event["event"], lines=lines)
    assert held["type"] == "held", held
    return Buying(client, event, held)


async def test_a_buyer_answers_and_who_may_see_it_does(place: Town, office: Office) -> None:
    event = await published(office, [DIET, {"label": "Anything else?", "kind": "long_text"}])
    diet, remark = (one["question"] for one in event["tickets"]["questions"])
    buyer = await buying(await place.there.connect(), event, 2)
    refused = await buyer.pay([{"question": diet, "ticket": 0, "text": "Fish"}])
    assert (refused["code"], refused["details"]) == (
        "answers_wanted",
        {
            "field": "answers",
            "question": diet,
            "ticket": 1,
            "label": "Diet",
            "kind": "choice",
            "choices": "Fish\nBeans",
        },
    )
    given = [
        {"question": diet, "ticket": 0, "text": "Fish"},
        {"question": diet, "ticket": 1, "text": "Beans"},
        {"question": remark, "text": "We sing."},
    ]
    bought = await buyer.pay(given)
    assert bought["type"] == "purchased", bought
    async with place.there.http.get(f"{place.there.url}/api/v1/orders/{bought['order']}") as response:
        own = await response.json()
    kind = event["tickets"]["ticket_types"][0]["ticket_type"]
    seen = [(one["label"], one["ticket"], one["ticket_type"], one["text"]) for one in own["answers"]]
    assert seen == [
        ("Diet", 0, kind, "Fish"),
        ("Diet", 1, kind, "Beans"),
        ("Anything else?", None, None, "We sing."),
    ]
    base = f"{office.of(event)}/orders"
    status, listed = await office.owner.ask("GET", base)
    assert (status, listed["next_cursor"]) == (200, None)
    (row,) = listed["items"]
    assert (row["order"], row["ticket_count"], row["answer_count"], row["amount_minor"]) == (
        bought["order"],
        2,
        3,
        4000,
    )
    status, answers = await office.owner.ask("GET", f"{base}/{bought['order']}/answers")
    assert (status, answers["answers"]) == (200, own["answers"])
    organisation = office.base.rpartition("/")[2]
    assert (await place.audited(organisation))[-1] == "people.read"
    # Who may see orders may not see people.
    manager = await place.member(office.owner, organisation, "event_manager")
    assert (await manager.ask("GET", base))[0] == 200
    assert (await manager.ask("GET", f"{base}/{bought['order']}/answers"))[0] == 403
    stranger: Caller = await place.person()
    assert (await stranger.ask("GET", f"/orders/{bought['order']}"))[0] == 404
    other = await office.published("Elsewhere")
    path = f"{office.of(other)}/orders/{bought['order']}/answers"
    assert (await office.owner.ask("GET", path))[0] == 404, "it is an order of another event"


async def test_a_question_that_is_added_is_asked_on_every_gateway(place: Town, office: Office) -> None:
    event = await published(office, [])
    clients = [await stage.connect() for stage in (place.here, place.there)]
    for client in clients:
        assert (await (await buying(client, event)).pay([]))["type"] == "purchased"
    body = {**event["tickets"], "questions": [DIET]}
    version = body.pop("version")
    status, changed = await office.owner.ask("PUT", f"{office.of(event)}/ticket-types", body, version=version)
    assert status == 200, changed
    for client in clients:
        # The word may take a moment to the other gateway; each that it takes longer is one ticket more.
        answers = [await (await buying(client, event)).pay([])]
        while answers[-1]["type"] == "purchased" and len(answers) < 4:
            answers.append(await (await buying(client, event)).pay([]))
        assert answers[-1]["type"] == "refused", answers
        assert answers[-1]["code"] == "answers_wanted"


async def test_orders_come_in_pages(place: Town, office: Office) -> None:
    event = await published(office, [])
    client = await place.here.connect()
    bought = [(await (await buying(client, event)).pay([]))["order"] for _ in range(3)]
    found: list[str] = []
    query = {"limit": "2"}
    while True:
        status, part = await office.owner.ask("GET", f"{office.of(event)}/orders", query=query)
        assert status == 200, part
        found.extend(row["order"] for row in part["items"])
        if part["next_cursor"] is None:
            break
        query["cursor"] = part["next_cursor"]
    assert found == bought[::-1]
    status, _ = await office.owner.ask("GET", f"{office.of(event)}/orders", query={"cursor": "AAAA"})
    assert status == 422
