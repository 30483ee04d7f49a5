"""Writes docs/roles.md from the table of permissions.

    python -m gateway.roles_page

A test fails when the page is not what the table says.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from domain.roles import (
    DEVICE_SCOPES,
    GRANTS,
    KEY_SCOPES,
    MESSAGES,
    ORGANISATION_PERMISSIONS,
    PLATFORM_GRANTS,
    PLATFORM_PERMISSIONS,
    STEP_UP,
    Access,
    Permission,
    PlatformRole,
    Role,
)

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "roles.md"
_HEAD: Final = """\
# Who may do what

Made by `python -m gateway.roles_page` from `domain/roles.py`, the one table that the API, the websocket, the
pages and the test that calls every route as everybody go by.

A role is held for an organisation, or for one event of it: then it counts for that event only. Who has no
role in an organisation is told that there is no such organisation.
"""
_AFTER: Final = """\

**asks again**: whoever is signed in proves once more who they are, with a password or a second factor, before
it is done. **key**, **device**: may be a scope of an API key, or of a device's token.

People: `people.read` is what the buyer of one order answered, each look in the audit log, and a key may have
it; `people.export` is an event's attendees with their names and addresses as a file, and no key may
([decisions/exporting-people.md](decisions/exporting-people.md)).

## The platform

Roles of the platform are given with `bilten users promote` and taken with `bilten users demote`, hold for
everything, and show no personal data: that is revealed one person at a time, with a reason, and logged.
"""


_SOCKET: Final = """\

## Messages of the websocket

Who may send what ([protocol.md](protocol.md)). A socket is opened by a session's ticket, a guest's or a
user's. A permission is needed for the event that the message names; an API key that the message carries may
give it.
"""


def render() -> str:
    """Return the page."""
    organisation = [one for one in Permission if one in ORGANISATION_PERMISSIONS]
    platform = [one for one in Permission if one in PLATFORM_PERMISSIONS]
    rows = [
        [
            f"`{permission.value}`",
            *(_mark(permission in GRANTS[role]) for role in Role),
            *(_mark(permission in those) for those in (STEP_UP, KEY_SCOPES, DEVICE_SCOPES)),
        ]
        for permission in organisation
    ]
    roles = [role.value.replace("_", " ") for role in Role]
    parts = [_HEAD, "## Organisations\n", _table(["", *roles, "asks again", "key", "device"], rows), _AFTER]
    rows = [
        [
            f"`{permission.value}`",
            *(_mark(permission in PLATFORM_GRANTS[role]) for role in PlatformRole),
            _mark(permission in STEP_UP),
        ]
        for permission in platform
    ]
    roles = [role.value.removeprefix("platform_") for role in PlatformRole]
    parts += [_table(["", *roles, "asks again"], rows), _SOCKET]
    said = [
        [f"`{tag}`", "any session" if isinstance(who, Access) else f"`{who.value}`"]
        for tag, who in MESSAGES.items()
    ]
    return "\n".join([*parts, _table(["message", "who"], said)]) + "\n"


def _mark(is_so: bool) -> str:
    return "✓" if is_so else ""


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
