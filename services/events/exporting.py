"""Exporting an organisation's events in the formats that are imported."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from typing import Final, Literal

from domain.ids import EVENT, OrganisationId, text
from services.events import local_time
from services.events.calendar_feed import END, beginning, entry
from services.events.csv_text import csv_text
from services.events.import_csv import COLUMNS
from services.events.schema_org import DEGREE, decimal, json_ld
from services.events.views import status_of
from storage.event_records import EventRecord, read_events
from storage.postgres import Pool
from storage.tenancy import tenant

ExportFormat = Literal["json", "ics", "csv"]
MEDIA: Final = {"json": "application/ld+json", "ics": "text/calendar", "csv": "text/csv"}
# Read, and made into text on a thread of its own, at once: neither memory nor the loop notices the others.
_PAGE: Final = 200
_LAST_MS: Final = 253_402_300_799_999
_LAST_ID: Final = b"\xff" * 16


class Exporting:
    """Exports events; `url` is the address of this site. Raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, pool: Pool, clock: Callable[[], int], url: str) -> None:
        self._pool = pool
        self._url = url
        self._clock = clock

    async def give(self, organisation_id: OrganisationId, form: ExportFormat) -> AsyncGenerator[bytes, None]:
        """Yield the parts of a file with an organisation's events, the latest first; those that were put away
        are left out.
        """
        now_ms = self._clock()
        written = 0
        after = (_LAST_MS, _LAST_ID)
        while True:
            async with tenant(self._pool, organisation_id) as connection:
                events = await read_events(
                    connection,
                    """
                    WHERE events.organisation_id = $1 AND status <> 'archived'
                        AND (starts_at, event_id) < ($2::timestamptz, $3::uuid)
                    ORDER BY starts_at DESC, event_id DESC LIMIT $4
                    """,
                    organisation_id,
                    *after,
                    _PAGE,
                )
            if written == 0:
                yield _beginning(form, events)
            yield await asyncio.to_thread(self._part, form, events, now_ms, is_first=written == 0)
            written += len(events)
            if len(events) < _PAGE:
                break
            after = (events[-1].starts_at_ms, events[-1].event_id)
        yield _ENDS[form]

    def _part(self, form: ExportFormat, events: list[EventRecord], now_ms: int, *, is_first: bool) -> bytes:
        if form == "csv":
            return csv_text(map(_row, events)).encode()
        if form == "ics":
            return b"".join(entry(event, status_of(event, now_ms), self._url, now_ms) for event in events)
        nodes = []
        for event in events:
            node = json_ld(event, status_of(event, now_ms), self._url)
            del node["@context"]
            node["identifier"] = text(EVENT, event.event_id)
            nodes.append(json.dumps(node, ensure_ascii=False, indent=1))
        return ("" if is_first or not nodes else ",\n").encode() + ",\n".join(nodes).encode()


_ENDS: Final = {"json": b"\n]}\n", "ics": END, "csv": b""}


def _beginning(form: ExportFormat, events: list[EventRecord]) -> bytes:
    if form == "csv":
        return csv_text([list(COLUMNS)]).encode()
    if form == "ics":
        return beginning(events[0].organisation if events else "Events")
    return b'{"@context": "https://schema.org", "@graph": [\n'


def _row(event: EventRecord) -> list[str]:
    zone = event.time_zone

    def said(at_ms: int | None) -> str:
        return "" if at_ms is None else local_time.to_text(at_ms, zone)

    def degrees(millionths: int | None) -> str:
        return "" if millionths is None else f"{millionths / DEGREE:.6f}"

    offers = [
        f"{kind.name.replace(';', ',')}: {decimal(kind.price_minor, event.currency)}"
        for kind in event.ticket_types
        if not kind.is_retired
    ]
    values = {
        "external_id": text(EVENT, event.event_id),
        "starts_at": said(event.starts_at_ms),
        "ends_at": said(event.ends_at_ms),
        "doors_at": said(event.doors_at_ms),
        "latitude": degrees(event.latitude_e6),
        "longitude": degrees(event.longitude_e6),
        "tags": "; ".join(event.tags),
        "capacity": str(sum(pool.capacity for pool in event.pools)) if event.pools else "",
        "ticket_types": "; ".join(offers),
    }
    return [values[name] if name in values else str(getattr(event, name)) for name in COLUMNS]
