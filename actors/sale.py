"""The sale shard: the one writer of the events that are placed on it.

The loop, and nothing else, touches state::

    take what waits -> decide it in memory -> wait for the batch before -> commit in the background -> answer
         ^                                                                                               |
         `--------------------------- meanwhile the next turn is decided on this one's state <-----------'

The invariants, each with a test that breaks it:

- an answer leaves only after the transaction that made it durable has committed, and in the order of the
  turns;
- a turn is committed only if the one before was: if its outcome is unknown or failed, all states that it or
  the turn decided after it have touched are dropped and loaded again, and callers are asked to send again;
- after an unknown outcome the shard begins a new epoch before it loads anything, so that the batch is there
  or never will be;
- a shard that was fenced answers nothing any more and ends;
- what has to be looked up in the durable record is looked up while no commit is under way, so it can't be
  stale.
"""

import asyncio
import logging
from typing import Final

from actors.mailbox import Call, Full, Mailbox
from actors.notifying import WARNING_MS_MAX, Notifier
from actors.ports import Clock, Publisher, ShardSettings
from actors.residents import Resident, Residents
from actors.snapshotting import Snapshotter
from actors.turn import LOADING, Evidence, Turn
from domain import commands as c
from domain import events as e
from domain import notices
from domain.ids import EventId, OperationId, OrderId
from domain.refusals import Code, Refusal
from storage.ending import end
from storage.journal import Batch, Fenced, Journal, Refused, Unknown

RENEWAL_PAUSE_S: Final = 0.1
SUSPECTS_MAX: Final = 50_000
MOVE_MS_MAX: Final = 30_000
"""How long an event that is to go to another shard may take to be loaded first."""

log = logging.getLogger(__name__)


class SaleShard:
    """Decides for many events, one turn after the other. See the module's text."""

    def __init__(
        self,
        shard: int,
        journal: Journal,
        publisher: Publisher,
        clock: Clock,
        settings: ShardSettings,
        *,
        owner: str,
    ) -> None:
        self.shard = shard
        self.epoch = 0
        self.ended = asyncio.Event()
        self.is_fenced = False
        self._journal = journal
        self._clock = clock
        self._settings = settings
        self._owner = owner
        self._mailbox = Mailbox(settings.mailbox_commands_max)
        self.residents = Residents(shard, journal, clock)
        self._notifier = Notifier(publisher, clock, settings.publish_interval_ms)
        self._snapshotter = Snapshotter(shard, journal, clock, settings.snapshot_events_min)
        self._committing: tuple[Turn, asyncio.Task[bool]] | None = None
        # The outcome of a batch is unknown: it may even commit later, unless this epoch ends first.
        self._may_land_late = False
        self._loop_task: asyncio.Task[None] | None = None
        self.is_draining = False
        self._swept_at_ms = 0
        self._arrivals_at_ms = 0
        # Orders of batches that were refused. Whether they may be sold is looked up before they are decided
        # again, so that one that may not does not take its neighbours with it for ever.
        self._suspects: set[OrderId] = set()
        # Where events are asked to go, until when that may take, and who waits for it.
        self._moves: dict[EventId, tuple[int, int, asyncio.Future[bool]]] = {}

    async def start(self) -> None:
        """Become the newest incarnation of this shard and begin to decide. Raises `ConnectionError`."""
        self.epoch = await self._journal.claim(self.shard, self._owner)
        self._notifier.start()
        await self.residents.load_placed()
        self._loop_task = asyncio.create_task(self._run())

    async def submit(self, packed: bytes) -> bytes:
        """Have packed commands decided; returns the packed answers, in the same order, once they are
        durable.
        """
        commands = c.unpack(packed)
        if self.is_draining or self.ended.is_set():
            return e.pack([LOADING] * len(commands))
        call = Call(commands)
        try:
            self._mailbox.put(call)
        except Full:
            return e.pack([Refusal(Code.BUSY, self._settings.busy_retry_ms)] * len(commands))
        return e.pack(await call.done)

    async def state(self, event_id: EventId) -> bytes | None:
        """Return the packed `SaleNotice` of an event, None while it is being loaded or if it is elsewhere."""
        resident = self.residents.get(event_id)
        return None if isinstance(resident, e.Again) else notices.pack(resident.notice)

    async def move_event(self, event_id: EventId, to_shard: int) -> bool:
        """Hand an event over to another shard, between two turns. Returns False if it could not be done
        now, or is about to go to yet another shard.
        """
        if self.is_draining or self.ended.is_set():
            return False
        if event_id not in self._moves:
            done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._moves[event_id] = (to_shard, self._clock() + MOVE_MS_MAX, done)
            self._mailbox.wake()
        goes_to, _, done = self._moves[event_id]
        return goes_to == to_shard and await asyncio.shield(done)

    async def drain(self) -> None:
        """Take nothing more, finish what waits, store snapshots, and end."""
        self.is_draining = True
        self._mailbox.wake()
        if self._loop_task is not None:
            await self._loop_task

    async def kill(self) -> None:
        """End at once, wherever the loop is, as a crash would: nothing is finished, nobody is answered."""
        tasks = [self._loop_task, self._committing[1] if self._committing else None]
        await end(task for task in tasks if task is not None)
        await self._end()

    # --- the loop -----------------------------------------------------------------------------------------

    async def _run(self) -> None:
        try:
            while not self.ended.is_set():
                await self._mailbox.wait(self._settings.sweep_interval_ms / 1000)
                await self._turn()
                if self.is_draining and not self._mailbox.waiting:
                    await self._settle()
                    await self._snapshotter.take_all(self.residents, self.epoch)
                    return
        except Exception:
            log.exception("shard %d: the loop failed; another incarnation has to take over", self.shard)
        finally:
            await self._end()

    async def _turn(self) -> None:
        calls = self._mailbox.take(self._settings.batch_commands_max)
        try:
            await self._decide_and_commit(calls)
        except BaseException:
            for call in calls:
                call.answer([LOADING] * len(call.commands))
            raise

    async def _decide_and_commit(self, calls: list[Call]) -> None:
        wanted = dict.fromkeys(command.event_id for call in calls for command in call.commands)
        there: dict[EventId, Resident | e.Again] = {
            event_id: self.residents.get(event_id) for event_id in wanted
        }
        evidence = await self._evidence(calls, there)
        # Not before that wait, in which holds may have expired: after an outage it takes as long as that did.
        now_ms = self._clock()
        turn = Turn(now_ms, self._settings.recent_operations_max)
        # The wait for evidence may have dropped a state that the commit before had left in doubt; one that
        # was loaded since has no evidence yet.
        for event_id, before in there.items():
            if not isinstance(before, e.Again) and self.residents.get(event_id) is not before:
                there[event_id] = LOADING
        for resident in there.values():
            if not isinstance(resident, e.Again):
                resident.used_at_ms = now_ms
        for call in calls:
            turn.take_call(call, there, evidence)
        self._sweep(turn, now_ms)
        if turn.calls or turn.decided:
            await self._commit_after_the_one_before(turn)
        elif self._committing is not None:
            await self._settle()
        await self._between_turns(now_ms)

    async def _evidence(self, calls: list[Call], there: dict[EventId, Resident | e.Again]) -> Evidence:
        """Look up what can't be decided from memory, with no commit under way that could change it."""
        evidence = Evidence()
        operation_ids: set[OperationId] = set()
        order_ids: set[OrderId] = set()
        suspects: set[OrderId] = set()
        for call in calls:
            for command in call.commands:
                resident = there[command.event_id]
                if isinstance(resident, e.Again):
                    continue
                if resident.state.operations.is_spilled(command.operation_id):
                    operation_ids.add(command.operation_id)
                if type(command) is c.CancelTickets:
                    order_ids.add(command.order_id)
                    memory = resident.state.operations
                    if resident.state.needs_sold and memory.is_spilled(command.order_id):
                        operation_ids.add(command.order_id)
                elif self._suspects and command.operation_id in self._suspects:
                    suspects.add(command.operation_id)
        if not operation_ids and not order_ids and not suspects:
            return evidence
        await self._settle()
        try:
            for operation_id, answer in (await self._journal.find_operations(list(operation_ids))).items():
                evidence.operations[operation_id] = e.unpack(answer)[0]
            evidence.orders = await self._journal.find_orders(list(order_ids))
            evidence.unsellable = suspects - await self._journal.find_sellable(list(suspects))
            self._suspects -= suspects
        except (ConnectionError, Refused) as error:
            log.warning("shard %d can't look up %d operations: %r", self.shard, len(operation_ids), error)
            evidence.unknown = {*operation_ids, *order_ids, *suspects}
        return evidence

    def _sweep(self, turn: Turn, now_ms: int) -> None:
        if now_ms - self._swept_at_ms < self._settings.sweep_interval_ms:
            return
        self._swept_at_ms = now_ms
        for resident in self.residents:
            if resident.state.expiries.is_none_until(now_ms + WARNING_MS_MAX):
                continue  # with ten thousand events on a shard, nearly all of them
            if resident.state.holds and turn.expire(resident):
                self._swept_at_ms = 0  # more is due: go on in the next turn, which this one's commit begins
            if resident.state.holds:
                self._notifier.announce_expiring(resident, now_ms)

    async def _commit_after_the_one_before(self, turn: Turn) -> None:
        batch = turn.batch(self.shard, self.epoch)
        if not await self._settle():
            self._in_doubt(turn)
            return
        if not batch.entries and not turn.is_deciding:
            turn.answer()
            return
        # A turn that only refused or repeated is committed too, empty: a zombie must not refuse, from a state
        # that is no longer true, what its successor has granted.
        self._committing = (turn, asyncio.create_task(self._commit(batch)))
        self._committing[1].add_done_callback(lambda _: self._mailbox.wake())

    async def _settle(self) -> bool:
        """Wait for the commit that is under way and answer its callers. Returns whether it is durable."""
        if self._committing is None:
            return True
        turn, task = self._committing
        is_durable = await task
        self._committing = None
        if is_durable:
            turn.answer()
            self._notifier.committed(turn)
        else:
            turn.abandon()
            await self._end_doubt()
            self._in_doubt(turn)
        return is_durable

    async def _end_doubt(self) -> None:
        """Wait until a batch with an unknown outcome has either committed or never will.

        Else a state could be loaded that is without it, a command refused on that state, and the batch commit
        after all: a buyer would be told that nothing was sold, and be sold something.
        """
        while self._may_land_late and not self.ended.is_set():
            try:
                self.epoch = await self._journal.renew(self.shard, self.epoch)
                self._may_land_late = False
            except Fenced:
                # By a successor, or by a renewal whose answer was lost: a restart puts both right.
                log.warning("shard %d: epoch %d is over", self.shard, self.epoch)
                self.ended.set()
            except (ConnectionError, Refused) as error:
                log.warning("shard %d: can't renew its epoch: %r", self.shard, error)
                if self.is_draining:
                    self.ended.set()
                await asyncio.sleep(RENEWAL_PAUSE_S)

    async def _commit(self, batch: Batch) -> bool:
        try:
            await self._journal.commit(batch)
        except Fenced:
            log.warning("shard %d, epoch %d: fenced, another incarnation has started", self.shard, self.epoch)
            self.is_fenced = True
            self.ended.set()
            return False
        except (Unknown, Refused, ConnectionError) as error:
            log.warning(
                "shard %d: a batch of %d events is in doubt: %r", self.shard, len(batch.entries), error
            )
            self._may_land_late = isinstance(error, Unknown)
            if isinstance(error, Refused):
                orders = {ticket.order_id for ticket in batch.tickets}
                # Those that nobody asks about again would add up; one forgotten is only refused again.
                is_room = len(self._suspects) + len(orders) <= SUSPECTS_MAX
                self._suspects = self._suspects | orders if is_room else orders
            return False
        return True

    def _in_doubt(self, turn: Turn) -> None:
        """Forget all that the turn has touched. Its callers send again, and find out what became of it."""
        for resident, _ in turn.decided.values():
            self.residents.reload(resident.event_id)
        turn.abandon()

    async def _between_turns(self, now_ms: int) -> None:
        """Begin what needs a state all of which is durable: handing over, snapshots, passivation."""
        if self._moves and await self._settle():
            for event_id, (to_shard, until_ms, done) in list(self._moves.items()):
                resident = self.residents.get(event_id)
                if not isinstance(resident, e.Again):
                    del self._moves[event_id]
                    self._snapshotter.move(resident, self.residents, self.epoch, to_shard, done)
                elif resident.is_elsewhere or now_ms > until_ms:
                    # One that can't be loaded would make every turn wait for the commit before, for ever.
                    del self._moves[event_id]
                    done.set_result(False)
        if now_ms != self._swept_at_ms:
            return
        self.residents.load_wanted()
        if now_ms - self._arrivals_at_ms >= self._settings.arrivals_interval_ms:
            self._arrivals_at_ms = now_ms
            self.residents.look_for_arrivals()
        idle_since_ms = now_ms - self._settings.idle_ms
        for resident in self.residents:
            is_idle = resident.used_at_ms < idle_since_ms and not resident.state.holds
            if not is_idle and not self._snapshotter.is_due(resident):
                continue
            if not self._snapshotter.has_room:
                return  # thousands may have become idle together; they go with the next sweeps
            if not await self._settle():
                return  # some of these states are in doubt, and must be neither stored nor kept from loading
            if is_idle:
                self._snapshotter.passivate(resident, self.residents, self.epoch)
            else:
                self._snapshotter.begin(resident, self.epoch)

    async def _end(self) -> None:
        self.ended.set()
        if self._committing is not None:
            self._committing[0].abandon()
        for call in self._mailbox.take(self._settings.mailbox_commands_max):
            call.answer([LOADING] * len(call.commands))
        for _, _, done in self._moves.values():
            if not done.done():
                done.set_result(False)
        await self._snapshotter.close()
        await self.residents.close()
        await self._notifier.stop()
