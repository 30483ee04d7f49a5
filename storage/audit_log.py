"""The audit log: who changed what, before and after, from where (docs/decisions/audit-log.md).

Entries of an organisation make a chain, those of the platform another. Each entry's hash covers the entry and
the hash before it, and the chain's head says how many there are, sealed with a key that the database does not
have. So an edit, a removal, another order and a tail cut off all show (`storage.audit_verification`).

An entry is written in the transaction of the change that it tells of: both are there or neither. The head's
row is locked for that, which puts the changes of one organisation into an order, from their entry to their
commit: a transaction records last.

The bytes that are hashed are UTF-8 JSON without spaces, members of objects ordered by code point, numbers
whole, nothing escaped but what JSON demands (RFC 8785 for the values that occur here):

    ["bilten audit 1",chain,seq,at_ms,actor,action,target,before,after,address,user_agent,previous_hash]

with chain and previous_hash in lower-case hexadecimal.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from domain.identity import Attempt
from domain.ids import OrganisationId
from storage.postgres import AnyConnection
from storage.repeated_requests import mark

PLATFORM: Final = bytes(16)
FIRST: Final = bytes(32)
KEY_BYTES: Final = 32
_TAG: Final = "bilten audit 1"

_TEXT_LENGTH_MAX: Final = 200
_USER_AGENT_LENGTH_MAX: Final = 300
# More than two hundred ticket types at once; of what is longer all the same, long texts are left out first.
_VALUES_LENGTH_MAX: Final = 200_000
_LONG_TEXT: Final = 200
_LEFT_OUT: Final = "too long to keep"


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change.

    Attributes:
        organisation_id: in whose chain it is, None for the platform's.
        actor: TypeID of the user, key or device, or "system".
        action: what was done, such as "event.publish".
        target: TypeID of what it was done to.
        before, after: what changed, of text, whole numbers, booleans, null, lists and mappings. Nothing
            personal in the clear: "changed" says that it did.
        attempt: at which request the change is made; it is marked as done with the entry.
    """

    organisation_id: OrganisationId | None
    at_ms: int
    actor: str
    action: str
    target: str
    before: Mapping[str, object]
    after: Mapping[str, object]
    address: str
    user_agent: str
    attempt: Attempt | None = None


class ChainedEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as it is stored; `before` and `after` are what JSON makes of them."""

    chain: bytes
    seq: int
    at_ms: int
    actor: str
    action: str
    target: str
    before: Mapping[str, object]
    after: Mapping[str, object]
    address: str
    user_agent: str
    previous_hash: bytes
    hash: bytes = b""

    def digest(self) -> bytes:
        """Return what the hash of this entry has to be."""
        content = [
            _TAG, self.chain.hex(), self.seq, self.at_ms, self.actor, self.action, self.target, self.before,
            self.after, self.address, self.user_agent, self.previous_hash.hex(),
        ]  # fmt: skip
        return hashlib.sha256(_json(content).encode()).digest()


class _Sealing:
    """The key of this process. Every service records, and none must be able to without it, so it is not
    passed through all of them.
    """

    key: bytes | None = None


def seal_with(key: bytes) -> None:
    """Say, once in a process, which key seals the heads of the chains."""
    if len(key) != KEY_BYTES:
        raise ValueError(f"the audit key has {len(key)} bytes, not {KEY_BYTES}")
    _Sealing.key = key


def sealing_key() -> bytes:
    """Return the key of this process. Raises `RuntimeError` if `seal_with` was not called."""
    if _Sealing.key is None:
        raise RuntimeError("this process has no audit key: storage.audit_log.seal_with")
    return _Sealing.key


def seal(key: bytes, chain: bytes, seq: int, last_hash: bytes) -> bytes:
    """Return the message authentication code of a head."""
    return hmac.digest(key, b"%s head" % _TAG.encode() + chain + seq.to_bytes(8, "big") + last_hash, "sha256")


async def record(connection: AnyConnection, entry: AuditEntry) -> int:
    """Add an entry to its chain within the transaction that is open, and return its number.

    Waits for the transaction that recorded in the same chain before to end.

    Raises:
        Overtaken: another attempt at the same request goes on in place of this one.
        RuntimeError: no transaction is open, or `seal_with` was not called.
        TypeError: `before` or `after` hold something else than said.
    """
    if not connection.is_in_transaction():
        raise RuntimeError("an audit entry belongs into the transaction of the change")
    if entry.attempt is not None:
        await mark(connection, entry.attempt, entry.target)
    key = sealing_key()
    chain = entry.organisation_id or PLATFORM
    seq, previous_hash = await _locked_head(connection, chain)
    stored = ChainedEntry(
        chain=chain,
        seq=seq + 1,
        at_ms=entry.at_ms,
        actor=_plain(entry.actor, _TEXT_LENGTH_MAX),
        action=entry.action,
        target=_plain(entry.target, _TEXT_LENGTH_MAX),
        before=_values(entry.before),
        after=_values(entry.after),
        address=_plain(entry.address, _TEXT_LENGTH_MAX),
        user_agent=_plain(entry.user_agent, _USER_AGENT_LENGTH_MAX),
        previous_hash=previous_hash,
    )
    entry_hash = stored.digest()
    await _append(connection, stored, entry_hash, seal(key, chain, stored.seq, entry_hash))
    return stored.seq


async def _locked_head(connection: AnyConnection, chain: bytes) -> tuple[int, bytes]:
    statement = "SELECT seq, hash FROM audit_heads WHERE chain = $1 FOR UPDATE"
    head = await connection.fetchrow(statement, chain)
    if head is None:
        await connection.execute(
            "INSERT INTO audit_heads (chain, seq, hash, mac) VALUES ($1, 0, $2, '') ON CONFLICT DO NOTHING",
            chain,
            FIRST,
        )
        head = await connection.fetchrow(statement, chain)
        assert head is not None
    return head["seq"], head["hash"]


async def _append(connection: AnyConnection, entry: ChainedEntry, entry_hash: bytes, mac: bytes) -> None:
    await connection.execute(
        """
        WITH head AS (UPDATE audit_heads SET seq = $2, hash = $12, mac = $13 WHERE chain = $1)
        INSERT INTO audit_entries (chain, seq, at, actor, action, target, before, after, address, user_agent,
            previous_hash, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        """,
        entry.chain,
        entry.seq,
        entry.at_ms,
        entry.actor,
        entry.action,
        entry.target,
        _json(entry.before),
        _json(entry.after),
        entry.address,
        entry.user_agent,
        entry.previous_hash,
        entry_hash,
        mac,
    )


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _plain(value: str, length_max: int) -> str:
    """Return text that PostgreSQL takes and gives back as it is: NUL and halves of pairs are replaced."""
    whole = value.encode("utf-8", "replace").decode() if not value.isascii() else value
    return whole.replace("\0", "\ufffd")[:length_max]


def _values(values: Mapping[str, object]) -> Mapping[str, object]:
    cleaned = {_plain(name, _TEXT_LENGTH_MAX): _value(value) for name, value in values.items()}
    if len(_json(cleaned)) <= _VALUES_LENGTH_MAX:
        return cleaned
    short = {name: _without_long_texts(value) for name, value in cleaned.items()}
    if len(_json(short)) <= _VALUES_LENGTH_MAX:
        return short
    return {name: _LEFT_OUT if len(_json(value)) > 1_000 else value for name, value in short.items()}


def _without_long_texts(value: object) -> object:
    if isinstance(value, str):
        return value if len(value) <= _LONG_TEXT else _LEFT_OUT
    if isinstance(value, Mapping):
        return {name: _without_long_texts(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_long_texts(inner) for inner in value]
    return value


def _value(value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return _plain(value, _VALUES_LENGTH_MAX)
    if isinstance(value, Mapping):
        return {_plain(str(name), _TEXT_LENGTH_MAX): _value(inner) for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [_value(inner) for inner in value]
    raise TypeError(f"an audit entry can't hold a {type(value).__name__}")
