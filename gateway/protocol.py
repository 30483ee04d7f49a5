"""The wire protocol without any I/O: bytes in, records or refusals out; records in, bytes out.

Both subprotocols are read and written through the same records (`domain.wire`). A `Dialect` is one of them:
it decodes and validates in one step, and writes whole websocket frames (RFC 6455, section 5.2), because what
a server sends is unmasked and uncompressed, so that one frame can be sent to any number of clients.

A message that can't be read is no exception but an `Unreadable`, which says what to answer. The way there may
be slow, since nobody who follows the protocol takes it: it reads the message a second time to find its id.
"""

import struct
from collections.abc import Callable
from typing import Any, Final

import msgspec

from domain import wire
from domain.refusals import Code, Refusal
from domain.roles import MESSAGES, Permission

OPCODE_TEXT: Final = 0x1
OPCODE_BINARY: Final = 0x2
OPCODE_CLOSE: Final = 0x8
OPCODE_PING: Final = 0x9
OPCODE_PONG: Final = 0xA

_SHORT_MAX: Final = 125
_MEDIUM_MAX: Final = 0xFFFF


class Unreadable(msgspec.Struct, frozen=True):
    """A message that can't be read, and what its sender is told.

    Attributes:
        request_id: the id of the request if that much could be read.
    """

    request_id: int | None
    refusal: Refusal


class _Head(msgspec.Struct, frozen=True):
    """As much of a message as is needed to refuse it."""

    id: Any = None
    type: Any = None


def _types(union: Any) -> tuple[type[msgspec.Struct], ...]:
    return tuple(union.__args__)


CLIENT_TYPES: Final = {str(kind.__struct_config__.tag): kind for kind in _types(wire.ClientMessage)}
SERVER_TYPES: Final = {str(kind.__struct_config__.tag): kind for kind in _types(wire.ServerMessage)}
TAGS: Final = {kind: tag for tag, kind in (*CLIENT_TYPES.items(), *SERVER_TYPES.items())}


ACCESS: Final = {kind: MESSAGES[tag] for tag, kind in CLIENT_TYPES.items()}
"""Who may send each request. One that the table of rights does not name lets no gateway start."""


def permission_of(kind: type[wire.Request]) -> Permission:
    """Return the permission that a request needs, for requests that need one."""
    access = ACCESS[kind]
    assert isinstance(access, Permission), kind
    return access


def frame(opcode: int, payload: bytes) -> bytes:
    """Return one unmasked websocket frame with the whole of `payload`."""
    length = len(payload)
    if length <= _SHORT_MAX:
        return bytes((0x80 | opcode, length)) + payload
    if length <= _MEDIUM_MAX:
        return struct.pack(">BBH", 0x80 | opcode, 126, length) + payload
    return struct.pack(">BBQ", 0x80 | opcode, 127, length) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """Return the frame that closes a connection. `reason` is cut to the 123 bytes that fit."""
    return frame(OPCODE_CLOSE, struct.pack(">H", code) + reason.encode()[:123])


PING_FRAME: Final = frame(OPCODE_PING, b"")


class Dialect:
    """One subprotocol.

    Attributes:
        name: as it is negotiated.
        opcode: of the data frames it is written in.
    """

    __slots__ = ("_decode", "_decode_head", "_encode", "name", "opcode")

    def __init__(
        self,
        name: str,
        *,
        opcode: int,
        encode: Callable[[Any], bytes],
        decode: Callable[[bytes], wire.ClientMessage],
        decode_head: Callable[[bytes], _Head],
    ) -> None:
        self.name = name
        self.opcode = opcode
        self._encode = encode
        self._decode = decode
        self._decode_head = decode_head

    def read(self, data: bytes) -> wire.ClientMessage | Unreadable:
        """Return the record that a message holds, or why it holds none. Never raises."""
        try:
            return self._decode(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            return self._explain(data, error)

    def frame(self, record: wire.ServerMessage) -> bytes:
        """Return a record as one websocket frame."""
        return frame(self.opcode, self._encode(record))

    def payload(self, record: Any) -> bytes:
        """Return a record as the payload of a message: what `read` reads."""
        return self._encode(record)

    def _explain(self, data: bytes, error: Exception) -> Unreadable:
        if isinstance(error, RecursionError):
            return Unreadable(None, Refusal(Code.MALFORMED, None, {"reason": "nested too deeply"}))
        # The decoder's own words name the field and the type that was expected.
        reason = str(error)[:200]
        try:
            head = self._decode_head(data)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return Unreadable(None, Refusal(Code.MALFORMED, None, {"reason": reason}))
        known = isinstance(head.id, int) and not isinstance(head.id, bool)
        request_id = head.id if known and 0 <= head.id <= wire.REQUEST_ID_MAX else None
        if isinstance(head.type, str) and head.type not in CLIENT_TYPES:
            return Unreadable(request_id, Refusal(Code.UNKNOWN_TYPE, None, {"type": head.type[:64]}))
        return Unreadable(request_id, Refusal(Code.MALFORMED, None, {"reason": reason}))


MSGPACK: Final = Dialect(
    wire.SUBPROTOCOL_MSGPACK,
    opcode=OPCODE_BINARY,
    encode=msgspec.msgpack.Encoder().encode,
    decode=msgspec.msgpack.Decoder(wire.ClientMessage).decode,
    decode_head=msgspec.msgpack.Decoder(_Head).decode,
)
JSON: Final = Dialect(
    wire.SUBPROTOCOL_JSON,
    opcode=OPCODE_TEXT,
    encode=msgspec.json.Encoder().encode,
    decode=msgspec.json.Decoder(wire.ClientMessage).decode,
    decode_head=msgspec.json.Decoder(_Head).decode,
)
DIALECTS: Final = {dialect.name: dialect for dialect in (MSGPACK, JSON)}
SUBPROTOCOLS: Final = tuple(DIALECTS)


def negotiate(offered: str | None) -> Dialect | None:
    """Return the first dialect of a `Sec-WebSocket-Protocol` header that is spoken here."""
    for name in (offered or "").split(","):
        dialect = DIALECTS.get(name.strip())
        if dialect is not None:
            return dialect
    return None


def refused(request_id: int | None, refusal: Refusal) -> wire.Refused:
    """Return a refusal as the wire has it."""
    return wire.Refused(
        request_id, refusal.code.value, refusal.message, refusal.retry_after_ms, dict(refusal.details)
    )
