"""How much anybody may ask.

Three layers. A connection has a token bucket in memory, which costs nothing to ask. What is dear to serve
(opening sessions and sockets, paying) is limited per buyer and per address across all processes, in Redis.
And the number of connections is capped in `gateway.connections`.

When Redis is away, sessions and sockets fall back to limits in this process's memory, because letting nobody
in would make the outage worse; purchases are refused as busy, because guessing cards is what that limit is
there to stop.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final, Protocol

import msgspec

from domain.refusals import Code, Refusal

_LOCAL_KEYS_MAX: Final = 50_000
_FAIL_CLOSED_RETRY_MS: Final = 1_000
_ADDRESS_CODES: Final = 10


class Rate(msgspec.Struct, frozen=True):
    """At most `burst` at once, and `per_s` a second on average."""

    per_s: float
    burst: int


class ClassRates(msgspec.Struct, frozen=True, kw_only=True):
    """How often somebody may use the API, for each class of `gateway.api.route.LimitClass`.

    Attributes:
        purchase: of a buyer, over the websocket, which is where one buys.
        device: of a device, whatever it asks for.
        user_factor: how many times a guest's quota somebody has who is signed in.
        key_factor: the same for an API key.
    """

    browse: Rate = Rate(20.0, 100)
    sign_in: Rate = Rate(0.5, 20)
    sign_up: Rate = Rate(0.2, 20)
    purchase: Rate = Rate(1.0, 10)
    organizer: Rate = Rate(10.0, 100)
    device: Rate = Rate(20.0, 100)
    user_factor: float = 2.0
    key_factor: float = 5.0


class GatewayLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of one gateway process.

    Attributes:
        connections_max: websockets in total.
        trust_loopback: loopback addresses are exempt from what counts by address.
        message_bytes_max: the largest message taken.
        body_bytes_max: the largest HTTP body taken.
        heartbeat_ms: silence after which the client is asked for a sign of life; it has as long again to give
        one, or is closed. handshake_ms: how long an HTTP request's head and, on a websocket, the first
        message may take to come. outbox_bytes_max: bytes that may wait for a slow reader. update_bytes_max:
        bytes waiting above which state updates are kept back and replaced by newer ones. unreadable_max:
        messages that can't be read before the connection is closed. refused_rate_max: requests refused for
        coming too fast, without a pause, before the connection is closed. in_flight_max: unanswered requests
        of one connection. waiting_after_ms: a request that waits for longer is told its place.
    """

    connections_max: int = 12_000
    connections_per_buyer_max: int = 20
    connections_per_address_max: int = 500
    trust_loopback: bool = True
    message_bytes_max: int = 65_536
    body_bytes_max: int = 65_536
    heartbeat_ms: int = 20_000
    handshake_ms: int = 5_000
    outbox_bytes_max: int = 262_144
    update_bytes_max: int = 32_768
    unreadable_max: int = 8
    refused_rate_max: int = 200
    in_flight_max: int = 64
    waiting_after_ms: int = 250
    drain_ms: int = 5_000
    requests: Rate = Rate(20.0, 40)
    http: Rate = Rate(50.0, 200)
    sessions: Rate = Rate(1.0, 30)
    sockets: Rate = Rate(5.0, 60)
    codes: Rate = Rate(0.5, 20)
    purchases_of_address: Rate = Rate(10.0, 500)
    api: ClassRates = ClassRates()


class Bucket:
    """A token bucket in memory: full at first, `burst` deep."""

    __slots__ = ("_at", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._tokens = float(rate.burst)
        self._at = now

    def take(self, rate: Rate, now: float) -> float:
        """Take one token. Returns 0 if there was one, else the seconds until there is."""
        tokens = self._tokens + (now - self._at) * rate.per_s
        if tokens > rate.burst:
            tokens = float(rate.burst)
        self._at = now
        if tokens >= 1.0:
            self._tokens = tokens - 1.0
            return 0.0
        self._tokens = tokens
        return (1.0 - tokens) / rate.per_s

    def left(self, rate: Rate, now: float) -> float:
        """Return how many tokens there are."""
        return min(float(rate.burst), self._tokens + (now - self._at) * rate.per_s)


class Counted(Protocol):
    """What a limit says: milliseconds until one more may come (0: this one may), how many more may come at
    once, and milliseconds until as many may as at first.
    """

    @property
    def wait_ms(self) -> int: ...
    @property
    def remaining(self) -> int: ...
    @property
    def reset_ms(self) -> int: ...


class LocalCount(msgspec.Struct, frozen=True):
    """What a bucket in memory says."""

    wait_ms: int
    remaining: int
    reset_ms: int


class SharedLimits(Protocol):
    """Limits that all processes share; `storage.limits` keeps them in Redis."""

    async def take(self, kind: str, key: str, per_s: float, burst: int) -> int:
        """Take one token. Returns 0 if there was one, else the milliseconds until there is. Raises
        `ConnectionError` when Redis can't be asked in time.
        """
        ...

    async def count(self, kind: str, key: str, per_s: float, burst: int) -> Counted:
        """Take one token and say how many are left. Raises `ConnectionError`."""
        ...


class Limiter:
    """Decides about what is limited per buyer and address."""

    def __init__(self, limits: GatewayLimits, shared: SharedLimits, monotonic: Callable[[], float]) -> None:
        self._limits = limits
        self._shared = shared
        self._monotonic = monotonic
        self._local: OrderedDict[tuple[str, str], Bucket] = OrderedDict()

    def is_exempt(self, address: str) -> bool:
        """Say whether an address is one that is not counted: the machine's own, if settings say so."""
        return self._limits.trust_loopback and is_loopback(address)

    def http(self, address: str) -> Refusal | None:
        """Return why this address may not make one more HTTP request of this process now."""
        if self.is_exempt(address):
            return None
        wait_ms = self._take_local("http", address, self._limits.http)
        return Refusal(Code.RATE_LIMITED, wait_ms) if wait_ms else None

    async def session(self, address: str) -> Refusal | None:
        """Return why this address may not open a session now."""
        return (
            None if self.is_exempt(address) else await self._take("session", address, self._limits.sessions)
        )

    async def socket(self, buyer: str, address: str) -> Refusal | None:
        """Return why this buyer, from this address, may not open a socket now."""
        refusal = await self._take("socket", buyer, self._limits.sockets)
        if refusal is None and not self.is_exempt(address):
            wide = Rate(self._limits.sockets.per_s * 20, self._limits.sockets.burst * 10)
            refusal = await self._take("socket-address", address, wide)
        return refusal

    async def purchase(self, buyer: str, address: str) -> Refusal | None:
        """Return why this buyer, from this address, may not pay now. Without Redis nobody may."""
        own, wide = self._limits.api.purchase, self._limits.purchases_of_address
        return await self._take_of_both("purchase", buyer, own, address, wide)

    async def code(self, buyer: str, address: str) -> Refusal | None:
        """Return why this buyer, from this address, may not name a voucher's code now. Without Redis nobody
        may: guessing codes is what this limit is there to stop.
        """
        own = self._limits.codes
        wide = Rate(own.per_s * _ADDRESS_CODES, own.burst * _ADDRESS_CODES)
        return await self._take_of_both("code", buyer, own, address, wide)

    async def count(self, kind: str, key: str, rate: Rate, *, is_closed_alone: bool) -> Counted | None:
        """Count a request. Without Redis the same rate holds in this process, or, for what `is_closed_alone`,
        None is returned: nobody may.
        """
        try:
            return await self._shared.count(kind, key, rate.per_s, rate.burst)
        except ConnectionError:
            if is_closed_alone:
                return None
        wait_ms = self._take_local(kind, key, rate)
        left = self._local[kind, key].left(rate, self._monotonic())
        return LocalCount(wait_ms, int(left), round((rate.burst - left) / rate.per_s * 1000))

    async def _take_of_both(
        self, kind: str, buyer: str, own: Rate, address: str, wide: Rate
    ) -> Refusal | None:
        """Take one of a buyer's and one of an address's. Without Redis nobody may."""
        try:
            taking = [self._shared.take(kind, buyer, own.per_s, own.burst)]
            if not self.is_exempt(address):
                taking.append(self._shared.take(f"{kind}-address", address, wide.per_s, wide.burst))
            # At once: one after the other they would be two round trips, together they are one.
            wait_ms = max(await asyncio.gather(*taking))
        except ConnectionError:
            return Refusal(Code.BUSY, _FAIL_CLOSED_RETRY_MS)
        return Refusal(Code.RATE_LIMITED, wait_ms) if wait_ms else None

    async def _take(self, kind: str, key: str, rate: Rate) -> Refusal | None:
        try:
            wait_ms = await self._shared.take(kind, key, rate.per_s, rate.burst)
        except ConnectionError:
            wait_ms = self._take_local(kind, key, rate)
        return Refusal(Code.RATE_LIMITED, wait_ms) if wait_ms else None

    def _take_local(self, kind: str, key: str, rate: Rate) -> int:
        now = self._monotonic()
        bucket = self._local.get((kind, key))
        if bucket is None:
            bucket = self._local[kind, key] = Bucket(rate, now)
            if len(self._local) > _LOCAL_KEYS_MAX:
                self._local.popitem(last=False)
        wait_s = bucket.take(rate, now)
        return int(wait_s * 1000) + 1 if wait_s else 0


def is_loopback(address: str) -> bool:
    """Say whether an address is the machine's own; text that is no address is not."""
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False
