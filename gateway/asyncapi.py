"""The websocket protocol as an AsyncAPI 3.0 document, made from the records that decode and encode it.

What a message's `payload` is comes from msgspec's JSON schema of the record, its text from the record's
docstring; so the document can't say anything else than the code does.
"""

import inspect
from typing import Any, Final

import msgspec

from domain import wire
from gateway.protocol import CLIENT_TYPES, SERVER_TYPES

REPLY_TO: Final = {
    "ping": ("pong",),
    "watch": ("watching",),
    "unwatch": ("done",),
    "watch_sales": ("watching_sales",),
    "unlock": ("unlocked",),
    "hold": ("held",),
    "extend": ("extended",),
    "release": ("released",),
    "purchase": ("purchased",),
}
"""What each request is answered by if it is not refused."""

PUSHES: Final = tuple(tag for tag, kind in SERVER_TYPES.items() if issubclass(kind, wire.Push))
_SCHEMAS: Final = "#/components/schemas/{name}"


def document(public_url: str) -> dict[str, Any]:
    """Return the document. `public_url` is the address of the gateway, "" if it is not known."""
    kinds = {**CLIENT_TYPES, **SERVER_TYPES}
    _, schemas = msgspec.json.schema_components(list(kinds.values()), ref_template=_SCHEMAS)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Bilten",
            "version": f"{wire.VERSION}.0.0",
            "description": inspect.cleandoc(wire.__doc__ or ""),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/msgpack",
        "servers": {"gateway": _server(public_url)},
        "channels": {"socket": _channel(list(kinds))},
        "operations": _operations(),
        "components": {
            "messages": {tag: _message(tag, kind) for tag, kind in kinds.items()},
            "schemas": schemas,
        },
    }


def _server(public_url: str) -> dict[str, Any]:
    scheme, _, host = (public_url or "http://localhost:8080").partition("://")
    subprotocols = f"{wire.SUBPROTOCOL_MSGPACK} (binary frames) or {wire.SUBPROTOCOL_JSON} (text frames)"
    return {
        "host": host,
        "protocol": "wss" if scheme == "https" else "ws",
        "description": f"Subprotocol {subprotocols}.",
    }


def _channel(tags: list[str]) -> dict[str, Any]:
    query = {
        "type": "object",
        "required": ["ticket"],
        "properties": {
            "ticket": {
                "type": "string",
                "description": "from POST /api/v1/socket-ticket; good once, for seconds",
            }
        },
    }
    return {
        "address": "/ws",
        "description": "One websocket for everything.",
        "messages": {tag: {"$ref": f"#/components/messages/{tag}"} for tag in tags},
        "bindings": {"ws": {"method": "GET", "query": query, "bindingVersion": "0.1.0"}},
    }


def _operations() -> dict[str, Any]:
    channel = {"$ref": "#/channels/socket"}

    def refs(tags: tuple[str, ...]) -> list[dict[str, str]]:
        return [{"$ref": f"#/channels/socket/messages/{tag}"} for tag in tags]

    # "receive" and "send" are the gateway's own directions.
    asked = {
        tag: {
            "action": "receive",
            "channel": channel,
            "summary": _summary(kind),
            "messages": refs((tag,)),
            "reply": {"channel": channel, "messages": refs((*REPLY_TO[tag], "refused"))},
        }
        for tag, kind in CLIENT_TYPES.items()
    }
    pushed = {
        f"push_{tag}": {
            "action": "send",
            "channel": channel,
            "summary": _summary(SERVER_TYPES[tag]),
            "messages": refs((tag,)),
        }
        for tag in PUSHES
    }
    return {**asked, **pushed}


def _message(tag: str, kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {
        "name": tag,
        "title": kind.__name__,
        "summary": _summary(kind),
        "payload": {"$ref": _SCHEMAS.format(name=kind.__name__)},
    }


def _summary(kind: type[msgspec.Struct]) -> str:
    return inspect.getdoc(kind).split("\n\n")[0].replace("\n", " ")  # type: ignore[union-attr]
