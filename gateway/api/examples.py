"""Examples for the document, made from the schemas themselves so that they are always valid."""

import re
from collections.abc import Mapping
from typing import Any, Final

from domain.ids import KINDS, text, uuid7
from services.models import TOKEN_PATTERN, WEB_ADDRESS_PATTERN

_DEPTH_MAX: Final = 8
_SOME_TIME_MS: Final = 1_767_225_600_000
_BY_PATTERN: Final[Mapping[str, str]] = {
    TOKEN_PATTERN: "Vq3Zk9fJ2mXwT7bYc1LdRg",
    WEB_ADDRESS_PATTERN: "https://example.org/",
}


def example_of(
    schema: Mapping[str, Any], components: Mapping[str, Any], name: str = "", depth: int = 0
) -> Any:
    """Return a value that a schema allows.

    Args:
        schema: of a model, with references into `components`.
        components: schemas by their name.
        name: the field's, which is the example for text without a form.
        depth: how deep inside the whole; below a bound, what may be left out is.
    """
    if "$ref" in schema:
        return example_of(components[schema["$ref"].rpartition("/")[2]], components, name, depth)
    for given in ("example", "const", "default"):
        if schema.get(given) is not None:
            return schema[given]
    for given in ("examples", "enum"):
        if schema.get(given):
            return schema[given][0]
    for given in ("anyOf", "oneOf", "allOf"):
        if schema.get(given):
            return example_of(schema[given][0], components, name, depth)
    return _by_type(schema, components, name, depth)


def _by_type(schema: Mapping[str, Any], components: Mapping[str, Any], name: str, depth: int) -> Any:
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties", {})
        # What may be left out may also not go together; where all of it may be, something has to be shown.
        shown = schema.get("required") or (properties if depth == 0 else ())
        return {key: example_of(properties[key], components, key, depth + 1) for key in shown}
    if kind == "array":
        is_wanted = schema.get("minItems", 0) > 0 or depth < _DEPTH_MAX
        return (
            [example_of(schema["items"], components, name, depth + 1)]
            if is_wanted and "items" in schema
            else []
        )
    if kind == "integer":
        return max(1, schema.get("minimum", 1)) if schema.get("maximum", 1) >= 1 else schema["maximum"]
    if kind == "number":
        return schema.get("minimum", 1.0)
    if kind == "boolean":
        return True
    return None if kind == "null" else _text(schema, name)


def _text(schema: Mapping[str, Any], name: str) -> str:
    pattern = str(schema.get("pattern", ""))
    if pattern in _BY_PATTERN:
        return _BY_PATTERN[pattern]
    match = re.match(r"\^(\w+)_\[0-7\]", pattern)
    if match is not None and match[1] in KINDS:
        return text(match[1], uuid7(_SOME_TIME_MS, 42))
    said = (name or "text").replace("_", " ").capitalize()
    if pattern and not re.search(pattern, said):
        said = re.sub(r"[^a-z0-9]+", "-", said.lower())
    shortest = int(schema.get("minLength", 0))
    return (said * (1 + shortest // len(said)))[: max(len(said), shortest)][: schema.get("maxLength", 80)]
