"""The platform in the simulation: the real `SaleShard` and the real `Shards` of the gateways, each in
processes that can be killed and stopped, between the network and the store.
"""

import random
from collections.abc import Callable
from typing import Protocol

from actors.ports import Clock, Publisher, ShardHandle, ShardLost, ShardSettings
from actors.refs import LaneSettings, Shards
from actors.sale import SaleShard
from domain import commands as c
from domain import events as e
from domain.ids import EventId
from domain.refusals import Refusal
from simulation.network import Lost, Network
from simulation.store import RemoteJournal, Store
from simulation.virtual_time import Process, VirtualLoop
from storage.journal import Journal

SHARD_SETTINGS = ShardSettings(
    mailbox_commands_max=60,
    batch_commands_max=8,
    snapshot_events_min=15,
    idle_ms=800,
    busy_retry_ms=50,
    arrivals_interval_ms=1_000,
    recent_operations_max=3,
)
LANE_SETTINGS = LaneSettings(
    calls_max=2, call_commands_max=6, waiting_max=40, patience_ms=6_000, call_ms_max=1_500
)

Say = Callable[[str], None]


class ShardMaker(Protocol):
    """Makes a shard: `SaleShard`, or one that a test has broken on purpose."""

    def __call__(
        self,
        shard: int,
        journal: Journal,
        publisher: Publisher,
        clock: Clock,
        settings: ShardSettings,
        *,
        owner: str,
    ) -> SaleShard: ...


class _Silent:
    """A publisher that nobody listens to: losing a publication must not matter."""

    async def publish(self, notices: list[tuple[str, bytes]]) -> None:
        """Publish nothing."""


class Incarnation:
    """One process of a shard, with its own idea of what time it is."""

    def __init__(self, number: int, name: str, platform: "Platform") -> None:
        self.number = number
        self.process = Process(name)
        self._platform = platform
        skew_ms = platform.rng.randint(-1, 1) * platform.network.weather.clock_skew_ms
        loop = platform.loop
        self.journal = RemoteJournal(platform.store)
        self.shard = platform.make_shard(
            number,
            self.journal,
            _Silent(),
            lambda: loop.now_ms() + skew_ms,
            SHARD_SETTINGS,
            owner=name,
        )
        self.process.start(self._live())

    @property
    def is_there(self) -> bool:
        """Whether it can be found: it is alive, stopped or not, and doesn't know that it is over."""
        return self.process.is_alive and not self.shard.ended.is_set()

    async def _live(self) -> None:
        try:
            await self.shard.start()
        except ConnectionError:
            self._platform.ended(self)
            return
        await self.shard.ended.wait()
        self._platform.ended(self)


class ShardConnection:
    """A `ShardHandle` to one incarnation."""

    def __init__(self, incarnation: Incarnation, network: Network) -> None:
        self._incarnation = incarnation
        self._network = network

    async def submit(self, packed: bytes) -> bytes:
        """See `SaleShard.submit`."""
        try:
            return await self._network.call(
                self._incarnation.process, lambda: self._incarnation.shard.submit(packed)
            )
        except Lost as error:
            raise ShardLost(str(error)) from error

    async def state(self, event_id: bytes) -> bytes | None:
        """See `SaleShard.state`."""
        try:
            return await self._network.call(
                self._incarnation.process, lambda: self._incarnation.shard.state(EventId(event_id))
            )
        except Lost as error:
            raise ShardLost(str(error)) from error


class Gateway:
    """A gateway's process: its clients' commands go through its `Shards`."""

    def __init__(self, name: str, platform: "Platform") -> None:
        self.process = Process(name)
        seed = platform.rng.random()
        self.shards: Shards = self.process.context.run(
            Shards,
            RemoteJournal(platform.store),
            platform.connect,
            platform.shard_count,
            LANE_SETTINGS,
            random.Random(seed),
        )

    async def ask(self, command: c.AnyCommand) -> e.AnyEvent | Refusal:
        """Have a command decided."""
        return await self.shards.ask(command)


class Platform:
    """Shards and gateways, and what happens to them."""

    def __init__(
        self,
        loop: VirtualLoop,
        network: Network,
        store: Store,
        rng: random.Random,
        say: Say,
        *,
        shard_count: int,
        gateway_count: int,
        make_shard: ShardMaker = SaleShard,
    ) -> None:
        self.loop = loop
        self.network = network
        self.store = store
        self.rng = rng
        self.shard_count = shard_count
        self.make_shard = make_shard
        self._say = say
        self._born = 0
        self.newest: dict[int, Incarnation] = {}
        self.stopped: list[Incarnation] = []
        for number in range(shard_count):
            self.start_shard(number)
        self.gateways = [self._gateway() for _ in range(gateway_count)]

    def start_shard(self, number: int) -> None:
        """Start an incarnation of a shard, whether or not there is one."""
        self._born += 1
        name = f"shard {number}, process {self._born}"
        self._say(f"{name} starts")
        self.newest[number] = Incarnation(number, name, self)

    async def connect(self, shard: int) -> ShardHandle:
        """Find a shard as Ray does: by its name."""
        incarnation = self.newest[shard]
        if not incarnation.is_there:
            raise ShardLost(f"there is no {incarnation.process.name}")
        return ShardConnection(incarnation, self.network)

    def kill_shard(self, number: int) -> None:
        """kill -9; it is started again, as Ray does."""
        incarnation = self.newest[number]
        if not incarnation.process.is_alive:
            return
        self._say(f"{incarnation.process.name} is killed")
        incarnation.process.kill()
        self.network.break_connections(incarnation.process)
        self._start_again(incarnation)

    def replace_shard(self, number: int, stop: bool) -> None:
        """Start a successor beside one that is stopped, or that goes on as if nothing were: two
        incarnations.
        """
        incarnation = self.newest[number]
        self._say(f"{incarnation.process.name} {'is stopped' if stop else 'goes on'} and has a successor")
        if stop and incarnation.process.is_alive:
            incarnation.process.stop()
            self.stopped.append(incarnation)
            self.network.after(self.rng.choice((100, 800, 800, 5_000)), self.wake_stopped)
        self.start_shard(number)

    def cut_off_shard(self, number: int) -> None:
        """Part a shard from the store, but not from the gateways, and start a successor: a zombie that is
        asked.
        """
        incarnation = self.newest[number]
        self._say(f"{incarnation.process.name} is cut off from the store and has a successor")
        incarnation.journal.is_cut_off = True
        self.network.after(self.rng.choice((500, 5_000)), lambda: self._reconnect(incarnation))
        self.start_shard(number)
        # One gateway is new and finds the successor; the other goes on with the one that is cut off.
        self.kill_gateway(self.rng.randrange(len(self.gateways)))

    def _reconnect(self, incarnation: Incarnation) -> None:
        self._say(f"{incarnation.process.name} reaches the store again")
        incarnation.journal.is_cut_off = False

    def wake_stopped(self) -> None:
        """SIGCONT to all that were stopped."""
        for incarnation in self.stopped:
            self._say(f"{incarnation.process.name} goes on")
            incarnation.process.go_on()
        self.stopped.clear()

    def kill_gateway(self, at: int) -> None:
        """kill -9 of a gateway; another takes its place."""
        gateway = self.gateways[at]
        self._say(f"{gateway.process.name} is killed")
        gateway.process.kill()
        self.network.break_connections(gateway.process)
        self.gateways[at] = self._gateway()

    def move(self, event_id: EventId, from_shard: int, to_shard: int) -> None:
        """Ask a shard to hand an event over."""
        incarnation = self.newest[from_shard]
        if incarnation.is_there:
            self._say(f"event {event_id.hex()[-6:]} is to move from {from_shard} to {to_shard}")
            incarnation.process.start(incarnation.shard.move_event(event_id, to_shard))

    def drain(self, number: int) -> None:
        """SIGTERM: it finishes what it has, and ends."""
        incarnation = self.newest[number]
        if incarnation.is_there:
            self._say(f"{incarnation.process.name} drains")
            incarnation.process.start(incarnation.shard.drain())

    def ended(self, incarnation: Incarnation) -> None:
        """An incarnation has ended by itself: its process goes, and is started again unless it has a
        successor.
        """
        self._say(f"{incarnation.process.name} has ended")
        self.network.break_connections(incarnation.process)
        incarnation.process.kill()
        self._start_again(incarnation)

    def _start_again(self, incarnation: Incarnation) -> None:
        def start() -> None:
            if self.newest[incarnation.number] is incarnation:
                self.start_shard(incarnation.number)

        self.network.after(self.rng.choice((5, 100, 1_500)), start)

    def _gateway(self) -> Gateway:
        self._born += 1
        return Gateway(f"gateway, process {self._born}", self)
