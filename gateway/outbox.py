"""What waits to be sent to one client, and what happens when it reads too slowly.

Frames go straight to the transport, whose buffer is looked at first (aiohttp would only wait after 256 KiB,
and waiting for one slow reader must not delay the others):

- a state update is worth nothing once there is a newer one, so above `update_bytes_max` it is kept back, one
  a topic, and the newest is sent when the client has caught up;
- receipts and refusals are never dropped: a client for whom even those pile up to `bytes_max` is closed with
  4413, and from then on nothing more is buffered for it.

A close frame is followed by the end of the connection when the client answers it, or after a grace period.
"""

import asyncio
from typing import Final

from gateway.metrics import GatewayMetrics
from gateway.protocol import close_frame

CLOSE_GRACE_S: Final = 3.0
TOO_SLOW: Final = 4413


class Lagging:
    """The outboxes that keep state updates back, to be looked at by a timer."""

    def __init__(self) -> None:
        self._outboxes: set[Outbox] = set()

    def __len__(self) -> int:
        return len(self._outboxes)

    def add(self, outbox: "Outbox") -> None:
        """Take up an outbox that keeps something back."""
        self._outboxes.add(outbox)

    def discard(self, outbox: "Outbox") -> None:
        """Forget an outbox whose connection is gone."""
        self._outboxes.discard(outbox)

    def flush(self) -> None:
        """Send what can be sent by now."""
        self._outboxes = {outbox for outbox in self._outboxes if not outbox.flush()}


class Outbox:
    """The way out to one client."""

    __slots__ = (
        "__weakref__", "_bytes_max", "_kept", "_lagging", "_metrics", "_transport", "_update_bytes_max",
        "close_code",
    )  # fmt: skip

    def __init__(
        self,
        transport: asyncio.Transport,
        lagging: Lagging,
        metrics: GatewayMetrics,
        bytes_max: int,
        update_bytes_max: int,
    ) -> None:
        self._transport = transport
        self._lagging = lagging
        self._metrics = metrics
        self._bytes_max = bytes_max
        self._update_bytes_max = update_bytes_max
        self._kept: dict[bytes, bytes] | None = None
        self.close_code = 0

    def send(self, frame: bytes) -> None:
        """Send what must not be lost: a receipt, a refusal, a notice about a hold."""
        if self.close_code or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() + len(frame) > self._bytes_max:
            self.close(TOO_SLOW, "reading too slowly")
            return
        self._transport.write(frame)

    def update(self, topic: bytes, frame: bytes) -> None:
        """Send the newest state of a topic, now or once the client has caught up."""
        if self.close_code or self._transport.is_closing():
            return
        if self._kept is None and self._transport.get_write_buffer_size() <= self._update_bytes_max:
            self._transport.write(frame)
            return
        if self._kept is None:
            self._kept = {}
            self._lagging.add(self)
        if topic in self._kept:
            self._metrics.updates_replaced.inc()
        self._kept[topic] = frame

    def flush(self) -> bool:
        """Send what was kept back, as far as there is room. Returns whether nothing is kept any more."""
        if self.close_code or self._kept is None or self._transport.is_closing():
            self._kept = None
            return True
        while self._kept and self._transport.get_write_buffer_size() <= self._update_bytes_max:
            topic = next(iter(self._kept))
            self._transport.write(self._kept.pop(topic))
        if self._kept:
            return False
        self._kept = None
        return True

    def forget(self, topic: bytes) -> None:
        """Drop what is kept of a topic that the client no longer follows."""
        if self._kept is not None:
            self._kept.pop(topic, None)

    def close(self, code: int, reason: str = "") -> None:
        """Say goodbye, once. The connection ends when the client answers, at the latest after a grace
        period.
        """
        if self.close_code:
            return
        self.close_code = code
        self._kept = None
        if not self._transport.is_closing():
            self._transport.write(close_frame(code, reason))
            asyncio.get_running_loop().call_later(CLOSE_GRACE_S, self._transport.abort)
