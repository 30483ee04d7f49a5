"""The parts of a path: what the names in braces stand for.

An identifier that can't be one is not told from one that nothing has: both are 404, in the same bytes.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from domain import ids
from services.models import SLUG_PATTERN, id_pattern

PREFIX: Final = "/api/v1"

KIND_OF: Final[Mapping[str, str]] = {
    "organisation": ids.ORGANISATION,
    "guest": ids.ORGANISATION,
    # An event of others, which the organisation in the path does not work on yet.
    "hosted": ids.EVENT,
    "event": ids.EVENT,
    "pool": ids.POOL,
    "ticket_type": ids.TICKET_TYPE,
    "order": ids.ORDER,
    "ticket": ids.TICKET,
    "user": ids.USER,
    "member": ids.MEMBER,
    "invitation": ids.INVITATION,
    "key": ids.API_KEY,
    "device": ids.DEVICE,
    "passkey": ids.PASSKEY,
    "session": ids.SESSION,
    "venue": ids.VENUE,
    "series": ids.SERIES,
    "voucher": ids.VOUCHER,
    "question": ids.QUESTION,
}
# What is no identifier comes as text, of one of these forms.
FORM_OF: Final[Mapping[str, str]] = {
    "slug": SLUG_PATTERN,
    # An event as people link to it: its slug or its identifier.
    "name": f"{SLUG_PATTERN}|{id_pattern(ids.EVENT)}",
    "flag": "^[a-z][a-z0-9_]{0,39}$",
}
_TEXT_MAX: Final = 80
_PART: Final = re.compile(r"\{(\w+)\}")


class PathParts(msgspec.Struct, frozen=True):
    """What a path names.

    Attributes:
        organisation_id, event_id: 16 bytes, None where the route's path names none.
        others: identifiers as 16 bytes, and text, by the names in braces.
    """

    organisation_id: Any
    event_id: Any
    others: dict[str, Any]


def names_in(path: str) -> list[str]:
    """Return the names in braces of a route's path."""
    return _PART.findall(path)


def pattern_of(name: str) -> str:
    """Return the form of a part of a path. Raises `KeyError` for a name that has none."""
    return id_pattern(KIND_OF[name]) if name in KIND_OF else FORM_OF[name]


def parse_path(given: Mapping[str, str]) -> PathParts | None:
    """Return what the parts of a path stand for, None if one of them can't be what its name says."""
    found: dict[str, Any] = {}
    for name, value in given.items():
        kind = KIND_OF.get(name)
        if kind is not None:
            try:
                found[name] = ids.parse(kind, value)
            except ids.MalformedId:
                return None
        elif len(value) <= _TEXT_MAX and re.search(FORM_OF[name].replace("$", r"\Z"), value):
            found[name] = value
        else:
            return None
    return PathParts(found.pop("organisation", None), found.pop("event", None), found)
