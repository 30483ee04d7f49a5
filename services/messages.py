"""Message catalogues: those of the pages, as the server uses them for what it draws, and that of letters.

`LANGUAGE/AREA.json` maps names to messages; the browser reads the same files of `web/messages`
(`web/shared/i18n.js`). A message is text with holes, in the part of ICU MessageFormat that
`web/shared/messages.js` describes.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
from babel import Locale
from babel.numbers import format_decimal

LANGUAGES: Final = ("en", "ar")
_RIGHT_TO_LEFT: Final = frozenset({"ar"})
# English is written as Europe writes it: the day before the month, 24 hours.
_LOCALES: Final = {"en": "en_GB"}
_NAME: Final = re.compile(r"[a-z_][a-z0-9_]*")
_ACCEPTED_MAX: Final = 20

Value: TypeAlias = str | int


class MessageMistake(ValueError):
    """A message does not follow the grammar."""


class Hole(msgspec.Struct, frozen=True):
    """`{name}`: what is given for it."""

    name: str


class Counted(msgspec.Struct, frozen=True):
    """`#` in a plural: the number."""


class Choice(msgspec.Struct, frozen=True):
    """`{name, plural, …}` or `{name, select, …}`: one of the cases."""

    name: str
    is_plural: bool
    cases: Mapping[str, "tuple[Part, ...]"]


Part: TypeAlias = str | Hole | Counted | Choice


class Messages:
    """One language: its messages by "area.name", and how it counts.

    Attributes:
        language: such as "ar"; what `lang` says.
        locale: what dates and amounts are written by.
    """

    def __init__(self, language: str, texts: Mapping[str, str]) -> None:
        self.language = language
        self.direction = "rtl" if language in _RIGHT_TO_LEFT else "ltr"
        self.locale = Locale.parse(_LOCALES.get(language, language))
        self._texts = texts

    def text(self, name: str, /, **values: Value) -> str:
        """Return a message with its holes filled, as plain text. Raises `KeyError` for an unknown one."""
        return "".join(self._filled(parsed(self._texts[name]), values, 0))

    def number(self, value: int) -> str:
        """Return a number as the language writes it."""
        return format_decimal(value, locale=self.locale, numbering_system="default")

    def _filled(self, parts: tuple[Part, ...], values: Mapping[str, Value], counted: int) -> Iterator[str]:
        for part in parts:
            if isinstance(part, str):
                yield part
            elif isinstance(part, Counted):
                yield self.number(counted)
            elif isinstance(part, Hole):
                value = values[part.name]
                yield self.number(value) if isinstance(value, int) else value
            else:
                yield from self._chosen(part, values, counted)

    def _chosen(self, choice: Choice, values: Mapping[str, Value], counted: int) -> Iterator[str]:
        value = values[choice.name]
        cases = choice.cases
        if not choice.is_plural:
            return self._filled(cases.get(str(value), cases["other"]), values, counted)
        number = int(value)
        case = cases.get(f"={number}") or cases.get(self.locale.plural_form(number)) or cases["other"]
        return self._filled(case, values, number)


class Catalogues:
    """All languages. Raises `MessageMistake` for a message that can't be read."""

    def __init__(self, folder: Path) -> None:
        self._languages = {language: Messages(language, _read(folder / language)) for language in LANGUAGES}

    def of(self, language: str) -> Messages:
        """Return a language, English where it is not spoken here."""
        return self._languages.get(language, self._languages[LANGUAGES[0]])

    def chosen(self, choice: str, accepted: str) -> Messages:
        """Return the language for a reader.

        Args:
            choice: what the reader chose once, "" if nothing.
            accepted: the header Accept-Language (RFC 9110, section 12.5.4).
        """
        if choice in self._languages:
            return self._languages[choice]
        for language in _by_preference(accepted):
            if language in self._languages:
                return self._languages[language]
        return self._languages[LANGUAGES[0]]


@cache
def parsed(message: str) -> tuple[Part, ...]:
    """Return the parts of a message, kept for good: there are as many as the files have. Raises
    `MessageMistake`.
    """
    parts, end = _block(message, 0, is_plural=False)
    if end < len(message):
        raise MessageMistake(f"a }} too many at {end} of {message!r}")
    return parts


def holes(parts: tuple[Part, ...]) -> Iterator[str]:
    """Return what a message has to be given."""
    for part in parts:
        if isinstance(part, Hole):
            yield part.name
        elif isinstance(part, Choice):
            yield part.name
            for case in part.cases.values():
                yield from holes(case)


def _block(message: str, at: int, *, is_plural: bool) -> tuple[tuple[Part, ...], int]:
    parts: list[Part] = []
    plain = ""
    while at < len(message) and message[at] != "}":
        if message[at] != "{" and not (is_plural and message[at] == "#"):
            plain += message[at]
            at += 1
            continue
        if plain:
            parts.append(plain)
            plain = ""
        if message[at] == "#":
            parts.append(Counted())
            at += 1
        else:
            part, at = _hole(message, at + 1)
            parts.append(part)
    if plain:
        parts.append(plain)
    return tuple(parts), at


def _hole(message: str, at: int) -> tuple[Part, int]:
    name, at = _until(message, at, ",}")
    if not _NAME.fullmatch(name):
        raise MessageMistake(f"{name!r} is no name, in {message!r}")
    if message[at : at + 1] == "}":
        return Hole(name), at + 1
    kind, at = _until(message, at + 1, ",")
    if kind not in {"plural", "select"}:
        raise MessageMistake(f"{kind!r} is neither plural nor select, in {message!r}")
    at += 1
    cases: dict[str, tuple[Part, ...]] = {}
    while True:
        key, at = _until(message, at, "{}")
        if message[at : at + 1] != "{":
            break
        cases[key], at = _block(message, at + 1, is_plural=kind == "plural")
        at = _closed(message, at)
    at = _closed(message, at)
    if "other" not in cases:
        raise MessageMistake(f'no case "other" in {message!r}')
    return Choice(name, kind == "plural", cases), at


def _until(message: str, at: int, ends: str) -> tuple[str, int]:
    start = at
    while at < len(message) and message[at] not in ends:
        at += 1
    return message[start:at].strip(), at


def _closed(message: str, at: int) -> int:
    if message[at : at + 1] != "}":
        raise MessageMistake(f"a }} is missing in {message!r}")
    return at + 1


def _read(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.json")):
        for name, message in json.loads(path.read_text(encoding="utf-8")).items():
            parsed(message)
            found[f"{path.stem}.{name}"] = message
    return found


def _by_preference(accepted: str) -> list[str]:
    weighted: list[tuple[float, int, str]] = []
    for place, item in enumerate(accepted.split(",")[:_ACCEPTED_MAX]):
        tag, _, parameter = item.strip().partition(";")
        weight = 1.0
        if parameter.strip().startswith("q="):
            try:
                weight = float(parameter.strip()[2:])
            except ValueError:
                continue
        if 0 < weight <= 1:
            weighted.append((-weight, place, tag.strip().split("-")[0].lower()))
    return [language for *_, language in sorted(weighted)]
