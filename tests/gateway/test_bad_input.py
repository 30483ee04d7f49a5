"""What gateways are sent by mistake or malice. Each gets a refusal or a documented close code, is counted,
and harms nobody else: if one of these fails, one client can take the sale from everybody.
"""

import asyncio
import base64
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import msgpack
import msgspec
import pytest

from domain.wire import CLOSE_CODES
from gateway.limits import Rate
from tests.gateway.conftest import Staging
from tests.gateway.stage import (
    ROOMY,
    Stage,
    Works,
    eventually,
    hold,
    new_sale,
    nonsense,
    operation,
)
from tests.gateway.wire_client import Client

DEEP = 10_000


@asynccontextmanager
async def bystander(stage: Stage) -> AsyncIterator[None]:
    """Somebody else, who is served all the while."""
    async with await stage.guest() as http:
        other = await stage.connect(http=http)

        async def be_served() -> None:
            while True:
                assert (await other.ask("ping"))["type"] in {"pong", "refused"}
                await asyncio.sleep(0.05)

        served = asyncio.create_task(be_served())
        yield
        assert not served.done(), served.exception()
        served.cancel()
        await asyncio.gather(served, return_exceptions=True)
        await other.socket.close()


def refusals(stage: Stage, code: str) -> float:
    return stage.metric("bilten_gateway_refusals_total", code=code)


def closes(stage: Stage, code: int) -> float:
    assert code in CLOSE_CODES
    return stage.metric("bilten_gateway_closes_total", code=str(code))


async def refused(client: Client, data: bytes) -> dict[str, object]:
    await client.socket.send_bytes(data)
    reply = await client.receive()
    assert reply["type"] == "refused", reply
    return reply


@pytest.mark.parametrize(
    ("data", "request_id", "code"),
    [
        pytest.param(b"\xc1not msgpack", None, "malformed", id="not msgpack"),
        pytest.param(b"", None, "malformed", id="nothing"),
        pytest.param(msgpack.packb([1, 2]), None, "malformed", id="no map"),
        pytest.param(msgpack.packb({"type": "ping"}), None, "malformed", id="no id"),
        pytest.param(msgpack.packb({"type": "ping", "id": -1}), None, "malformed", id="a negative id"),
        pytest.param(msgpack.packb({"type": "ping", "id": 2**60}), None, "malformed", id="a huge id"),
        pytest.param(msgpack.packb({"type": "watch", "id": 3, "event": 5}), 3, "malformed", id="wrong type"),
        pytest.param(msgpack.packb({"type": "watch", "id": 3}), 3, "malformed", id="a missing field"),
        pytest.param(msgpack.packb({"type": "sing", "id": 4}), 4, "unknown_type", id="an unknown message"),
        pytest.param(msgpack.packb({"type": ["sing"], "id": 4}), 4, "malformed", id="a type that is none"),
        pytest.param(
            b"\x83" + msgpack.packb("type") + msgpack.packb("ping") + msgpack.packb("id") + b"\x01"
            + msgpack.packb("x") + b"\x91" * DEEP + b"\xc0",
            None,
            "malformed",
            id="10,000 nested levels",
        ),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_refused(
    stage: Stage, data: bytes, request_id: int | None, code: str
) -> None:
    async with bystander(stage):
        client = await stage.connect()
        reply = await refused(client, data)
        assert (reply["id"], reply["code"]) == (request_id, code)
        assert refusals(stage, code) == 1
        assert stage.metric("bilten_gateway_messages_total", type="unreadable") == 1
        # One mistake does not end the connection.
        assert (await client.ask("ping"))["type"] == "pong"


async def test_nested_json_is_refused(stage: Stage) -> None:
    async with bystander(stage):
        client = await stage.connect("bilten.v1.json")
        await client.socket.send_str('{"type":"ping","id":1,"x":' + "[" * DEEP + "]" * DEEP + "}")
        assert (await client.receive())["code"] == "malformed"


async def test_a_wrong_identifier_is_refused_by_its_field(stage: Stage, made: Works) -> None:
    sale = await new_sale(made)
    client = await stage.connect()
    # Of the right length, but of another kind.
    reply = await client.ask(
        "hold", operation=sale.types[0].replace("type_", "hold_"), event=sale.event, lines=sale.lines()
    )
    assert reply["code"] == "malformed"
    reply = await client.ask(
        "hold", operation=operation(), event=sale.event.replace("event", "pools"), lines=sale.lines()
    )
    assert reply["code"] == "not_found"


async def test_many_unreadable_messages_close_the_connection(stage: Stage) -> None:
    async with bystander(stage):
        client = await stage.connect()
        for _ in range(ROOMY.unreadable_max):
            await client.socket.send_bytes(b"\xc1" + nonsense(20))
        assert await client.closed() == 4400
        await eventually(lambda: closes(stage, 4400) == 1)


async def test_an_oversized_message_closes_the_connection(stage: Stage) -> None:
    async with bystander(stage):
        client = await stage.connect()
        await client.socket.send_bytes(b"x" * (ROOMY.message_bytes_max + 1))
        assert await client.closed() == 1009
        await eventually(lambda: closes(stage, 1009) == 1)


async def test_a_message_in_many_small_pieces_is_as_large_as_it_is(stage: Stage) -> None:
    """Fragments count together, or the bound would be none."""
    client = await stage.connect()
    writer = client.socket._writer
    piece = b"x" * 8192
    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        for number in range(1000):
            frame = (
                bytes([0x02 if number == 0 else 0x00, 0xFE])
                + struct.pack(">H", len(piece))
                + bytes(4)
                + piece
            )
            writer.transport.write(frame)
            await asyncio.sleep(0)
            if client.socket.closed or writer.transport.is_closing():
                raise ConnectionResetError
    await eventually(lambda: closes(stage, 1009) == 1)


async def test_text_where_binary_is_spoken_closes_the_connection(stage: Stage) -> None:
    client = await stage.connect()
    await client.socket.send_str("{}")
    assert await client.closed() == 1003
    await eventually(lambda: closes(stage, 1003) == 1)


async def test_a_broken_frame_closes_the_connection(stage: Stage) -> None:
    client = await stage.connect()
    client.socket._writer.transport.write(bytes([0x83, 0x80]) + bytes(4))  # opcode 3 is reserved
    assert await client.closed() == 1002
    await eventually(lambda: closes(stage, 1002) == 1)


@pytest.mark.parametrize("offered", [(), ("bilten.v2.msgpack",), ("chat", "graphql-ws")])
async def test_another_version_or_subprotocol_is_not_upgraded(stage: Stage, offered: tuple[str, ...]) -> None:
    async with bystander(stage):
        ticket = await stage.ticket()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await stage.http.ws_connect(f"{stage.url}/ws?ticket={ticket}", protocols=offered)
        assert refusal.value.status == 400
        assert stage.metric("bilten_gateway_upgrades_rejected_total", why="subprotocol") == 1


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
async def test_an_upgrade_from_a_foreign_origin_is_refused(stage: Stage, origin: str) -> None:
    """Otherwise any page that a buyer visits could buy in their name."""
    async with bystander(stage):
        ticket = await stage.ticket()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await stage.http.ws_connect(
                f"{stage.url}/ws?ticket={ticket}", protocols=("bilten.v1.json",), origin=origin
            )
        assert refusal.value.status == 403
        assert stage.metric("bilten_gateway_upgrades_rejected_total", why="origin") == 1


@pytest.mark.parametrize("origin", ["https://partner.example", "SELF"])
async def test_an_allowed_origin_is_upgraded(stage: Stage, origin: str) -> None:
    client = await stage.connect(origin=stage.url if origin == "SELF" else origin)
    assert (await client.ask("ping"))["type"] == "pong"


async def test_a_request_id_in_use_is_refused_and_the_first_request_goes_on(
    stage: Stage, made: Works
) -> None:
    sale = await new_sale(made)
    assert made.handle is not None
    async with bystander(stage):
        client = await stage.connect()
        await client.ask("watch", event=sale.event)
        made.handle.gate.clear()
        message = {"type": "hold", "id": 77, "event": sale.event, "lines": sale.lines()}
        await client.send({**message, "operation": operation()})
        await client.send({**message, "operation": operation()})
        reply = await client.reply_to(77)
        assert reply["code"] == "duplicate_request"
        made.handle.gate.set()
        assert (await client.reply_to(77))["type"] == "held"
        assert refusals(stage, "duplicate_request") == 1
        # Answered, the id may be used again.
        await client.send({"type": "ping", "id": 77})
        assert (await client.reply_to(77))["type"] == "pong"


async def test_a_flood_is_refused_then_closed(staging: Staging, made: Works) -> None:
    stage = await staging(msgspec.structs.replace(ROOMY, requests=Rate(20.0, 40), refused_rate_max=100))
    async with bystander(stage):
        client = await stage.connect()
        for number in range(140):
            await client.send({"type": "ping", "id": number})
        replies = []
        while True:
            message = await client.socket.receive(10)
            if message.type is not aiohttp.WSMsgType.BINARY:
                break
            replies.append(msgpack.unpackb(message.data))
        assert client.socket.close_code == 4429
        assert sum(reply["type"] == "pong" for reply in replies) >= 40
        late = [reply for reply in replies if reply["type"] == "refused"]
        assert late and all(reply["code"] == "rate_limited" and reply["retry_after_ms"] > 0 for reply in late)
        await eventually(lambda: closes(stage, 4429) == 1)


async def test_a_client_that_never_reads_is_closed_and_harms_nobody(staging: Staging, made: Works) -> None:
    """Its receipts would pile up in our memory for ever."""
    stage = await staging(msgspec.structs.replace(ROOMY, outbox_bytes_max=65_536))
    async with bystander(stage):
        reader, writer = await raw_websocket(stage, receive_buffer=4096)
        ping = masked(0x82, msgpack.packb({"type": "ping", "id": 1, "x": "y" * 10}))
        try:
            async with asyncio.timeout(30):
                while closes(stage, 4413) == 0:
                    writer.write(ping * 100)
                    await asyncio.sleep(0.001)
        finally:
            writer.transport.abort()
        await eventually(lambda: len(stage.gateway.connections) == 1)
        del reader


async def test_one_that_sends_a_byte_a_second_is_closed(staging: Staging) -> None:
    """A frame that never ends is no sign of life: no deadline may be held off by it."""
    stage = await staging(msgspec.structs.replace(ROOMY, heartbeat_ms=150, handshake_ms=5_000))
    async with bystander(stage):
        _, writer = await raw_websocket(stage)
        writer.write(masked(0x82, msgpack.packb({"type": "ping", "id": 1})))
        slow = masked(0x82, b"z" * 100)
        for byte in slow:
            if writer.transport.is_closing() or closes(stage, 4408) == 1:
                break
            writer.write(bytes((byte,)))
            await asyncio.sleep(0.05)
        await eventually(lambda: closes(stage, 4408) == 1)
        writer.transport.abort()


async def test_a_connection_that_says_nothing_is_closed(staging: Staging) -> None:
    stage = await staging(msgspec.structs.replace(ROOMY, handshake_ms=1_000))
    client = await stage.connect()
    assert await client.closed() == 4408


async def test_a_head_that_trickles_in_is_closed(staging: Staging) -> None:
    """Before it is a websocket, a connection has a deadline too."""
    stage = await staging(msgspec.structs.replace(ROOMY, handshake_ms=300))
    async with bystander(stage):
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(b"GET /ws HTTP/1.1\r\nHost: x\r\n")

        async def trickle() -> None:
            for number in range(1000):
                writer.write(b"X-%d: y\r\n" % number)
                await asyncio.sleep(0.05)

        slow = asyncio.create_task(trickle())
        assert await asyncio.wait_for(reader.read(), 10) is not None
        slow.cancel()
        writer.close()


async def test_a_silent_but_living_client_is_kept(staging: Staging) -> None:
    """A page that only watches sends nothing but its browser's pongs."""
    stage = await staging(msgspec.structs.replace(ROOMY, heartbeat_ms=400))
    client = await stage.connect()
    await client.ask("ping")
    reading = asyncio.create_task(client.socket.receive())
    loop = asyncio.get_running_loop()
    until = loop.time() + 3
    await eventually(lambda: loop.time() > until)
    assert not client.socket.closed
    reading.cancel()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00SECRET\r\n\r\n", id="another protocol"),
        pytest.param(b"GET /" + b"SECRET" * 1_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", id="a long address"),
        pytest.param(b"GET / HTTP/1.1\r\nCookie: " + b"SECRET" * 2_000 + b"\r\n\r\n", id="a long cookie"),
        pytest.param(
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6SECRET\r\n\r\n", id="two lengths"
        ),
    ],
)
async def test_what_is_no_http_is_counted_and_not_logged(
    stage: Stage, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with bystander(stage):
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(sent)
        assert b" 400 " in await asyncio.wait_for(reader.readline(), 10)
        writer.close()
    assert stage.metric("bilten_gateway_unreadable_requests_total") == 1
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/organisations/x/import", "/qr.svg"])
async def test_a_hundred_megabytes_are_refused_before_they_are_read(stage: Stage, path: str) -> None:
    async with bystander(stage):
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n".encode()
            + b"Content-Type: application/json\r\n\r\n"
            + b"x" * 1000
        )
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        assert b" 413 " in head
        # The connection is of no more use: what comes after is not taken for a request.
        await asyncio.wait_for(reader.read(), 10)
        writer.close()


def masked(first: int, payload: bytes) -> bytes:
    """A client's frame, masked with zeros."""
    if len(payload) < 126:
        return bytes([first, 0x80 | len(payload)]) + bytes(4) + payload
    return bytes([first, 0xFE]) + struct.pack(">H", len(payload)) + bytes(4) + payload


async def raw_websocket(
    stage: Stage, receive_buffer: int | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A websocket without a client library, so that it can misbehave. Stops reading after the handshake."""
    ticket = await stage.ticket()
    raw = socket.socket()
    if receive_buffer:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", stage.port))
    reader, writer = await asyncio.open_connection(sock=raw, limit=2**12)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /ws?ticket={ticket} HTTP/1.1\r\nHost: 127.0.0.1:{stage.port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        f"Sec-WebSocket-Protocol: bilten.v1.msgpack\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    reading: Any = writer.transport
    reading.pause_reading()
    return reader, writer


async def test_a_hold_of_an_unknown_ticket_type_is_refused(stage: Stage, made: Works) -> None:
    sale, other = await new_sale(made), await new_sale(made)
    client = await stage.connect()
    reply = await client.ask("hold", operation=operation(), event=sale.event, lines=other.lines())
    assert reply["code"] == "unknown_ticket_type"
    assert (await hold(client, sale))["type"] == "held"
