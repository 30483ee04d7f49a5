"""Requests that come twice: the second is given what the first was (docs/decisions/idempotency-keys.md).

The answer is kept sealed with the client's key, of which only a hash is stored: it may hold a session's token
or somebody's name, and is opened by nobody but who asks again.
"""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.identity import Attempt
from domain.refusals import Code, Refusal
from gateway.api.ports import Rendered
from storage.repeated_requests import Overtaken

KEPT_MS: Final = 24 * 3_600_000
# Renewed while the work goes on, so this is how long the key of a process that died stays taken.
LEASE_MS: Final = 15_000
_RENEWALS_A_LEASE: Final = 3
PATIENCE_S: Final = 3.0
_POLL_S: Final = 0.05
_RETRY_MS: Final = 1_000
_NONCE_BYTES: Final = 12
_WORKER_BYTES: Final = 16

log = logging.getLogger(__name__)


class Claim(Protocol):
    """What there is under a key; see `storage.repeated_requests`."""

    @property
    def is_mine(self) -> bool: ...
    @property
    def is_same(self) -> bool: ...
    @property
    def answer(self) -> bytes | None: ...
    @property
    def made(self) -> str | None: ...


class Store(Protocol):
    """Where answers are kept; `storage.repeated_requests` is it."""

    async def claim(
        self,
        key_hash: bytes,
        request_hash: bytes,
        worker: bytes,
        now_ms: int,
        leased_until_ms: int,
        expires_at_ms: int,
    ) -> Claim:
        """Take a key if it is free."""
        ...

    async def find(self, key_hash: bytes, request_hash: bytes, now_ms: int) -> Claim | None:
        """Return what there is under a key, None if there is nothing."""
        ...

    async def renew(self, attempt: Attempt, leased_until_ms: int) -> bool:
        """Keep a key for longer; say whether it is still this attempt's."""
        ...

    async def keep(self, attempt: Attempt, answer: bytes) -> None:
        """Keep an answer."""
        ...

    async def give_back(self, attempt: Attempt, now_ms: int) -> None:
        """Let others go on with a request: from its beginning if nothing came of it."""
        ...


class Answers:
    """Remembers answers for `KEPT_MS`."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], int],
        patience_s: float = PATIENCE_S,
        lease_ms: int = LEASE_MS,
    ) -> None:
        self._store = store
        self._clock = clock
        self._patience_s = patience_s
        self._lease_ms = lease_ms

    async def once(
        self,
        scope: bytes,
        key: str,
        request: bytes,
        work: Callable[[Attempt], Coroutine[Any, Any, Rendered | Refusal]],
        again: Callable[[str], Coroutine[Any, Any, Rendered | Refusal]],
    ) -> Rendered | Refusal:
        """Do the work, or return what it gave the first time; see `ports.Repetitions`."""
        key_hash, seal, request_hash = _row_of(scope, key, request)
        attempt = Attempt(key_hash, secrets.token_bytes(_WORKER_BYTES))
        claim = await self._claim(attempt, request_hash)
        if not claim.is_same:
            return Refusal(Code.OPERATION_REUSED)
        if claim.answer is not None:
            return _opened(seal, key_hash, claim.answer)
        if not claim.is_mine:
            return Refusal(Code.BUSY, _RETRY_MS)
        try:
            found = await self._leased(attempt, work(attempt) if claim.made is None else again(claim.made))
        except Overtaken:
            return Refusal(Code.BUSY, _RETRY_MS)
        except BaseException:
            await asyncio.shield(self._give_back(attempt))
            raise
        if isinstance(found, Refusal):
            await self._give_back(attempt)
            return found
        try:
            await asyncio.shield(self._store.keep(attempt, _sealed(seal, key_hash, found)))
        except ConnectionError as error:
            # It is done, so the client hears of it; a repetition is answered by what was made.
            log.warning("an answer could not be kept: %r", error)
        return found

    async def repeated(
        self,
        scope: bytes,
        key: str,
        request: bytes,
        again: Callable[[str], Coroutine[Any, Any, Rendered | Refusal]],
    ) -> Rendered | Refusal | None:
        """Return what the work gave the first time, None if it was not done; see `ports.Repetitions`."""
        key_hash, seal, request_hash = _row_of(scope, key, request)
        found = await self._store.find(key_hash, request_hash, self._clock())
        if found is None or not found.is_same:
            return None
        if found.answer is not None:
            return _opened(seal, key_hash, found.answer)
        return None if found.made is None else await again(found.made)

    async def _leased(
        self, attempt: Attempt, work: Coroutine[Any, Any, Rendered | Refusal]
    ) -> Rendered | Refusal:
        """Work while the key is this attempt's. Raises `Overtaken` when it no longer is."""
        working, renewing = asyncio.create_task(work), asyncio.create_task(self._renew(attempt))
        try:
            await asyncio.wait((working, renewing), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise Overtaken
            return working.result()
        finally:
            working.cancel()
            renewing.cancel()
            await asyncio.gather(working, renewing, return_exceptions=True)

    async def _renew(self, attempt: Attempt) -> None:
        """Renew the lease as long as that can be done."""
        while True:
            await asyncio.sleep(self._lease_ms / _RENEWALS_A_LEASE / 1000)
            try:
                if not await self._store.renew(attempt, self._clock() + self._lease_ms):
                    return
            except ConnectionError as error:
                log.warning("the lease of an idempotency key can't be renewed now: %r", error)

    async def _claim(self, attempt: Attempt, request_hash: bytes) -> Claim:
        """Claim a key, and wait a moment for whoever works on the same request."""
        patience = asyncio.get_running_loop().time() + self._patience_s
        while True:
            now_ms = self._clock()
            claim = await self._store.claim(
                *(attempt.key_hash, request_hash, attempt.worker),
                *(now_ms, now_ms + self._lease_ms, now_ms + KEPT_MS),
            )
            is_settled = claim.is_mine or claim.answer is not None or not claim.is_same
            if is_settled or asyncio.get_running_loop().time() > patience:
                return claim
            await asyncio.sleep(_POLL_S)

    async def _give_back(self, attempt: Attempt) -> None:
        try:
            await self._store.give_back(attempt, self._clock())
        except ConnectionError as error:
            log.warning("an idempotency key stays taken until its lease ends: %r", error)


def _row_of(scope: bytes, key: str, request: bytes) -> tuple[bytes, AESGCM, bytes]:
    """Return what names the row of a request, what seals its answer, and by what the request is compared."""
    secret = hashlib.blake2b(key.encode(), key=hashlib.sha256(scope).digest(), digest_size=64).digest()
    # Half of it names the row, half opens it; neither tells the other.
    request_hash = hashlib.blake2b(request, key=secret[32:], digest_size=32).digest()
    return secret[:32], AESGCM(secret[32:]), request_hash


def _sealed(seal: AESGCM, key_hash: bytes, answer: Rendered) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + seal.encrypt(nonce, msgspec.msgpack.encode(answer), key_hash)


def _opened(seal: AESGCM, key_hash: bytes, sealed: bytes) -> Rendered:
    packed = seal.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], key_hash)
    found = msgspec.msgpack.decode(packed, type=Rendered)
    return msgspec.structs.replace(found, headers=(*found.headers, ("Idempotency-Replayed", "true")))
