"""One run: a seed becomes weather, people and calamities, then everything is mended, and all has to be right
again.
"""

import asyncio
import logging
import random
from collections import deque
from typing import Any, Final

import msgspec

from actors.sale import SaleShard
from domain import events as e
from domain.ids import uuid7
from simulation.history import Broken, History, brief
from simulation.network import Network
from simulation.people import Buyer, Clients, Organizer, definition
from simulation.platform import Platform, ShardMaker
from simulation.store import Store
from simulation.virtual_time import START_MS, Stuck, VirtualLoop, run, virtual_loop
from simulation.weather import FAIR, draw
from storage.journal import Batch
from storage.memory_journal import MemoryJournal

TRACE_LINES: Final = 60
STEPS_MAX: Final = 400_000
SETTLING_S: Final = 25.0


class Outcome(msgspec.Struct, frozen=True):
    """What became of a run.

    Attributes:
        broken: the rule that did not hold, empty if all did.
        digest: of the durable history; equal for equal seeds.
        commits, acknowledged: how much was done.
        simulated_s: how much virtual time went by.
        trace: the last things that happened.
    """

    seed: int
    broken: str
    digest: str
    commits: int
    acknowledged: int
    simulated_s: float
    trace: list[str]


class _Ears(logging.Handler):
    """Listens to what the actors log: an error there is a bug, whatever the history says."""

    def __init__(self, scenario: "Scenario") -> None:
        super().__init__(logging.WARNING)
        self._scenario = scenario

    def emit(self, record: logging.LogRecord) -> None:
        self._scenario.say(record.getMessage())
        if record.levelno >= logging.ERROR:
            raised = record.exc_info[1] if record.exc_info else None
            self._scenario.fail(Broken(f"{record.getMessage()}: {raised!r}"))


class Scenario:
    """Everything of one run."""

    def __init__(self, seed: int, journal: MemoryJournal, make_shard: ShardMaker) -> None:
        self.seed = seed
        self.rng = random.Random(seed)
        self.history = History()
        self.trace: deque[str] = deque(maxlen=TRACE_LINES)
        self.loop: VirtualLoop = virtual_loop()
        self.loop.set_exception_handler(self._on_failure)
        self.failed: asyncio.Future[None] = self.loop.create_future()
        self.network = Network(self.rng, draw(self.rng))
        self.store = Store(journal, self.network, self.rng, self)
        self.platform = Platform(
            self.loop,
            self.network,
            self.store,
            self.rng,
            self.say,
            shard_count=self.rng.randint(1, 3),
            gateway_count=2,
            make_shard=make_shard,
        )
        clients = Clients(self.platform, self.history, self.rng, journal.authorise)
        count = self.rng.choice((1, 2, 3, 6))
        self.events = [definition(uuid7(START_MS, self.rng.getrandbits(74)), self.rng) for _ in range(count)]
        self.buyers = [Buyer(clients, self.events) for _ in range(self.rng.randint(3, 25))]
        self.organizer = Organizer(clients, self.events, self.buyers)
        self.clients = clients

    # --- the witness's and the log's side -----------------------------------------------------------------

    def say(self, text: str) -> None:
        """Add a line to the trace."""
        self.trace.append(f"{self.loop.time():9.3f} s  {text}")

    def fail(self, error: BaseException) -> None:
        """End the run: a rule does not hold."""
        if not self.failed.done():
            self.failed.set_exception(error)

    def _on_failure(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.fail(error if error is not None else Broken(context["message"]))

    def claimed(self, shard: int, epoch: int) -> None:
        """See `store.Witness`."""
        self.say(f"shard {shard} has epoch {epoch}")
        self.history.claimed(shard, epoch)

    def committed(self, batch: Batch) -> None:
        """See `store.Witness`."""
        for entry in batch.entries:
            kinds = " ".join(type(event).__name__ for event in e.unpack(entry.body))
            self.say(
                f"shard {batch.shard}, epoch {batch.epoch}: event {brief(entry.event_id)} "
                f"{entry.seq_first}-{entry.seq_last} {kinds}"
            )
        self.history.committed(batch)

    # --- the run ------------------------------------------------------------------------------------------

    async def play(self) -> None:
        """Raise `Broken`, or whatever else went wrong."""
        scenes = asyncio.ensure_future(self._scenes())
        await asyncio.wait({scenes, self.failed}, return_when=asyncio.FIRST_COMPLETED)
        if self.failed.done():
            scenes.cancel()
            self.failed.result()
        scenes.result()

    async def _scenes(self) -> None:
        chaos = asyncio.ensure_future(self._calamities())
        await self.organizer.open()
        async with asyncio.TaskGroup() as crowd:
            for buyer in self.buyers:
                crowd.create_task(buyer.live(self.rng.randint(1, 10)))
            crowd.create_task(self.organizer.live(self.rng.randint(0, 8)))
        await asyncio.sleep(self.rng.random() * 3)
        chaos.cancel()
        self.say("everything is mended")
        self.network.weather = FAIR
        self.store.start_again()
        self.platform.wake_stopped()
        await asyncio.sleep(SETTLING_S)
        self._check_counts()
        await self._ask_everything_again()

    async def _calamities(self) -> None:
        pause_s = self.rng.choice((0.5, 2.0, 8.0))
        while True:
            await asyncio.sleep(self.rng.expovariate(1 / pause_s))
            number = self.rng.randrange(self.platform.shard_count)
            match self.rng.randrange(10):
                case 0 | 1:
                    self.platform.kill_shard(number)
                case 2:
                    self.platform.replace_shard(number, stop=True)
                case 3:
                    self.platform.replace_shard(number, stop=False)
                case 9:
                    self.platform.cut_off_shard(number)
                case 4:
                    self.platform.wake_stopped()
                case 5:
                    self.platform.kill_gateway(self.rng.randrange(len(self.platform.gateways)))
                case 6:
                    self.say("the store stops")
                    self.store.stop()
                    await asyncio.sleep(self.rng.choice((0.02, 0.5, 3.0)))
                    self.store.start_again()
                case 7:
                    sale = self.rng.choice(self.events)
                    for at in range(self.platform.shard_count):
                        if at != number:
                            self.platform.move(sale.event_id, at, number)
                case _:
                    self.platform.drain(number)

    async def _ask_everything_again(self) -> None:
        """Each acknowledged operation, asked again, has to get its first answer, from whoever is in charge
        now.
        """
        for command, _ in list(self.history.acknowledged.values()):
            if await self.clients.do(command) is None:
                raise Broken(f"nobody answers although everything is mended: {brief(command)}")

    def _check_counts(self) -> None:
        """Holds have long expired: whatever is still held was forgotten by the sweep."""
        for book in self.history.books.values():
            for _, _, held, _, _ in book.counts():
                if held:
                    raise Broken(f"event {brief(book.event_id)} still holds {held} after {SETTLING_S} s")


async def _play(seed: int, journal: MemoryJournal, make_shard: ShardMaker) -> Outcome:
    loop = virtual_loop()
    scenario = Scenario(seed, journal, make_shard)
    broken = ""
    ears = _Ears(scenario)
    log = logging.getLogger("actors")
    log.addHandler(ears)
    propagate, log.propagate = log.propagate, False
    try:
        await scenario.play()
    except* Broken as errors:
        broken = "; ".join(str(error) for error in errors.exceptions)
    finally:
        log.removeHandler(ears)
        log.propagate = propagate
    history = scenario.history
    return Outcome(
        seed,
        broken,
        history.digest(),
        history.commits,
        len(history.acknowledged),
        loop.time(),
        list(scenario.trace),
    )


def simulate(
    seed: int, make_journal: type[MemoryJournal] = MemoryJournal, make_shard: ShardMaker = SaleShard
) -> Outcome:
    """Run a seed. What is broken is in the outcome; a bug of the simulation itself is raised."""
    try:
        return run(_play(seed, make_journal(), make_shard))
    except Stuck as stuck:
        return Outcome(seed, f"stuck: {stuck}", "", 0, 0, 0.0, [])
