"""Cursors: where the next part of a list begins, as text that clients send back and need not understand."""

import base64
import binascii
from typing import Final

_AT_BYTES: Final = 8
_AT_MS_MAX: Final = 253_402_300_799_999


def cursor_of(*parts: bytes) -> str:
    """Return the cursor for parts of known lengths."""
    return base64.urlsafe_b64encode(b"".join(parts)).rstrip(b"=").decode()


def parts_of(cursor: str, *lengths: int) -> tuple[bytes, ...] | None:
    """Return the parts of a cursor, None if it is not one of ours."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != sum(lengths):
        return None
    parts = []
    for length in lengths:
        parts.append(raw[:length])
        raw = raw[length:]
    return tuple(parts)


def moment_cursor(at_ms: int, ident: bytes) -> str:
    """Return the cursor of a list that goes by time: after what was made then and has this id."""
    return cursor_of(at_ms.to_bytes(_AT_BYTES, "big"), ident)


def moment_of(cursor: str) -> tuple[int, bytes] | None:
    """Return the time and the id of a cursor, None if it is not one of ours."""
    parts = parts_of(cursor, _AT_BYTES, 16)
    return None if parts is None else (min(int.from_bytes(parts[0], "big"), _AT_MS_MAX), parts[1])
