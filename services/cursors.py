"""Cursors: where the next part of a list begins, as text that clients send back and need not understand."""

import base64
import binascii


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
