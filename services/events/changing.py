"""Changing an event: what the catalogue says and what its sale decides on never come apart.

A change that the sale has to agree to is written down first, with the operations that it will ask for; then
the sale is asked; then the catalogue says it. Whoever dies in between leaves a change that somebody else
finishes with the same operations, which the sale does once. While one is under way, the next waits for it
(docs/decisions/catalogue-and-sale.md).
"""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from domain import commands as c
from domain.ids import EventId, OperationId, OrganisationId
from domain.refusals import Code, Refusal
from services.tickets import Asking
from storage import organisations
from storage.event_changes import (
    Effect,
    EventChange,
    apply,
    find_change,
    finish,
    locked_event,
    propose,
    unfinished,
)
from storage.event_records import EventRecord, read_events
from storage.postgres import AnyConnection, Pool, asking
from storage.tenancy import tenant

_TRIES: Final = 3
_RETRY_MS: Final = 1_000
_FOUND_MAX: Final = 20

log = logging.getLogger(__name__)


class Announcing(Protocol):
    """Tells every gateway that what it knows of an event is out of date."""

    async def announce(self, event: EventRecord) -> None:
        """Tell them. Never raises: who does not hear it reads anew after a while."""
        ...


class Change(msgspec.Struct, frozen=True):
    """What somebody wants.

    Attributes:
        kind: for people who read the table.
        asks: makes the commands for the sale, given an operation id for each; none if it need not be asked.
    """

    kind: str
    effect: Effect
    asks: tuple[Callable[[OperationId], c.AnyCommand], ...] = ()


Make = Callable[[AnyConnection, EventRecord], Awaitable[Change | Refusal]]


class Changes:
    """Carries changes out, and finishes what others left behind.

    Every method raises `ConnectionError` when PostgreSQL is away.
    """

    def __init__(
        self,
        pool: Pool,
        shards: Asking,
        announcing: Announcing,
        clock: Callable[[], int],
        new_id: Callable[[], bytes],
    ) -> None:
        self._pool = pool
        self._shards = shards
        self._announcing = announcing
        self._clock = clock
        self._new_id = new_id

    async def change(
        self, organisation_id: OrganisationId, event_id: EventId, make: Make
    ) -> EventRecord | Refusal:
        """Change an event and return it as it then is, or why it stays as it was.

        Args:
            organisation_id: whose event it is.
            event_id: the event.
            make: called in the transaction in which nobody else changes it; says what is to become of it.
        """
        for _ in range(_TRIES):
            async with tenant(self._pool, organisation_id) as connection:
                found = await locked_event(connection, event_id)
                if found is None:
                    return Refusal(Code.NOT_FOUND)
                event, under_way = found
                if under_way is None:
                    made = await make(connection, event)
                    if isinstance(made, Refusal):
                        return made
                    if made.asks and await organisations.is_closed_for_now(connection, organisation_id):
                        # Whoever closes it waits for this, or this for them.
                        return Refusal(Code.NOT_FOUND)
                    mine = self._written(organisation_id, event_id, made)
                    if mine.commands or made.effect.audit.attempt is not None:
                        mine = await propose(connection, mine)
                    if not mine.commands:
                        await apply(connection, mine.effect)
                        break
            if under_way is not None:
                await self.carry_out(under_way)
                continue
            refusal = await self.carry_out(mine)
            return await self._read(event_id) if refusal is None else refusal
        else:
            return Refusal(Code.BUSY, _RETRY_MS)
        changed = await self._read(event_id)
        await self._announcing.announce(changed)
        return changed

    async def resume(self, operation_id: OperationId) -> tuple[EventRecord, EventChange] | Refusal:
        """Carry out a change that was written down, unless that was done, and return its event and itself,
        or why the sale refused it.
        """
        async with asking(self._pool) as connection:
            found = await find_change(connection, operation_id)
        if found is None:
            return Refusal(Code.NOT_FOUND)
        change, is_ended, refusal = found
        if not is_ended:
            refusal = await self.carry_out(change)
        return refusal or (await self._read(change.event_id), change)

    async def carry_out(self, change: EventChange) -> Refusal | None:
        """Ask the sale for a change that is written down, and end it. `under_way` leaves it for later."""
        for command in change.commands:
            answer = await self._shards.ask(command)
            if isinstance(answer, Refusal) and not _is_done_anyway(command, answer):
                if answer.code is Code.BUSY:
                    # Not told as such: it is written down, and will be done.
                    return Refusal(Code.UNDER_WAY, answer.retry_after_ms or _RETRY_MS)
                async with tenant(self._pool, change.organisation_id) as connection:
                    return await finish(connection, change, answer)
        async with tenant(self._pool, change.organisation_id) as connection:
            refusal = await finish(connection, change, None)
        await self._announcing.announce(await self._read(change.event_id))
        return refusal

    async def finish_others(self) -> int:
        """Finish what was left behind, and return how many changes that were."""
        found = await unfinished(self._pool, self._clock(), _FOUND_MAX)
        for change in found:
            try:
                refusal = await self.carry_out(change)
            except ConnectionError:
                raise
            except Exception:
                # One that can't be carried out must not keep the others from it.
                log.exception("a change (%s) of an event can't be finished", change.kind)
                continue
            log.info("a change (%s) of an event was finished: %s", change.kind, refusal or "done")
        return len(found)

    async def run(self, interval_s: float) -> None:
        """Finish what others left behind, for ever."""
        await for_ever(self.finish_others, interval_s)

    def _written(self, organisation_id: OrganisationId, event_id: EventId, made: Change) -> EventChange:
        operation_id = OperationId(self._new_id())
        asked = tuple(ask(derived(operation_id, number)) for number, ask in enumerate(made.asks))
        return EventChange(operation_id, event_id, organisation_id, made.kind, asked, made.effect)

    async def _read(self, event_id: EventId) -> EventRecord:
        async with asking(self._pool) as connection:
            (event,) = await read_events(connection, "WHERE events.event_id = $1", event_id)
        return event


async def for_ever(work: Callable[[], Awaitable[int]], interval_s: float) -> None:
    """Do work now and then, whatever becomes of it, and at once again while there is some."""
    while True:
        try:
            is_more = bool(await work())
        except ConnectionError as error:
            log.warning("changes of events wait for PostgreSQL: %s", error)
            is_more = False
        except Exception:
            log.exception("looking for unfinished changes failed")
            is_more = False
        if not is_more:
            await asyncio.sleep(interval_s)


def derived(operation_id: OperationId, number: int) -> OperationId:
    """Return the operation id of a change's command: a UUID of version 8 (RFC 9562, section 5.8)."""
    digest = bytearray(hashlib.sha256(b"bilten change\0" + operation_id + bytes((number,))).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return OperationId(bytes(digest))


def _is_done_anyway(command: c.AnyCommand, refusal: Refusal) -> bool:
    """Say whether a sale refuses something because it is so already."""
    return isinstance(command, c.CloseSale) and refusal.code is Code.ILLEGAL_STEP
