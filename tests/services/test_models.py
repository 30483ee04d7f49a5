"""Text, identifiers, money and times as requests bring them. If one failed, names would be mangled, or
control characters, foreign identifiers and amounts beyond all bounds would get in.
"""

import json
import re
import unicodedata
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from domain.ids import EVENT, POOL, text
from services.models import (
    LINE_PATTERN,
    AmountMinor,
    Country,
    Currency,
    Email,
    EventRef,
    Language,
    Lines,
    Model,
    Name,
    Page,
    SeenLine,
    Slug,
    TimeMs,
    TimeZone,
    WebAddress,
)


class Everything(Model):
    line: Annotated[SeenLine, Field(max_length=10)] = "x"
    lines: Annotated[Lines, Field(max_length=100)] = ""
    name: Name = "x"
    slug: Slug = "x"
    email: Email = "a@b.c"
    web: WebAddress = "https://example.org"
    country: Country = "DE"
    language: Language = "en"
    currency: Currency = "EUR"
    time_zone: TimeZone = "UTC"
    at_ms: TimeMs = 0
    amount: AmountMinor = 0
    event: EventRef = text(EVENT, bytes(16))


def read(**fields: Any) -> Everything:
    return Everything.model_validate_json(json.dumps(fields))


@pytest.mark.parametrize(
    "name",
    [
        "Zoë Ångström", "Nguyễn Thị Minh Khai", "سارة الحسن", "שָׁלוֹם", "ประเทศไทย", "हिन्दी", "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
        "王小明", "O'Brien-Ó Súilleabháin", "a\u200db", "x\u2067עברית\u2069",
    ],
)  # fmt: skip
def test_names_survive(name: str) -> None:
    assert read(name=name).name == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("mark", ["\0", "\x07", "\x1b", "\x7f", "\x85", "\x9f", "\u202e", "\ufeff", "\ufff9"])
def test_control_characters_do_not(mark: str) -> None:
    for field in ("name", "lines"):
        with pytest.raises(ValidationError, match="can't be seen"):
            read(**{field: f"a{mark}b"})


def test_lines_keep_their_ends_and_single_lines_have_none() -> None:
    assert read(lines="one\r\ntwo\rthree\u2028four\tfive").lines == "one\ntwo\nthree\nfour\tfive"
    for end in ("\n", "\r", "\t", "\u2028", "\u2029"):
        with pytest.raises(ValidationError):
            read(name=f"a{end}b")


@pytest.mark.parametrize("name", ["", " ", "\u200b\u200d", "\u3164", "\u2800", "\u00ad"])
def test_what_shows_nothing_is_no_name(name: str) -> None:
    with pytest.raises(ValidationError):
        read(name=name)


def test_lengths_are_those_of_what_is_kept() -> None:
    assert len(read(line="  " + "e\u0301" * 10).line) == 10
    with pytest.raises(ValidationError):
        read(line="x" * 11)


@given(st.text(max_size=20))
def test_the_document_says_what_is_taken(value: str) -> None:
    """The pattern in the schema and the validator are the same rule."""
    fits = re.search(LINE_PATTERN.replace("$", r"\Z"), value) is not None
    fits = fits and not any(0xD800 <= ord(letter) <= 0xDFFF for letter in value)
    try:
        read(line=value or "x")
        taken = True
    except ValidationError as error:
        taken = error.errors()[0]["type"] in {"blank", "too_long"}
    assert taken == (fits or not value)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("slug", ["", "A", "a--b", "-a", "a-", "a b", "a\n", "x" * 81, "ä"]),
        ("email", ["a", "a@b", "@b.c", "a@b..c", "a b@c.de", "a@b.c\n", "a\0@b.c", "x" * 65 + "@b.c"]),
        ("web", ["javascript:alert(1)", "//x", "ftp://x", "https://a b", 'https://x"', "https://x\n"]),
        ("country", ["de", "DEU", "", "D1"]),
        ("language", ["", "english", "EN", "en_US", "en-us"]),
        ("currency", ["eur", "EURO", "XXX", "DEM"]),
        ("time_zone", ["", "Berlin", "europe/berlin", "../etc/passwd", "Europe/Berlin\0"]),
        ("at_ms", [-1, 1.5, "0", True, 253_402_300_800_000]),
        ("amount", [-1, 1.5, "1", 10**12 + 1, 10**30]),
        ("event", ["", text(POOL, bytes(16)), "event_" + "z" * 26, text(EVENT, bytes(16)).upper()]),
    ],
)
def test_other_forms_are_refused(field: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ValidationError):
            read(**{field: value})


def test_addresses_of_mail_keep_their_person_and_lose_the_case_of_their_host() -> None:
    assert read(email="Anna.Berg@Example.ORG").email == "Anna.Berg@example.org"


def test_a_model_that_is_printed_tells_nothing() -> None:
    assert "Anna" not in repr(read(name="Anna"))
    assert "Anna" not in str(read(name="Anna"))


def test_unknown_fields_and_changes_are_refused() -> None:
    with pytest.raises(ValidationError):
        read(more=1)
    with pytest.raises(ValidationError):
        read().name = "other"


def test_a_page_is_a_model_of_its_items() -> None:
    page = Page[Everything](items=(read(),), next_cursor=None)
    assert json.loads(page.model_dump_json())["next_cursor"] is None
