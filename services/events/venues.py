"""Venues of organisations. A change of one shows on its events that are ahead; every method that awaits
raises `ConnectionError` when PostgreSQL is away.
"""

import logging
from collections.abc import Callable
from typing import Final

import msgspec

from domain.identity import Who
from domain.ids import EVENT, VENUE, OrganisationId, VenueId, parse, text
from domain.refusals import Code, Refusal
from services.audit import entry_for, only_changes
from services.events.changing import Change, Changes, Make, for_ever
from services.events.drafting import geo_columns, invalid, venue_columns
from services.events.models import Venue, VenueFields
from services.events.views import venue_model
from services.models import Page, PageQuery
from storage.audit_log import AuditEntry, record
from storage.event_changes import Effect
from storage.event_records import EventRecord
from storage.postgres import AnyConnection, Pool
from storage.tenancy import tenant
from storage.venues import (
    VenueRecord,
    delete_venue,
    find_venue,
    followed,
    followers,
    let_follow,
    list_venues,
    store_venue,
)

_FOLLOWERS_MAX: Final = 20

log = logging.getLogger(__name__)


class Venues:
    """The venues of organisations."""

    def __init__(
        self, pool: Pool, changes: Changes, clock: Callable[[], int], new_id: Callable[[], bytes]
    ) -> None:
        self._pool = pool
        self._changes = changes
        self._clock = clock
        self._new_id = new_id

    async def create(self, who: Who, organisation_id: OrganisationId, said: VenueFields) -> Venue | Refusal:
        """Make a venue."""
        made = _record(VenueId(self._new_id()), organisation_id, said, 1)
        async with tenant(self._pool, organisation_id) as connection:
            await store_venue(connection, made)
            await self._log(connection, who, "venue.create", None, made)
        return venue_model(made)

    async def listed(self, organisation_id: OrganisationId, query: PageQuery) -> Page[Venue] | Refusal:
        """Return a part of an organisation's venues."""
        try:
            after = None if query.cursor is None else parse(VENUE, query.cursor)
        except ValueError:
            return invalid("cursor", "not_ours")
        async with tenant(self._pool, organisation_id) as connection:
            found = await list_venues(connection, organisation_id, after, query.limit + 1)
        shown = found[: query.limit]
        more = text(VENUE, shown[-1].venue_id) if len(found) > query.limit else None
        return Page[Venue].model_construct(items=tuple(map(venue_model, shown)), next_cursor=more)

    async def read(self, organisation_id: OrganisationId, venue_id: VenueId) -> Venue | Refusal:
        """Return a venue."""
        async with tenant(self._pool, organisation_id) as connection:
            found = await find_venue(connection, venue_id)
        return Refusal(Code.NOT_FOUND) if found is None else venue_model(found)

    async def edit(
        self,
        who: Who,
        organisation_id: OrganisationId,
        venue_id: VenueId,
        version: int | None,
        said: VenueFields,
    ) -> Venue | Refusal:
        """Change a venue, and what it says on its events that are not over.

        The events follow one by one, after the venue: each has its version and its own way to the pages. That
        they have to is written down with the change of the venue, so none is left behind.
        """
        async with tenant(self._pool, organisation_id) as connection:
            old = await find_venue(connection, venue_id, is_locked=True)
            if old is None:
                return Refusal(Code.NOT_FOUND)
            if version is not None and version != old.version:
                return Refusal(Code.VERSION_CONFLICT, None, {"version": old.version})
            made = _record(venue_id, organisation_id, said, old.version + 1)
            await store_venue(connection, made)
            told = self._entry(who, "event.edit", made, after={"venue": made.name})
            await let_follow(connection, venue_id, organisation_id, told, self._clock())
            await self._log(connection, who, "venue.edit", old, made)
        await self.follow()
        return venue_model(made)

    async def follow(self) -> int:
        """Let some events that have to follow their venues do so, and return how many were looked at."""
        found = await followers(self._pool, self._clock(), _FOLLOWERS_MAX)
        for one in found:
            try:
                await self._changes.change(one.organisation_id, one.event_id, self._following(one.told))
            except ConnectionError:
                raise
            except Exception:
                # One that can't follow must not keep the others from it.
                log.exception("an event can't follow its venue")
        return len(found)

    async def run(self, interval_s: float) -> None:
        """Let events follow their venues, for ever."""
        await for_ever(self.follow, interval_s)

    async def delete(
        self, who: Who, organisation_id: OrganisationId, venue_id: VenueId, version: int | None
    ) -> Refusal | None:
        """Remove a venue at which nothing takes or took place."""
        async with tenant(self._pool, organisation_id) as connection:
            old = await find_venue(connection, venue_id, is_locked=True)
            if old is None:
                return Refusal(Code.NOT_FOUND)
            if version is not None and version != old.version:
                return Refusal(Code.VERSION_CONFLICT, None, {"version": old.version})
            if not await delete_venue(connection, venue_id):
                return Refusal(Code.ILLEGAL_STEP, None, {"reason": "has_events"})
            await self._log(connection, who, "venue.delete", old, None)
        return None

    def _following(self, told: AuditEntry) -> Make:
        async def make(connection: AnyConnection, event: EventRecord) -> Change | Refusal:
            await followed(connection, event.event_id)
            venue = None if event.venue_id is None else await find_venue(connection, event.venue_id)
            becomes = event if venue is None else msgspec.structs.replace(event, **venue_columns(venue))
            if becomes == event:
                return Refusal(Code.NOT_FOUND)
            entry = msgspec.structs.replace(told, target=text(EVENT, event.event_id), at_ms=self._clock())
            return Change("venue", Effect(entry, becomes))

        return make

    async def _log(
        self,
        connection: AnyConnection,
        who: Who,
        action: str,
        old: VenueRecord | None,
        new: VenueRecord | None,
    ) -> None:
        some = new or old
        assert some is not None
        before, after = only_changes(_said(old), _said(new))
        await record(connection, self._entry(who, action, some, before, after))

    def _entry(
        self,
        who: Who,
        action: str,
        venue: VenueRecord,
        before: dict[str, object] | None = None,
        after: dict[str, object] | None = None,
    ) -> AuditEntry:
        return entry_for(
            who,
            action,
            text(VENUE, venue.venue_id),
            organisation_id=venue.organisation_id,
            at_ms=self._clock(),
            before=before,
            after=after,
        )


def _record(
    venue_id: VenueId, organisation_id: OrganisationId, said: VenueFields, version: int
) -> VenueRecord:
    return VenueRecord(
        venue_id=venue_id,
        organisation_id=organisation_id,
        name=said.name,
        address=said.address,
        city=said.city,
        country=said.country,
        time_zone=said.time_zone,
        capacity=said.capacity,
        version=version,
        **geo_columns(said.geo),
    )


def _said(venue: VenueRecord | None) -> dict[str, object]:
    if venue is None:
        return {}
    plain: dict[str, object] = msgspec.structs.asdict(venue)
    return {name: value for name, value in plain.items() if not isinstance(value, bytes)}
