"""An independent reader and writer of the wire."""

import itertools
from collections.abc import Callable
from typing import Any

import aiohttp
import msgpack
import msgspec


class Client:
    """An independent reader and writer of the wire: `msgpack` and `json`, not our records."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, subprotocol: str) -> None:
        self.socket = socket
        self.is_json = subprotocol.endswith("json")
        self.welcome: dict[str, Any] = {}
        self.pushes: list[dict[str, Any]] = []
        self._ids = itertools.count(1)

    async def send(self, message: dict[str, Any]) -> None:
        if self.is_json:
            await self.socket.send_str(msgspec.json.encode(message).decode())
        else:
            await self.socket.send_bytes(msgpack.packb(message))

    async def receive(self, timeout: float = 10.0) -> dict[str, Any]:
        return self.read(await self.socket.receive(timeout))

    def read(self, message: aiohttp.WSMessage) -> dict[str, Any]:
        if message.type is aiohttp.WSMsgType.BINARY:
            found: dict[str, Any] = msgpack.unpackb(message.data)
        else:
            assert message.type is aiohttp.WSMsgType.TEXT, (message, self.socket.close_code)
            found = msgspec.json.decode(message.data)
        return found

    async def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """Send a request and return its reply; pushes that come meanwhile are kept."""
        request_id = next(self._ids)
        await self.send({"type": kind, "id": request_id, **fields})
        return await self.reply_to(request_id)

    async def reply_to(self, request_id: int) -> dict[str, Any]:
        while True:
            message = await self.receive()
            if message.get("id") == request_id and message["type"] != "waiting":
                return message
            self.pushes.append(message)

    async def until(self, is_it: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the first message that is it, kept or yet to come."""
        for message in self.pushes:
            if is_it(message):
                self.pushes.remove(message)
                return message
        while True:
            message = await self.receive()
            if is_it(message):
                return message
            self.pushes.append(message)

    async def closed(self) -> int:
        """Read to the end and return the close code."""
        while True:
            message = await self.socket.receive(15)
            if message.type in {
                aiohttp.WSMsgType.CLOSE,
                aiohttp.WSMsgType.CLOSED,
                aiohttp.WSMsgType.CLOSING,
                aiohttp.WSMsgType.ERROR,
            }:
                await self.socket.close()
                return self.socket.close_code or 0
