"""The websocket client that costs least: frames made by hand on an asyncio Protocol.

A client must mask what it sends (RFC 6455, section 5.3). With a mask of four zero bytes the masked payload
is the payload, so a frame is made by putting a header in front. That keeps no proxy safe from anything and is
for loopback only; a server can't tell the difference and does the same work for it.
"""

import asyncio
import base64
import os
import struct
from collections.abc import Callable
from typing import Final, cast

_ZERO_MASK: Final = bytes(4)
_OPCODE_PING: Final = 0x9
_OPCODE_CLOSE: Final = 0x8


def client_frame(payload: bytes, opcode: int = 0x2) -> bytes:
    """Return one masked frame with the whole of `payload`."""
    length = len(payload)
    if length <= 125:
        return bytes((0x80 | opcode, 0x80 | length)) + _ZERO_MASK + payload
    if length <= 0xFFFF:
        return struct.pack(">BBH", 0x80 | opcode, 0x80 | 126, length) + _ZERO_MASK + payload
    return struct.pack(">BBQ", 0x80 | opcode, 0x80 | 127, length) + _ZERO_MASK + payload


class RawSocket(asyncio.Protocol):
    """One connection. `received` gets the payload of every data frame; `ended` is done when it is over."""

    def __init__(self, received: Callable[[bytes], None]) -> None:
        self.received = received
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._is_open = False
        self._close_code: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes, but do what they do.
        self._transport = cast("asyncio.Transport", transport)

    def upgrade(self, host: str, path: str, subprotocol: str) -> None:
        """Ask for the websocket; `opened` is done when it is there."""
        key = base64.b64encode(os.urandom(16)).decode()
        self.write(
            (
                f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Protocol: {subprotocol}\r\n\r\n"
            ).encode()
        )

    def write(self, data: bytes) -> None:
        """Send bytes: frames of `client_frame`."""
        assert self._transport is not None
        self._transport.write(data)

    def close(self) -> None:
        """End the connection without ceremony."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data if self._buffer else data
        if not self._is_open:
            head, separator, data = data.partition(b"\r\n\r\n")
            if not separator:
                self._buffer = head
                return
            if b" 101 " not in head[:20]:
                self.opened.set_exception(ConnectionError(head.split(b"\r\n", 1)[0].decode()))
                self.close()
                return
            self._is_open = True
            self.opened.set_result(None)
        self._buffer = self._frames(data)

    def connection_lost(self, exc: Exception | None) -> None:
        for future in (self.opened, self.ended):
            if not future.done():
                future.set_exception(exc or ConnectionError(f"closed with {self._close_code}"))
        # Whoever does not care how it ended need not ask.
        for future in (self.opened, self.ended):
            future.exception()

    def _frames(self, data: bytes) -> bytes:
        """Take the whole frames off, and return what is left of the last one."""
        at = 0
        available = len(data)
        while available - at >= 2:
            length = data[at + 1]
            start = at + 2
            if length == 126:
                if available - at < 4:
                    break
                length = data[at + 2] << 8 | data[at + 3]
                start = at + 4
            elif length == 127:
                if available - at < 10:
                    break
                length = int.from_bytes(data[at + 2 : at + 10], "big")
                start = at + 10
            if available - start < length:
                break
            self._frame(data[at] & 0x0F, data[start : start + length])
            at = start + length
        return data[at:]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode < _OPCODE_CLOSE:
            self.received(payload)
        elif opcode == _OPCODE_PING:
            self.write(client_frame(payload, 0xA))
        elif opcode == _OPCODE_CLOSE:
            self._close_code = int.from_bytes(payload[:2], "big") if payload else None
            self.close()


async def open_raw(
    host: str, port: int, path: str, subprotocol: str, received: Callable[[bytes], None]
) -> RawSocket:
    """Return an open connection. Raises `OSError`."""
    loop = asyncio.get_running_loop()
    _, made = await loop.create_connection(lambda: RawSocket(received), host, port)
    made.upgrade(f"{host}:{port}", path, subprotocol)
    await made.opened
    return made
