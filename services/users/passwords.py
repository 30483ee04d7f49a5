"""Passwords: Argon2id, bounded, and which passwords are not taken.

Hashing is meant to be slow. It runs in a process of its own beside the gateway, below everybody else's
priority (`services.users.hashing`), so that a rush of sign-ins takes what the sale leaves over; when too many
wait, the next is refused as busy at once.

The parameters are at or above OWASP's floor for Argon2id (Password Storage Cheat Sheet: 19 MiB, two passes,
one lane).
"""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import msgspec
from zxcvbn import zxcvbn  # type: ignore[import-untyped]

from domain.refusals import Code, Refusal
from services.reasons import Reason
from services.users.hashing import HashAnswer, Hashing, HashRequest
from services.users.hashing_process import HashingProcess

LENGTH_MIN: Final = 10
SCORE_MIN: Final = 3
# zxcvbn takes longer than linearly and holds the GIL: what comes after this many characters is not looked at.
_LOOKED_AT: Final = 32

T = TypeVar("T")


class PasswordSettings(msgspec.Struct, frozen=True):
    """What a hash costs, and how many may be made.

    Attributes:
        memory_kib, passes: of Argon2id, with one lane.
        threads: hashes at once.
        waiting_max: callers that may wait for one.
        is_apart: whether a process of its own hashes; else threads of this one do, which is for commands.
    """

    memory_kib: int = 19_456
    passes: int = 2
    threads: int = 1
    waiting_max: int = 32
    is_apart: bool = False


class Passwords:
    """Hashes and checks passwords.

    Attributes:
        done: hashes made or compared so far.
        refused: callers turned away as busy.
    """

    def __init__(self, settings: PasswordSettings) -> None:
        self._settings = settings
        self._hashing = Hashing(settings.memory_kib, settings.passes)
        self._pool = ThreadPoolExecutor(settings.threads, "password")
        self._apart: HashingProcess | None = None
        if settings.is_apart:
            self._apart = HashingProcess(settings.memory_kib, settings.passes, settings.threads)
        self._judging = ThreadPoolExecutor(1, "password-strength")
        self._waiting = 0
        self.done = 0
        self.refused = 0

    async def hash(self, password: str) -> str | Refusal:
        """Return what is stored of a password; `busy` when too many wait."""
        answer = await self._bounded(lambda: self._ask(password))
        return answer if isinstance(answer, Refusal) else answer.password_hash

    async def matches(self, password_hash: str | None, password: str) -> bool | Refusal:
        """Say whether a password is the one that was hashed; None for nobody's, which takes as long and is
        never. `busy` when too many wait.
        """
        answer = await self._bounded(
            lambda: self._ask(password, is_comparing=True, password_hash=password_hash)
        )
        return answer if isinstance(answer, Refusal) else answer.is_match

    def is_outdated(self, password_hash: str) -> bool:
        """Say whether a hash was made with other parameters than today's."""
        return self._hashing.is_outdated(password_hash)

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
        prepared, loop = _prepared(password), asyncio.get_running_loop()
        return await self._bounded(lambda: loop.run_in_executor(self._judging, judge, prepared, personal))

    async def start(self) -> None:
        """Start the process, if there is to be one; the first sign-in would wait for it otherwise."""
        if self._apart is not None:
            await self._apart.start()

    def counts(self) -> dict[str, int]:
        """Return what metrics show."""
        return {"done": self.done, "refused": self.refused, "waiting": self._waiting}

    async def close(self) -> None:
        """Let threads and process end."""
        if self._apart is not None:
            await self._apart.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._judging.shutdown(wait=False, cancel_futures=True)

    async def _ask(
        self, password: str, *, is_comparing: bool = False, password_hash: str | None = None
    ) -> HashAnswer:
        prepared = _prepared(password)
        if self._apart is not None:
            answer = await self._apart.ask(prepared, is_comparing=is_comparing, password_hash=password_hash)
        else:
            request = HashRequest(0, prepared, is_comparing, password_hash)
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self._pool, self._hashing.answer, request)
        self.done += 1
        return answer

    async def _bounded(self, work: Callable[[], Awaitable[T]]) -> T | Refusal:
        if self._waiting >= self._settings.threads + self._settings.waiting_max:
            self.refused += 1
            return Refusal(Code.BUSY, 1_000)
        self._waiting += 1
        try:
            return await work()
        finally:
            self._waiting -= 1


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


def _weak(reason: Reason, **details: str | int) -> Refusal:
    return Refusal(Code.PASSWORD_WEAK, None, {"field": "password", "reason": reason, **details})


def _prepared(password: str) -> str:
    # The same characters, however a keyboard composes them (RFC 8265, section 4.2).
    return unicodedata.normalize("NFC", password)
