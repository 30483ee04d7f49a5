"""Lists of events as the server draws them: cards, filters and the link to more. The home page and the page
of an organisation are made of these; they work without a script, which only makes them quicker.
"""

import datetime as dt
import html
import re
from decimal import Decimal
from functools import lru_cache
from typing import Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton, format_time
from babel.numbers import format_currency

from domain.money import currency_exponent
from services.messages import Messages

_DAY_MS: Final = 86_400_000
# What ends within this time is one evening, even if it goes on after midnight: as the pages' scripts say it.
_EVENING_MS: Final = _DAY_MS // 2
_CACHED_MAX: Final = 4_000
# "KWD 8.250", which babel writes without the space.
_LETTERS_AND_AMOUNT: Final = re.compile(r"(?<=[A-Z])(?=\d)")
_NO_BREAK_SPACE: Final = "\u00a0"
# In what is read from right to left, the sign of "US$" would land before its letters.
_LETTERS_AND_SIGN: Final = re.compile(r"(?<=[A-Z][$£¥])$")
_LEFT_TO_RIGHT: Final = "\u200e"
_TONES: Final = {
    "on_sale": "good",
    "soon": "warn",
    "published": "calm",
    "paused": "calm",
    "sold_out": "warn",
    "ended": "calm",
    "cancelled": "danger",
}


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """An event in a list.

    Attributes:
        price_minor: the lowest price, None where nothing is offered yet.
        is_free: nothing of it costs anything.
        standing: a status of `domain.event_status`.
    """

    slug: str
    title: str
    organiser: str
    venue: str
    city: str
    starts_at_ms: int
    time_zone: str
    currency: str
    standing: str
    ends_at_ms: int | None = None
    image_url: str = ""
    opens_at_ms: int | None = None
    price_minor: int | None = None
    is_free: bool = False


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody looks for, as it stands in the address."""

    q: str = ""
    city: str = ""
    since: str = ""
    until: str = ""
    is_free: bool = False
    category: str = ""
    language: str = ""
    tag: str = ""
    price: str = ""
    currency: str = ""

    def query(self, **changes: str) -> str:
        """Return the query of an address with some of it changed."""
        said = {
            "q": self.q,
            "city": self.city,
            "from": self.since,
            "to": self.until,
            "free": "true" if self.is_free else "",
            "category": self.category,
            "language": self.language,
            "tag": self.tag,
            "price": self.price,
            "currency": self.currency if self.price else "",
        }
        return urlencode({name: value for name, value in {**said, **changes}.items() if value})

    @property
    def is_empty(self) -> bool:
        """Whether nothing in particular is looked for."""
        return not self.query()


def cards(found: list[Card], messages: Messages, now_ms: int) -> str:
    """Return the items of a list."""
    return "".join(_card(card, messages, now_ms) for card in found)


def event_told(card: Card, summary: str, messages: Messages) -> str:
    """Return what an event's page says to who has no script: what it is, when and where, and why there is no
    more.
    """
    texts = [summary, _when(card, messages.locale), _place(card, messages)]
    said = "".join(f"<p><bdi>{html.escape(text)}</bdi></p>" for text in texts if text)
    title, why = html.escape(card.title), html.escape(messages.text("event.noscript"))
    return f'<div class="stack"><h1><bdi>{title}</bdi></h1>{said}<p class="noscript">{why}</p></div>'


@lru_cache(maxsize=_CACHED_MAX)
def quick_filters(filters: Filters, messages: Messages, path: str, today: dt.date) -> str:
    """Return links for what is looked for most: any time, today, this weekend, free. `today` is UTC's; the
    script puts in the reader's own.
    """
    # Friday to Sunday; on a Saturday or a Sunday what is left of it.
    friday = today + dt.timedelta(days=(4 - today.weekday()) % 7) if today.weekday() < 5 else today
    sunday = today + dt.timedelta(days=(6 - today.weekday()) % 7)
    chips = [
        ("home.any_time", {"from": "", "to": ""}, not filters.since and not filters.until),
        ("home.today", {"from": str(today), "to": str(today)}, filters.since == filters.until == str(today)),
        (
            "home.weekend",
            {"from": str(friday), "to": str(sunday)},
            (filters.since, filters.until) == (str(friday), str(sunday)),
        ),
        ("home.free", {"free": "" if filters.is_free else "true"}, filters.is_free),
    ]
    if filters.tag:
        chips.append(("home.tag", {"tag": ""}, True))
    links, of_days = [], {"home.today": ' data-days="today"', "home.weekend": ' data-days="weekend"'}
    for name, changes, is_chosen in chips:
        address = html.escape(f"{path}?{filters.query(**changes)}".rstrip("?"))
        current = ' aria-current="true"' if is_chosen else ""
        said = html.escape(messages.text(name, tag=filters.tag))
        links.append(f'<li><a class="chip" href="{address}"{of_days.get(name, "")}{current}>{said}</a></li>')
    return "".join(links)


def more_link(filters: Filters, messages: Messages, path: str, cursor: str | None) -> str:
    """Return the link to the next page of a list, "" at its end."""
    if cursor is None:
        return ""
    address = html.escape(f"{path}?{filters.query(cursor=cursor)}")
    text = html.escape(messages.text("home.more"))
    return (
        f'<p class="more"><a class="button button-quiet" id="more" rel="next" href="{address}">{text}</a></p>'
    )


def poster_address(slug: str, image_url: str = "") -> str:
    """Return the address of an event's picture, or of the one that is drawn for it."""
    return image_url or f"/posters/{slug}.svg"


def money(minor: int, currency: str, messages: Messages) -> str:
    """Return an amount as the pages' scripts write it; whole amounts go without decimals."""
    exponent = currency_exponent(currency)
    locale = Locale.parse("en") if messages.language == "en" else messages.locale
    value = Decimal(minor).scaleb(-exponent)
    if minor % 10**exponent:
        text = format_currency(value, currency, locale=locale)
    else:
        pattern = locale.currency_formats["standard"].pattern.replace("0.00", "0")
        text = format_currency(value, currency, pattern, locale=locale, currency_digits=False)
    text = _LETTERS_AND_AMOUNT.sub(_NO_BREAK_SPACE, text)
    return _LETTERS_AND_SIGN.sub(_LEFT_TO_RIGHT, text)


def zone_of(name: str) -> dt.tzinfo:
    """Return a time zone, UTC for a name that this machine does not know."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return dt.UTC


def _card(card: Card, messages: Messages, now_ms: int) -> str:
    before, after = _fixed_parts(card, messages)
    return f"{before}{_standing(card, messages, now_ms)}{after}"


@lru_cache(maxsize=_CACHED_MAX)
def _fixed_parts(card: Card, messages: Messages) -> tuple[str, str]:
    """Return what stands around how the sale stands: it does not change, and writing dates is slow."""
    starts, locale = _local(card.starts_at_ms, card.time_zone), messages.locale
    when = html.escape(_when(card, locale))
    month, day = format_date(starts, "MMM", locale=locale), format_date(starts, "d", locale=locale)
    slug, picture = html.escape(card.slug), html.escape(poster_address(card.slug, card.image_url))
    before = (
        f'<li class="event-card" data-event="{slug}"><div class="poster">'
        f'<img class="poster-art" src="{picture}" data-instead="{poster_address(slug)}" alt="" '
        'width="1200" height="675" loading="lazy" />'
        f'<div class="date-leaf" aria-hidden="true"><span>{html.escape(month)}</span>'
        f"<strong>{day}</strong></div></div>"
        f'<div class="event-card-text"><h2><a href="/e/{slug}"><bdi>{html.escape(card.title)}</bdi></a></h2>'
        f'<p><time datetime="{starts.isoformat(timespec="minutes")}">{when}</time></p>'
        f'<p><bdi>{html.escape(_place(card, messages))}</bdi></p><p class="event-card-foot">'
    )
    price = ""
    if card.price_minor is not None:
        price = f"<span>{html.escape(_price(card, card.price_minor, messages))}</span>"
    return before, f"{price}</p></div></li>"


def _place(card: Card, messages: Messages) -> str:
    return messages.text("home.place", venue=card.venue, city=card.city) if card.city else card.venue


def _price(card: Card, price_minor: int, messages: Messages) -> str:
    if card.is_free:
        return messages.text("home.free_price")
    if price_minor == 0:
        return messages.text("home.from_free")
    return messages.text("home.from", amount=money(price_minor, card.currency, messages))


def _when(card: Card, locale: Locale) -> str:
    """Return "Sat, 1 Jun 2030 · 20:00–23:00", and for several days "1–3 Jun 2030" only."""
    starts, ends_ms = _local(card.starts_at_ms, card.time_zone), card.ends_at_ms
    clock = _clock(starts, locale)
    if ends_ms is not None:
        # What ends at midnight does not have the day that begins then.
        last = _local(ends_ms - 1, card.time_zone)
        if ends_ms - card.starts_at_ms > _EVENING_MS and last.date() != starts.date():
            return format_interval(starts.date(), last.date(), "yMMMd", locale=locale)
        clock += f"–{_clock(_local(ends_ms, card.time_zone), locale)}"
    return f"{format_skeleton('yMMMEd', starts, locale=locale)} · {clock}"


def _standing(card: Card, messages: Messages, now_ms: int) -> str:
    standing, extra, said = card.standing, "", ""
    if standing in {"published", "on_sale"}:
        left_ms = (card.opens_at_ms if card.opens_at_ms is not None else now_ms) - now_ms
        standing = "on_sale" if left_ms <= 0 else "published"
        if left_ms > 0:
            opens = _local(now_ms + left_ms, card.time_zone)
            said = messages.text("home.opens_on", date=format_skeleton("MMMd", opens, locale=messages.locale))
            if left_ms <= _DAY_MS:
                # The script counts this down.
                standing, extra = "soon", f' data-opens-in-ms="{left_ms}"'
                said = messages.text(
                    "home.opens_at", time=format_time(opens, "HH:mm", locale=messages.locale)
                )
    said = said or messages.text(f"home.standing.{standing if standing in _TONES else 'published'}")
    tone = _TONES.get(standing, "calm")
    return f'<span class="badge" data-tone="{tone}"{extra}>{html.escape(said)}</span>'


def _local(at_ms: int, time_zone: str) -> dt.datetime:
    return dt.datetime.fromtimestamp(at_ms / 1000, zone_of(time_zone))


def _clock(at: dt.datetime, locale: Locale) -> str:
    return format_time(at, "HH:mm", tzinfo=at.tzinfo, locale=locale)
