"""Passwords: Argon2id in a bounded pool, and which passwords are not taken.

Hashing is meant to be slow. It runs in a few threads beside the event loop (argon2 lets go of the GIL) whose
priority is below everybody else's, so that a rush of sign-ins takes what the sale leaves over; when too many
wait, the next is refused as busy at once.

The parameters are at or above OWASP's floor for Argon2id (Password Storage Cheat Sheet: 19 MiB, two passes,
one lane).
"""

import asyncio
import contextlib
import os
import secrets
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn  # type: ignore[import-untyped]

from domain.refusals import Code, Refusal

LENGTH_MIN: Final = 10
SCORE_MIN: Final = 3
# zxcvbn takes longer than linearly and holds the GIL: what comes after this many characters is not looked at.
_LOOKED_AT: Final = 32
_NICENESS: Final = 10

T = TypeVar("T")


class PasswordSettings(msgspec.Struct, frozen=True):
    """What a hash costs, and how many may be made.

    Attributes:
        memory_kib, passes: of Argon2id, with one lane.
        threads: hashes at once in this process.
        waiting_max: callers that may wait for one.
    """

    memory_kib: int = 19_456
    passes: int = 2
    threads: int = 1
    waiting_max: int = 32


class Passwords:
    """Hashes and checks passwords.

    Attributes:
        done: hashes made or compared so far.
        refused: callers turned away as busy.
    """

    def __init__(self, settings: PasswordSettings) -> None:
        self._settings = settings
        self._hasher = PasswordHasher(
            time_cost=settings.passes, memory_cost=settings.memory_kib, parallelism=1
        )
        self._pool = ThreadPoolExecutor(settings.threads, "password", initializer=_step_back)
        self._judging = ThreadPoolExecutor(1, "password-strength")
        self._waiting = 0
        # Compared with when there is nobody to compare with, so that it takes as long.
        self._nobody = self._hasher.hash(secrets.token_urlsafe())
        self.done = 0
        self.refused = 0

    async def hash(self, password: str) -> str | Refusal:
        """Return what is stored of a password; `busy` when too many wait."""
        return await self._run(self._pool, lambda: self._hasher.hash(_prepared(password)))

    async def matches(self, password_hash: str | None, password: str) -> bool | Refusal:
        """Say whether a password is the one that was hashed; None for nobody's, which takes as long and is
        never. `busy` when too many wait.
        """
        return await self._run(self._pool, lambda: self._compare(password_hash, _prepared(password)))

    def is_outdated(self, password_hash: str) -> bool:
        """Say whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(password_hash)

    async def weakness(self, password: str, personal: tuple[str, ...]) -> Refusal | None:
        """Return why a password is not taken, None if it is.

        Details: `reason` is "too_short" (with `length_min`), "personal" or "guessable" (with `advice`, a
        sentence).

        Args:
            password: what somebody wants.
            personal: what is known of them, such as the parts of their name.
        """
        # By what people see as characters: a combining accent adds nothing.
        if len(_prepared(password)) < LENGTH_MIN:
            return _weak("too_short", length_min=LENGTH_MIN)
        return await self._run(self._judging, lambda: judge(_prepared(password), personal))

    def counts(self) -> dict[str, int]:
        """Return what metrics show."""
        return {"done": self.done, "refused": self.refused, "waiting": self._waiting}

    def close(self) -> None:
        """Let the threads end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._judging.shutdown(wait=False, cancel_futures=True)

    async def _run(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T | Refusal:
        if self._waiting >= self._settings.threads + self._settings.waiting_max:
            self.refused += 1
            return Refusal(Code.BUSY, 1_000)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        finally:
            self._waiting -= 1
            self.done += pool is self._pool

    def _compare(self, password_hash: str | None, password: str) -> bool:
        try:
            self._hasher.verify(password_hash or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None


def judge(password: str, personal: tuple[str, ...]) -> Refusal | None:
    """Return why a password is too easy to guess. Blocks, and must not run in two threads at once: zxcvbn
    keeps what is personal in a global.
    """
    head = password[:_LOOKED_AT]
    inputs = [word for text in personal for word in (text, *text.split()) if len(word) >= 3]
    found = zxcvbn(head, user_inputs=inputs[:16])
    if found["score"] >= SCORE_MIN:
        return None
    if any(match.get("dictionary_name") == "user_inputs" for match in found["sequence"]):
        return _weak("personal")
    feedback = found["feedback"]
    advice = feedback["warning"] or " ".join(feedback["suggestions"][:1])
    return _weak("guessable", advice=advice)


def _weak(reason: str, **details: str | int) -> Refusal:
    return Refusal(Code.PASSWORD_WEAK, None, {"field": "password", "reason": reason, **details})


def _prepared(password: str) -> str:
    # The same characters, however a keyboard composes them (RFC 8265, section 4.2).
    return unicodedata.normalize("NFC", password)


def _step_back() -> None:
    # On Linux the priority is a thread's own. Elsewhere it would be the whole process's.
    if os.uname().sysname == "Linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
