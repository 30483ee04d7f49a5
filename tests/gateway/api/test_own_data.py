"""What somebody is given of themselves, and how they go, over HTTP. If one failed, a person would not get all
that is known of them, somebody else would, or an order would go with the person who paid for it.
"""

import asyncio
import json
from typing import Any

import pytest

from domain.ids import ORDER, QUESTION, OrderId, parse, text
from services import orders
from tests.gateway.api.test_users import Browser, browsing
from tests.gateway.stage import Stage, fresh, hold, new_sale, operation
from tests.people import PASSWORD, Person


async def prove(browser: Browser) -> None:
    status, answer, _ = await browser.ask("POST", "/me/step-up", {"password": PASSWORD})
    assert status == 200, answer


async def buy(browser: Browser, answer: str = "") -> Any:
    """Somebody buys a ticket in this browser, and answers what is asked."""
    sale = await new_sale(browser.stage.works)
    answers = []
    if answer:
        question_id = fresh()
        await browser.stage.works.pool.execute(
            """
            INSERT INTO questions (question_id, event_id, position, per, label, kind)
            VALUES ($1, $2, 0, 'order', 'What do you eat?', 'text')
            """,
            question_id,
            sale.record.event_id,
        )
        answers = [{"question": text(QUESTION, question_id), "text": answer}]
    client = await browser.stage.connect(http=browser.http)
    held = await hold(client, sale, 1)
    order = {"event": sale.event, "hold": held["hold"], "amount_minor": 1500, "payment": "card_ok"}
    bought = await client.ask("purchase", operation=operation(), answers=answers, **order)
    assert bought["type"] == "purchased", bought
    return bought


async def signed_in(stage: Stage, browser: Browser) -> Person:
    person = await stage.works.people.add(name="Anna")
    await browser.ask("POST", "/session")
    await browser.sign_in(person)
    return person


async def test_a_person_is_handed_everything_that_is_known_of_them(stage: Stage) -> None:
    async with browsing(stage) as browser:
        person = await signed_in(stage, browser)
        first, second = await buy(browser), await buy(browser, "No nuts")
        organisation = {"name": "Harbour", "slug": f"harbour-{fresh().hex()[-12:]}"}
        assert (await browser.ask("POST", "/organisations", organisation))[0] in {200, 201}
        await prove(browser)
        status, found, response = await browser.ask("GET", "/me/data")
        assert status == 200, found
        assert response.headers["Content-Disposition"].startswith("attachment")
        assert response.headers["Cache-Control"] == "no-store"
        assert (found["profile"]["email"], found["profile"]["name"]) == (person.email, "Anna")
        assert [one["organisation"]["name"] for one in found["profile"]["memberships"]] == ["Harbour"]
        assert [one["is_current"] for one in found["sessions"]] == [True]
        assert [one["order"] for one in found["orders"]] == [second["order"], first["order"]]
        assert [one["text"] for one in found["orders"][0]["answers"]] == ["No nuts"]
        codes = [one["code"] for order in found["orders"] for one in order["tickets"]]
        assert codes == [second["tickets"][0]["code"], first["tickets"][0]["code"]]
        assert found["are_all_orders"] is True
        async with browsing(stage) as other:
            await signed_in(stage, other)
            await prove(other)
            _, others, _ = await other.ask("GET", "/me/data")
            assert person.email not in json.dumps(others) and others["orders"] == []


async def test_all_orders_are_handed_over_in_pages_up_to_a_bound(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with browsing(stage) as browser:
        await signed_in(stage, browser)
        bought = [(await buy(browser))["order"] for _ in range(5)]
        # Made at the same moment: none is lost or twice between two pages.
        await stage.works.pool.execute("UPDATE orders SET created_at = date_trunc('second', now())")
        await prove(browser)
        monkeypatch.setattr(orders, "ORDERS_MAX", 2)
        _, found, _ = await browser.ask("GET", "/me/data")
        assert sorted(one["order"] for one in found["orders"]) == sorted(bought)
        assert found["are_all_orders"] is True
        monkeypatch.setattr(orders, "HANDED_OVER_MAX", 4)
        _, found, _ = await browser.ask("GET", "/me/data")
        assert (len(found["orders"]), found["are_all_orders"]) == (4, False)


async def test_neither_without_a_fresh_proof(stage: Stage) -> None:
    async with browsing(stage) as browser:
        for method, path in (("GET", "/me/data"), ("DELETE", "/me")):
            assert (await browser.ask(method, path))[0] == 401
        await signed_in(stage, browser)
        for method, path in (("GET", "/me/data"), ("DELETE", "/me")):
            status, answer, _ = await browser.ask(method, path)
            assert (status, answer["code"]) == (403, "step_up_needed"), path
        # Another site's page can't erase anybody, whatever was proven.
        await prove(browser)
        status, answer, _ = await browser.ask("DELETE", "/me", Origin="https://evil.example")
        assert (status, answer["code"]) == (403, "forbidden")
        assert (await browser.ask("GET", "/me"))[0] == 200


async def test_the_last_owner_is_told_what_to_do_first(stage: Stage) -> None:
    async with browsing(stage) as browser:
        await signed_in(stage, browser)
        organisation = {"name": "Harbour", "slug": f"harbour-{fresh().hex()[-12:]}"}
        _, made, _ = await browser.ask("POST", "/organisations", organisation)
        await prove(browser)
        status, answer, _ = await browser.ask("DELETE", "/me")
        assert (status, answer["code"]) == (409, "last_owner")
        assert answer["details"] == {"organisation": made["id"], "name": "Harbour"}
        assert "owner" in answer["detail"]


async def test_orders_stay_without_the_person(stage: Stage) -> None:
    """The organiser's books are whole; sockets and other sessions of the person are closed."""
    pool = stage.works.pool
    async with browsing(stage) as browser, browsing(stage) as second:
        person = await signed_in(stage, browser)
        await second.sign_in(person)
        bought = await buy(browser, "No nuts")
        socket = await stage.connect(http=second.http)
        await prove(browser)
        assert (await browser.ask("DELETE", "/me"))[0] == 204
        assert await pool.fetchval("SELECT count(*) FROM orders JOIN tickets USING (order_id)") == 1
        assert await pool.fetchval("SELECT label FROM order_answers") == "What do you eat?"
        assert await pool.fetchval("SELECT count(*) FROM user_buyers") == 0
        async with asyncio.timeout(5):
            while (await second.ask("GET", "/me"))[0] != 401:
                await asyncio.sleep(0.02)
            await socket.closed()
        order = await stage.works.orders.find(OrderId(parse(ORDER, bought["order"])))
        assert order is not None
        answers = await stage.works.answers.of_orders([order])
        assert [one.text for one in answers[order.order_id]] == [None]
