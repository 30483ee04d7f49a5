"""Whatever is refused is told in the reader's language: which field it is, and why.

If these failed, somebody who reads Arabic would be told in English, or everybody that "some of this can't be
used".
"""

import ast
import json
import string
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from domain.refusals import Code
from gateway.api.parsing import SENTENCES
from services.events.import_told import SENTENCES as OF_IMPORTS
from services.messages import LANGUAGES, holes, parsed
from services.reasons import REASONS

ROOT = Path(__file__).resolve().parents[2]
# What the gateway says of a field beside pydantic's own, and what is said where no reason is known.
OF_THE_GATEWAY = {"string_pattern_mismatch", "twice", "no_body", "invalid", "malformed"}
# They are in no form: who has another one than we gave is told to load the page again.
NO_FIELD_OF_A_FORM = {"cursor"}


@cache
def texts(language: str) -> dict[str, str]:
    return dict(json.loads((ROOT / f"web/messages/{language}/shared.json").read_text()))


@cache
def calls() -> tuple[tuple[str, ast.Call], ...]:
    """Every call of a plain name in the services, with that name."""
    trees = [ast.parse(file.read_text()) for file in (ROOT / "services").rglob("*.py")]
    found = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return tuple((one.func.id, one) for one in found if isinstance(one.func, ast.Name))


def fields() -> Iterator[str]:
    """The fields that services refuse, by their last name: what stands before is where they are."""
    for name, call in calls():
        if name not in {"invalid", "BadRule"}:
            continue
        said = call.args[0]
        if isinstance(said, ast.JoinedStr):
            said = said.values[-1]
        if isinstance(said, ast.Constant):
            yield str(said.value).rpartition(".")[2]


def named_in(sentence: str) -> set[str]:
    """The values that a sentence for `str.format` names."""
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_a_text(language: str) -> None:
    missing = {code for code in Code if f"problem.{code}" not in texts(language)}
    assert not missing, missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_a_text(language: str) -> None:
    missing = {reason for reason in REASONS if f"field.reason.{reason}" not in texts(language)}
    assert not missing, missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_the_form_of_a_field_is_refused_with_has_a_text(language: str) -> None:
    missing = {code for code in {*SENTENCES, *OF_THE_GATEWAY} if f"field.{code}" not in texts(language)}
    assert not missing, missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_that_is_refused_has_a_name(language: str) -> None:
    named = set(fields())
    assert {"title", "starts_at", "price_min_minor", "rule"} <= named
    missing = {field for field in named - NO_FIELD_OF_A_FORM if f"field.name.{field}" not in texts(language)}
    assert not missing, missing


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_an_import_says_has_a_text_with_the_same_values(language: str) -> None:
    page = json.loads((ROOT / f"web/messages/{language}/again.json").read_text())
    for code, sentence in OF_IMPORTS.items():
        assert set(holes(parsed(page[f"import.{code}"]))) == named_in(sentence), code


def test_whatever_an_import_says_is_said_somewhere_with_its_values() -> None:
    trees = [ast.parse(file.read_text()) for file in (ROOT / "services/events").glob("import*.py")]
    said: dict[str, set[str]] = {}
    for call in (one for tree in trees for one in ast.walk(tree) if isinstance(one, ast.Call)):
        if isinstance(call.func, ast.Name) and call.func.id == "told":
            # One code, or one of two.
            given = call.args[0]
            codes = [given.body, given.orelse] if isinstance(given, ast.IfExp) else [given]
            for code in codes:
                said[ast.literal_eval(code)] = {str(one.arg) for one in call.keywords}
    assert said == {code: named_in(sentence) for code, sentence in OF_IMPORTS.items()}


def test_no_reason_is_called_what_means_something_else() -> None:
    """The page would tell the one when the other is meant: a list that is too short is no weak password."""
    codes = {*SENTENCES, *OF_THE_GATEWAY}
    assert not codes & REASONS
    for language in LANGUAGES:
        both = {reason for reason in REASONS if f"field.{reason}" in texts(language)}
        assert not both, both


def test_no_refusal_goes_round_the_list() -> None:
    """mypy sees to what `invalid` and `unfit` are given; here is what it can't see."""
    assert [name for name, _ in calls()].count("PydanticCustomError") == 1, "it is for `unfit` to make"
    for name, call in calls():
        for details in (one for one in call.args if name == "Refusal" and isinstance(one, ast.Dict)):
            said = {
                key.value: value.value
                for key, value in zip(details.keys, details.values, strict=True)
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant)
            }
            assert "field" not in said or "reason" not in said or said["reason"] in REASONS, ast.unparse(call)


def test_every_reason_is_given_somewhere() -> None:
    """Texts would be kept, and translated, that nobody is ever told."""
    given = {
        node.value
        for file in (ROOT / "services").rglob("*.py")
        if file.name != "reasons.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert not REASONS - given, REASONS - given
