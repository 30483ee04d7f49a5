"""New events: stored as drafts, each with an address of its own on the web."""

from collections.abc import Callable
from typing import Final

import msgspec

from domain.identity import Who
from domain.ids import EVENT, OrganisationId, text
from domain.refusals import Code, Refusal
from services.audit import entry_for
from services.events.drafting import invalid, venue_columns
from storage.audit_log import record as record_audit
from storage.catalogue import count_events, slug_is_free, store_event, store_tickets
from storage.event_records import EventRecord
from storage.postgres import AnyConnection
from storage.venues import venue_for_now

# Of an organisation, whatever became of them.
EVENTS_MAX: Final = 100_000
_SLUG_TRIES: Final = 20


class Drafts:
    """Stores drafts. Every method raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, clock: Callable[[], int], new_id: Callable[[], bytes]) -> None:
        self._clock = clock
        self._new_id = new_id

    async def no_room(
        self, connection: AnyConnection, organisation_id: OrganisationId, count: int = 1
    ) -> Refusal | None:
        """Refuse so many more events than an organisation may have."""
        if await count_events(connection, organisation_id) + count > EVENTS_MAX:
            return Refusal(Code.LIMIT_REACHED, None, {"limit": EVENTS_MAX})
        return None

    async def store_new(self, connection: AnyConnection, who: Who, made: EventRecord) -> EventRecord:
        """Store a draft that was made, with its tickets, and log it. Returns it as its venue is by now."""
        made = await at_its_venue(connection, made)
        await store_event(connection, made)
        await store_tickets(connection, made)
        after = {"title": made.title, "slug": made.slug, "starts_at_ms": made.starts_at_ms}
        await record_audit(
            connection,
            entry_for(
                who,
                "event.create",
                text(EVENT, made.event_id),
                organisation_id=made.organisation_id,
                at_ms=self._clock(),
                after=after,
            ),
        )
        return made

    async def free_slug(
        self, connection: AnyConnection, wanted: str, *, is_exact: bool = False
    ) -> str | Refusal:
        """Return an address for a page that no event has: the one that is wanted, or one like it. It is kept
        free for the transaction that is open.
        """
        if await slug_is_free(connection, wanted):
            return wanted
        if is_exact:
            return invalid("slug", "taken")
        for number in range(2, _SLUG_TRIES):
            if await slug_is_free(connection, f"{wanted}-{number}"):
                return f"{wanted}-{number}"
        return f"{wanted}-{self._new_id()[-4:].hex()}"


async def at_its_venue(connection: AnyConnection, event: EventRecord) -> EventRecord:
    """Return an event with what its venue says now, which then stays so until the transaction ends. What was
    taken over from another event, or read before, may be from before a change that this one has to follow.
    """
    venue = None if event.venue_id is None else await venue_for_now(connection, event.venue_id)
    return event if venue is None else msgspec.structs.replace(event, **venue_columns(venue))
