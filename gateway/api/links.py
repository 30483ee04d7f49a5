"""Which operation leads to which: what one answers is what another asks for in its path.

A model names an identifier by its kind (`event: EventRef`), and a path names it the same way (`{event}`), so
the links of the document need no list of their own.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from gateway.api.paths import KIND_OF, names_in
from gateway.api.route import Route
from services.models import id_pattern

Json = dict[str, Any]
Schemas = Mapping[tuple[type[BaseModel], str], Json]


def links_of(route: Route, routes: Sequence[Route], schemas: Schemas, components: Json) -> Json:
    """Return the links of a route's answer, by their names."""
    if route.answer is None:
        return {}
    schema = schemas[route.answer, "serialization"]
    answered = _identifiers(schema, components)
    given = set(names_in(route.path))
    # What was asked with is no news; links go by what is.
    news = set(answered) - given
    found: Json = {}
    for other in routes:
        asked = names_in(other.path)
        is_change_of_this = route.method == "GET" and other.path == route.path and other.is_versioned
        is_next = bool(set(asked) & news) and set(asked) <= given | news
        if other is route or not (is_next or is_change_of_this):
            continue
        parameters = {
            f"path.{name}": f"$response.body#{answered[name]}"
            if name in answered
            else f"$request.path.{name}"
            for name in asked
        }
        if other.is_versioned and (route.method != "GET" or route.path == other.path):
            parameters["header.If-Match"] = "$response.header.ETag"
        found[other.name] = {"operationId": other.name, "parameters": parameters}
    return found


def _identifiers(schema: Json, components: Json) -> dict[str, str]:
    """Return where an answer names identifiers: the names of path parts and the pointers to their values."""
    resolved = _resolved(schema, components)
    found = _of_object(resolved, components, "")
    for name, value in resolved.get("properties", {}).items():
        if value.get("type") == "array" and "items" in value:
            inside = _of_object(_resolved(value["items"], components), components, f"/{name}/0")
            found = {**inside, **found}
    if "event" in found:
        # Public pages are found by a slug or by the identifier.
        found.setdefault("name", found["event"])
    return found


def _of_object(schema: Json, components: Json, pointer: str) -> dict[str, str]:
    found = {}
    for name, value in schema.get("properties", {}).items():
        kind = KIND_OF.get(name)
        if kind is not None and value.get("pattern") == id_pattern(kind):
            found[name] = f"{pointer}/{name}"
        inner = _resolved(value, components)
        # One level down, such as {"organisation": {"id": …}}.
        own = inner.get("properties", {}).get("id", {}) if "properties" in inner else {}
        if kind is not None and own.get("pattern") == id_pattern(kind):
            found[name] = f"{pointer}/{name}/id"
    own = schema.get("properties", {}).get("id", {}).get("pattern", "")
    for name, kind in KIND_OF.items():
        if own == id_pattern(kind):
            found.setdefault(name, f"{pointer}/id")
    return found


def _resolved(schema: Json, components: Json) -> Json:
    reference = schema.get("$ref", "")
    match = re.fullmatch(r"#/components/schemas/(.+)", reference)
    found: Json = components[match[1]] if match else schema
    return found
