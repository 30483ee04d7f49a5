"""Codes of vouchers: what people type, and the 16 bytes that the platform knows of it.

A code is a secret until it is used, so nothing that is kept or sent inside has its text. What is kept is a
keyed hash (HMAC-SHA256, cut to 16 bytes): without the key, a copy of the journal can't even be used to try
codes. The event is part of what is hashed, so equal codes of two events have nothing in common.
"""

import hashlib
import hmac
import unicodedata
from typing import Final

from domain.ids import EventId
from domain.vouchers import VoucherCode

TEXT_MAX: Final = 64
_BYTES: Final = 16
_KEY_PURPOSE: Final = b"bilten voucher codes"


def code_key(secret: bytes) -> bytes:
    """Return the key of codes that belongs to a secret of the platform."""
    return hmac.digest(secret, _KEY_PURPOSE, hashlib.sha256)


def normalised(text: str) -> str:
    """Return what a code is compared by: compatible characters are one, and neither case, spaces nor dashes
    count. "" if nothing is left.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(
        character
        for character in folded
        if unicodedata.category(character)[0] not in {"Z", "C"} and character not in "-–—_"
    )


def fingerprint(key: bytes, event_id: EventId, text: str) -> VoucherCode:
    """Return the 16 bytes by which a code of an event is known. `key` is that of `code_key`."""
    return VoucherCode(hmac.digest(key, event_id + normalised(text).encode(), hashlib.sha256)[:_BYTES])
