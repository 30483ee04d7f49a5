"""Applying the setup of one date of a series to others (docs/decisions/series.md).

Each date is changed by itself, as an editor would: its sale agrees first, and what it refuses, it alone
refuses. What is the same already is left alone, so that doing it again finishes what was cut short.

Every method raises `ConnectionError` when PostgreSQL is away.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from domain.event_status import LIVE, EventStatus
from domain.identity import Who
from domain.ids import EVENT, EventId, OrganisationId, PoolId, SeriesId, parse, text
from domain.refusals import Code, Refusal
from services.events import local_time
from services.events.changing import Change, Changes
from services.events.drafting import invalid
from services.events.drafts import at_its_venue
from services.events.editing import Editing
from services.events.shared_setup import Setup, Shared, part_ids, with_setup
from services.events.sharing_models import DATES_A_CALL, ApplySetup, DateDone, DateRefusal, SetupApplied
from services.events.steps import Steps
from services.events.views import status_of
from storage.event_records import EventRecord, read_events
from storage.postgres import AnyConnection, Pool
from storage.setup_parts import setup_ids, share_parts
from storage.tenancy import tenant

# Whose life goes on.
_OPEN: Final = LIVE | {EventStatus.DRAFT}
_SAME: Final = Refusal(Code.ILLEGAL_STEP, None, {"reason": "there is nothing to change"})


class Sharing:
    """Applies setups."""

    def __init__(
        self,
        pool: Pool,
        changes: Changes,
        editing: Editing,
        steps: Steps,
        clock: Callable[[], int],
        new_id: Callable[[], bytes],
    ) -> None:
        self._pool = pool
        self._changes = changes
        self._editing = editing
        self._steps = steps
        self._clock = clock
        self._new_id = new_id

    async def apply(
        self, who: Who, organisation_id: OrganisationId, series_id: SeriesId, said: ApplySetup
    ) -> SetupApplied | Refusal:
        """Make the next few dates say what one of them says."""
        # Each date is changed by itself, and a repetition finds those that are done.
        who = msgspec.structs.replace(who, origin=msgspec.structs.replace(who.origin, attempt=None))
        async with tenant(self._pool, organisation_id) as connection:
            dates = await read_events(connection, "WHERE events.series_id = $1 ORDER BY event_id", series_id)
            dates = [date for date in dates if date.organisation_id == organisation_id]
            pattern = next((date for date in dates if text(EVENT, date.event_id) == said.event), None)
            if not dates:
                return Refusal(Code.NOT_FOUND)
            if pattern is None:
                return invalid("event", "not_in_the_series")
            now = {"version": pattern.version, "tickets_version": pattern.tickets_version}
            if now != {"version": said.version, "tickets_version": said.tickets_version}:
                return Refusal(Code.VERSION_CONFLICT, None, {**now})
            setup = await self._setup(connection, pattern)
        # In the order of their ids, which no change of times changes between two calls.
        wanted = [date for date in dates if date is not pattern and _is_wanted(date, pattern, said)]
        done = 0 if said.after is None else sum(date.event_id <= parse(EVENT, said.after) for date in wanted)
        chosen = wanted[done : done + DATES_A_CALL]
        items = [await self._date(who, setup, date, said) for date in chosen]
        done += len(chosen)
        return SetupApplied(
            items=tuple(items),
            done=done,
            total=len(wanted),
            next=items[-1].event if done < len(wanted) else None,
        )

    async def _setup(self, connection: AnyConnection, pattern: EventRecord) -> Setup:
        """Return the setup of a date. What it has that no other date has yet becomes part of the setup."""
        own = {part_id: part_id for part_id in part_ids(pattern)}
        await share_parts(connection, pattern.event_id, own)
        return Setup(pattern, await setup_ids(connection, pattern.event_id))

    async def _date(self, who: Who, setup: Setup, date: EventRecord, said: ApplySetup) -> DateDone:
        refusals: list[DateRefusal] = []
        if status_of(date, self._clock()) not in _OPEN:
            return _done(date, "skipped")
        shared: list[Shared] = []

        async def make(connection: AnyConnection, event: EventRecord) -> Change | Refusal:
            shared.clear()
            names = await setup_ids(connection, event.event_id)
            is_live = event.status in LIVE
            made = with_setup(setup, event, names, said.parts, self._new_id, is_live=is_live)
            if isinstance(made, Refusal):
                return made
            if "place" in said.parts:
                # The setup was read before; its venue may have changed since.
                there = await at_its_venue(connection, made.event)
                made = msgspec.structs.replace(made, event=there)
            shared.append(made)
            if made.event == event:
                return _SAME
            await share_parts(connection, event.event_id, made.added)
            return self._editing.as_change(who, event, made.event, "event.setup")

        changed = await self._changes.change(date.organisation_id, date.event_id, make)
        is_changed = not isinstance(changed, Refusal)
        if isinstance(changed, Refusal) and changed is not _SAME:
            refusals.append(_refusal(changed))
        for pool_id, capacity in shared[0].capacities.items() if shared else ():
            answer = await self._steps.set_capacity(
                who, date.organisation_id, date.event_id, pool_id, capacity
            )
            if isinstance(answer, Refusal):
                refusals.append(_refusal(answer, _pool_name(date, pool_id)))
            else:
                is_changed = True
        if refusals:
            return _done(date, "refused", refusals)
        return _done(date, "changed" if is_changed else "same")


def _is_wanted(date: EventRecord, pattern: EventRecord, said: ApplySetup) -> bool:
    return said.scope == "all" or (date.starts_at_ms, date.event_id) > (
        pattern.starts_at_ms,
        pattern.event_id,
    )


def _pool_name(date: EventRecord, pool_id: PoolId) -> str:
    return next((pool.name for pool in date.pools if pool.pool_id == pool_id), "")


def _refusal(refusal: Refusal, pool: str = "") -> DateRefusal:
    details = refusal.details
    least = details.get("capacity_min")
    return DateRefusal(
        code=refusal.code.value,
        field=str(details.get("field", "")),
        reason=str(details.get("reason", "")),
        pool=pool,
        capacity_min=least if isinstance(least, int) else None,
    )


def _done(date: EventRecord, outcome: str, refusals: list[DateRefusal] | None = None) -> DateDone:
    return DateDone.model_construct(
        event=text(EVENT, EventId(date.event_id)),
        title=date.title,
        starts_at=local_time.to_text(date.starts_at_ms, date.time_zone),
        starts_at_ms=date.starts_at_ms,
        outcome=outcome,
        refusals=tuple(refusals or ()),
    )
