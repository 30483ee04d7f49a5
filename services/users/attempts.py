"""How often an account may be tried, wherever from: the limit that many addresses together can't get around.

It goes by the hash of the address that was typed, whether or not it has an account. It slows down and never
locks: the owner of an account that is being attacked waits for seconds, and a passkey always lets them in.
Without Redis nobody may try (docs/decisions/sign-in.md).
"""

from typing import Final, Protocol

from domain.refusals import Code, Refusal

_BURST: Final = 10
_PER_S: Final = 1 / 15


class SharedLimits(Protocol):
    """Limits that all processes share; `storage.limits` keeps them in Redis."""

    async def take(self, kind: str, key: str, per_s: float, burst: int) -> int:
        """Take one token. Returns 0 if there was one, else the milliseconds until there is. Raises
        `ConnectionError` when it can't be asked.
        """
        ...


class Attempts:
    """Counts tries of passwords and codes."""

    def __init__(self, limits: SharedLimits, burst: int = _BURST, per_s: float = _PER_S) -> None:
        self._limits = limits
        self._burst = burst
        self._per_s = per_s

    async def password(self, lookup: bytes) -> Refusal | None:
        """Return why the password of an address may not be tried now. Raises `ConnectionError`."""
        return await self._take("password", lookup)

    async def code(self, user_id: bytes) -> Refusal | None:
        """Return why a code of a user may not be tried now. Raises `ConnectionError`."""
        return await self._take("code", user_id)

    async def letter(self, lookup: bytes) -> Refusal | None:
        """Return why no letter may be sent to an address now. Raises `ConnectionError`."""
        return await self._take("letter", lookup)

    async def invitation(self, lookup: bytes) -> Refusal | None:
        """Return why nobody may invite an address now. Raises `ConnectionError`."""
        return await self._take("invitation", lookup)

    async def _take(self, kind: str, key: bytes) -> Refusal | None:
        wait_ms = await self._limits.take(f"account-{kind}", key.hex(), self._per_s, self._burst)
        return Refusal(Code.RATE_LIMITED, wait_ms) if wait_ms else None
