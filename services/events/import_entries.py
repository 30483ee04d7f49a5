"""What an import is made of: entries of whatever format, as they are read, and what can't be read of them."""

import datetime as dt
import hashlib
from typing import Final

import msgspec

from services.events import local_time
from services.events.import_told import Told

ENTRIES_MAX: Final = 5_000
BYTES_MAX: Final = 8 * 1024 * 1024
OFFERS_MAX: Final = 50
MISTAKES_MAX: Final = 200


class ImportedOffer(msgspec.Struct, frozen=True):
    """A ticket type: its name and its price as it was written, such as "12.50"."""

    name: str
    price: str


class ImportedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as another site says it. Texts are as they came; whether they can be used is judged later.

    Attributes:
        line: where it stands in what was imported, from 1.
        key: what it is called there.
        starts, ends, doors: ISO 8601; without an offset, as clocks in `time_zone` show it.
        time_zone: of the IANA database, "" if it is not said.
        remarks: what of it was not read.
    """

    line: int
    key: str
    title: str
    starts: str
    ends: str = ""
    doors: str = ""
    time_zone: str = ""
    summary: str = ""
    description: str = ""
    venue: str = ""
    address: str = ""
    city: str = ""
    country: str = ""
    latitude: float | None = None
    longitude: float | None = None
    image_url: str = ""
    language: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    currency: str = ""
    capacity: int | None = None
    offers: tuple[ImportedOffer, ...] = ()
    remarks: tuple[Told, ...] = ()


class Mistake(msgspec.Struct, frozen=True):
    """Why something was not taken, and the line where it stands."""

    line: int
    told: Told


class Remark(msgspec.Struct, frozen=True):
    """What is not as it was written, of something that was taken."""

    line: int
    told: Told


Entry = ImportedEvent | Mistake


def derived_key(*parts: str) -> str:
    """Return a name for an event that has none of its own: the same for the same title, time and place."""
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def local_text(written: str, time_zone: str) -> str:
    """Return an ISO 8601 time as clocks in a zone show it. Raises `ValueError`."""
    moment = dt.datetime.fromisoformat(written.strip())
    if moment.tzinfo is None:
        return moment.isoformat(timespec="minutes")
    return local_time.to_text(int(moment.timestamp()) * 1000, time_zone)


def one_line(text: str, length_max: int) -> str:
    """Return a text in one line that fits, cut at a word."""
    words = " ".join(text.split())
    if len(words) <= length_max:
        return words
    return words[: length_max - 1].rsplit(" ", 1)[0] + "…"
