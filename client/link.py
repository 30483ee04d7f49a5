"""One connection that comes back: opens the socket, reads it, opens it again, and sends again what is not
answered.

What has to survive a lost connection is kept here as messages that are encoded once: requests by their id, in
the order of asking. A new connection gets all of them again. That is harmless for everything that carries an
operation id, and mere questions may be asked twice.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import msgpack
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from client.errors import NotConnected
from client.records import Message

SUBPROTOCOL: Final = Subprotocol("bilten.v1.msgpack")
MESSAGE_BYTES_MAX: Final = 1024 * 1024
PENDING_MAX: Final = 1_000

# Codes after which connecting again at once would only be told the same.
_SLOWLY: Final = frozenset({1002, 1003, 1009, 4400, 4409, 4413, 4429, 4503})


class BrokenPeer(ValueError):
    """What came is not the protocol."""


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How a connection is kept.

    Attributes:
        open_s: longest time for a connection to open and be welcomed.
        retry_s_min, retry_s_max: the wait before connecting again doubles from one to the other, with jitter.
        ping_s: how often the server is asked for a sign of life, and how long it may take.
    """

    open_s: float = 10.0
    retry_s_min: float = 0.05
    retry_s_max: float = 3.0
    ping_s: float = 15.0


class Pending:
    """A request that is not answered."""

    __slots__ = ("answer", "encoded", "operation")

    def __init__(self, encoded: bytes, answer: "asyncio.Future[Message]", operation: str | None) -> None:
        self.encoded = encoded
        self.answer = answer
        self.operation = operation


class Link:
    """See the module's text.

    Attributes:
        connections: how many times a connection was welcomed.
        is_open: whether one is open now.
    """

    def __init__(
        self,
        address: Callable[[], Awaitable[str]],
        pushed: Callable[[Message], None],
        welcomed: Callable[[Message], list[dict[str, Any]]],
        settings: LinkSettings,
        rng: random.Random,
    ) -> None:
        """`address` gives a fresh websocket address with a ticket or raises `NotConnected`; `pushed` takes
        what the server sends by itself; `welcomed` takes the welcome and returns questions to be asked first,
        whose answers go to `pushed` as well.
        """
        self._address = address
        self._pushed = pushed
        self._welcomed = welcomed
        self._settings = settings
        self._rng = rng
        self._socket: ClientConnection | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._opened = asyncio.Event()
        self._problem: BaseException | None = None
        self._numbers = 0
        self._pending: dict[int, Pending] = {}
        self.connections = 0

    @property
    def is_open(self) -> bool:
        return self._opened.is_set()

    async def open(self) -> None:
        """Begin to keep a connection and return when there is one. Raises `NotConnected`."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        try:
            async with asyncio.timeout(self._settings.open_s):
                await self._opened.wait()
        except TimeoutError:
            problem = self._problem
            await self.close()
            raise NotConnected(f"no connection: {problem or 'no answer'}") from problem

    async def close(self) -> None:
        """End the connection; what is not answered raises `NotConnected` where it is waited for."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
            self._keeper = None
        for pending in self._pending.values():
            if not pending.answer.done():
                pending.answer.set_exception(NotConnected("the client was closed"))
        self._pending.clear()

    def abort(self) -> None:
        """Drop the connection as a lost network would; another one is opened."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def ask(self, message: dict[str, Any], timeout_s: float) -> Message:
        """Send a request and return its reply. Raises `TimeoutError`, `NotConnected`."""
        if self._keeper is None:
            raise NotConnected("the client is not open")
        if len(self._pending) >= PENDING_MAX:
            raise NotConnected(f"{PENDING_MAX} requests are not answered yet")
        number, pending = self._new(message)
        self._pending[number] = pending
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(pending.encoded)
                return await pending.answer
        finally:
            self._pending.pop(number, None)

    def operation_of(self, number: int) -> str | None:
        """Return the operation of a request that is not answered."""
        pending = self._pending.get(number)
        return pending.operation if pending else None

    def _new(self, message: dict[str, Any]) -> tuple[int, Pending]:
        self._numbers += 1
        encoded: bytes = msgpack.packb({**message, "id": self._numbers})
        answer = asyncio.get_running_loop().create_future()
        return self._numbers, Pending(encoded, answer, message.get("operation"))

    async def _send(self, encoded: bytes) -> None:
        # Without a connection it goes out with the next one.
        if self._socket is not None and self._opened.is_set():
            with contextlib.suppress(WebSocketException, OSError):
                await self._socket.send(encoded)

    # --- keeping ------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        wait_s = self._settings.retry_s_min
        while True:
            before = self.connections
            code = None
            try:
                code = await self._connection()
            except (WebSocketException, OSError, NotConnected, KeyError, ValueError, TimeoutError) as error:
                self._problem = error
            finally:
                self._opened.clear()
                self._socket = None
            if self.connections > before and code not in _SLOWLY:
                wait_s = self._settings.retry_s_min
            await asyncio.sleep(wait_s * self._rng.uniform(0.5, 1.0))
            wait_s = min(wait_s * 2, self._settings.retry_s_max)

    async def _connection(self) -> int | None:
        """Open a connection, live as long as it does, and return its close code."""
        async with asyncio.timeout(self._settings.open_s) as limit:
            address = await self._address()
            async with connect(
                address,
                subprotocols=[SUBPROTOCOL],
                compression=None,
                max_size=MESSAGE_BYTES_MAX,
                open_timeout=self._settings.open_s,
                ping_interval=self._settings.ping_s,
                ping_timeout=self._settings.ping_s,
                close_timeout=1.0,
                proxy=None,
            ) as socket:
                await self._begin(socket)
                limit.reschedule(None)
                async for data in socket:
                    self._take(data)
                return socket.close_code

    async def _begin(self, socket: ClientConnection) -> None:
        welcome = _decoded(await socket.recv())
        if welcome["type"] != "welcome":
            raise BrokenPeer(f"the server began with {welcome['type']!r}")
        for question in self._welcomed(welcome):
            await socket.send(self._new(question)[1].encoded)
        # From here on new requests go out by themselves; those that are waiting are sent below.
        waiting = [pending for pending in self._pending.values() if not pending.answer.done()]
        self._socket = socket
        self.connections += 1
        self._opened.set()
        for pending in waiting:
            await socket.send(pending.encoded)

    def _take(self, data: str | bytes) -> None:
        message = _decoded(data)
        number = message.get("id")
        pending = self._pending.get(number) if isinstance(number, int) else None
        if pending is None or message["type"] == "waiting":
            self._pushed(message)
        elif not pending.answer.done():
            pending.answer.set_result(message)


def _decoded(data: str | bytes) -> Message:
    if not isinstance(data, bytes):
        raise BrokenPeer("the server sent text on a binary subprotocol")
    message = msgpack.unpackb(data)
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise BrokenPeer("the server sent something that is no message")
    return message
