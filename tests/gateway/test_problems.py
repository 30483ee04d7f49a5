"""What the body of a refusal says of its fields.

If these failed, pages would have nothing to translate by, or translate by what is a sentence.
"""

import json
from typing import Annotated, Any

import pytest
from pydantic import Field

from domain.refusals import Code, Refusal
from gateway.api.parsing import Unusable, parse_body
from gateway.problems import problem
from services.events.drafting import invalid
from services.models import Model, Title

SENTENCE = "pool 1: the capacity is too large"


class Said(Model):
    names: Annotated[tuple[Title, ...], Field(min_length=1, max_length=2)]


def errors(refusal: Refusal) -> Any:
    body = problem(refusal).body
    assert isinstance(body, bytes)
    return json.loads(body).get("errors")


@pytest.mark.parametrize(
    ("refusal", "code", "message"),
    [
        (invalid("title", "required"), "required", "Some of this can't be used."),
        (invalid("pools", "not_sellable", SENTENCE), "not_sellable", SENTENCE),
        (Refusal(Code.MALFORMED, None, {"field": "pools", "reason": SENTENCE}), "malformed", SENTENCE),
        (Refusal(Code.INVALID, None, {"field": "cursor"}), "invalid", "Some of this can't be used."),
    ],
)
def test_a_reason_is_a_code_and_a_sentence_a_message(refusal: Refusal, code: str, message: str) -> None:
    (error,) = errors(refusal)
    assert (error["code"], error["message"]) == (code, message)


@pytest.mark.parametrize(
    ("names", "code"),
    [([], "list_too_short"), (["a", "b", "c"], "list_too_long"), (["a" * 201], "string_too_long")],
)
def test_lengths_of_lists_and_of_texts_are_told_apart(names: list[str], code: str) -> None:
    found = parse_body(Said, json.dumps({"names": names}).encode())
    assert isinstance(found, Unusable)
    assert found.errors[0].code == code
