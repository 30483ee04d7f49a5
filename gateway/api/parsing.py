"""Bodies and queries: read into the models of a route, or told field by field why not."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec
from multidict import MultiMapping
from pydantic import BaseModel, ValidationError

from domain.refusals import Code
from gateway.problems import FieldError
from services.models import FORMS

_ERRORS_MAX: Final = 20
_FIELD_MAX: Final = 120

Parsed = TypeVar("Parsed", bound=BaseModel)


class Unusable(msgspec.Struct, frozen=True):
    """Why what was sent can't be used.

    Attributes:
        code: MALFORMED if it is not what the document says, INVALID if it is and breaks a rule that a schema
            can't say.
    """

    code: Code
    errors: tuple[FieldError, ...]


# By pydantic's name of the error, but for lengths: `_code`. Numbers in braces come from its context.
SENTENCES: Final[Mapping[str, str]] = {
    "missing": "This is required.",
    "extra_forbidden": "There is no such field.",
    "json_invalid": "This is no JSON: {error}.",
    "string_type": "Text is expected.",
    "string_too_short": "At least {min_length} characters.",
    "string_too_long": "At most {max_length} characters.",
    "list_too_short": "At least {min_length}.",
    "list_too_long": "At most {max_length}.",
    "string_unicode": "This is no text.",
    "int_type": "A whole number is expected.",
    "int_parsing": "A whole number is expected.",
    "int_from_float": "A whole number is expected.",
    "int_parsing_size": "This number is too large.",
    "float_type": "A number is expected.",
    "float_parsing": "A number is expected.",
    "finite_number": "A number is expected.",
    "bool_type": "true or false is expected.",
    "bool_parsing": "true or false is expected.",
    "none_required": "null is expected.",
    "model_type": "An object is expected.",
    "model_attributes_type": "An object is expected.",
    "dict_type": "An object is expected.",
    "list_type": "A list is expected.",
    "tuple_type": "A list is expected.",
    "set_type": "A list is expected.",
    "greater_than": "More than {gt}.",
    "greater_than_equal": "At least {ge}.",
    "less_than": "Less than {lt}.",
    "less_than_equal": "At most {le}.",
    "multiple_of": "A multiple of {multiple_of} is expected.",
    "enum": "One of these is expected: {expected}.",
    "literal_error": "One of these is expected: {expected}.",
    "union_tag_invalid": "One of these is expected: {expected_tags}.",
    "union_tag_not_found": "{discriminator} is required.",
}


def parse_body(model: type[Parsed], raw: bytes) -> Parsed | Unusable:
    """Return a JSON body as its model."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        return _unusable(error)


def parse_query(model: type[Parsed] | None, given: MultiMapping[str]) -> Parsed | Unusable | None:
    """Return a query string as its model; without a model, every parameter is one too many."""
    keys = [key for key, _ in given.items()]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        return Unusable(
            Code.MALFORMED, tuple(_said(key, "twice", "This may be said once only.") for key in twice)
        )
    if model is None:
        if keys:
            sentence = SENTENCES["extra_forbidden"]
            return Unusable(Code.MALFORMED, tuple(_said(key, "extra_forbidden", sentence) for key in keys))
        return None
    try:
        return model.model_validate_strings(dict(given.items()))
    except ValidationError as error:
        return _unusable(error)


def _unusable(error: ValidationError) -> Unusable:
    found = error.errors(include_url=False, include_input=False)
    # What a validator of ours raised has no sentence here: its own is the message.
    is_form = any(_code(one) in SENTENCES or one["type"] == "string_pattern_mismatch" for one in found)
    errors = tuple(
        _said(".".join(str(part) for part in one["loc"]), _code(one), _sentence(one))
        for one in found[:_ERRORS_MAX]
    )
    return Unusable(Code.MALFORMED if is_form else Code.INVALID, errors)


def _code(error: Any) -> str:
    kind: str = error["type"]
    if kind not in {"too_short", "too_long"}:
        return kind
    # A length that was checked after our own validator: text, although pydantic can't know it.
    is_text = error.get("ctx", {}).get("field_type") == "Value"
    return f"string_{kind}" if is_text else f"list_{kind}"


def _sentence(error: Any) -> str:
    kind, context = _code(error), error.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return FORMS.get(context["pattern"], "This has not the form that is expected.")
    if kind == "string_too_short" and context["min_length"] == 1:
        return "This can't be empty."
    template = SENTENCES.get(kind)
    return str(error["msg"]) if template is None else template.format(**context)


def _said(field: str, code: str, message: str) -> FieldError:
    return FieldError(field=field[:_FIELD_MAX], code=code, message=message)
