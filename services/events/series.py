"""Series: events that share their setup, made at once from a first one. Each is an event of its own; what
they share is changed in one of them, and applied to others by `services.events.sharing`.

Every method raises `ConnectionError` when PostgreSQL is away.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from domain.identity import Who
from domain.ids import EVENT, SERIES, EventId, OrganisationId, SeriesId, parse, text
from domain.refusals import Code, Refusal
from services.audit import entry_for
from services.events import local_time
from services.events.drafting import invalid, slug_of
from services.events.drafts import Drafts
from services.events.editing import duplicate
from services.events.models import NewSeries, Series, SeriesEvent
from services.events.recurrence import BadRule, Occurrence, occurrences
from services.events.shared_setup import names_of_copy, part_ids
from services.events.views import status_of
from storage.audit_log import record
from storage.event_changes import locked_event
from storage.event_records import EventRecord, read_events
from storage.postgres import AnyConnection, Pool
from storage.series import SeriesRecord, find_series, insert_series
from storage.setup_parts import setup_ids, share_parts
from storage.tenancy import tenant

_RETRY_MS: Final = 1_000


class SeriesMaking:
    """Makes and reads series."""

    def __init__(
        self, pool: Pool, drafts: Drafts, clock: Callable[[], int], new_id: Callable[[], bytes]
    ) -> None:
        self._pool = pool
        self._drafts = drafts
        self._clock = clock
        self._new_id = new_id

    async def create(self, who: Who, organisation_id: OrganisationId, said: NewSeries) -> Series | Refusal:
        """Make a series: all of its events or none."""
        event_id = EventId(parse(EVENT, said.event))
        async with tenant(self._pool, organisation_id) as connection:
            found = await locked_event(connection, event_id)
            if found is None:
                return invalid("event", "unknown_id")
            first, under_way = found
            if under_way is not None:
                # It was written down with the event as it was: what is done beside it, it would undo.
                return Refusal(Code.BUSY, _RETRY_MS)
            if first.series_id is not None:
                return invalid("event", "in_a_series")
            try:
                starts = occurrences(said, first.starts_at_ms, first.time_zone)
            except BadRule as error:
                return invalid(error.field, error.reason)
            refusal = await self._drafts.no_room(connection, organisation_id, len(starts))
            if refusal is not None:
                return refusal
            series_id = SeriesId(self._new_id())
            series = SeriesRecord(series_id, organisation_id, said.title, said.rule.model_dump_json())
            await insert_series(connection, series, event_id)
            await share_parts(connection, event_id, {part: part for part in part_ids(first)})
            names = await setup_ids(connection, event_id)
            for start in starts:
                slug = await self._slug(connection, first, start)
                made = duplicate(first, start.starts_at_ms, slug, self._new_id)
                made = msgspec.structs.replace(made, series_id=series_id)
                await self._drafts.store_new(connection, who, made)
                await share_parts(connection, made.event_id, names_of_copy(first, made, names))
            entry = entry_for(
                who,
                "series.create",
                text(SERIES, series_id),
                organisation_id=organisation_id,
                at_ms=self._clock(),
                after={"title": said.title, "events": len(starts) + 1},
            )
            await record(connection, entry)
        moved = frozenset(start.starts_at_ms for start in starts if start.is_moved)
        return await self.read(organisation_id, series_id, moved)

    async def read(
        self, organisation_id: OrganisationId, series_id: SeriesId, moved: frozenset[int] = frozenset()
    ) -> Series | Refusal:
        """Return a series with its events, the earliest first."""
        async with tenant(self._pool, organisation_id) as connection:
            found = await find_series(connection, organisation_id, series_id)
            if found is None:
                return Refusal(Code.NOT_FOUND)
            events = await read_events(
                connection, "WHERE events.series_id = $1 ORDER BY starts_at, event_id LIMIT 400", series_id
            )
        now_ms = self._clock()
        return Series.model_construct(
            series=text(SERIES, series_id),
            title=found.title,
            rule=found.rule,
            events=tuple(
                SeriesEvent.model_construct(
                    event=text(EVENT, event.event_id),
                    slug=event.slug,
                    title=event.title,
                    status=status_of(event, now_ms).value,
                    starts_at=local_time.to_text(event.starts_at_ms, event.time_zone),
                    starts_at_ms=event.starts_at_ms,
                    is_moved=event.starts_at_ms in moved,
                )
                for event in events
            ),
        )

    async def _slug(self, connection: AnyConnection, first: EventRecord, start: Occurrence) -> str:
        day = local_time.wall_clock(start.starts_at_ms, first.time_zone).date().isoformat()
        slug = await self._drafts.free_slug(connection, f"{slug_of(first.title)[:60].strip('-')}-{day}")
        assert isinstance(slug, str)
        return slug
