"""The settings tree as text: the page docs/settings.md and the effective tree of `bilten check-config`."""

import json
import re

import msgspec

from cluster.settings import FIELDS, SECTIONS, Field, Settings

INTRODUCTION = """\
# Settings

Settings come from `bilten.toml` in the folder where `bilten` is started (or the file named by `--config` or
`BILTEN_CONFIG`) and from the environment, which wins. Everything is checked before anything starts:
`bilten check-config` names each wrong key with its fix and prints what is in force.

This page is generated from `cluster/settings.py` by `bilten check-config --page`. The whole file with its
defaults, every line of which may be left out.
"""


def page() -> str:
    """docs/settings.md."""
    parts = [INTRODUCTION, "```toml", *_toml(), "```", ""]
    for section in ("", *SECTIONS):
        title = section or "Top level"
        parts += [f"## {title}", ""]
        if section:
            parts += [(SECTIONS[section].__doc__ or "").strip(), ""]
        parts += ["| key | variable | default | meaning |", "| --- | --- | --- | --- |"]
        for field in FIELDS:
            if field.section == section:
                meaning = field.description + _bounds(field)
                cells = (f"`{field.key}`", f"`{field.variable}`", f"`{_literal(field.default)}`", meaning)
                parts.append("| " + " | ".join(cells) + " |")
        parts.append("")
    return "\n".join(parts)


def effective(settings: Settings) -> str:
    """The tree in force as TOML, with passwords left out; a comment marks what is not the default."""
    lines = []
    section = ""
    for field in FIELDS:
        if field.section != section:
            section = field.section
            lines += ["", f"[{section}]"]
        owner = getattr(settings, section) if section else settings
        value = getattr(owner, field.name)
        if field.key in {"tickets.key", "audit.key"} and value:
            value = "***"
        mark = "" if value == field.default else f"  # default {_literal(field.default)}"
        lines.append(f"{field.name} = {_literal(_without_password(value))}{mark}")
    return "\n".join(lines)


def _toml() -> list[str]:
    lines = []
    section = ""
    for field in FIELDS:
        if field.section != section:
            section = field.section
            lines += ["", f"[{section}]"]
        lines.append(f"{field.name} = {_literal(field.default)}")
    return lines


def _literal(value: object) -> str:
    # For the types used here JSON and TOML write the same.
    return json.dumps(value)


def _without_password(value: object) -> object:
    return re.sub(r"(://[^:@/]*:)[^@/]+@", r"\1***@", value) if isinstance(value, str) else value


def _bounds(field: Field) -> str:
    """What the type allows, in brackets; empty when it allows everything."""
    info = msgspec.inspect.type_info(field.type)
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    if isinstance(info, msgspec.inspect.LiteralType):
        return f" ({', '.join(map(str, info.values))})"
    if isinstance(info, msgspec.inspect.IntType | msgspec.inspect.FloatType):
        low = info.ge if info.ge is not None else info.gt
        if low is not None and info.le is not None:
            return f" ({low:,} to {info.le:,})"
        if info.ge is not None:
            return f" (at least {low:,})"
        if info.gt is not None:
            return f" (more than {low:,})"
    return ""
