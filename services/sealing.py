"""How texts are sealed: AES-256-GCM (NIST SP 800-38D) behind a byte that names this format, with a random
nonce of 96 bits. What a text is bound to is associated data: moved elsewhere, it does not open.
"""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12
_FORMAT: Final = b"\x01"


class NotSealedSo(ValueError):
    """Something was not sealed with this key, or not for this place. The message tells nothing of it."""


def seal(key: AESGCM, text: str, bound_to: bytes) -> bytes:
    """Return a text as it is stored."""
    nonce = os.urandom(NONCE_BYTES)
    return _FORMAT + nonce + key.encrypt(nonce, text.encode(), bound_to)


def unseal(key: AESGCM, sealed: bytes, bound_to: bytes) -> str:
    """Return the text that `seal` was given with this key and what it is bound to. Raises `NotSealedSo`."""
    if sealed[:1] != _FORMAT:
        raise NotSealedSo("is sealed in a format that is not known here")
    nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
    try:
        return key.decrypt(nonce, body, bound_to).decode()
    except (InvalidTag, ValueError) as error:
        raise NotSealedSo("was altered, or belongs elsewhere") from error
