"""Events as a table (RFC 4180): a line each, columns named in the first."""

import csv
import io
from collections.abc import Iterator
from typing import Final

from services.events.csv_text import armed
from services.events.import_entries import (
    OFFERS_MAX,
    Entry,
    ImportedEvent,
    ImportedOffer,
    Mistake,
    derived_key,
)
from services.events.import_told import told

COLUMNS: Final = (
    *("external_id", "title", "starts_at", "ends_at", "doors_at", "time_zone", "summary", "description"),
    *("venue", "address", "city", "country", "latitude", "longitude", "image_url", "language", "category"),
    *("tags", "currency", "capacity", "ticket_types"),
)
_NEEDED: Final = ("title", "starts_at")
_FIELD_MAX: Final = 100_000


def read_csv(text: str) -> Iterator[Entry]:
    """Yield the rows of a table, and what can't be read of it."""
    csv.field_size_limit(_FIELD_MAX)
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().lower().lstrip("\ufeff") for name in next(reader)]
    except (StopIteration, csv.Error):
        yield Mistake(1, told("no_columns"))
        return
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in _NEEDED if name not in names]
    if unknown or missing or len(set(names)) != len(names):
        name, columns = (missing or unknown or names)[0], ", ".join(COLUMNS)
        yield Mistake(1, told("column_missing" if missing else "column_unknown", name=name, columns=columns))
        return
    while True:
        begins = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Mistake(begins, told("row_unreadable", error=str(error)))
            continue
        if any(value.strip() for value in row):
            yield _event(begins, names, row)


def _event(line: int, names: list[str], row: list[str]) -> Entry:
    if len(row) != len(names):
        return Mistake(line, told("values_and_columns", found=len(row), expected=len(names)))
    said = {name: armed(value).strip() for name, value in zip(names, row, strict=True)}
    if not said["title"] or not said["starts_at"]:
        return Mistake(line, told("empty"))
    capacity = said.get("capacity", "")
    if capacity and not (capacity.isascii() and capacity.isdigit() and len(capacity) <= 7):
        return Mistake(line, told("no_capacity", value=capacity[:20]))
    try:
        latitude = float(said["latitude"]) if said.get("latitude") else None
        longitude = float(said["longitude"]) if said.get("longitude") else None
    except ValueError:
        return Mistake(line, told("no_degrees"))
    offers = []
    for part in said.get("ticket_types", "").split(";")[:OFFERS_MAX]:
        name, colon, price = part.rpartition(":")
        if part.strip():
            if not colon:
                return Mistake(line, told("no_ticket_type", value=part.strip()[:40]))
            offers.append(ImportedOffer(name.strip(), price.strip()))
    return ImportedEvent(
        line=line,
        key=said.get("external_id") or derived_key(said["title"], said["starts_at"], said.get("venue", "")),
        title=said["title"],
        starts=said["starts_at"],
        ends=said.get("ends_at", ""),
        doors=said.get("doors_at", ""),
        time_zone=said.get("time_zone", ""),
        summary=said.get("summary", ""),
        description=said.get("description", ""),
        venue=said.get("venue", ""),
        address=said.get("address", ""),
        city=said.get("city", ""),
        country=said.get("country", "").upper(),
        latitude=latitude,
        longitude=longitude,
        image_url=said.get("image_url", ""),
        language=said.get("language", ""),
        category=said.get("category", ""),
        tags=tuple(tag.strip() for tag in said.get("tags", "").split(";") if tag.strip()),
        currency=said.get("currency", "").upper(),
        capacity=int(capacity) if capacity else None,
        offers=tuple(offers),
    )
