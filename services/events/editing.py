"""Writing events: drafts, their texts and tickets, copies, and who else works on them.

Every change names the version that it was made from, so that two editors do not overwrite each other; every
method that awaits raises `ConnectionError` when PostgreSQL is away.
"""

from collections.abc import Callable

import msgspec

from domain import commands as c
from domain.event_status import LIVE, EventStatus
from domain.identity import Who
from domain.ids import (
    EVENT,
    VENUE,
    EventId,
    OperationId,
    OrganisationId,
    PoolId,
    QuestionId,
    TicketTypeId,
    VenueId,
    parse,
    text,
)
from domain.refusals import Code, Refusal
from services.audit import entry_for, only_changes
from services.events.access import Access
from services.events.auditing import as_audited
from services.events.changing import Change, Changes
from services.events.days import moved as moved_days
from services.events.days import span, with_days
from services.events.drafting import blank, edited, invalid, shifted, slug_of
from services.events.drafts import Drafts
from services.events.local_time import NotATime, to_ms
from services.events.models import CopyRequest, Event, EventPatch, EventRow, NewEvent, OwnEventsQuery
from services.events.tickets_document import definition, with_tickets
from services.events.tickets_models import TicketsFields
from services.events.views import event_model, row_model, status_of
from services.models import Page
from storage import organisations
from storage.catalogue import slug_is_free
from storage.event_changes import Effect
from storage.event_lists import own_events
from storage.event_records import EventRecord, read_events
from storage.postgres import AnyConnection, Pool
from storage.search_texts import plain_words
from storage.tenancy import tenant
from storage.venues import VenueRecord, venue_for_now


class Editing:
    """Writes events of organisations."""

    def __init__(
        self,
        pool: Pool,
        changes: Changes,
        access: Access,
        clock: Callable[[], int],
        new_id: Callable[[], bytes],
    ) -> None:
        self._pool = pool
        self._changes = changes
        self._access = access
        self._clock = clock
        self._new_id = new_id
        self._drafts = Drafts(clock, new_id)

    async def create(self, who: Who, organisation_id: OrganisationId, new: NewEvent) -> Event | Refusal:
        """Make a draft."""
        async with tenant(self._pool, organisation_id) as connection:
            name = await organisations.name_of(connection, organisation_id)
            if name is None:
                return Refusal(Code.NOT_FOUND)
            refusal = await self._drafts.no_room(connection, organisation_id)
            if refusal is not None:
                return refusal
            start = blank(EventId(self._new_id()), organisation_id, name, new.currency)
            venue = await self._venue(connection, new)
            if isinstance(venue, Refusal):
                return venue
            made = edited(start, new, venue)
            if isinstance(made, Refusal):
                return made
            wanted = new.slug if "slug" in new.model_fields_set else slug_of(new.title)
            slug = await self._drafts.free_slug(connection, wanted, is_exact="slug" in new.model_fields_set)
            if isinstance(slug, Refusal):
                return slug
            made = msgspec.structs.replace(made, slug=slug)
            made = await self._drafts.store_new(connection, who, made)
        return event_model(made, self._clock())

    async def read(self, organisation_id: OrganisationId, event_id: EventId) -> Event | Refusal:
        """Return an event as those see it who work on it."""
        found = await self._access.find(organisation_id, event_id)
        if isinstance(found, Refusal):
            return found
        async with tenant(self._pool, found.owner) as connection:
            events = await read_events(connection, "WHERE events.event_id = $1", event_id)
        return (
            event_model(events[0], self._clock(), may_edit=found.may_edit)
            if events
            else Refusal(Code.NOT_FOUND)
        )

    async def listed(
        self, organisation_id: OrganisationId, query: OwnEventsQuery
    ) -> Page[EventRow] | Refusal:
        """Return a part of the events that an organisation works on, its own and others'."""
        listed = await own_events(
            self._pool,
            organisation_id,
            now_ms=self._clock(),
            status=query.status,
            words=plain_words(query.q),
            cursor=query.cursor,
            limit=query.limit,
        )
        if listed is None:
            return invalid("cursor", "not_ours")
        rows = tuple(row_model(event, self._clock()) for event in listed.events)
        return Page[EventRow].model_construct(items=rows, next_cursor=listed.next_cursor)

    async def edit(
        self,
        who: Who,
        organisation_id: OrganisationId,
        event_id: EventId,
        version: int | None,
        patch: EventPatch,
    ) -> Event | Refusal:
        """Change what is said of an event; what the sale needs to know of it, it is told."""
        owner = await self._access.owner_to_edit(organisation_id, event_id)
        if isinstance(owner, Refusal):
            return owner

        async def make(connection: AnyConnection, event: EventRecord) -> Change | Refusal:
            if version is not None and version != event.version:
                return Refusal(Code.VERSION_CONFLICT, None, {"version": event.version})
            if event.status == EventStatus.ARCHIVED:
                return Refusal(Code.ILLEGAL_STEP, None, {"status": event.status})
            venue = await self._venue(connection, patch)
            if isinstance(venue, Refusal):
                return venue
            made = edited(event, patch, venue)
            if isinstance(made, Refusal):
                return made
            made = with_days(event, made)
            if isinstance(made, Refusal):
                return made
            if made.slug != event.slug and not await slug_is_free(connection, made.slug):
                return invalid("slug", "taken")
            return self.as_change(who, event, made, "event.edit")

        return self._model(await self._changes.change(owner, event_id, make))

    async def set_tickets(
        self,
        who: Who,
        organisation_id: OrganisationId,
        event_id: EventId,
        version: int | None,
        said: TicketsFields,
    ) -> Event | Refusal:
        """Change pools, ticket types and questions, all at once; of a live event, the sale agrees first."""
        owner = await self._access.owner_to_edit(organisation_id, event_id)
        if isinstance(owner, Refusal):
            return owner

        async def make(_: AnyConnection, event: EventRecord) -> Change | Refusal:
            if version is not None and version != event.tickets_version:
                return Refusal(Code.VERSION_CONFLICT, None, {"version": event.tickets_version})
            is_live = event.status in LIVE
            if not is_live and event.status != EventStatus.DRAFT:
                return Refusal(Code.ILLEGAL_STEP, None, {"status": status_of(event, self._clock()).value})
            made = with_tickets(event, said, self._new_id, is_live=is_live)
            return (
                made
                if isinstance(made, Refusal)
                else self.as_change(who, event, made, "event.tickets", is_of_fields=False)
            )

        return self._model(await self._changes.change(owner, event_id, make))

    async def copy(
        self, who: Who, organisation_id: OrganisationId, event_id: EventId, request: CopyRequest
    ) -> Event | Refusal:
        """Make a draft like an event. It belongs to the same organisation."""
        owner = await self._access.owner_to_edit(organisation_id, event_id)
        if isinstance(owner, Refusal):
            return owner
        async with tenant(self._pool, owner) as connection:
            events = await read_events(connection, "WHERE events.event_id = $1", event_id)
            if not events:
                return Refusal(Code.NOT_FOUND)
            refusal = await self._drafts.no_room(connection, owner)
            if refusal is not None:
                return refusal
            try:
                zone = events[0].time_zone
                starts_ms = (
                    events[0].starts_at_ms if request.starts_at is None else to_ms(request.starts_at, zone)
                )
            except NotATime as error:
                return invalid("starts_at", error.reason)
            slug = await self._drafts.free_slug(connection, slug_of(request.title or events[0].title))
            assert isinstance(slug, str)
            made = duplicate(events[0], starts_ms, slug, self._new_id)
            made = msgspec.structs.replace(made, title=request.title or made.title)
            made = await self._drafts.store_new(connection, who, made)
        return event_model(made, self._clock())

    async def _venue(self, connection: AnyConnection, patch: EventPatch) -> VenueRecord | Refusal | None:
        if "venue" not in patch.model_fields_set or patch.venue is None:
            return None
        venue = await venue_for_now(connection, VenueId(parse(VENUE, patch.venue)))
        return venue or invalid("venue", "unknown_id")

    def as_change(
        self, who: Who, old: EventRecord, new: EventRecord, action: str, *, is_of_fields: bool = True
    ) -> Change | Refusal:
        """Return what has to be done for an event to become another one, or why it can't."""
        asks: list[Callable[[OperationId], c.AnyCommand]] = []
        if old.status in LIVE:
            before, after = definition(old), definition(new)
            if isinstance(after, Refusal):
                return after
            if before != after:
                asks.append(lambda operation: c.Reconfigure(operation, new.event_id, after))
            opens_ms = new.opens_at_ms
            if opens_ms is None:
                return invalid("opens_at", "required_when_published")
            if old.opens_at_ms != opens_ms and old.status != EventStatus.PAUSED:
                asks.append(lambda operation: c.OpenSale(operation, new.event_id, opens_ms))
        was, becomes = only_changes(as_audited(old), as_audited(new))
        entry = entry_for(
            who,
            action,
            text(EVENT, new.event_id),
            organisation_id=new.organisation_id,
            at_ms=self._clock(),
            before=was,
            after=becomes,
        )
        # The days that tickets are for move with the event, and a setup has both.
        is_of_tickets = not is_of_fields or _tickets(old) != _tickets(new)
        effect = Effect(entry, new, is_of_tickets=is_of_tickets, is_of_fields=is_of_fields)
        return Change(action, effect, tuple(asks))

    def _model(self, changed: EventRecord | Refusal) -> Event | Refusal:
        return changed if isinstance(changed, Refusal) else event_model(changed, self._clock())


def _tickets(event: EventRecord) -> tuple[object, ...]:
    return event.pools, event.ticket_types, event.questions, event.buyer_limit


def duplicate(event: EventRecord, starts_ms: int, slug: str, new_id: Callable[[], bytes]) -> EventRecord:
    """Return a draft like an event, with ids of its own, whose times keep their distance on the clock."""
    pools = tuple(msgspec.structs.replace(pool, pool_id=PoolId(new_id())) for pool in event.pools)
    kept = [kind for kind in event.ticket_types if not kind.is_retired]
    ids = {kind.ticket_type_id: TicketTypeId(new_id()) for kind in kept}

    def moved(at_ms: int | None) -> int | None:
        return shifted(at_ms, event.starts_at_ms, starts_ms, event.time_zone)

    types = tuple(
        msgspec.structs.replace(
            kind,
            ticket_type_id=ids[kind.ticket_type_id],
            sales_start_ms=moved(kind.sales_start_ms),
            sales_end_ms=moved(kind.sales_end_ms),
            tiers=tuple(
                msgspec.structs.replace(tier, ends_at_ms=moved(tier.ends_at_ms)) for tier in kind.tiers
            ),
        )
        for kind in kept
    )
    made = msgspec.structs.replace(
        event,
        event_id=EventId(new_id()),
        slug=slug,
        status=EventStatus.DRAFT.value,
        starts_at_ms=starts_ms,
        ends_at_ms=moved(event.ends_at_ms),
        doors_at_ms=moved(event.doors_at_ms),
        opens_at_ms=moved(event.opens_at_ms) if starts_ms != event.starts_at_ms else None,
        cancelled_reason="",
        series_id=None,
        version=1,
        tickets_version=1,
        pools=pools,
        ticket_types=types,
        questions=tuple(
            msgspec.structs.replace(
                one,
                question_id=QuestionId(new_id()),
                type_ids=tuple(ids[each] for each in one.type_ids if each in ids),
            )
            for one in event.questions
        ),
    )
    return msgspec.structs.replace(
        made, ticket_types=moved_days(made.ticket_types, span(made)[0] - span(event)[0])
    )
