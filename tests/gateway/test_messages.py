"""The message catalogues, and what the server makes of them.

If these failed, somebody would read English in the middle of Arabic, a raw `{name}`, "1 tickets", or no page
at all because a message is missing that a script asks for.
"""

import json
import re
from pathlib import Path

import pytest
from babel import Locale

from gateway.page_table import HOME, ORGANISATION, PRIVACY, SCRIPTED
from services.messages import LANGUAGES, Catalogues, Choice, MessageMistake, Part, holes, parsed
from tests.gateway.stage import Works

WEB = Path(__file__).resolve().parents[2] / "web"
AREAS = sorted(path.stem for path in (WEB / "messages" / "en").glob("*.json"))
PAGES = (HOME, ORGANISATION, PRIVACY, *SCRIPTED)
_AREA = f"(?:{'|'.join(AREAS)})"
# A name, and the beginning of one that is put together.
LITERAL = re.compile(rf"""["'`]({_AREA}\.[\w.]+)["'`]""")
BEGUN = re.compile(rf"""["`]({_AREA}\.[\w.]*)[$]?\{{""")
# Libraries, and the page that documents the API for programmers, which is in the language of its names.
NOT_FOR_READERS = {"vendor", "docs"}


def catalogue(language: str, area: str) -> dict[str, str]:
    read: dict[str, str] = json.loads((WEB / "messages" / language / f"{area}.json").read_text())
    return read


def scripts() -> list[Path]:
    return [path for path in WEB.glob("*/*.js") if path.parent.name not in NOT_FOR_READERS]


def templates() -> list[Path]:
    return [path for path in WEB.glob("*/*.html") if path.parent.name not in NOT_FOR_READERS]


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("language", LANGUAGES[1:])
def test_every_language_says_the_same(language: str, area: str) -> None:
    english, other = catalogue("en", area), catalogue(language, area)
    assert list(english) == list(other), "the same names, in the same order"
    for name, message in english.items():
        assert set(holes(parsed(message))) == set(holes(parsed(other[name]))), name
        assert other[name] != "", name


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_message_is_there_twice(language: str, area: str) -> None:
    """The second would count, and whoever mends the first would wonder."""
    read: list[str] = []
    text = (WEB / "messages" / language / f"{area}.json").read_text()
    json.loads(text, object_pairs_hook=lambda pairs: read.extend(name for name, _ in pairs))
    assert len(read) == len(set(read)), {name for name in read if read.count(name) > 1}


# A pair of coordinates is written as it is typed.
LATIN_COMMAS = {"organizer.event.geo_hint", "organizer.wrong.geo"}


@pytest.mark.parametrize("area", AREAS)
def test_arabic_is_written_as_arabic_is(area: str) -> None:
    for name, message in catalogue("ar", area).items():
        written = re.sub(r"\{\w+, (plural|select),", "", message)
        if f"{area}.{name}" not in LATIN_COMMAS:
            assert not set(written) & set(",;?"), name
        # One spelling of each of these in all texts.
        assert "\u0627\u064b" not in written, f"{name}: the tanwin stands before the alif"
        assert "\u0645\u0646\u0638\u0645\u0629" not in written, f"{name}: an organisation has one word"


def plurals(parts: tuple[Part, ...]) -> list[Choice]:
    found: list[Choice] = []
    for part in parts:
        if isinstance(part, Choice):
            found += [part] if part.is_plural else []
            for case in part.cases.values():
                found += plurals(case)
    return found


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_plurals_have_every_form_of_their_language(language: str, area: str) -> None:
    forms = {*Locale.parse(language).plural_form.rules, "other"}
    for name, message in catalogue(language, area).items():
        for choice in plurals(parsed(message)):
            said = {case for case in choice.cases if not case.startswith("=")}
            assert said == forms, f"{area}.{name} in {language}"


def test_every_message_that_is_asked_for_is_there_and_no_other() -> None:
    known = {f"{area}.{name}" for area in AREAS for name in catalogue("en", area)}
    asked: set[str] = set()
    begun: set[str] = set()
    for path in [*scripts(), *templates(), *WEB.parent.glob("gateway/*.py")]:
        text = path.read_text()
        asked.update(LITERAL.findall(text))
        asked.update(re.findall(r"\{\{([\w.]+)\}\}", text))
        begun.update(BEGUN.findall(text))
    asked |= {kind.title for kind in PAGES} | {kind.skip_text for kind in PAGES}
    begun |= {"event.refused"}
    # A name of a file that stands in a comment, an example.
    asked -= {"event.js", "area.name"}
    missing = {name for name in asked - known if not any(one.startswith(name + ".") for one in known)}
    assert not missing
    unused = {name for name in known - asked if not any(name.startswith(start) for start in begun)}
    assert not unused


def bare_words(text: str) -> list[str]:
    """Words that stand in the HTML of a template as they are."""
    without_comments = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    shown = re.findall(r">([^<>]*)", without_comments)
    said = re.findall(
        r"""\s(?:aria-label|alt|title|placeholder|label|hint|text|note)=["']([^"']*)["']""", without_comments
    )
    return [one.strip() for one in [*shown, *said] if re.search(r"[^\W\d_]{2,}", one)]


def html_templates(script: str) -> list[str]:
    """The text of a script's html`…` templates, without what stands in their holes."""
    found: list[str] = []
    at = 0
    while (at := script.find("html`", at)) >= 0:
        at += len("html`")
        text, depth = "", 0
        while script[at] != "`" or depth:
            if script.startswith("${", at):
                depth += 1
                at += 2
                start = at
                while depth:
                    if script[at] == "`":
                        at = script_string_end(script, at)
                    depth += {"{": 1, "}": -1}.get(script[at], 0)
                    at += 1
                found += html_templates(script[start : at - 1])
                continue
            text += script[at]
            at += 1
        found.append(text)
        at += 1
    return found


def script_string_end(script: str, at: int) -> int:
    """Where a template string that begins at `at` ends: on its closing mark."""
    at += 1
    while script[at] != "`":
        if script.startswith("${", at):
            depth, at = 1, at + 2
            while depth:
                if script[at] == "`":
                    at = script_string_end(script, at)
                depth += {"{": 1, "}": -1}.get(script[at], 0)
                at += 1
        else:
            at += 1
    return at


@pytest.mark.parametrize("path", scripts(), ids=lambda path: path.relative_to(WEB).as_posix())
def test_no_script_has_words_of_its_own(path: Path) -> None:
    templates_of = html_templates(path.read_text())
    bare = [word for text in templates_of for word in bare_words(f">{text}")]
    assert not bare


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.relative_to(WEB).as_posix())
def test_no_template_has_words_of_its_own(path: Path) -> None:
    text = re.sub(r"\{\{[\w.]+\}\}|\$\w+|<!doctype html>", "", path.read_text())
    assert not bare_words(text)


async def test_every_part_of_the_platform_has_a_name(made: Works) -> None:
    """Whoever looks whether all is well reads English names in the middle of Arabic ones."""
    named = catalogue("en", "admin")
    parts = {"shard" if part.startswith("Shard ") else part.lower() for part in made.checks()}
    assert {part for part in parts if f"part.{part}" not in named} <= {"ray"}


def test_holes_and_plurals_are_filled_as_the_language_writes_them() -> None:
    catalogues = Catalogues(WEB / "messages")
    english, arabic = catalogues.of("en"), catalogues.of("ar")
    assert english.text("shared.tickets", count=1) == "1 ticket"
    assert english.text("shared.tickets", count=2_000) == "2,000 tickets"
    assert [arabic.text("shared.days", count=count) for count in (1, 2, 3, 11)] == [
        "يوم واحد",
        "يومان",
        "3 أيام",
        "11 يومًا",
    ]
    assert english.text("home.place", venue="{count}", city="<b>") == "{count}, <b>"


@pytest.mark.parametrize(
    "message", ["{", "}", "{a", "{a b}", "{n, plural, one {x}}", "{n, number}", "{n, plural, other {x}"]
)
def test_a_message_that_is_no_message_is_refused(message: str) -> None:
    with pytest.raises(MessageMistake):
        parsed(message)


@pytest.mark.parametrize(
    ("choice", "accepted", "language"),
    [
        ("", "", "en"),
        ("ar", "en-GB,en;q=0.9", "ar"),
        ("xx", "ar-EG,ar;q=0.9,en;q=0.8", "ar"),
        ("", "fr-CH, fr;q=0.9, ar;q=0.8, en;q=0.7", "ar"),
        ("", "en;q=0.1, ar;q=0", "en"),
        ("", "ar;q=nonsense, *;q=0.5", "en"),
        ("", "," * 5_000, "en"),
    ],
)
def test_the_language_is_the_readers(choice: str, accepted: str, language: str) -> None:
    assert Catalogues(WEB / "messages").chosen(choice, accepted).language == language
