"""What lists can be narrowed down by beside words, place and date: the choices of the form, and what is typed
into it as amounts.
"""

import html
import re
from functools import lru_cache
from typing import Final, get_args

from domain.money import currency_exponent
from gateway.cards import Filters
from services.events.models import Category
from services.messages import Messages
from services.models import CURRENCIES

_AMOUNT: Final = re.compile(r"(\d{1,9})(?:[.,٫](\d{1,3}))?")
_LANGUAGES: Final = (
    *("ar", "bg", "bs", "ca", "cs", "da", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "ga"),
    *("he", "hi", "hr", "hu", "id", "is", "it", "ja", "ko", "lt", "lv", "mk", "mt", "nl", "no", "pl"),
    *("pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "th", "tr", "uk", "ur", "vi", "zh"),
)
_USUAL: Final = (
    *("EUR", "USD", "GBP", "CHF", "SEK", "DKK", "NOK", "PLN", "CZK", "HUF", "RON", "AED"),
    *("SAR", "EGP", "MAD", "TND", "TRY", "JPY", "CAD", "AUD", "KWD"),
)


def minor_of(amount: str, currency: str) -> int | None:
    """Return an amount as somebody typed it in the currency's smallest unit; None for what is none of it."""
    match = _AMOUNT.fullmatch(amount.strip())
    if match is None or currency not in CURRENCIES:
        return None
    exponent, fraction = currency_exponent(currency), match[2] or ""
    return None if len(fraction) > exponent else int(match[1] + fraction.ljust(exponent, "0"))


@lru_cache(maxsize=500)
def finer_holes(filters: Filters, messages: Messages) -> dict[str, str]:
    """Return what the form says of these, as HTML."""
    categories = [(one, messages.text(f"organizer.category.{one}")) for one in get_args(Category) if one]
    names = messages.locale.languages
    languages = [(code, names.get(code, code)) for code in _LANGUAGES]
    if filters.language and filters.language not in _LANGUAGES:
        languages.append((filters.language, filters.language))
    currency = filters.currency or _USUAL[0]
    currencies = [(code, code) for code in dict.fromkeys((*_USUAL, currency))]
    is_open = filters.category or filters.language or filters.price
    return {
        "finer": " open" if is_open else "",
        "categories": _options([("", messages.text("home.search.any")), *categories], filters.category),
        "languages": _options(
            [("", messages.text("home.search.any")), *sorted(languages, key=lambda one: one[1])],
            filters.language,
        ),
        "price": html.escape(filters.price),
        "currencies": _options(currencies, currency),
        "tag": f'<input type="hidden" name="tag" value="{html.escape(filters.tag)}" />'
        if filters.tag
        else "",
    }


def _options(choices: list[tuple[str, str]], chosen: str) -> str:
    options = []
    for value, said in choices:
        selected = " selected" if value == chosen else ""
        options.append(f'<option value="{html.escape(value)}"{selected}>{html.escape(said)}</option>')
    return "".join(options)
