"""Writes the records of `domain.wire` as TypeScript declarations, so that the pages are checked against them.

    python -m web.wire_types > web/shared/wire.d.ts

A record is defined once, in Python; a test fails when the declarations are not what this prints.
"""

import inspect
import sys
from typing import Any

import msgspec

from domain import wire

_HEADER = """\
// The wire's records as the pages see them. Written by `python -m web.wire_types`, not by hand.
"""


def declarations() -> str:
    """Return the text of `web/shared/wire.d.ts`."""
    parts = [_HEADER]
    requests = [*wire.ClientMessage.__args__]
    messages = [*wire.ServerMessage.__args__]
    plain = [wire.Line, wire.TypeAvailability, wire.EventState, wire.PoolSales, wire.HeldLine, wire.Ticket]
    plain.extend((wire.UnlockedType, wire.TypeSales, wire.Answer))
    parts.extend(_interface(record) for record in [*plain, *requests, *messages])
    parts.append(_union("ClientMessage", requests))
    parts.append(_union("ServerMessage", messages))
    replies = [record for record in messages if issubclass(record, wire.Reply) or record is wire.Refused]
    parts.append(_union("Reply", replies))
    parts.append(_union("Push", [record for record in messages if record not in replies]))
    return "\n".join(parts)


def _interface(record: type[msgspec.Struct]) -> str:
    info = msgspec.inspect.type_info(record)
    assert isinstance(info, msgspec.inspect.StructType)
    lines = [f"/** {_summary(record)} */", f"export interface {record.__name__} {{"]
    if info.tag is not None:
        lines.append(f'    type: "{info.tag}";')
    for field in info.fields:
        mark = "" if field.required else "?"
        lines.append(f"    {field.encode_name}{mark}: {_type(field.type)};")
    return "\n".join([*lines, "}", ""])


def _summary(record: type[msgspec.Struct]) -> str:
    return (inspect.getdoc(record) or "").split("\n\n")[0].replace("\n", " ")


def _type(kind: Any) -> str:
    inspect_types = msgspec.inspect
    if isinstance(kind, inspect_types.Metadata):
        return _type(kind.type)
    if isinstance(kind, inspect_types.UnionType):
        return " | ".join(_type(one) for one in kind.types)
    if isinstance(kind, inspect_types.ListType):
        return f"{_type(kind.item_type)}[]"
    if isinstance(kind, inspect_types.DictType):
        return f"Record<{_type(kind.key_type)}, {_type(kind.value_type)}>"
    if isinstance(kind, inspect_types.StructType):
        return kind.cls.__name__
    names: dict[type, str] = {
        inspect_types.IntType: "number",
        inspect_types.FloatType: "number",
        inspect_types.StrType: "string",
        inspect_types.BoolType: "boolean",
        inspect_types.NoneType: "null",
    }
    return names[type(kind)]


def _union(name: str, records: list[type[msgspec.Struct]]) -> str:
    return f"export type {name} =\n" + "\n".join(f"    | {record.__name__}" for record in records) + ";\n"


if __name__ == "__main__":
    sys.stdout.write(declarations())
