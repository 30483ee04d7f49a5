"""What everybody may read of events: pages and lists, from memory, Redis or PostgreSQL, in this order.

A change is announced by whoever makes it, and every gateway forgets its copy when it hears of it. Who hears
nothing (Redis is away, a word was lost) reads anew after a short while anyway. Many who ask for the same
thing that is not at hand make one question (docs/decisions/reading-the-catalogue.md).
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, TypeVar

import msgspec

from domain.event_status import PUBLIC
from domain.ids import EVENT, EventId, MalformedId, OrganisationId, parse
from services.events.listing import LISTS, PROFILES, SharedForm, as_listed
from services.events.single_flight import SingleFlight
from services.events.site_map import SiteMap
from services.events.views import status_of
from storage.catalogue import Catalogue
from storage.event_lists import Listed, Wanted, public_events
from storage.event_pages import EventPages, Word
from storage.event_records import EventRecord
from storage.organisation_profiles import OrganisationProfile, find_profile
from storage.postgres import Pool

PAGE_FRESH_S: Final = 10.0
LIST_FRESH_S: Final = 1.0
# What is over may be listed for so much longer, so that all who ask meanwhile ask for the same.
LIST_STEP_MS: Final = 5_000
PAGES_MAX: Final = 5_000
DRAWN_MAX: Final = 32
LISTS_MAX: Final = 500
NAMES_MAX: Final = 20_000
ASKED_MAX: Final = 20_000
ANNOUNCED_MAX: Final = 20_000
MEMORY, REDIS, DATABASE = "memory", "redis", "database"

T = TypeVar("T")


class Kept(msgspec.Struct):
    """An event as it was read, and what was drawn of it since, by name."""

    event: EventRecord
    read_at: float
    drawn: dict[str, Any]


class Reading:
    """Reads for everybody. Raises `ConnectionError` when PostgreSQL is away and nothing is at hand.

    Attributes:
        reads: how many pages came from where.
        list_reads: the same for lists and for what is said of organisations.
    """

    def __init__(
        self,
        pool: Pool,
        pages: EventPages,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self.site_map = SiteMap(pool, monotonic)
        self._catalogue = Catalogue(pool)
        self._pages = pages
        self._clock = clock
        self._monotonic = monotonic
        self._kept: OrderedDict[EventId, Kept] = OrderedDict()
        self._ids: OrderedDict[str, tuple[float, EventId | None]] = OrderedDict()
        self._lists: OrderedDict[tuple[bytes, int], tuple[float, Any]] = OrderedDict()
        self._announced: OrderedDict[EventId, tuple[int, int]] = OrderedDict()
        self._organisations: OrderedDict[OrganisationId, int] = OrderedDict()
        self._asked: OrderedDict[EventId, None] = OrderedDict()
        self._asked_lists: OrderedDict[bytes, None] = OrderedDict()
        self._flights = SingleFlight()
        self._on_change: list[Callable[[EventId], None]] = []
        self._on_missed: list[Callable[[], None]] = []
        self._changes = 0
        self.reads = dict.fromkeys((MEMORY, REDIS, DATABASE), 0)
        self.list_reads = dict.fromkeys((MEMORY, REDIS, DATABASE), 0)

    def redis_failures(self) -> int:
        """Return how often Redis could not be asked."""
        return self._pages.failures

    async def listen(self) -> None:
        """Hear of changes from now on."""
        await self._pages.listen(self._heard, self._missed)

    def on_change(self, changed: Callable[[EventId], None], missed: Callable[[], None]) -> None:
        """Have functions called when an event has changed, and when such words may have been missed."""
        self._on_change.append(changed)
        self._on_missed.append(missed)

    async def announce(self, event: EventRecord) -> None:
        """Tell every gateway, this one at once, that an event has changed."""
        self._heard(Word(event.event_id, event.slug, event.revision))
        await self._pages.announce(event)

    async def announce_organisation(self, organisation_id: OrganisationId, version: int) -> None:
        """Tell every gateway, this one at once, that what is said of an organisation has changed, or whether
        it acts.
        """
        word = Word(organisation_id=organisation_id, organisation_version=version)
        self._heard(word)
        await self._pages.tell(word)

    async def page(self, name: str) -> Kept | None:
        """Return the event with a slug or TypeID if everybody may see it.

        Drafts, what was put away and what a suspended or closed organisation has are not told from what
        never was.
        """
        event_id = await self._id_of(name)
        kept = None if event_id is None else await self._find(event_id)
        if kept is None or kept.event.is_withdrawn or status_of(kept.event, self._clock()) not in PUBLIC:
            return None
        if kept.event.slug != name and not name.startswith(EVENT + "_"):
            # It has moved to another address.
            self._ids.pop(name, None)
            return None
        return kept

    async def record(self, event_id: EventId) -> EventRecord | None:
        """Return an event, whoever may see it: as it was at the last change that this process has heard of,
        or a short while ago.
        """
        kept = await self._find(event_id)
        return None if kept is None else kept.event

    async def anew(self, name: str) -> EventRecord | None:
        """Return the event with a slug or TypeID as it is stored now, whoever may see it."""
        if not name.startswith(EVENT + "_"):
            return await self._catalogue.find_by_slug(name)
        try:
            return await self._catalogue.find(EventId(parse(EVENT, name)))
        except MalformedId:
            return None

    def drawn(self, kept: Kept, name: str, draw: Callable[[EventRecord], T]) -> T:
        """Return what is made of an event, made at most once for each change of it."""
        found = kept.drawn.get(name)
        if found is None:
            if len(kept.drawn) >= DRAWN_MAX:
                # Names may have in them what a client sends.
                kept.drawn.clear()
            found = kept.drawn[name] = draw(kept.event)
        made: T = found
        return made

    async def search(self, wanted: Wanted, cursor: str | None, limit: int) -> Listed | None:
        """Return a part of a list of events, as cards and calendars show them; None for a cursor that is not
        of this list.
        """
        step_ms = wanted.from_ms // LIST_STEP_MS * LIST_STEP_MS
        stepped = msgspec.structs.replace(wanted, from_ms=step_ms)

        async def read() -> Listed | None:
            listed = await public_events(self._pool, stepped, cursor, limit)
            return None if listed is None else as_listed(listed)

        asked = msgspec.msgpack.encode((msgspec.structs.replace(wanted, from_ms=0), cursor, limit))
        return await self._listed(asked, step_ms, LISTS, read)

    async def organisation(self, slug: str) -> OrganisationProfile | None:
        """Return what everybody may know of an organisation."""
        return await self._listed(slug.encode(), 0, PROFILES, lambda: find_profile(self._pool, slug))

    async def _listed(
        self, asked: bytes, step_ms: int, form: SharedForm[T], read: Callable[[], Awaitable[T | None]]
    ) -> T | None:
        # People's words are in it, which are nobody's business.
        what = hashlib.sha256(form.name + asked).digest()
        key = what, step_ms
        now = self._monotonic()
        known = self._lists.get(key)
        if known is not None and now - known[0] < LIST_FRESH_S:
            self.list_reads[MEMORY] += 1
            at_hand: T | None = known[1]
            return at_hand
        changes = self._changes
        found = await self._once(key, lambda: self._read_list(what, step_ms, form, read))
        if changes == self._changes:
            _keep(self._lists, key, (self._monotonic(), found), LISTS_MAX)
        return found

    async def _read_list(
        self, what: bytes, step_ms: int, form: SharedForm[T], read: Callable[[], Awaitable[T | None]]
    ) -> T | None:
        name = f"{what.hex()}:{step_ms}"
        # Before PostgreSQL is asked: a copy may not say to be newer than it is.
        generation, copy = await self._pages.look(name)
        if copy is not None:
            shared = form.unpacked(copy)
            if shared is not None:
                self.list_reads[REDIS] += 1
                return shared
        found = await read()
        self.list_reads[DATABASE] += 1
        if generation is not None and found is not None and what in self._asked_lists:
            await self._pages.put_list(name, generation, form.packed(found))
        _keep(self._asked_lists, what, None, ASKED_MAX)
        return found

    async def _id_of(self, name: str) -> EventId | None:
        if name.startswith(EVENT + "_"):
            try:
                return EventId(parse(EVENT, name))
            except MalformedId:
                return None
        known = self._ids.get(name)
        if known is not None and self._monotonic() - known[0] < PAGE_FRESH_S:
            return known[1]
        changes = self._changes
        event_id: EventId | None = await self._once(name, lambda: self._look_up(name))
        if changes == self._changes:
            _keep(self._ids, name, (self._monotonic(), event_id), NAMES_MAX)
        return event_id

    async def _look_up(self, slug: str) -> EventId | None:
        event = await self._pages.find(slug)
        if event is not None and self._is_current(event):
            self.reads[REDIS] += 1
            self._take(event)
            return event.event_id
        event = await self._catalogue.find_by_slug(slug)
        self.reads[DATABASE] += 1
        if event is None:
            return None
        self._take(event)
        if event.event_id in self._asked:
            # What was asked for once only is not worth a copy: most of a long list never is again.
            await self._pages.put(event)
        _keep(self._asked, event.event_id, None, ASKED_MAX)
        return event.event_id

    async def _find(self, event_id: EventId) -> Kept | None:
        kept = self._kept.get(event_id)
        if kept is not None and self._monotonic() - kept.read_at < PAGE_FRESH_S:
            self.reads[MEMORY] += 1
            return kept
        found: Kept | None = await self._once(event_id, lambda: self._read(event_id))
        return found

    async def _read(self, event_id: EventId) -> Kept | None:
        event = await self._catalogue.find(event_id)
        self.reads[DATABASE] += 1
        return None if event is None else self._take(event)

    def _take(self, event: EventRecord) -> Kept:
        earlier = self._kept.get(event.event_id)
        if earlier is not None and earlier.event == event:
            kept = Kept(event, self._monotonic(), earlier.drawn)
        else:
            kept = Kept(event, self._monotonic(), {})
        if self._is_current(event):
            _keep(self._kept, event.event_id, kept, PAGES_MAX)
        return kept

    def _is_current(self, event: EventRecord) -> bool:
        """Say whether an event is not older than what was announced, by the catalogue, by its sale and of its
        organisation.
        """
        revision, sold_seq = self._announced.get(event.event_id, (0, 0))
        return (
            event.revision >= revision
            and event.sold_seq >= sold_seq
            and event.organisation_version >= self._organisations.get(event.organisation_id, 0)
        )

    def _heard(self, word: Word) -> None:
        self._changes += 1
        self._lists.clear()
        if word.organisation_id:
            self._heard_of_organisation(word)
            return
        self._ids.pop(word.slug, None)
        kept = self._kept.pop(word.event_id, None)
        if kept is not None:
            self._ids.pop(kept.event.slug, None)
        revision, sold_seq = self._announced.get(word.event_id, (0, 0))
        newest = max(word.revision, revision), max(word.sold_seq, sold_seq)
        _keep(self._announced, word.event_id, newest, ANNOUNCED_MAX)
        for callback in self._on_change:
            callback(word.event_id)

    def _heard_of_organisation(self, word: Word) -> None:
        newest = max(word.organisation_version, self._organisations.get(word.organisation_id, 0))
        _keep(self._organisations, word.organisation_id, newest, ANNOUNCED_MAX)
        for event_id, kept in list(self._kept.items()):
            if kept.event.organisation_id == word.organisation_id:
                del self._kept[event_id]
        # Which of its events others have at hand is not known here.
        for missed in self._on_missed:
            missed()

    def _missed(self) -> None:
        """Forget everything: what was announced meanwhile was not heard."""
        self._changes += 1
        for cache in (self._kept, self._ids, self._lists):
            cache.clear()
        for missed in self._on_missed:
            missed()

    async def _once(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Read, or wait for somebody who does: of those who began since the last change, which the others may
        not have seen.
        """
        return await self._flights.once((self._changes, key), read)


def wanted_by(organisation_id: OrganisationId, now_ms: int) -> Wanted:
    """Return what the calendar of an organisation has: what is ahead, and what of it was called off."""
    return Wanted(from_ms=now_ms, organisation_id=organisation_id, with_cancelled=True)


def _keep(cache: OrderedDict[Any, Any], key: Any, value: Any, count_max: int) -> None:
    cache[key] = value
    cache.move_to_end(key)
    if len(cache) > count_max:
        cache.popitem(last=False)
