"""Requests that come twice: the second is given what the first was (docs/decisions/idempotency-keys.md).

The answer is kept sealed with the client's key, of which only a hash is stored: it may hold a session's token
or somebody's name, and is opened by nobody but who asks again.
"""

import asyncio
import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.refusals import Code, Refusal
from gateway.api.ports import Rendered

KEPT_MS: Final = 24 * 3_600_000
LEASE_MS: Final = 60_000
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

    async def keep(self, key_hash: bytes, worker: bytes, answer: bytes) -> None:
        """Keep an answer."""
        ...

    async def give_back(self, key_hash: bytes, worker: bytes) -> None:
        """Make a key free again."""
        ...


class Answers:
    """Remembers answers for `KEPT_MS`."""

    def __init__(self, store: Store, clock: Callable[[], int], patience_s: float = PATIENCE_S) -> None:
        self._store = store
        self._clock = clock
        self._patience_s = patience_s

    async def once(
        self,
        scope: bytes,
        key: str,
        request: bytes,
        work: Callable[[], Awaitable[Rendered | Refusal]],
    ) -> Rendered | Refusal:
        """Do the work, or return what it gave the first time.

        A refusal is not kept: what was refused has not happened, and asking again may go better. A request
        whose process died is done anew after `LEASE_MS`.
        """
        secret = hashlib.blake2b(key.encode(), key=hashlib.sha256(scope).digest(), digest_size=64).digest()
        # Half of it names the row, half opens it; neither tells the other.
        key_hash, seal = secret[:32], AESGCM(secret[32:])
        request_hash = hashlib.blake2b(request, key=secret[32:], digest_size=32).digest()
        worker = secrets.token_bytes(_WORKER_BYTES)
        claim = await self._claim(key_hash, request_hash, worker)
        if not claim.is_same:
            return Refusal(Code.OPERATION_REUSED)
        if claim.answer is not None:
            return _opened(seal, key_hash, claim.answer)
        if not claim.is_mine:
            return Refusal(Code.BUSY, _RETRY_MS)
        try:
            found = await work()
        except BaseException:
            await asyncio.shield(self._give_back(key_hash, worker))
            raise
        if isinstance(found, Refusal):
            await self._give_back(key_hash, worker)
            return found
        try:
            await asyncio.shield(self._store.keep(key_hash, worker, _sealed(seal, key_hash, found)))
        except ConnectionError as error:
            # It is done, so the client hears of it; only a repetition would not.
            log.warning("an answer could not be kept: %r", error)
        return found

    async def _claim(self, key_hash: bytes, request_hash: bytes, worker: bytes) -> Claim:
        """Claim a key, and wait a moment for whoever works on the same request."""
        patience = asyncio.get_running_loop().time() + self._patience_s
        while True:
            now_ms = self._clock()
            claim = await self._store.claim(
                key_hash, request_hash, worker, now_ms, now_ms + LEASE_MS, now_ms + KEPT_MS
            )
            is_settled = claim.is_mine or claim.answer is not None or not claim.is_same
            if is_settled or asyncio.get_running_loop().time() > patience:
                return claim
            await asyncio.sleep(_POLL_S)

    async def _give_back(self, key_hash: bytes, worker: bytes) -> None:
        try:
            await self._store.give_back(key_hash, worker)
        except ConnectionError as error:
            log.warning("an idempotency key stays taken until its lease ends: %r", error)


def _sealed(seal: AESGCM, key_hash: bytes, answer: Rendered) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + seal.encrypt(nonce, msgspec.msgpack.encode(answer), key_hash)


def _opened(seal: AESGCM, key_hash: bytes, sealed: bytes) -> Rendered:
    packed = seal.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], key_hash)
    found = msgspec.msgpack.decode(packed, type=Rendered)
    return msgspec.structs.replace(found, headers=(*found.headers, ("Idempotency-Replayed", "true")))
