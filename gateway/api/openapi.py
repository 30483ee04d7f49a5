"""The OpenAPI 3.1 document, made of the same routes and models that serve and validate.

What a route does not say is not in it: parameters come from the path and the query model, bodies from the
models, refusals from the stages that the route goes through, links from what one route answers and another
asks for (`gateway.api.links`).
"""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from domain.refusals import HTTP_STATUS, MESSAGES, Code
from domain.roles import KEY_SCOPES, PLATFORM_PERMISSIONS, STEP_UP, Access, Permission
from gateway.api.examples import example_of
from gateway.api.links import links_of
from gateway.api.paths import PREFIX, names_in, pattern_of
from gateway.api.pipeline import KEY_HEADER, KEY_PATTERN, VERSION_PATTERN
from gateway.api.route import Route
from gateway.cookies import SessionCookie
from gateway.problems import Problem

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
_REF: Final = "#/components/schemas/{model}"
_ABOUT: Final = """\
Everything that Bilten's own pages do goes through here.

**Who asks.** Pages use a session cookie; programs send `Authorization: Bearer …` with an API key or a device
token of an organisation. Only those may be used from other origins.

**Errors** are problems (RFC 9457) with a `code` to branch on, and `errors` that name each field at fault.
What belongs to another organisation is answered exactly as what does not exist.

**Changes.** What has a version answers with an `ETag`; a change names it in `If-Match` and is refused with
412 if somebody else was faster, so that nothing is overwritten.

**Repeating.** Every POST takes an `Idempotency-Key` of your making, and gives the same answer again to the
same request for a day.

**Lists** come in pages: send `next_cursor` back as `cursor` until it is null.

**Limits** are told in `RateLimit` and `RateLimit-Policy`, and after a 429 or 503 in `Retry-After`.
"""

Json = dict[str, Any]
Schemas = dict[tuple[type[BaseModel], str], Json]


def document(routes: Sequence[Route], public_url: str) -> Json:
    """Return the document of all routes."""
    schemas, components = _schemas(routes)
    paths: Json = {}
    for route in routes:
        operation = _operation(route, schemas)
        links = links_of(route, routes, schemas, components)
        if links:
            operation["responses"][str(_status(route))]["links"] = links
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    for body in _bodies(paths):
        body["example"] = example_of(body["schema"], components)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Bilten",
            "version": "1",
            "summary": "Events, tickets and those who organise them.",
            "description": _ABOUT,
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url.rstrip("/") + PREFIX}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {code.value: _refusal(code) for code in Code},
            "headers": _HEADERS,
            "securitySchemes": _security_schemes(public_url),
        },
    }


def _schemas(routes: Sequence[Route]) -> tuple[Schemas, Json]:
    wanted: dict[tuple[type[BaseModel], Any], None] = {(Problem, "serialization"): None}
    for route in routes:
        for model, mode in (
            (route.body, "validation"),
            (route.query, "validation"),
            (route.answer, "serialization"),
        ):
            if model is not None:
                wanted[model, mode] = None
    schemas, definitions = models_json_schema(list(wanted), ref_template=_REF)
    found: Schemas = {}
    for (made_of, mode), schema in schemas.items():
        assert issubclass(made_of, BaseModel)
        found[made_of, mode] = schema
    return found, definitions.get("$defs", {})


def _operation(route: Route, schemas: Schemas) -> Json:
    operation: Json = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "description": _access_text(route),
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": {str(_status(route)): _success(route, schemas), **_refusals(route)},
        "security": _security(route),
        "x-permission": route.access.value,
        "x-limit-class": route.limit.value,
    }
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {JSON: {"schema": schemas[route.body, "validation"]}},
        }
    elif route.takes:
        content = {media_type: {"schema": _raw(media_type)} for media_type in route.takes}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _raw(media_type: str) -> Json:
    """Return the schema of what is no model of ours."""
    return {"type": ["object", "array"]} if "json" in media_type else {"type": "string"}


def _access_text(route: Route) -> str:
    access = route.access
    if access is Access.ANYONE:
        return "For anyone."
    if access is Access.SESSION:
        return "For whoever has a session, guests too."
    if access is Access.USER:
        return "For whoever is signed in."
    said = f"Needs the permission `{access.value}`."
    if access in STEP_UP:
        said += " Asks for a fresh proof of who you are."
    return said


# --- what is sent -----------------------------------------------------------------------------------------


def _path_parameters(route: Route) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "maxLength": 80, "pattern": pattern_of(name)},
            "example": example_of({"type": "string", "pattern": pattern_of(name)}, {}),
        }
        for name in names_in(route.path)
    ]


def _query_parameters(route: Route) -> list[Json]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema(ref_template=_REF)
    required = set(schema.get("required", ()))
    found = []
    for name, value in schema.get("properties", {}).items():
        parameter = {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _without_null(value),
        }
        if "description" in value:
            parameter["description"] = value["description"]
        found.append(parameter)
    return found


def _without_null(schema: Json) -> Json:
    """A parameter that may be left out is never sent as null."""
    schema = {key: value for key, value in schema.items() if key not in {"default", "description", "title"}}
    kinds = [kind for kind in schema.pop("anyOf", []) if kind.get("type") != "null"]
    if len(kinds) == 1:
        schema.update(kinds[0])
    elif kinds:
        schema["anyOf"] = kinds
    return schema


def _header_parameters(route: Route) -> list[Json]:
    found: list[Json] = []
    if route.method == "POST":
        found.append(
            {
                "name": KEY_HEADER,
                "in": "header",
                "description": "Of your making, 16 to 200 characters: the same request with the same"
                " key gives the same answer.",
                "schema": {"type": "string", "minLength": 16, "maxLength": 200, "pattern": KEY_PATTERN},
            }
        )
    if route.is_versioned or route.heeds_version:
        found.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": route.is_versioned,
                "description": "The `ETag` of what this changes, as it was read.",
                "schema": {"type": "string", "pattern": VERSION_PATTERN},
                "example": '"1"',
            }
        )
    return found


# --- what is answered -------------------------------------------------------------------------------------

_HEADERS: Final = {
    "ETag": {"description": "The version.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
    "RateLimit": {"description": "What is left of the quota.", "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "The quota.", "schema": {"type": "string"}},
}


def _status(route: Route) -> int:
    is_empty = route.answer is None and route.gives == JSON
    return 204 if is_empty and route.status == 200 else route.status


def _success(route: Route, schemas: Schemas) -> Json:
    limits = {name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit", "RateLimit-Policy")}
    answer: Json = {"description": route.summary, "headers": limits}
    if route.answer is not None:
        answer["content"] = {JSON: {"schema": schemas[route.answer, "serialization"]}}
    elif route.gives != JSON:
        given = (route.gives,) if isinstance(route.gives, str) else route.gives
        answer["content"] = {media_type: {"schema": _raw(media_type)} for media_type in given}
    return answer


def _refusals(route: Route) -> Json:
    codes = [Code.MALFORMED, Code.RATE_LIMITED, Code.BUSY]
    if route.access is not Access.ANYONE:
        codes.append(Code.UNAUTHENTICATED)
    if route.method not in {"GET", "HEAD"} or isinstance(route.access, Permission):
        codes.append(Code.FORBIDDEN)
    if isinstance(route.access, Permission) and route.access not in PLATFORM_PERMISSIONS:
        codes.append(Code.SECOND_FACTOR_NEEDED)
    if route.access in STEP_UP:
        codes.append(Code.STEP_UP_NEEDED)
    if names_in(route.path):
        codes.append(Code.NOT_FOUND)
    if route.body is not None or route.takes:
        codes += [Code.INVALID, Code.TOO_LARGE, Code.UNSUPPORTED_MEDIA]
    elif route.query is not None:
        codes.append(Code.INVALID)
    if route.method == "POST":
        codes += [Code.OPERATION_REUSED, Code.DONE_BEFORE]
    if route.is_versioned or route.heeds_version:
        codes.append(Code.VERSION_CONFLICT)
    if route.is_versioned:
        codes.append(Code.VERSION_REQUIRED)
    by_status: dict[int, list[Code]] = {}
    for code in dict.fromkeys([*codes, *route.refusals]):
        by_status.setdefault(HTTP_STATUS[code], []).append(code)
    return {str(status): _refused(by_status[status]) for status in sorted(by_status)}


def _refused(codes: list[Code]) -> Json:
    if len(codes) == 1:
        return {"$ref": f"#/components/responses/{codes[0].value}"}
    return {
        "description": " ".join(f"`{code.value}`: {MESSAGES[code]}" for code in codes),
        "content": {
            PROBLEM: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {code.value: {"value": _problem_example(code)} for code in codes},
            }
        },
    }


def _refusal(code: Code) -> Json:
    return {
        "description": f"`{code.value}`: {MESSAGES[code]}",
        "content": {
            PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": _problem_example(code)}
        },
    }


def _problem_example(code: Code) -> Json:
    return {"title": "Refused", "status": HTTP_STATUS[code], "detail": MESSAGES[code], "code": code.value}


def _bodies(paths: Json) -> list[Json]:
    """Return every place where a JSON body of a request is described."""
    return [
        operation["requestBody"]["content"][JSON]
        for operations in paths.values()
        for operation in operations.values()
        if JSON in operation.get("requestBody", {}).get("content", {})
    ]


# --- who may ----------------------------------------------------------------------------------------------


def _security_schemes(public_url: str) -> Json:
    return {
        "session": {"type": "apiKey", "in": "cookie", "name": SessionCookie(public_url).name},
        "key": {"type": "http", "scheme": "bearer", "description": "An API key or a device token."},
    }


def _security(route: Route) -> list[Json]:
    if route.access is Access.ANYONE:
        return []
    if isinstance(route.access, Permission) and route.access in KEY_SCOPES:
        return [{"session": []}, {"key": []}]
    return [{"session": []}]
