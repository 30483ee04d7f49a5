"""The protocol without I/O: if one of these fails, clients and gateway no longer understand each other."""

import asyncio
import json
import random
import re

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import wire
from domain.refusals import Code, Refusal
from gateway.protocol import (
    DIALECTS,
    JSON,
    MSGPACK,
    SERVER_TYPES,
    Dialect,
    Unreadable,
    close_frame,
    frame,
    negotiate,
    refused,
)
from gateway.protocol_page import PAGE, render

BOTH = pytest.mark.parametrize("dialect", [MSGPACK, JSON], ids=["msgpack", "json"])


def plain(dialect: Dialect, payload: bytes) -> object:
    """Read a payload with libraries that know nothing of our records."""
    return json.loads(payload) if dialect is JSON else msgpack.unpackb(payload)


@BOTH
def test_both_dialects_carry_the_same_messages(dialect: Dialect) -> None:
    text = "event_" + "0" * 26
    request = wire.Watch(7, text, 3)
    payload = dialect.payload(request)
    assert plain(dialect, payload) == {"type": "watch", "id": 7, "event": text, "version": 3}
    assert dialect.read(payload) == request


@BOTH
def test_unknown_fields_are_ignored(dialect: Dialect) -> None:
    """Otherwise no client could ever be newer than its gateway."""
    packed = {"type": "ping", "id": 1, "mood": {"is": ["good"]}}
    payload = json.dumps(packed).encode() if dialect is JSON else msgpack.packb(packed)
    assert dialect.read(payload) == wire.Ping(1)


@BOTH
@given(data=st.binary(max_size=300))
def test_no_bytes_make_reading_raise(dialect: Dialect, data: bytes) -> None:
    found = dialect.read(data)
    assert isinstance(found, Unreadable | msgspec.Struct)


@BOTH
def test_random_mutations_never_raise(dialect: Dialect) -> None:
    rng = random.Random(7)
    line = wire.Line("type_" + "0" * 26, 2)
    whole = dialect.payload(wire.Hold(7, "op_" + "0" * 26, "event_" + "0" * 26, [line]))
    for _ in range(2_000):
        changed = bytearray(whole)
        for _ in range(rng.randint(1, 5)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        found = dialect.read(bytes(changed))
        assert isinstance(found, Unreadable | msgspec.Struct)


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
async def test_frames_are_those_of_rfc_6455(length: int) -> None:
    """`websockets` reads what we write."""
    from websockets.frames import Frame, Opcode
    from websockets.streams import StreamReader

    payload = bytes(length)
    reader = StreamReader()
    reader.feed_data(frame(2, payload) + close_frame(4413, "é" * 100))
    for opcode, expected in ((Opcode.BINARY, payload), (Opcode.CLOSE, None)):
        parsing = Frame.parse(reader.read_exact, mask=False)
        try:
            while True:
                next(parsing)
        except StopIteration as done:
            found = done.value
        assert (found.opcode, found.fin) == (opcode, True)
        assert expected is None or found.data == expected
        found.check()
    await asyncio.sleep(0)


def test_the_first_dialect_that_is_spoken_is_taken() -> None:
    assert negotiate("chat, bilten.v1.json, bilten.v1.msgpack") is JSON
    assert negotiate("bilten.v1.msgpack") is MSGPACK
    assert negotiate("bilten.v2.msgpack") is None
    assert negotiate(None) is None
    assert set(DIALECTS) == {wire.SUBPROTOCOL_MSGPACK, wire.SUBPROTOCOL_JSON}


@BOTH
@pytest.mark.parametrize("code", list(Code))
def test_every_refusal_can_be_told(dialect: Dialect, code: Code) -> None:
    told = plain(dialect, dialect.payload(refused(None, Refusal(code, 5, {"free": 1, "x": None}))))
    assert isinstance(told, dict)
    assert (told["type"], told["id"], told["code"], told["retry_after_ms"]) == (
        "refused",
        None,
        code.value,
        5,
    )
    assert told["message"].endswith(".")


def test_the_documents_say_what_the_code_does() -> None:
    """`python -m gateway.protocol_page` brings docs/protocol.md up to date."""
    page = PAGE.read_text()
    assert render(page) == page


def test_the_documented_examples_are_messages() -> None:
    for line in re.findall(r"^\{.*\}$", PAGE.read_text(), re.MULTILINE):
        tag = json.loads(line)["type"]
        found = (
            msgspec.json.decode(line, type=SERVER_TYPES[tag])
            if tag in SERVER_TYPES
            else JSON.read(line.encode())
        )
        assert not isinstance(found, Unreadable), (line, found)
