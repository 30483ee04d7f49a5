"""Codes of vouchers as the catalogue keeps them: by what they are known, and their text sealed.

Organisers read, print and export their codes again, so the fingerprint (`domain.codes`) alone won't do. The
text stands beside it, sealed (`services.sealing`) and bound to its column, event and fingerprint. The key is
of the platform and in no database (docs/decisions/prices-and-vouchers.md). All codes that a platform ever has
are far fewer than the 2^32 texts for which random nonces are safe under one key (SP 800-38D, section 8.3).
"""

import hashlib
import hmac
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.codes import fingerprint
from domain.ids import EventId
from domain.vouchers import VoucherCode
from services.sealing import NotSealedSo, seal, unseal
from storage.vouchers import VoucherRecord

# No normalised code has a space, so this is never what a fingerprint is made of.
_KEY_PURPOSE: Final = b"bilten texts of voucher codes"
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
        self._sealing_key = AESGCM(hmac.digest(key, _KEY_PURPOSE, hashlib.sha256))

    def seal(self, event_id: EventId, code: str) -> SealedCode:
        """Return a code of an event as it is stored."""
        known = fingerprint(self._key, event_id, code)
        return SealedCode(known, seal(self._sealing_key, code, _bound_to(event_id, known)))

    def read(self, voucher: VoucherRecord) -> str:
        """Return the code of a voucher, "" if nobody can read it any more: the key was changed, with which
        all codes end, or somebody altered or moved it.
        """
        bound_to = _bound_to(voucher.event_id, voucher.fingerprint)
        try:
            return unseal(self._sealing_key, voucher.code_sealed, bound_to)
        except NotSealedSo:
            return ""


def _bound_to(event_id: EventId, known: VoucherCode) -> bytes:
    return _COLUMN + event_id + known
