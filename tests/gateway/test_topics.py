"""Following events when readers are slow and shards are away. If one of these failed, a page would show for
hours what was true for a moment, or wait for an answer that nobody gives any more.
"""

import asyncio
from typing import Any

import pytest

from domain.roles import Role
from storage.fanout import RedisFanout
from tests.gateway.api.organising import town
from tests.gateway.stage import Stage, Works, eventually, hold, new_sale
from tests.gateway.test_sales_rights import asked, joins, on_sale, socket
from tests.gateway.wire_client import Client


async def test_who_reads_slowly_gets_the_newest_of_both(migrated_dsn: str, redis_url: str) -> None:
    """An organizer may have the sale and its public page over one connection: one must not take the other's
    place.
    """
    async with town(migrated_dsn, redis_url) as place:
        sale = await on_sale(place)
        slow = await socket(await joins(place, sale, Role.OWNER))
        assert (await asked(slow, sale))["type"] == "watching_sales"
        assert (await slow.ask("watch", event=sale.event))["type"] == "watching"
        outbox = next(iter(place.here.gateway.connections)).outbox
        transport: Any = slow.socket._conn.transport  # type: ignore[union-attr]
        transport.pause_reading()
        blob = b"\x82\x7e" + (60_000).to_bytes(2, "big") + b"z" * 60_000
        while outbox._transport.get_write_buffer_size() <= place.here.limits.update_bytes_max:
            outbox._transport.write(blob)
            await asyncio.sleep(0)
        guest = await place.here.guest()
        async with guest:
            await hold(await place.here.connect(http=guest), sale, 3)
            await eventually(lambda: bool(outbox._kept))
            transport.resume_reading()
            newest = {kind: await state_of(slow, kind) for kind in ("availability", "sales")}
        assert newest["availability"]["state"]["ticket_types"][0]["free"] == 97
        assert newest["sales"]["pools"][0]["free"] == 97


async def state_of(client: Client, kind: str) -> dict[str, Any]:
    """The next push of a kind, past what is there only to fill the line."""
    for push in client.pushes:
        if push["type"] == kind:
            return push
    while True:
        message = await client.socket.receive(10)
        if len(message.data) < 60_000:
            push = client.read(message)
            if push["type"] == kind:
                return push
            client.pushes.append(push)


async def test_who_joins_while_the_shard_is_away_is_answered_when_it_is_back(
    stage: Stage, made: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A topic that nobody follows is dropped after a while, and took those with it who were just joining."""
    monkeypatch.setattr("gateway.topics.LINGER_S", 0.1)
    monkeypatch.setattr("gateway.topics.REFRESH_S", 0.2)
    # Without Redis the state is asked of the shard.
    stage.gateway.topics._subscriptions = RedisFanout("redis://127.0.0.1:1/0")
    followed, other = await new_sale(made), await new_sale(made)
    client = await stage.connect()
    assert (await client.ask("watch", event=other.event))["type"] == "watching"
    assert made.handle is not None
    made.handle.state_gate.clear()
    await client.send({"type": "watch", "id": 100, "event": followed.event})
    topics = stage.gateway.topics._topics
    await eventually(lambda: followed.record.event_id in topics)
    assert (await client.ask("unwatch", event=other.event))["type"] == "done"
    # By then the one that is being joined was looked at as well.
    await eventually(lambda: other.record.event_id not in topics)
    made.handle.state_gate.set()
    assert (await client.reply_to(100))["type"] == "watching"
    await hold(client, followed, 2)
    push = await client.until(lambda message: message["type"] == "availability")
    assert push["state"]["ticket_types"][0]["free"] == 98
