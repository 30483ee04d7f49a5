"""A catalogue file: an organisation and one event of its, as a person writes them down (docs/examples/).

TOML. Times are local to `time_zone` unless they carry an offset; prices are text with the currency's
decimals, such as "49.00", never floats; ticket types name the pools they draw from. Every mistake is named by
its key.
"""

import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from domain.catalogue import CAPACITY_MAX
from domain.money import AMOUNT_MINOR_MAX, currency_exponent

_SLUG: Final = "^[a-z0-9]+(-[a-z0-9]+)*$"

Slug = Annotated[str, Meta(pattern=_SLUG, max_length=80)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class CatalogueMistake(ValueError):
    """A catalogue file can't be used. The message names the key and what is wrong with it."""


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the file."""


class OrganisationSection(_Section, frozen=True, kw_only=True):
    """Who sells."""

    name: Name
    slug: Slug


class EventSection(_Section, frozen=True, kw_only=True):
    """What is sold. `opens_at` may be left out where the loader says when the sale opens."""

    title: Name
    slug: Slug
    starts_at: dt.datetime
    time_zone: Name
    currency: Annotated[str, Meta(pattern="^[A-Z]{3}$")]
    ends_at: dt.datetime | None = None
    doors_at: dt.datetime | None = None
    opens_at: dt.datetime | None = None
    summary: str = ""
    description: str = ""
    venue: str = ""
    address: str = ""
    city: str = ""
    country: Annotated[str, Meta(pattern="^([A-Z]{2})?$")] = ""
    image_url: str = ""
    buyer_limit: Annotated[int, Meta(ge=1, le=10_000)] = 10
    hold_seconds: Annotated[int, Meta(ge=1, le=86_400)] = 480
    extension_seconds: Annotated[int, Meta(ge=0, le=86_400)] = 240


class PoolSection(_Section, frozen=True, kw_only=True):
    """A counted stock."""

    name: Name
    capacity: Annotated[int, Meta(ge=0, le=CAPACITY_MAX)]


class TicketTypeSection(_Section, frozen=True, kw_only=True):
    """What a buyer chooses."""

    name: Name
    price: str
    pools: Annotated[list[str], Meta(min_length=1)]
    description: str = ""
    quantity_min: Annotated[int, Meta(ge=1, le=10_000)] = 1
    quantity_max: Annotated[int, Meta(ge=1, le=10_000)] = 10
    sales_start: dt.datetime | None = None
    sales_end: dt.datetime | None = None


class CatalogueFile(_Section, frozen=True, kw_only=True):
    """The whole file."""

    organisation: OrganisationSection
    event: EventSection
    pools: Annotated[list[PoolSection], Meta(min_length=1)]
    ticket_types: Annotated[list[TicketTypeSection], Meta(min_length=1)]


def read_catalogue(text: str) -> CatalogueFile:
    """Return what a file says. Raises `CatalogueMistake`."""
    try:
        found = msgspec.toml.decode(text, type=CatalogueFile)
    except msgspec.MsgspecError as error:
        raise CatalogueMistake(_named(str(error))) from error
    _check(found)
    return found


def pool_positions(file: CatalogueFile, kind: TicketTypeSection) -> tuple[int, ...]:
    """Return the positions of the pools that a ticket type draws from."""
    names = [pool.name for pool in file.pools]
    return tuple(names.index(name) for name in kind.pools)


def price_minor(price: str, currency: str) -> int:
    """Return a price in minor units. Raises `ValueError` if it is none in that currency."""
    exponent = currency_exponent(currency)
    try:
        minor = Decimal(price).scaleb(exponent)
    except InvalidOperation as error:
        raise ValueError(f"{price!r} is no amount") from error
    if not minor.is_finite() or minor != minor.to_integral_value() or not 0 <= minor <= AMOUNT_MINOR_MAX:
        raise ValueError(f"{price!r} is no amount of {currency} with {exponent} decimals")
    return int(minor)


def epoch_ms(moment: dt.datetime, time_zone: str) -> int:
    """Return a time of the file in ms since the epoch."""
    placed = moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(time_zone))
    return round(placed.timestamp() * 1000)


def _check(file: CatalogueFile) -> None:
    try:
        ZoneInfo(file.event.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        said = f"{file.event.time_zone!r} is no zone of the IANA database, such as Europe/Berlin"
        raise CatalogueMistake(f"event.time_zone: {said}") from error
    names = [pool.name for pool in file.pools]
    if len(set(names)) != len(names):
        raise CatalogueMistake("pools: two have the same name, so a ticket type can't say which it means")
    for number, kind in enumerate(file.ticket_types, 1):
        where = f"ticket_types[{number}] ({kind.name})"
        for name in kind.pools:
            if name not in names:
                raise CatalogueMistake(f"{where}.pools: there is no pool {name!r}, only {', '.join(names)}")
        if kind.quantity_min > kind.quantity_max:
            raise CatalogueMistake(f"{where}.quantity_min is above quantity_max")
        try:
            price_minor(kind.price, file.event.currency)
        except ValueError as error:
            raise CatalogueMistake(f"{where}.price: {error}") from error


def _named(message: str) -> str:
    """Turn msgspec's `… - at `$.event.title`` into a sentence that begins with the key."""
    match = re.fullmatch(r"(.*) - at `\$\.?(.*)`", message, re.DOTALL)
    what, where = (match.group(1), match.group(2)) if match else (message, "")
    # People count from one.
    where = re.sub(r"\[(\d+)\]", lambda number: f"[{int(number[1]) + 1}]", where)
    missing = re.fullmatch(r"Object missing required field `(.*)`", what)
    if missing:
        return f"{'.'.join(filter(None, (where, missing.group(1))))}: is missing"
    unknown = re.fullmatch(r"Object contains unknown field `(.*)`", what)
    if unknown:
        return f"{'.'.join(filter(None, (where, unknown.group(1))))}: there is no such key"
    return f"{where}: {what}" if where else what
