"""What a browser holds as a guest, after somebody has signed in there. If one failed, a reservation would be
lost by signing in to pay for it, somebody could take over what another holds, or a limit could be passed.
"""

from typing import Any

import pytest

from domain.ids import BUYER, text
from tests.gateway.api.test_users import Browser, browsing
from tests.gateway.stage import Sale, Stage, hold, new_sale, operation
from tests.gateway.wire_client import Client
from tests.people import Person


async def guest(browser: Browser) -> Client:
    await browser.ask("POST", "/session")
    return await browser.stage.connect(http=browser.http)


async def signed_in(browser: Browser, person: Person) -> Client:
    await browser.sign_in(person)
    return await browser.stage.connect(http=browser.http)


async def pay(client: Client, sale: Sale, held: dict[str, Any], name: str = "") -> dict[str, Any]:
    return await client.ask(
        "purchase",
        operation=name or operation(),
        event=sale.event,
        hold=held["hold"],
        amount_minor=held["amount_minor"],
        payment="card_ok",
    )


async def change(client: Client, kind: str, sale: Sale, held: dict[str, Any]) -> dict[str, Any]:
    return await client.ask(kind, operation=operation(), event=sale.event, hold=held["hold"])


async def test_a_guests_hold_is_paid_for_after_signing_in(stage: Stage) -> None:
    sale = await new_sale(stage.works)
    person = await stage.works.people.add()
    async with browsing(stage) as browser:
        before = await guest(browser)
        held = await hold(before, sale, 2)
        client = await signed_in(browser, person)
        assert client.welcome["buyer"] == text(BUYER, person.buyer_id)
        assert client.welcome["guest"] == before.welcome["buyer"]
        extended = await change(client, "extend", sale, held)
        assert extended["type"] == "extended", extended
        name = operation()
        bought = await pay(client, sale, held, name)
        assert bought["type"] == "purchased", bought
        assert await pay(client, sale, held, name) == {**bought, "id": bought["id"] + 1}, (
            "once, however often"
        )
        _, orders, _ = await browser.ask("GET", "/me/orders")
        assert [one["order"] for one in orders["items"]] == [bought["order"]]
        buyer = await stage.works.pool.fetchval("SELECT buyer_id FROM orders")
        assert text(BUYER, buyer) == before.welcome["buyer"], "counted where it was held"


async def test_or_given_back(stage: Stage) -> None:
    sale = await new_sale(stage.works, capacity=2)
    async with browsing(stage) as browser:
        held = await hold(await guest(browser), sale, 2)
        client = await signed_in(browser, await stage.works.people.add())
        assert (await change(client, "release", sale, held))["type"] == "released"
        await hold(client, sale, 2)


async def test_the_memory_of_another_process_is_not_needed(stage: Stage) -> None:
    """The gateway that is asked after signing in may have heard nothing of the hold."""
    sale = await new_sale(stage.works)
    async with browsing(stage) as browser:
        held = await hold(await guest(browser), sale)
        client = await signed_in(browser, await stage.works.people.add())
        stage.works.tickets._agreed.clear()
        assert (await change(client, "extend", sale, held))["type"] == "extended"
        stage.works.tickets._agreed.clear()
        assert (await pay(client, sale, held))["type"] == "purchased"


async def test_signing_in_again_in_the_same_browser_keeps_it(stage: Stage) -> None:
    sale = await new_sale(stage.works)
    person = await stage.works.people.add()
    async with browsing(stage) as browser:
        held = await hold(await guest(browser), sale)
        await browser.sign_in(person)
        client = await signed_in(browser, person)
        assert (await pay(client, sale, held))["type"] == "purchased"


@pytest.mark.parametrize("kind", ["extend", "release", "purchase"])
async def test_nobody_else_can_touch_it(stage: Stage, kind: str) -> None:
    """Not another guest, not another user, not one who signs in after in the same browser, and not even the
    same user in a browser that has held nothing.
    """
    sale = await new_sale(stage.works)
    owner, other = await stage.works.people.add(), await stage.works.people.add()
    async with browsing(stage) as browser, browsing(stage) as second, browsing(stage) as third:
        held = await hold(await guest(browser), sale)

        async def tried(client: Client) -> str:
            done = await (pay(client, sale, held) if kind == "purchase" else change(client, kind, sale, held))
            return str(done.get("code"))

        found = [await tried(await guest(second)), await tried(await signed_in(second, other))]
        await browser.sign_in(owner)
        # The next one at the same computer, without the first having signed out.
        after = await signed_in(browser, other)
        assert after.welcome.get("guest") is None
        found += [await tried(after), await tried(await signed_in(third, owner))]
        assert found == ["hold_not_found"] * 4
    assert await stage.works.pool.fetchval("SELECT count(*) FROM orders") == 0


async def test_a_guest_who_is_another_users_already_stays_theirs(stage: Stage) -> None:
    """Their old cookie in a browser does not give it to who signs in there."""
    sale = await new_sale(stage.works)
    owner, other = await stage.works.people.add(), await stage.works.people.add()
    async with browsing(stage) as browser:
        before = await guest(browser)
        held = await hold(before, sale)
        await stage.works.pool.execute(
            "INSERT INTO user_buyers SELECT buyer_id, $1 FROM sessions WHERE user_id IS NULL", owner.user_id
        )
        client = await signed_in(browser, other)
        assert client.welcome.get("guest") is None
        assert (await pay(client, sale, held))["code"] == "hold_not_found"


async def test_the_limit_of_each_buyer_stays_exact(stage: Stage) -> None:
    """What the account pays for as its guest is counted as the guest's, before and after; the account's own
    is not made larger or smaller by it.
    """
    sale = await new_sale(stage.works, buyer_limit=3)
    person = await stage.works.people.add()
    async with browsing(stage) as browser:
        before = await guest(browser)
        held = await hold(before, sale, 2)
        client = await signed_in(browser, person)
        assert (await pay(client, sale, held))["type"] == "purchased"
        lines = sale.lines(4)
        refused = await client.ask("hold", operation=operation(), event=sale.event, lines=lines)
        assert refused["code"] == "buyer_limit", refused
        own = await hold(client, sale, 3)
        refused = await client.ask("hold", operation=operation(), event=sale.event, lines=sale.lines(1))
        assert refused["code"] == "buyer_limit", refused
        assert (await pay(client, sale, own))["type"] == "purchased"
    counts = await stage.works.pool.fetch("SELECT count(*) FROM tickets GROUP BY buyer_id ORDER BY 1")
    assert [row[0] for row in counts] == [2, 3]
