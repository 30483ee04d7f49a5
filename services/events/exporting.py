"""Exporting an organisation's events in the formats that are imported."""

import json
from collections.abc import Callable
from typing import Final, Literal

from domain.ids import EVENT, OrganisationId, text
from services.events import local_time
from services.events.calendar_feed import feed
from services.events.csv_text import csv_text
from services.events.import_csv import COLUMNS
from services.events.schema_org import DEGREE, decimal, json_ld
from services.events.views import status_of
from storage.event_records import EventRecord, read_events
from storage.postgres import Pool
from storage.tenancy import tenant

ExportFormat = Literal["json", "ics", "csv"]
MEDIA: Final = {"json": "application/ld+json", "ics": "text/calendar", "csv": "text/csv"}
_EVENTS_MAX: Final = 5_000


class Exporting:
    """Exports events; `url` is the address of this site. Raises `ConnectionError` when PostgreSQL is away."""

    def __init__(self, pool: Pool, clock: Callable[[], int], url: str) -> None:
        self._pool = pool
        self._url = url
        self._clock = clock

    async def give(self, organisation_id: OrganisationId, form: ExportFormat) -> bytes:
        """Return an organisation's events, those that were put away left out; the newest 5,000 if there are
        more.
        """
        async with tenant(self._pool, organisation_id) as connection:
            events = await read_events(
                connection,
                """
                WHERE events.organisation_id = $1 AND status <> 'archived'
                ORDER BY starts_at DESC, event_id LIMIT $2
                """,
                organisation_id,
                _EVENTS_MAX,
            )
        now_ms = self._clock()
        if form == "csv":
            return csv_text([list(COLUMNS), *map(_row, events)]).encode()
        if form == "ics":
            name = events[0].organisation if events else "Events"
            return feed(name, [(event, status_of(event, now_ms)) for event in events], self._url)
        graph = []
        for event in events:
            node = json_ld(event, status_of(event, now_ms), self._url)
            del node["@context"]
            graph.append({**node, "identifier": text(EVENT, event.event_id)})
        document = {"@context": "https://schema.org", "@graph": graph}
        return json.dumps(document, ensure_ascii=False, indent=1).encode()


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
