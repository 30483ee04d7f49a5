"""Importing events of other sites, and exporting one's own (docs/decisions/importing-events.md).

Each entry stands for itself: what can't be used of one is told with its line, and the others go in. An event
is known again by its source and what it is called there, so importing twice changes nothing; what has changed
there since the last time changes drafts here, and leaves alone what is published. Imported events are drafts:
people look at them before they are sold.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Literal

import msgspec
from pydantic import ValidationError

from domain.event_status import EventStatus
from domain.identity import Who
from domain.ids import EVENT, EventId, MalformedId, OrganisationId, parse, text
from domain.refusals import Code, Refusal
from services.audit import entry_for, only_changes
from services.events.auditing import as_audited
from services.events.catalogue_file import price_minor
from services.events.days import with_days
from services.events.drafting import blank, edited, invalid, slug_of
from services.events.drafts import Drafts
from services.events.import_calendar import read_calendar
from services.events.import_csv import read_csv
from services.events.import_entries import (
    BYTES_MAX,
    ENTRIES_MAX,
    MISTAKES_MAX,
    Entry,
    ImportedEvent,
    Mistake,
    Remark,
    local_text,
    one_line,
)
from services.events.import_models import ImportedMistake, ImportReport
from services.events.import_schema_org import read_html, read_json_ld
from services.events.import_told import Told, of_field, told
from services.events.models import NewEvent
from services.events.tickets_document import with_tickets
from services.events.tickets_models import PoolFields, TicketsFields, TicketTypeFields
from services.models import TIME_ZONES
from storage import organisations
from storage.event_changes import Effect, apply, locked_event
from storage.event_records import EventRecord
from storage.imported_events import Source, find_imported, imported_digest, store_source
from storage.postgres import AnyConnection, Pool
from storage.tenancy import tenant

Kind = Literal["schema.org", "icalendar", "csv"]
MEDIA_TYPES: Final = (
    "application/ld+json", "application/json", "text/html", "text/calendar", "text/csv",
)  # fmt: skip
DESCRIPTION_MAX: Final = 20_000
_POOL: Final = "Places"
_KEY_MAX: Final = 500
_Outcome = Literal["created", "updated", "unchanged", "kept"]


class NoTime(ValueError):
    """What stands for a time is none."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Importing:
    """Imports events into organisations. Raises `ConnectionError` when PostgreSQL is away; what went in by
    then stays, and importing again goes on.
    """

    def __init__(
        self, pool: Pool, drafts: Drafts, clock: Callable[[], int], new_id: Callable[[], bytes]
    ) -> None:
        self._pool = pool
        self._drafts = drafts
        self._clock = clock
        self._new_id = new_id

    async def take(
        self, who: Who, organisation_id: OrganisationId, data: bytes, time_zone: str = "UTC"
    ) -> ImportReport | Refusal:
        """Import what `read_entries` understands. Times without a zone are those of `time_zone`."""
        if len(data) > BYTES_MAX:
            return Refusal(Code.TOO_LARGE, None, {"bytes_max": BYTES_MAX})
        try:
            written = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            return _report("schema.org", {}, [Mistake(line, told("not_utf8"))], [])
        kind = kind_of(written)
        # Reading a few megabytes takes a second; everybody else's requests go on meanwhile.
        entries = await asyncio.to_thread(lambda: list(_bounded(read_entries(written, kind))))
        # An entry is a transaction of its own, and taking it twice is taking it once: a repetition goes
        # through the file again in place of being told that something of it was done.
        who = msgspec.structs.replace(who, origin=msgspec.structs.replace(who.origin, attempt=None))
        outcomes: dict[str, int] = {}
        mistakes: list[Mistake] = []
        remarks: list[Remark] = []
        lines: dict[str, int] = {}
        for entry in entries:
            if isinstance(entry, Mistake):
                mistakes.append(entry)
                continue
            if entry.key in lines:
                remarks.append(Remark(entry.line, told("once_more", line=lines[entry.key])))
                continue
            result = await self._take_one(who, organisation_id, kind, entry, time_zone)
            if isinstance(result, Mistake):
                mistakes.append(result)
                continue
            lines[entry.key] = entry.line
            outcomes[result] = outcomes.get(result, 0) + 1
            remarks += [Remark(entry.line, one) for one in (*entry.remarks, *left_out(entry, time_zone))]
        return _report(kind, outcomes, mistakes, remarks)

    async def _take_one(
        self, who: Who, organisation_id: OrganisationId, kind: Kind, entry: ImportedEvent, time_zone: str
    ) -> _Outcome | Mistake:
        try:
            said = fields_of(entry, time_zone)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            return Mistake(entry.line, of_field(where, first["type"], first["msg"]))
        except NoTime as error:
            return Mistake(entry.line, of_field(error.field, "not_a_time", str(error)))
        async with tenant(self._pool, organisation_id) as connection:
            name = await organisations.name_of(connection, organisation_id)
            if name is None:
                return Mistake(entry.line, told("no_organisation"))
            source = Source(kind, entry.key[:_KEY_MAX].replace("\0", ""), _digest(entry, time_zone))
            known = await find_imported(connection, organisation_id, source)
            event_id = known or _own_id(entry.key)
            found = None if event_id is None else await locked_event(connection, event_id)
            if found is None:
                start = blank(EventId(self._new_id()), organisation_id, name, said.currency)
                result = await self._create(connection, who, start, said, entry, source)
            elif found[1] is not None or found[0].status != EventStatus.DRAFT:
                # Published here, or just being published.
                result = "kept"
            elif known is None and kind != "csv":
                # Our own export, which says less than we know.
                result = "kept"
            else:
                result = await self._update(connection, who, found[0], said, source if known else None)
        return result if isinstance(result, str) else Mistake(entry.line, _why(result))

    async def _create(
        self,
        connection: AnyConnection,
        who: Who,
        start: EventRecord,
        said: NewEvent,
        entry: ImportedEvent,
        source: Source,
    ) -> _Outcome | Refusal:
        if await self._drafts.no_room(connection, start.organisation_id) is not None:
            return invalid("events", "too_many", "there are as many events as there can be")
        made = edited(start, said, None)
        if not isinstance(made, Refusal):
            made = self._with_offers(made, entry)
        if isinstance(made, Refusal):
            return made
        slug = await self._drafts.free_slug(connection, slug_of(made.title))
        assert isinstance(slug, str)
        await self._drafts.store_new(connection, who, msgspec.structs.replace(made, slug=slug))
        await store_source(connection, made.event_id, source)
        return "created"

    async def _update(
        self, connection: AnyConnection, who: Who, old: EventRecord, said: NewEvent, source: Source | None
    ) -> _Outcome | Refusal:
        """Change a draft as its source has changed. What was edited here stays as long as the source says
        what it said; without a source it is our own table that comes back, which says what is wanted.
        """
        if source is not None and await imported_digest(connection, old.event_id) == source.digest:
            return "unchanged"
        made = edited(old, said, None)
        if not isinstance(made, Refusal):
            made = with_days(old, made)
        if isinstance(made, Refusal):
            return made
        if source is not None:
            await store_source(connection, old.event_id, source)
        if made == old:
            return "unchanged"
        before, after = only_changes(as_audited(old), as_audited(made))
        told = entry_for(
            who,
            "event.import",
            text(EVENT, made.event_id),
            organisation_id=made.organisation_id,
            at_ms=self._clock(),
            before=before,
            after={**after, "source": source.kind if source else "export"},
        )
        await apply(connection, Effect(told, made, is_of_tickets=old.ticket_types != made.ticket_types))
        return "updated"

    def _with_offers(self, event: EventRecord, entry: ImportedEvent) -> EventRecord | Refusal:
        """Return a new event with a pool and the types of its offers."""
        if not entry.offers:
            return event
        kinds = []
        for number, offer in enumerate(entry.offers, 1):
            try:
                minor = price_minor(offer.price.replace(",", "."), event.currency)
            except ValueError as error:
                return invalid("offers", "not_sellable", str(error))
            kinds.append(
                TicketTypeFields(
                    name=one_line(offer.name, 120) or f"Ticket {number}",
                    kind="fixed" if minor else "free",
                    price_minor=minor,
                    pools=(0,),
                )
            )
        pool = PoolFields(name=_POOL, capacity=entry.capacity or 0)
        return with_tickets(
            event, TicketsFields(pools=(pool,), ticket_types=tuple(kinds)), self._new_id, is_live=False
        )


def kind_of(text: str) -> Kind:
    """Say in what format events are written, by how the text begins."""
    begins = text.lstrip()[:200].upper()
    if begins.startswith("BEGIN:VCALENDAR"):
        return "icalendar"
    return "schema.org" if begins.startswith(("{", "[", "<")) else "csv"


def read_entries(text: str, kind: Kind) -> Iterator[Entry]:
    """Yield what is written: events, and what can't be read."""
    if kind == "icalendar":
        return read_calendar(text)
    if kind == "csv":
        return read_csv(text)
    return read_html(text) if text.lstrip().startswith("<") else read_json_ld(text)


def fields_of(entry: ImportedEvent, time_zone: str) -> NewEvent:
    """Return an entry as an event to be written. Raises `ValidationError` of pydantic, or `NoTime`."""
    zone = entry.time_zone if entry.time_zone in TIME_ZONES else time_zone
    said: dict[str, Any] = {
        "title": one_line(entry.title, 200),
        "summary": one_line(entry.summary, 300),
        "description": entry.description[:DESCRIPTION_MAX],
        "venue_name": one_line(entry.venue, 300),
        "address": one_line(entry.address, 300),
        "city": one_line(entry.city, 120),
        "country": entry.country,
        "time_zone": zone,
        "image_url": entry.image_url if entry.image_url.startswith("https://") else "",
        "category": entry.category,
        "tags": tuple(one_line(tag, 40) for tag in entry.tags[:20]),
        "currency": entry.currency or "EUR",
    }
    if entry.latitude is not None and entry.longitude is not None:
        said["geo"] = {"latitude": entry.latitude, "longitude": entry.longitude}
    language = entry.language.replace("_", "-")
    if language and len(language) <= 12:
        said["language"] = language
    for name, written in (("starts_at", entry.starts), ("ends_at", entry.ends), ("doors_at", entry.doors)):
        if written:
            try:
                said[name] = local_text(written, zone)
            except (ValueError, OverflowError) as error:
                raise NoTime(name, f"{written[:40]!r} is no time of ISO 8601") from error
    if said.get("ends_at") is not None and said["ends_at"] <= said["starts_at"]:
        # Sites often write the start twice.
        del said["ends_at"]
    if said.get("doors_at") is not None and said["doors_at"] > said["starts_at"]:
        del said["doors_at"]
    return NewEvent(**said)


def left_out(entry: ImportedEvent, time_zone: str) -> list[Told]:
    """Return what `fields_of` has not taken over from an entry that it takes."""
    said = fields_of(entry, time_zone)
    found = []
    if entry.time_zone and entry.time_zone not in TIME_ZONES:
        found.append(told("unknown_zone", name=entry.time_zone[:40], zone=time_zone))
    if entry.ends and said.ends_at is None and local_text(entry.ends, said.time_zone) != said.starts_at:
        found.append(told("ends_before_start"))
    if entry.doors and said.doors_at is None:
        found.append(told("doors_after_start"))
    if entry.image_url and not said.image_url:
        found.append(told("image_not_https"))
    if len(entry.description) > len(said.description) and said.description:
        found.append(told("description_cut", most=DESCRIPTION_MAX))
    return found


def _own_id(key: str) -> EventId | None:
    """Return the event that our own export calls so."""
    try:
        return EventId(parse(EVENT, key[:_KEY_MAX].removesuffix("@bilten")))
    except MalformedId:
        return None


def _digest(entry: ImportedEvent, time_zone: str) -> bytes:
    """Return what stays the same as long as a source says the same of an event."""
    said = msgspec.msgpack.encode((msgspec.structs.replace(entry, line=0), time_zone))
    return hashlib.sha256(said).digest()


def _why(refusal: Refusal) -> Told:
    """Return why an event was refused: of services that write events that is always a field."""
    field, reason = str(refusal.details["field"]), str(refusal.details["reason"])
    return of_field(field, reason, str(refusal.details.get("message", reason)))


def _bounded(entries: Iterator[Entry]) -> Iterator[Entry]:
    for number, entry in enumerate(entries):
        if number >= ENTRIES_MAX:
            yield Mistake(entry.line, told("too_many_entries", most=ENTRIES_MAX))
            return
        yield entry


def _report(
    kind: str, outcomes: dict[str, int], mistakes: list[Mistake], remarks: list[Remark]
) -> ImportReport:
    return ImportReport(
        format=kind,
        created=outcomes.get("created", 0),
        updated=outcomes.get("updated", 0),
        unchanged=outcomes.get("unchanged", 0),
        kept=outcomes.get("kept", 0),
        mistake_count=len(mistakes),
        mistakes=_told(mistakes),
        remark_count=len(remarks),
        remarks=_told(remarks),
    )


def _told(said: Sequence[Mistake | Remark]) -> tuple[ImportedMistake, ...]:
    return tuple(
        ImportedMistake(
            line=one.line,
            code=one.told.code,
            message=one_line(one.told.message, 500),
            values={
                name: one_line(value, 200) if isinstance(value, str) else value
                for name, value in one.told.values.items()
            },
        )
        for one in said[:MISTAKES_MAX]
    )
