"""Opening, keeping and ending connections: if one of these fails, buyers are locked out, or one of them
locks the others out.
"""

import asyncio

import aiohttp
import msgspec
import pytest

from gateway.limits import Rate
from tests.gateway.conftest import Staging
from tests.gateway.stage import ROOMY, Sale, Stage, Works, eventually, hold, new_sale, operation
from tests.gateway.wire_client import Client


async def close_code(stage: Stage, ticket: str) -> int:
    """Open a connection that is to be turned away."""
    socket = await stage.http.ws_connect(f"{stage.url}/ws?ticket={ticket}", protocols=("bilten.v1.json",))
    message = await socket.receive(10)
    assert message.type is aiohttp.WSMsgType.CLOSE, message
    return int(message.data)


async def test_a_ticket_opens_one_connection(stage: Stage) -> None:
    """A ticket that leaks through a log or a referrer must be worthless by then."""
    ticket = await stage.ticket()
    socket = await stage.http.ws_connect(f"{stage.url}/ws?ticket={ticket}", protocols=("bilten.v1.json",))
    assert (await socket.receive_json())["type"] == "welcome"
    assert await close_code(stage, ticket) == 4401
    assert await close_code(stage, "") == 4401
    assert await close_code(stage, "x" * 43) == 4401
    assert stage.metric("bilten_gateway_closes_total", code="4401") == 3


async def test_a_session_is_one_buyer_everywhere(stage: Stage) -> None:
    first, second = await stage.connect(), await stage.connect("bilten.v1.json")
    assert first.welcome["buyer"] == second.welcome["buyer"]
    async with await stage.guest() as http:
        assert (await stage.connect(http=http)).welcome["buyer"] != first.welcome["buyer"]


async def test_a_buyer_has_so_many_connections(staging: Staging) -> None:
    stage = await staging(msgspec.structs.replace(ROOMY, connections_per_buyer_max=2))
    first = await stage.connect()
    await stage.connect()
    assert await close_code(stage, await stage.ticket()) == 4409
    await first.socket.close()
    await eventually(lambda: len(stage.gateway.connections) == 1)
    await stage.connect()


async def test_an_address_has_so_many_connections(staging: Staging) -> None:
    limits = msgspec.structs.replace(ROOMY, connections_per_address_max=2, trust_loopback=False)
    stage = await staging(limits)
    for _ in range(2):
        async with await stage.guest() as http:
            await stage.connect(http=http)
    # Those two ended with their guests.
    await eventually(lambda: len(stage.gateway.connections) == 0)
    await stage.connect()
    await stage.connect()
    async with await stage.guest() as http:
        stage.http, own = http, stage.http
        assert await close_code(stage, await stage.ticket()) == 4409
        stage.http = own


async def test_a_process_has_so_many_connections(staging: Staging) -> None:
    stage = await staging(msgspec.structs.replace(ROOMY, connections_max=1))
    await stage.connect()
    assert await close_code(stage, await stage.ticket()) == 4503


async def test_sockets_are_opened_so_fast(staging: Staging) -> None:
    stage = await staging(msgspec.structs.replace(ROOMY, sockets=Rate(0.01, 2)))
    await stage.connect()
    await stage.connect()
    assert await close_code(stage, await stage.ticket()) == 4409


async def test_goodbye_is_answered(stage: Stage) -> None:
    client = await stage.connect()
    await client.socket.close(code=1000)
    await eventually(lambda: stage.metric("bilten_gateway_closes_total", code="1000") == 1)
    assert client.socket.close_code == 1000


async def test_draining_answers_what_is_under_way_and_closes_1001(stage: Stage, made: Works) -> None:
    """A deployment in the middle of a sale must not cost anybody a ticket."""
    sale = await new_sale(made)
    assert made.handle is not None
    client = await stage.connect()
    await client.ask("watch", event=sale.event)
    made.handle.gate.clear()
    await client.send(
        {"type": "hold", "id": 9, "operation": operation(), "event": sale.event, "lines": sale.lines()}
    )
    await eventually(lambda: len(stage.gateway.turns) == 1)
    draining = asyncio.create_task(stage.gateway.drain())
    push = await client.until(lambda message: message["type"] == "draining")
    assert push["within_ms"] == stage.limits.drain_ms
    async with stage.http.get(f"{stage.url}/readyz") as answer:
        assert answer.status == 503
    async with stage.http.get(f"{stage.url}/livez") as answer:
        assert answer.status == 200
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        await stage.connect()
    assert refusal.value.status == 503
    made.handle.gate.set()
    assert (await client.reply_to(9))["type"] == "held"
    assert await client.closed() == 1001
    await draining


async def test_a_resumed_watch_brings_only_what_is_new(stage: Stage, made: Works) -> None:
    sale = await new_sale(made)
    client = await stage.connect()
    version = (await client.ask("watch", event=sale.event))["version"]
    await client.socket.close()
    again = await stage.connect()
    watching = await again.ask("watch", event=sale.event, version=version)
    assert (watching["version"], watching["state"]) == (version, None)
    await again.socket.close()

    async with await stage.guest() as http:
        await hold(await stage.connect(http=http), sale)
    later = await stage.connect()
    watching = await later.ask("watch", event=sale.event, version=version)
    if watching["version"] == version:  # the notice is on its way
        watching = await later.until(lambda message: message["type"] == "availability")
    assert watching["version"] > version
    assert watching["state"]["ticket_types"][0]["free"] == 99


async def test_unwatch_ends_the_pushes(stage: Stage, made: Works) -> None:
    sale = await new_sale(made)
    client = await stage.connect()
    await client.ask("watch", event=sale.event)
    assert (await client.ask("unwatch", event=sale.event))["type"] == "done"
    watcher = await stage.connect()
    await watcher.ask("watch", event=sale.event)
    await hold(watcher, sale)
    await watcher.until(lambda message: message["type"] == "availability")
    assert (await client.ask("ping"))["type"] == "pong"
    assert not client.pushes


async def test_what_is_not_there_is_not_found(stage: Stage) -> None:
    client = await stage.connect()
    for event in ("event_" + "0" * 26, "evening-of-nothing-with-28-letters"):
        assert (await client.ask("watch", event=event))["code"] == "not_found"


async def test_a_hold_is_extended_and_its_end_announced(stage: Stage, made: Works) -> None:
    sale = await new_sale(made, hold_seconds=1)
    client = await stage.connect()
    await client.ask("watch", event=sale.event)
    held = await hold(client, sale)
    extended_hold = await hold(client, sale)
    extended = await client.ask("extend", operation=operation(), event=sale.event, hold=extended_hold["hold"])
    assert extended["expires_at_ms"] > extended_hold["expires_at_ms"]
    warned = await client.until(lambda message: message["type"] == "hold_expiring")
    assert (warned["hold"], warned["expires_at_ms"]) == (held["hold"], held["expires_at_ms"])
    gone = await client.until(lambda message: message["type"] == "hold_expired")
    assert gone["hold"] == held["hold"]


async def test_the_opening_is_announced_at_its_time(stage: Stage, made: Works) -> None:
    """Nothing happens in the journal when a sale opens by the clock: the gateway has to say so by itself."""
    sale = await new_sale(made, opens_in_ms=700)
    client = await stage.connect()
    watching = await client.ask("watch", event=sale.event)
    assert watching["state"]["status"] == "scheduled"
    early = await client.ask("hold", operation=operation(), event=sale.event, lines=sale.lines())
    assert early["code"] == "sale_not_open" and 0 < early["retry_after_ms"] <= 700
    push = await client.until(lambda message: message["type"] == "availability")
    assert push["state"]["status"] == "open"
    assert (await client.ask("ping"))["time_ms"] >= watching["state"]["opens_at_ms"]
    await hold(client, sale)


async def test_without_redis_sales_go_on_and_payments_are_refused(stage: Stage, made: Works) -> None:
    """Losing Redis makes things slower, and lets nobody try a thousand cards."""
    from storage.fanout import RedisFanout
    from storage.limits import RedisLimits

    nowhere = "redis://127.0.0.1:1/0"
    sale = await new_sale(made)
    stage.gateway.limiter._shared = RedisLimits(nowhere)
    stage.gateway.topics._subscriptions = RedisFanout(nowhere)
    client = await stage.connect()
    watching = await client.ask("watch", event=sale.event)
    assert watching["state"]["ticket_types"][0]["free"] == 100
    held = await hold(client, sale)
    # No notice comes, so the state is asked of the shard.
    push = await client.until(lambda message: message["type"] == "availability")
    assert push["state"]["ticket_types"][0]["free"] == 99
    refused = await client.ask(
        "purchase",
        operation=operation(),
        event=sale.event,
        hold=held["hold"],
        amount_minor=1500,
        payment="card_ok",
    )
    assert (refused["code"], refused["retry_after_ms"]) == ("busy", 1000)


async def test_purchases_of_a_buyer_are_limited(staging: Staging, made: Works) -> None:
    rates = msgspec.structs.replace(ROOMY.api, purchase=Rate(0.1, 2))
    stage = await staging(msgspec.structs.replace(ROOMY, api=rates))
    sale = await new_sale(made)
    client = await stage.connect()
    held = await hold(client, sale)
    answers = [
        await client.ask(
            "purchase",
            operation=operation(),
            event=sale.event,
            hold=held["hold"],
            amount_minor=1500,
            payment="card_declined",
        )
        for _ in range(3)
    ]
    assert [answer["code"] for answer in answers] == ["payment_declined", "payment_declined", "rate_limited"]


async def decline(client: Client, sale: Sale) -> str:
    """Pay with a card that is declined, and return the refusal's code."""
    held = await hold(client, sale)
    refusal = await client.ask(
        "purchase",
        operation=operation(),
        event=sale.event,
        hold=held["hold"],
        amount_minor=1500,
        payment="card_declined",
    )
    return str(refusal["code"])


@pytest.mark.parametrize("is_trusted", [False, True])
async def test_purchases_of_an_address_are_limited(staging: Staging, made: Works, is_trusted: bool) -> None:
    """A new guest's session for every few cards would be a way to try as many as one likes."""
    limits = msgspec.structs.replace(ROOMY, purchases_of_address=Rate(0.1, 2), trust_loopback=is_trusted)
    stage = await staging(limits)
    sale = await new_sale(made)
    checks, codes, items = made.shared_limits._trips.checks, [], []
    for _ in range(3):
        async with await stage.guest() as http:
            client = await stage.connect(http=http)
            before = checks.batches, checks.items
            codes.append(await decline(client, sale))
            assert checks.batches == before[0] + 1, "what is asked at once has to travel together"
            items.append(checks.items - before[1])
    assert codes == ["payment_declined"] * 2 + ["payment_declined" if is_trusted else "rate_limited"]
    assert items == [1 if is_trusted else 2] * 3


async def test_a_slow_reader_gets_the_latest_state_not_a_backlog(stage: Stage) -> None:
    """Updates that pile up for one phone in a tunnel would fill our memory and be stale when they come."""
    client = await stage.connect()
    await client.ask("ping")
    (session,) = stage.gateway.connections
    transport = client.socket._conn.transport  # type: ignore[union-attr]
    transport.pause_reading()  # type: ignore[union-attr]
    blob = b"z" * 60_000
    while session.outbox._transport.get_write_buffer_size() <= stage.limits.update_bytes_max:
        session.outbox._transport.write(b"\x82\x7e" + len(blob).to_bytes(2, "big") + blob)
        await asyncio.sleep(0)
    for number in range(100):
        session.outbox.update(b"topic", b"\x82\x01" + bytes((number,)))
    assert stage.metric("bilten_gateway_updates_replaced_total") == 99
    transport.resume_reading()  # type: ignore[union-attr]
    last = b""
    async with asyncio.timeout(10):
        while len(last) != 1:
            last = (await client.socket.receive()).data
    assert last == bytes((99,))


async def test_an_address_asks_the_api_so_often(staging: Staging) -> None:
    stage = await staging(msgspec.structs.replace(ROOMY, http=Rate(0.1, 3), trust_loopback=False))
    statuses = []
    for _ in range(5):
        async with stage.http.get(f"{stage.url}/api/v1/events") as answer:
            statuses.append(answer.status)
    assert statuses == [200, 200, 200, 429, 429]
