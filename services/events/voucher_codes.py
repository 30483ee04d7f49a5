"""Codes of vouchers as the catalogue keeps them: by what they are known, and their text sealed.

Organisers read, print and export their codes again, so the fingerprint (`domain.codes`) alone won't do. The
text stands beside it under AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits, bound to its column,
event and fingerprint: what somebody moves elsewhere does not open. The key is of the platform and in no
database (docs/decisions/prices-and-vouchers.md). All codes that a platform ever has are far fewer than the
2^32 texts for which random nonces are safe under one key (SP 800-38D, section 8.3).
"""

import hashlib
import hmac
import os
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.codes import fingerprint
from domain.ids import EventId
from domain.vouchers import VoucherCode
from storage.vouchers import VoucherRecord

NONCE_BYTES: Final = 12
# No normalised code has a space, so this is never what a fingerprint is made of.
_KEY_PURPOSE: Final = b"bilten texts of voucher codes"
_FORMAT: Final = b"\x01"
_COLUMN: Final = b"vouchers\0code_sealed\0"


class SealedCode(NamedTuple):
    """A code as it is stored."""

    fingerprint: VoucherCode
    sealed: bytes


class VoucherCodes:
    """Seals codes, and reads them again."""

    def __init__(self, key: bytes) -> None:
        """`key` is that of `domain.codes.code_key`."""
        self._key = key
        self._seal = AESGCM(hmac.digest(key, _KEY_PURPOSE, hashlib.sha256))

    def seal(self, event_id: EventId, code: str) -> SealedCode:
        """Return a code of an event as it is stored."""
        known = fingerprint(self._key, event_id, code)
        nonce = os.urandom(NONCE_BYTES)
        body = self._seal.encrypt(nonce, code.encode(), _bound_to(event_id, known))
        return SealedCode(known, _FORMAT + nonce + body)

    def read(self, voucher: VoucherRecord) -> str:
        """Return the code of a voucher, "" if nobody can read it any more: the key was changed, with which
        all codes end, or somebody altered or moved it.
        """
        sealed = voucher.code_sealed
        if sealed[:1] != _FORMAT:
            return ""
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return self._seal.decrypt(nonce, body, _bound_to(voucher.event_id, voucher.fingerprint)).decode()
        except (InvalidTag, ValueError):
            return ""


def _bound_to(event_id: EventId, known: VoucherCode) -> bytes:
    return _COLUMN + event_id + known
