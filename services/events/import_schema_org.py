"""schema.org events as sites publish them: JSON-LD as a file, or in the script blocks of an HTML page.

Sites differ in everything that the vocabulary leaves open: one object or an array, `@graph` with references,
types as text, list or address, a place as a name or as an object, one offer or many, an aggregate of them.
"""

import json
import json.decoder
import json.scanner
from bisect import bisect_left
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import islice
from typing import Any, Final

from services.events.descriptions import plain
from services.events.import_entries import (
    ENTRIES_MAX,
    OFFERS_MAX,
    Entry,
    ImportedEvent,
    ImportedOffer,
    Mistake,
    derived_key,
)
from services.events.import_told import told

_LINE: Final = "\0line"
_OTHER_TYPES: Final = frozenset({"Festival", "Hackathon", "CourseInstance", "EventSeries"})
_DEPTH_MAX: Final = 40


def read_json_ld(text: str, first_line: int = 1) -> Iterator[Entry]:
    """Yield the events of a JSON-LD document, and what can't be read of it."""
    try:
        document = _Placing(text, first_line).decode(text)
    except json.JSONDecodeError as error:
        yield Mistake(first_line - 1 + error.lineno, told("no_json", error=error.msg))
        return
    except RecursionError:
        yield Mistake(first_line, told("nested_too_deeply"))
        return
    nodes = list(islice(_nodes(document, 0), ENTRIES_MAX * 10))
    known = {node["@id"]: node for node in nodes if isinstance(node.get("@id"), str) and len(node) > 2}
    for node in nodes:
        if _is_event(node):
            yield _event(node, known)


def read_html(text: str) -> Iterator[Entry]:
    """Yield the events in the script blocks of a page."""
    page = _Scripts()
    page.feed(text)
    page.close()
    for line, block in page.blocks:
        yield from read_json_ld(block, line)


class _Placing(json.JSONDecoder):
    """Notes in every object the line at which it begins."""

    def __init__(self, text: str, first_line: int) -> None:
        super().__init__()
        ends = [at for at, letter in enumerate(text) if letter == "\n"]

        def placed(text_and_end: tuple[str, int], *rest: Any) -> tuple[Any, int]:
            found, end = json.decoder.JSONObject(text_and_end, *rest)  # type: ignore[attr-defined]
            found[_LINE] = first_line + bisect_left(ends, text_and_end[1])
            return found, end

        self.parse_object = placed
        self.scan_once = json.scanner.py_make_scanner(self)  # type: ignore[attr-defined]


class _Scripts(HTMLParser):
    """Collects the blocks of JSON-LD, with the lines at which they begin."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.blocks: list[tuple[int, str]] = []
        self._is_in = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        kind = dict(attrs).get("type") or ""
        self._is_in = tag == "script" and kind.split(";")[0].strip().lower() == "application/ld+json"

    def handle_endtag(self, tag: str) -> None:
        self._is_in = self._is_in and tag != "script"

    def handle_data(self, data: str) -> None:
        if self._is_in and data.strip():
            self.blocks.append((self.getpos()[0], data))


def _nodes(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    """Yield every object in which an event may be, outer ones first."""
    if depth > _DEPTH_MAX:
        return
    if isinstance(value, list):
        for each in value:
            yield from _nodes(each, depth + 1)
    elif isinstance(value, dict):
        yield value
        for name in ("@graph", "itemListElement", "item", "mainEntity", "subEvent", "event", "events"):
            if name in value:
                yield from _nodes(value[name], depth + 1)
        # Places, offers and organisers that a graph refers to are nodes of their own.


def _is_event(node: dict[str, Any]) -> bool:
    for kind in _listed(node.get("@type")):
        name = str(kind).rsplit("/", 1)[-1].rsplit(":", 1)[-1]
        if (name.endswith("Event") or name in _OTHER_TYPES) and "startDate" in node:
            return True
        if name == "Event":
            return True
    return False


def _event(node: dict[str, Any], known: dict[str, dict[str, Any]]) -> Entry:
    line = int(node.get(_LINE, 1))
    title, starts = _text(node.get("name")), _text(node.get("startDate"))
    if not title:
        return Mistake(line, told("lacks", name="name"))
    if not starts:
        return Mistake(line, told("title_lacks", title=title, name="startDate"))
    if _text(node.get("eventStatus")).endswith("EventCancelled"):
        return Mistake(line, told("cancelled_there", title=title))
    place = _resolved(node.get("location"), known)
    address = _resolved(place.get("address"), known)
    geo = _resolved(place.get("geo"), known)
    offers, currency = _offers(node.get("offers"), known)
    said = plain(_text(node.get("description")))
    key = _text(node.get("identifier")) or _text(node.get("@id")) or _text(node.get("url"))
    return ImportedEvent(
        line=line,
        key=key or derived_key(title, starts, _text(place.get("name"))),
        title=plain(title),
        starts=starts,
        ends=_text(node.get("endDate")),
        doors=_text(node.get("doorTime")),
        description=said,
        venue=_text(place.get("name")),
        address=_text(address.get("streetAddress")) or _text(address.get("name")),
        city=_text(address.get("addressLocality")),
        country=_country(address.get("addressCountry")),
        latitude=_number(geo.get("latitude")),
        longitude=_number(geo.get("longitude")),
        image_url=_image(node.get("image"), known),
        language=_text(node.get("inLanguage")),
        tags=_keywords(node.get("keywords")),
        currency=currency,
        capacity=_capacity(node),
        offers=offers,
    )


def _offers(value: Any, known: dict[str, dict[str, Any]]) -> tuple[tuple[ImportedOffer, ...], str]:
    found: list[ImportedOffer] = []
    currency = ""
    for each in _listed(value):
        offer = _resolved(each, known)
        if "offers" in offer and "price" not in offer:
            inner, inner_currency = _offers(offer["offers"], known)
            found += inner
            currency = currency or inner_currency
            continue
        price = offer.get("price", offer.get("lowPrice"))
        specification = _resolved(offer.get("priceSpecification"), known)
        if price is None:
            price = specification.get("price", specification.get("minPrice"))
        currency = currency or _text(offer.get("priceCurrency")) or _text(specification.get("priceCurrency"))
        if price is not None:
            found.append(ImportedOffer(_text(offer.get("name")), _text(price)))
    return tuple(found[:OFFERS_MAX]), currency


def _resolved(value: Any, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return an object that is there, is referred to, or is said by its name alone."""
    first = next(iter(_listed(value)), None)
    if isinstance(first, str):
        return known.get(first, {"name": first})
    if not isinstance(first, dict):
        return {}
    reference = first.get("@id")
    if isinstance(reference, str) and len(first) <= 2:
        return known.get(reference, first)
    return first


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    first = next(iter(_listed(value)), "")
    if isinstance(first, dict):
        first = first.get("@value", first.get("value", first.get("name", first.get("url", ""))))
    if isinstance(first, bool) or not isinstance(first, str | int | float):
        return ""
    return str(first).strip()


def _number(value: Any) -> float | None:
    try:
        number = float(_text(value))
    except ValueError:
        return None
    return number if abs(number) <= 180 else None


def _capacity(node: dict[str, Any]) -> int | None:
    said = _text(node.get("maximumAttendeeCapacity"))
    return int(said) if said.isascii() and said.isdigit() and len(said) <= 7 else None


def _country(value: Any) -> str:
    said = _text(value)
    return said.upper() if len(said) == 2 else ""


def _image(value: Any, known: dict[str, dict[str, Any]]) -> str:
    """Return the first address that can be taken; without one the first, of which is told that it can't."""
    said = [
        each if isinstance(each, str) else _text(_resolved(each, known).get("url")) for each in _listed(value)
    ]
    return next((one for one in said if one.startswith("https://")), next(filter(None, said), ""))


def _keywords(value: Any) -> tuple[str, ...]:
    said = [_text(each) for each in _listed(value)]
    if len(said) == 1:
        said = said[0].split(",")
    return tuple(dict.fromkeys(word.strip()[:40].strip() for word in said if word.strip()))[:20]
