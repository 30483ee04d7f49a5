"""A passkey authenticator in software: makes what browsers send, independently of what checks
it (WebAuthn level 3, section 6).
"""

import base64
import hashlib
import json
import os
import struct
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

_PRESENT = 0x01
_VERIFIED = 0x04
_ATTESTED = 0x40


def text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(data: str) -> bytes:
    return base64.urlsafe_b64decode(data + "=" * (-len(data) % 4))


class Authenticator:
    """One passkey.

    Attributes:
        count: of signatures; 0 for ever if `has_counter` is not set.
    """

    def __init__(self, origin: str, *, is_verifying: bool = True, has_counter: bool = True) -> None:
        self.origin = origin
        self.credential_id = os.urandom(32)
        self.user_handle = b""
        self.count = 0
        self._is_verifying = is_verifying
        self._has_counter = has_counter
        self._key = ec.generate_private_key(ec.SECP256R1())

    def make(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.create()`."""
        self.user_handle = raw(options["user"]["id"])
        client_data = self._client_data("webauthn.create", options["challenge"])
        authenticator_data = self._data(options["rp"]["id"], _ATTESTED) + self._attested()
        attestation = (
            b"\xa3"
            b"\x63fmt\x64none"
            b"\x67attStmt\xa0"
            b"\x68authData\x59" + struct.pack(">H", len(authenticator_data)) + authenticator_data
        )
        return self._credential({"clientDataJSON": text(client_data), "attestationObject": text(attestation)})

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.get()`."""
        client_data = self._client_data("webauthn.get", options["challenge"])
        authenticator_data = self._data(options["rpId"], 0)
        signed = authenticator_data + hashlib.sha256(client_data).digest()
        return self._credential(
            {
                "clientDataJSON": text(client_data),
                "authenticatorData": text(authenticator_data),
                "signature": text(self._key.sign(signed, ec.ECDSA(hashes.SHA256()))),
                "userHandle": text(self.user_handle),
            }
        )

    def _credential(self, response: dict[str, str]) -> dict[str, Any]:
        return {
            "id": text(self.credential_id),
            "rawId": text(self.credential_id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }

    def _client_data(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _data(self, party: str, flags: int) -> bytes:
        self.count += self._has_counter
        flags |= _PRESENT | (_VERIFIED if self._is_verifying else 0)
        return hashlib.sha256(party.encode()).digest() + struct.pack(">BI", flags, self.count)

    def _attested(self) -> bytes:
        """The credential's id and public key, a COSE key (RFC 9053, section 7.1.1) for ES256."""
        numbers = self._key.public_key().public_numbers()
        x, y = numbers.x.to_bytes(32, "big"), numbers.y.to_bytes(32, "big")
        key = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + x + b"\x22\x58\x20" + y
        return bytes(16) + struct.pack(">H", len(self.credential_id)) + self.credential_id + key
