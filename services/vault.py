"""The vault: personal data is sealed before it is stored, with a key for each person.

    key-encryption key (settings) --wraps--> person's key (PostgreSQL) --seals--> a name, an address

Both steps are AES-256-GCM (NIST SP 800-38D) with a random nonce of 96 bits. What is sealed is bound to its
table, column and person as associated data, so a value that somebody moves elsewhere does not open. A
person's key seals far fewer than the 2^32 values for which random nonces are safe (SP 800-38D, section 8.3).

To find somebody by a value, its keyed hash (HMAC-SHA256) is stored beside it: equal values have equal hashes,
and without the key nobody can try values out.

Changing the key-encryption key changes the wrapping only (`rotate`), while everything runs: a process that
meets a version it does not know reads the ring again.
"""

import asyncio
import hashlib
import hmac
import os
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.sealing import NONCE_BYTES, NotSealedSo, seal, unseal
from storage.person_keys import PersonKeys, WrappedKey

KEY_BYTES: Final = 32
CACHED_MAX: Final = 20_000
# A key that was forgotten elsewhere is unusable here after this long.
CACHED_MS: Final = 30_000
ROTATED_TOGETHER: Final = 500


class Unreadable(ValueError):
    """Sealed data that can't be opened: it was altered or moved, its person's key was forgotten, or the
    key-encryption key is not in the ring. The message says which, and contains nothing of the data.
    """


class KeyRing(msgspec.Struct, frozen=True):
    """The key-encryption keys by their numbers, of which the highest is used, and the key of the hashes.

    Not printed: `repr` shows the numbers only.
    """

    keys: Mapping[int, bytes]
    lookup_key: bytes

    def __post_init__(self) -> None:
        if not self.keys or any(version < 1 for version in self.keys):
            raise ValueError("a key ring has at least one key, numbered from 1")
        if any(len(key) != KEY_BYTES for key in (*self.keys.values(), self.lookup_key)):
            raise ValueError(f"every key of a key ring has {KEY_BYTES} bytes")

    @property
    def newest(self) -> int:
        """The number of the key that wraps."""
        return max(self.keys)

    def __repr__(self) -> str:
        return f"KeyRing(keys {sorted(self.keys)})"


class Sealed(msgspec.Struct, frozen=True):
    """A text as it is stored: whose, where, and what."""

    person_id: bytes
    table: str
    column: str
    sealed: bytes


class Vault:
    """Seals and opens. What awaits raises `ConnectionError` when PostgreSQL is away and a key not at hand."""

    def __init__(self, keys: PersonKeys, read_ring: Callable[[], KeyRing], clock: Callable[[], int]) -> None:
        """`read_ring` gives the key ring as it is now; it is asked at the start, when a number is unknown and
        before a key is made.
        """
        self._keys = keys
        self._read_ring = read_ring
        self._ring = read_ring()
        self._clock = clock
        self._opened: OrderedDict[bytes, tuple[int, AESGCM]] = OrderedDict()

    async def seal(self, person_id: bytes, table: str, column: str, text: str) -> bytes:
        """Return a text as it is stored in a column, sealed under its person's key, made now if there is
        none.
        """
        key = await self._key(person_id) or await self._first_key(person_id)
        return seal(key, text, _bound_to(table, column, person_id))

    async def open(self, person_id: bytes, table: str, column: str, sealed: bytes) -> str:
        """Return the text that `seal` was given for this very column and person.

        Raises:
            Unreadable: it is not that, or its key is gone.
        """
        key = await self._key(person_id)
        if key is None:
            raise Unreadable("the person's key was forgotten")
        try:
            return unseal(key, sealed, _bound_to(table, column, person_id))
        except NotSealedSo as error:
            raise Unreadable(f"{table}.{column} {error}") from error

    async def open_many(self, texts: Sequence[Sealed]) -> list[str | None]:
        """Return what `open` would of each, None in place of `Unreadable`.

        For many people at once: their keys are read in one statement and not kept, so those of people who are
        here now stay at hand, and what it takes of the processor is done on a thread of its own.
        """
        keys = await self._keys.find_many(list({each.person_id for each in texts}))
        return await asyncio.to_thread(self._opened_with, keys, texts)

    def lookup(self, kind: str, value: str) -> bytes:
        """Return the keyed hash by which a value of a kind, such as "email", is found: 32 bytes, the same for
        values that people take for the same (compatibility forms, case, spaces around).
        """
        plain = unicodedata.normalize("NFKC", value).strip().casefold()
        message = kind.encode() + b"\0" + plain.encode()
        return hmac.digest(self._ring.lookup_key, message, hashlib.sha256)

    def drop(self, person_ids: Iterable[bytes]) -> None:
        """Let go of keys that were destroyed in a transaction (`storage.person_keys.forget_people`)."""
        for person_id in person_ids:
            self._opened.pop(person_id, None)

    async def forget(self, person_id: bytes) -> None:
        """Make everything of a person unreadable, at once here and within `CACHED_MS` everywhere."""
        await self._keys.forget(person_id)
        self.drop([person_id])

    async def rotate(self, progress: Callable[[int], None] = lambda _: None) -> int:
        """Wrap every person's key by the newest key-encryption key. May be interrupted, repeated, and run by
        several at once, beside a running platform. Returns how many were wrapped here.
        """
        self._ring = self._read_ring()
        newest = self._ring.newest
        done = 0
        while stale := await self._keys.outdated(newest, ROTATED_TOGETHER):
            anew = [(key, self._wrap(key.person_id, self._unwrap(key))) for key in stale]
            done += await self._keys.rewrap(anew)
            progress(done)
        return done

    async def _key(self, person_id: bytes) -> AESGCM | None:
        cached = self._opened.get(person_id)
        if cached is not None and self._clock() - cached[0] < CACHED_MS:
            return cached[1]
        found = await self._keys.find(person_id)
        return None if found is None else self._remember(found)

    async def _first_key(self, person_id: bytes) -> AESGCM:
        # Once a person: what is wrapped by a key that is about to be dropped would be lost.
        self._ring = self._read_ring()
        made = self._wrap(person_id, AESGCM.generate_key(256))
        return self._remember(await self._keys.keep(made))

    def _opened_with(self, wrapped: Mapping[bytes, WrappedKey], texts: Sequence[Sealed]) -> list[str | None]:
        keys: dict[bytes, AESGCM | None] = {}
        found: list[str | None] = []
        for each in texts:
            if each.person_id not in keys:
                keys[each.person_id] = self._key_of(wrapped.get(each.person_id))
            key = keys[each.person_id]
            bound = _bound_to(each.table, each.column, each.person_id)
            try:
                found.append(None if key is None else unseal(key, each.sealed, bound))
            except NotSealedSo:
                found.append(None)
        return found

    def _key_of(self, wrapped: WrappedKey | None) -> AESGCM | None:
        try:
            return None if wrapped is None else AESGCM(self._unwrap(wrapped))
        except Unreadable:
            return None

    def _remember(self, wrapped: WrappedKey) -> AESGCM:
        key = AESGCM(self._unwrap(wrapped))
        self._opened[wrapped.person_id] = self._clock(), key
        self._opened.move_to_end(wrapped.person_id)
        if len(self._opened) > CACHED_MAX:
            self._opened.popitem(last=False)
        return key

    def _wrap(self, person_id: bytes, key: bytes) -> WrappedKey:
        version, nonce = self._ring.newest, os.urandom(NONCE_BYTES)
        body = AESGCM(self._ring.keys[version]).encrypt(nonce, key, _wrapped_for(person_id, version))
        return WrappedKey(person_id, version, nonce + body)

    def _unwrap(self, wrapped: WrappedKey) -> bytes:
        if wrapped.version not in self._ring.keys:
            self._ring = self._read_ring()
        encryption_key = self._ring.keys.get(wrapped.version)
        if encryption_key is None:
            raise Unreadable(f"key-encryption key {wrapped.version} is not in the ring")
        nonce, body = wrapped.wrapped[:NONCE_BYTES], wrapped.wrapped[NONCE_BYTES:]
        try:
            bound = _wrapped_for(wrapped.person_id, wrapped.version)
            return AESGCM(encryption_key).decrypt(nonce, body, bound)
        except InvalidTag as error:
            raise Unreadable(
                f"a person's key was not wrapped by key {wrapped.version} of this ring"
            ) from error


def _bound_to(table: str, column: str, person_id: bytes) -> bytes:
    return b"\0".join((table.encode(), column.encode(), person_id))


def _wrapped_for(person_id: bytes, version: int) -> bytes:
    return b"bilten person key\0" + version.to_bytes(4, "big") + person_id
