"""The Python client against the real gateway: if these fail, the client or docs/protocol.md is wrong."""

import asyncio
import random

import pytest

from client import (
    BiltenClient,
    ClientSettings,
    GaveUp,
    HoldExpired,
    HoldExpiring,
    NotConnected,
    Notice,
    Refused,
)
from client.link import LinkSettings
from domain.ids import HOLD, OPERATION, parse
from tests.gateway.stage import Sale, Stage, Works, eventually, new_sale

QUICK = ClientSettings(answer_s=10.0, link=LinkSettings(retry_s_min=0.01, retry_s_max=0.1))


async def test_a_buyer_gets_the_tickets_that_were_held(stage: Stage, sale: Sale) -> None:
    """A typed answer that is not what the gateway said would sell people the wrong thing."""
    async with BiltenClient(stage.url, settings=QUICK) as client:
        held = await client.hold(sale.event, {sale.types[0]: 2, sale.types[1]: 1})
        assert held.quantity == 3
        assert held.amount_minor == 2 * 1500 + 950
        assert held.expires_at_ms > client.server_time_ms()
        bought = await client.purchase(held, "card_ok")
        assert bought.amount_minor == held.amount_minor
        assert len({ticket.code for ticket in bought.tickets}) == 3
        (order,) = await client.orders()
        assert order["order"] == bought.order


async def test_a_refusal_is_an_exception_with_a_code(stage: Stage, sale: Sale) -> None:
    """Callers branch on codes; a refusal taken for an answer would be worse than a crash."""
    async with BiltenClient(stage.url, settings=QUICK) as client:
        with pytest.raises(Refused) as refused:
            await client.hold(sale.event, {sale.types[0]: 11})
        assert refused.value.code in {"quantity_out_of_range", "buyer_limit"}
        held = await client.hold(sale.event, {sale.types[0]: 1})
        with pytest.raises(Refused) as declined:
            await client.purchase(held, "card_declined")
        assert declined.value.code == "payment_declined"
        await client.release(sale.event, held.hold)
        with pytest.raises(Refused) as gone:
            await client.purchase(held, "card_ok")
        assert gone.value.code == "hold_not_found"


async def test_the_same_operation_twice_is_one_hold(stage: Stage, sale: Sale) -> None:
    """The hold is named by its operation: asking again must not take a second place."""
    async with BiltenClient(stage.url, settings=QUICK) as client:
        operation = client.new_operation()
        first = await client.hold(sale.event, {sale.types[0]: 1}, operation=operation)
        again = await client.hold(sale.event, {sale.types[0]: 1}, operation=operation)
        assert first == again
        assert parse(HOLD, first.hold) == parse(OPERATION, operation)


async def test_what_was_under_way_survives_a_lost_connection(stage: Stage, sale: Sale) -> None:
    """A purchase whose connection dies must end in one order, with no word from the caller."""
    async with BiltenClient(stage.url, settings=QUICK) as client:
        held = await client.hold(sale.event, {sale.types[0]: 2})
        paying = asyncio.create_task(client.purchase(held, "card_slow"))
        await eventually(lambda: any(session.in_flight for session in stage.gateway.connections))
        client.disconnect()
        bought = await paying
        assert len(bought.tickets) == 2
        assert client.connections == 2
        assert len(await client.orders()) == 1


async def test_an_answer_that_does_not_come_can_be_asked_for_again(
    made: Works, stage: Stage, sale: Sale
) -> None:
    """`GaveUp` without the operation's id would leave the caller unable to find out what happened."""
    assert made.handle is not None
    impatient = ClientSettings(answer_s=0.3, link=QUICK.link)
    async with BiltenClient(stage.url, settings=impatient) as client:
        made.handle.gate.clear()
        with pytest.raises(GaveUp) as gave_up:
            await client.hold(sale.event, {sale.types[0]: 1})
        made.handle.gate.set()
    operation = gave_up.value.operation
    assert operation is not None
    async with BiltenClient(stage.url, cookies=client.cookies, settings=QUICK) as again:
        held = await again.hold(sale.event, {sale.types[0]: 1}, operation=operation)
        assert parse(HOLD, held.hold) == parse(OPERATION, operation)


async def test_cookies_make_the_same_buyer(stage: Stage, sale: Sale) -> None:
    """Somebody who comes back must find the hold that is theirs; somebody else must not."""
    async with BiltenClient(stage.url, settings=QUICK) as first:
        held = await first.hold(sale.event, {sale.types[0]: 1})
    async with BiltenClient(stage.url, settings=QUICK) as stranger:
        with pytest.raises(Refused) as refused:
            await stranger.purchase(held, "card_ok")
        assert refused.value.code == "hold_not_found"
    async with BiltenClient(stage.url, cookies=first.cookies, settings=QUICK) as back:
        assert back.buyer == first.buyer
        assert (await back.purchase(held, "card_ok")).tickets


async def test_watching_shows_the_count_fall_and_goes_on_after_a_lost_connection(
    stage: Stage, sale: Sale
) -> None:
    """A page that stops counting when the connection was lost shows tickets that are gone."""
    kind = sale.types[0]
    async with (
        BiltenClient(stage.url, settings=QUICK) as watcher,
        BiltenClient(stage.url, settings=QUICK) as buyer,
        watcher.watch(sale.event) as states,
    ):
        assert (await anext(states)).free(kind) == 100
        await buyer.hold(sale.event, {kind: 3})
        async with asyncio.timeout(10):
            while (await anext(states)).free(kind) != 97:
                pass
            watcher.disconnect()
            await buyer.hold(sale.event, {kind: 2})
            while (await anext(states)).free(kind) != 95:
                pass


async def test_two_who_follow_what_is_not_there_are_both_told(stage: Stage) -> None:
    """The second one went by the question of the first, and waited for ever for its answer."""
    async with BiltenClient(stage.url, settings=QUICK) as client:
        nowhere = "event_" + "0" * 26
        async with asyncio.timeout(10):
            found = await asyncio.gather(
                *(client.watch(nowhere).__aenter__() for _ in range(2)), return_exceptions=True
            )
        assert [one.code for one in found if isinstance(one, Refused)] == ["not_found"] * 2


async def test_a_buyer_hears_of_the_end_of_a_hold(made: Works, stage: Stage) -> None:
    """Without these a page shows a reservation that is over."""
    short = await new_sale(made, hold_seconds=1)
    heard: list[Notice] = []
    async with (
        BiltenClient(stage.url, settings=QUICK, on_notice=heard.append) as client,
        client.watch(short.event),
    ):
        held = await client.hold(short.event, {short.types[0]: 1})
        await eventually(lambda: HoldExpired(short.event, held.hold) in heard)
        assert any(isinstance(notice, HoldExpiring) and notice.hold == held.hold for notice in heard)


async def test_an_extension_lasts_longer(stage: Stage, sale: Sale) -> None:
    """The answer's new expiry is what the countdown runs to."""
    async with BiltenClient(stage.url, settings=QUICK) as client:
        held = await client.hold(sale.event, {sale.types[0]: 1})
        extended = await client.extend(sale.event, held.hold)
        assert extended.expires_at_ms > held.expires_at_ms
        with pytest.raises(Refused) as refused:
            await client.extend(sale.event, held.hold)
        assert refused.value.code == "already_extended"


async def test_the_servers_clock_is_learnt(stage: Stage) -> None:
    """A countdown by a wrong clock opens the sale too late for this buyer."""
    hour_s = 3600.0
    real = asyncio.get_running_loop().time
    began = real()
    wrong = 1_000_000_000.0
    async with BiltenClient(stage.url, settings=QUICK, clock=lambda: wrong + real() - began) as client:
        await client.ping()
        assert abs(client.server_time_ms() - stage.works.clock()) < hour_s
        assert abs(client.server_time_ms() - stage.works.clock()) < 500


async def test_nobody_there_is_said_and_not_waited_for_for_ever(stage: Stage) -> None:
    """A client that hangs where there is no server is a program that hangs."""
    await stage.site.stop()
    nobody = ClientSettings(link=LinkSettings(open_s=0.3, retry_s_min=0.01, retry_s_max=0.05))
    client = BiltenClient(stage.url, settings=nobody, rng=random.Random(1))
    with pytest.raises(NotConnected):
        await client.open()
    with pytest.raises(NotConnected):
        await client.hold("event_0", {"type_0": 1})


async def test_closing_tells_those_who_wait(made: Works, stage: Stage, sale: Sale) -> None:
    """A task that waits for a client that was closed would wait for ever."""
    assert made.handle is not None
    client = BiltenClient(stage.url, settings=QUICK)
    await client.open()
    made.handle.gate.clear()
    waiting = asyncio.create_task(client.hold(sale.event, {sale.types[0]: 1}))
    await eventually(lambda: any(session.in_flight for session in stage.gateway.connections))
    await client.close()
    with pytest.raises(NotConnected):
        await waiting
    made.handle.gate.set()
