"""Writes the tables of docs/protocol.md from the code.

    python -m gateway.protocol_page

What stands between `<!-- begin NAME -->` and `<!-- end NAME -->` is made here; a test fails when it is not
what the code says.
"""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from domain import wire
from domain.refusals import HTTP_STATUS, MESSAGES, Code
from gateway.asyncapi import PUSHES, REPLY_TO
from gateway.protocol import CLIENT_TYPES, SERVER_TYPES

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "protocol.md"
_PARTS: Final = (
    wire.Line,
    wire.EventState,
    wire.TypeAvailability,
    wire.HeldLine,
    wire.UnlockedType,
    wire.Ticket,
    wire.PoolSales,
    wire.TypeSales,
)
_NAMES: Final = (
    (msgspec.inspect.IntType, "int"),
    (msgspec.inspect.StrType, "text"),
    (msgspec.inspect.BoolType, "bool"),
    (msgspec.inspect.NoneType, "null"),
)


def render(page: str) -> str:
    """Return the page with its tables made anew."""
    for name, table in _TABLES.items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        before, _, rest = page.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"the page has no place for {name}")
        page = before + begin + table() + end + after
    return page


def _requests() -> str:
    rows = ["| request | fields | answered by | |", "| --- | --- | --- | --- |"]
    for tag, kind in CLIENT_TYPES.items():
        replies = ", ".join(f"`{reply}`" for reply in REPLY_TO[tag])
        rows.append(f"| `{tag}` | {_fields(kind)} | {replies} | {_text(kind)} |")
    return "\n".join(rows) + "\n"


def _replies() -> str:
    return _messages(tag for tag in SERVER_TYPES if tag not in PUSHES)


def _pushes() -> str:
    return _messages(iter(PUSHES))


def _messages(tags: Any) -> str:
    rows = ["| message | fields | |", "| --- | --- | --- |"]
    rows += [f"| `{tag}` | {_fields(SERVER_TYPES[tag])} | {_text(SERVER_TYPES[tag])} |" for tag in tags]
    return "\n".join(rows) + "\n"


def _parts() -> str:
    rows = ["| record | fields | |", "| --- | --- | --- |"]
    rows += [f"| {kind.__name__} | {_fields(kind)} | {_text(kind)} |" for kind in _PARTS]
    return "\n".join(rows) + "\n"


def _refusals() -> str:
    rows = ["| code | over HTTP | what it says |", "| --- | --- | --- |"]
    rows += [f"| `{code.value}` | {HTTP_STATUS[code]} | {MESSAGES[code]} |" for code in Code]
    return "\n".join(rows) + "\n"


def _closes() -> str:
    rows = ["| code | why |", "| --- | --- |"]
    rows += [f"| {code} | {why} |" for code, why in wire.CLOSE_CODES.items()]
    return "\n".join(rows) + "\n"


def _fields(kind: type[msgspec.Struct]) -> str:
    info = msgspec.inspect.type_info(kind)
    assert isinstance(info, msgspec.inspect.StructType)
    return ", ".join(
        f"`{field.encode_name}{'' if field.required else '?'}` {_type(field.type)}" for field in info.fields
    )


def _type(kind: Any) -> str:
    if isinstance(kind, msgspec.inspect.Metadata):
        return _type(kind.type)
    if isinstance(kind, msgspec.inspect.UnionType):
        return " or ".join(_type(one) for one in kind.types)
    if isinstance(kind, msgspec.inspect.ListType):
        return f"list of {_type(kind.item_type)}"
    if isinstance(kind, msgspec.inspect.DictType):
        return "map"
    if isinstance(kind, msgspec.inspect.StructType):
        return kind.cls.__name__
    return next(name for found, name in _NAMES if isinstance(kind, found))


def _text(kind: type[msgspec.Struct]) -> str:
    summary, _, attributes = (inspect.getdoc(kind) or "").partition("\n\nAttributes:\n")
    said = " ".join(summary.split())
    named = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE)
    for name, meaning in named:
        said += f" `{name}`: {' '.join(meaning.split())}"
    return said


_TABLES: Final[dict[str, Callable[[], str]]] = {
    "requests": _requests,
    "replies": _replies,
    "pushes": _pushes,
    "parts": _parts,
    "refusals": _refusals,
    "closes": _closes,
}

if __name__ == "__main__":
    PAGE.write_text(render(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
