"""Buyers that cost little: hold, or hold and purchase, over and over, each on a raw websocket of its own.

No tasks: a connection's next request leaves from the callback that got its last answer.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Final
from urllib.parse import urlsplit

import msgspec

from bench.load import BenchFailed
from bench.platform import Identifiers
from bench.raw_socket import RawSocket, client_frame, open_raw
from client.bilten_client import SESSION_PATH, SOCKET_PATH, TICKET_PATH
from client.http import HttpSession
from domain import ids, wire

OPENED_AT_ONCE: Final = 50


class _Reply(msgspec.Struct):
    """As much of any message as a shopper reads."""

    type: str
    hold: str = ""
    amount_minor: int = 0
    code: str = ""


_read: Final = msgspec.msgpack.Decoder(_Reply).decode
_write: Final = msgspec.msgpack.Encoder().encode


class Measured:
    """What the shoppers of one measurement got done. Durations in seconds."""

    def __init__(self, seconds: float, warm_up_s: float, *, is_buying: bool) -> None:
        self.begin = time.perf_counter() + warm_up_s
        self.end = self.begin + seconds
        self.is_buying = is_buying
        self.holds: list[float] = []
        self.purchases: list[float] = []
        self.refused: dict[str, int] = {}


class Shopper:
    """One connection. A purchase's duration is from pressing hold to having the tickets."""

    def __init__(self, event: str, ticket_type: str, fresh: Identifiers) -> None:
        self._event = event
        self._lines = [wire.Line(ticket_type, 1)]
        self._fresh = fresh.fresh
        self._number = 0
        self._held_at = 0.0
        self._asked_at = 0.0
        self._measured: Measured | None = None
        self.done: asyncio.Future[None] | None = None
        self.socket: RawSocket | None = None

    def start(self, measured: Measured) -> "asyncio.Future[None]":
        """Begin; the future is done when the time is over and the last answer is there."""
        self._measured = measured
        self.done = asyncio.get_running_loop().create_future()
        self._hold()
        return self.done

    def _operation(self) -> str:
        return ids.text(ids.OPERATION, self._fresh())

    def _send(self, message: wire.ClientMessage) -> None:
        assert self.socket is not None
        self._asked_at = time.perf_counter()
        self.socket.write(client_frame(_write(message)))

    def _hold(self) -> None:
        self._number += 1
        self._send(wire.Hold(self._number, self._operation(), self._event, self._lines))
        self._held_at = self._asked_at

    def _purchase(self, held: _Reply) -> None:
        self._number += 1
        self._send(
            wire.Purchase(
                self._number, self._operation(), self._event, held.hold, held.amount_minor, "card_ok"
            )
        )

    def received(self, payload: bytes) -> None:
        reply = _read(payload)
        measured = self._measured
        if measured is None:
            return
        now = time.perf_counter()
        # What ends within the time counts, whenever it began: of a crowd, many are under way all the time.
        counts = measured.begin <= now <= measured.end
        if reply.type == "held":
            if counts:
                measured.holds.append(now - self._asked_at)
            if measured.is_buying:
                self._purchase(reply)
                return
        elif reply.type == "purchased":
            if counts:
                measured.purchases.append(now - self._held_at)
        elif reply.type == "refused":
            measured.refused[reply.code] = measured.refused.get(reply.code, 0) + 1
        else:
            return
        if now < measured.end:
            self._hold()
        elif self.done is not None and not self.done.done():
            self.done.set_result(None)


@contextlib.asynccontextmanager
async def shoppers(url: str, event: str, ticket_type: str, number: int) -> AsyncIterator[list[Shopper]]:
    """So many connected shoppers, each with a session of its own."""
    gate = asyncio.Semaphore(OPENED_AT_ONCE)
    fresh = Identifiers(seed=2)
    made = [Shopper(event, ticket_type, fresh) for _ in range(number)]

    async def connect(shopper: Shopper) -> None:
        async with gate:
            shopper.socket = await open_socket(url, shopper.received)

    await asyncio.gather(*(connect(shopper) for shopper in made))
    try:
        yield made
    finally:
        for shopper in made:
            if shopper.socket is not None:
                shopper.socket.close()


async def open_socket(url: str, received: Callable[[bytes], None]) -> RawSocket:
    """Open a session and a raw socket to a gateway."""
    http = HttpSession(url)
    await http.request("POST", SESSION_PATH, {})
    answer = await http.request("POST", TICKET_PATH, {})
    if answer.status != 200:
        raise BenchFailed(f"no socket ticket: status {answer.status}")
    address = urlsplit(url)
    assert address.hostname is not None
    assert address.port is not None
    path = f"{SOCKET_PATH}?ticket={answer.body['ticket']}"
    socket = await open_raw(address.hostname, address.port, path, wire.SUBPROTOCOL_MSGPACK, received)
    # The gateway waits for a sign of life.
    socket.write(client_frame(_write(wire.Ping(0))))
    return socket
