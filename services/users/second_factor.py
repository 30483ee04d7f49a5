"""Authenticator apps (TOTP, RFC 6238) and the recovery codes for when the phone is gone.

A code is six digits, so what protects it is that few are tried: `services.users.attempts` counts them for
each user, wherever they come from. A code's time step, and every earlier one, is used up by it.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

import pyotp

from domain.ids import SessionId, UserId
from services.vault import Vault
from storage.accounts import Told
from storage.second_factors import SecondFactorStore, Totp

STEP_MS: Final = 30_000
# One step to either side, for clocks that differ and people who type slowly (RFC 6238, section 5.2).
_DRIFT: Final = (0, -1, 1)
RECOVERY_CODES: Final = 10
# 80 bits each: they can't be guessed, nor found from their hashes.
_RECOVERY_BYTES: Final = 10
_ISSUER: Final = "Bilten"


class SecondFactors:
    """Sets up and checks apps and recovery codes. Methods raise `ConnectionError` when PostgreSQL is away."""

    def __init__(self, store: SecondFactorStore, vault: Vault, clock: Callable[[], int]) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock

    async def offer(self, user_id: UserId, email: str) -> tuple[str, str] | None:
        """Return a fresh secret and its URI for an app, to be confirmed; None if there is one that counts."""
        secret = pyotp.random_base32()
        sealed = await self._vault.seal(user_id, "totp", "secret_sealed", secret)
        if not await self._store.offer_totp(user_id, sealed, self._clock()):
            return None
        return secret, pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=_ISSUER)

    async def confirm(
        self, user_id: UserId, session_id: SessionId, code: str, told: Told
    ) -> list[str] | None:
        """Make the offered secret count, as the user has shown a code of it; returns the recovery codes, None
        if the code is not of it, or the session that asks has ended.
        """
        totp = await self._store.totp(user_id)
        if totp is None or totp.is_confirmed:
            return None
        step = await self._step(user_id, totp, code)
        if step is None:
            return None
        codes = [_readable(secrets.token_bytes(_RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
        hashes = [_hashed(user_id, each) for each in codes]
        is_kept = await self._store.confirm_totp(user_id, session_id, totp, step, hashes, told)
        return codes if is_kept else None

    async def check(self, user_id: UserId, code: str) -> bool:
        """Say whether a code is a good one of the app or a recovery code, and use it up."""
        plain = _plain(code)
        if len(plain) == 6 and plain.isdigit():
            totp = await self._store.totp(user_id)
            if totp is None or not totp.is_confirmed:
                return False
            step = await self._step(user_id, totp, plain)
            return step is not None and await self._store.use_step(user_id, step)
        return await self._store.use_recovery_code(user_id, _hashed(user_id, code))

    async def _step(self, user_id: UserId, totp: Totp, code: str) -> int | None:
        """Return the unused time step near now whose code this is."""
        secret = await self._vault.open(user_id, "totp", "secret_sealed", totp.secret_sealed)
        generator = pyotp.HOTP(secret)
        now = self._clock() // STEP_MS
        found = None
        for drift in _DRIFT:
            # All are compared, so that the time taken does not say how near a guess was.
            if hmac.compare_digest(generator.at(now + drift), _plain(code)) and now + drift > totp.last_step:
                found = now + drift
        return found


def _plain(code: str) -> str:
    return code.replace(" ", "").replace("-", "").upper()


def _readable(code: bytes) -> str:
    text = base64.b32encode(code).decode()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _hashed(user_id: UserId, code: str) -> bytes:
    return hashlib.sha256(b"recovery\0" + user_id + _plain(code).encode()).digest()
