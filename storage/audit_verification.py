"""Is the audit log what was written? Reads every chain and says which entries are not, and in what way.

What shows how (docs/decisions/audit-log.md):

    an edit       the entry's content does not have its hash, or the next entry follows another
    a removal     a number is missing
    a reorder     the content has the hash of another entry's place
    a cut tail    the head counts more entries than there are
    a forged head the head's seal is not made with the key: whoever cut or wrote anew could not seal it
    an addition   there are entries that the head does not count
    a lost chain  the platform's chain tells of an organisation that has no chain, or an earlier head is gone
"""

import enum
import hmac
import json
from collections.abc import AsyncIterator, Mapping
from typing import Final

import asyncpg
import msgspec

from domain import ids
from storage.audit_log import FIRST, PLATFORM, ChainedEntry, seal
from storage.postgres import AnyConnection, outcome

_PREFETCH: Final = 500
# Entries that do not have their hash and are compared with each other, to tell a reorder from an edit.
_COMPARED_MAX: Final = 300


class Damage(enum.StrEnum):
    """What was done to a chain."""

    EDIT = "edit"
    REMOVAL = "removal"
    REORDER = "reorder"
    CUT_TAIL = "cut tail"
    FORGED_HEAD = "forged head"
    ADDITION = "addition"
    LOST_CHAIN = "lost chain"


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it was written.

    Attributes:
        chain: 16 bytes, zeros for the platform's.
        first, last: the numbers of the entries it is about; 0 for a head.
    """

    chain: bytes
    damage: Damage
    first: int
    last: int
    explanation: str


class Head(msgspec.Struct, frozen=True):
    """How long a chain was, and the hash of its last entry."""

    seq: int
    hash: bytes


class Verified(msgspec.Struct, frozen=True):
    """What was found; nothing is wrong if `findings` is empty. `heads` by chain can be kept elsewhere and
    compared the next time.
    """

    entries: int
    heads: Mapping[bytes, Head]
    findings: tuple[Finding, ...]


async def verify(connection: AnyConnection, key: bytes, earlier: Mapping[bytes, Head]) -> Verified:
    """Read all chains in one snapshot; safe while the platform runs.

    Args:
        connection: of a role that sees all of them.
        key: what the heads are sealed with.
        earlier: heads that were read before; each has to be in its chain still.
    """
    findings: list[Finding] = []
    heads: dict[bytes, Head] = {}
    entries = 0
    with outcome():
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            chains = await connection.fetch(
                "SELECT chain FROM audit_heads UNION SELECT chain FROM audit_entries ORDER BY chain"
            )
            for row in chains:
                chain = _Chain(row["chain"], earlier.get(row["chain"]))
                async for entry in _entries(connection, chain.name):
                    chain.add(entry)
                entries += chain.count
                heads[chain.name] = Head(chain.last_seq, chain.last_hash)
                findings += chain.finish(
                    await connection.fetchrow("SELECT * FROM audit_heads WHERE chain = $1", chain.name), key
                )
            findings += await _lost(connection, set(heads), set(earlier))
    return Verified(entries, heads, tuple(findings))


class _Chain:
    """What is known of a chain while its entries come in order."""

    def __init__(self, name: bytes, earlier: Head | None) -> None:
        self.name = name
        self.count = 0
        self.last_seq = 0
        self.last_hash = FIRST
        self._earlier = earlier
        self._is_last_sound = True
        self._unsound: list[ChainedEntry] = []
        self._findings: list[Finding] = []

    def add(self, entry: ChainedEntry) -> None:
        """Take the next entry."""
        self.count += 1
        is_sound = entry.digest() == entry.hash
        if entry.seq > self.last_seq + 1:
            self._found(Damage.REMOVAL, self.last_seq + 1, entry.seq - 1, "these entries are missing")
        elif is_sound and self._is_last_sound and entry.previous_hash != self.last_hash:
            at = max(self.last_seq, 1)
            self._found(Damage.EDIT, at, at, "the entry after it follows another")
        if not is_sound:
            self._unsound.append(entry)
        if self._earlier is not None and entry.seq == self._earlier.seq and entry.hash != self._earlier.hash:
            self._found(
                Damage.EDIT, entry.seq, entry.seq, "it or what is before it is not what it was earlier"
            )
        self._is_last_sound = is_sound
        self.last_seq, self.last_hash = entry.seq, entry.hash

    def finish(self, head: asyncpg.Record | None, key: bytes) -> list[Finding]:
        """Compare with the head and return everything that was found."""
        self._judge_unsound()
        if head is None:
            self._found(Damage.CUT_TAIL, 0, 0, "the head is gone, and nobody knows how long the chain was")
            return self._findings
        if head["seq"] > self.last_seq:
            self._found(
                Damage.CUT_TAIL, self.last_seq + 1, head["seq"], "the head counts them, they are gone"
            )
        elif head["seq"] < self.last_seq:
            self._found(Damage.ADDITION, head["seq"] + 1, self.last_seq, "the head does not count them")
        elif head["hash"] != self.last_hash and self._is_last_sound:
            self._found(Damage.EDIT, self.last_seq, self.last_seq, "it is not the one that the head names")
        if not hmac.compare_digest(seal(key, self.name, head["seq"], head["hash"]), head["mac"]):
            self._found(
                Damage.FORGED_HEAD,
                0,
                0,
                "it was not sealed with the audit key: the tail was cut or written anew",
            )
        if self._earlier is not None and self._earlier.seq > self.last_seq:
            self._found(Damage.CUT_TAIL, self.last_seq + 1, self._earlier.seq, "they were there earlier")
        return self._findings

    def _judge_unsound(self) -> None:
        for at, entry in enumerate(self._unsound):
            others = self._unsound[:_COMPARED_MAX] if at < _COMPARED_MAX else ()
            origin = next((other.seq for other in others if _was_at(entry, other)), None)
            if origin is None:
                self._found(Damage.EDIT, entry.seq, entry.seq, "its content is not what was hashed")
            else:
                self._found(Damage.REORDER, entry.seq, entry.seq, f"it was written as entry {origin}")

    def _found(self, damage: Damage, first: int, last: int, explanation: str) -> None:
        self._findings.append(Finding(self.name, damage, first, last, explanation))


def _was_at(entry: ChainedEntry, other: ChainedEntry) -> bool:
    """Say whether this entry's content was hashed at the other's place, whatever was moved along with it."""
    if entry.seq == other.seq:
        return False
    hashes = {entry.hash, other.hash}
    return any(
        msgspec.structs.replace(entry, seq=other.seq, previous_hash=previous).digest() in hashes
        for previous in {entry.previous_hash, other.previous_hash}
    )


async def _entries(connection: AnyConnection, chain: bytes) -> AsyncIterator[ChainedEntry]:
    statement = "SELECT * FROM audit_entries WHERE chain = $1 ORDER BY seq"
    async for row in connection.cursor(statement, chain, prefetch=_PREFETCH):
        yield entry_of(row)


def entry_of(row: asyncpg.Record) -> ChainedEntry:
    """Return the entry that a row of audit_entries holds."""
    return ChainedEntry(
        chain=row["chain"],
        seq=row["seq"],
        at_ms=row["at"],
        actor=row["actor"],
        action=row["action"],
        target=row["target"],
        before=json.loads(row["before"]),
        after=json.loads(row["after"]),
        address=row["address"],
        user_agent=row["user_agent"],
        previous_hash=row["previous_hash"],
        hash=row["hash"],
    )


async def _lost(connection: AnyConnection, found: set[bytes], earlier: set[bytes]) -> list[Finding]:
    """Chains that are gone as a whole."""
    told = await connection.fetch(
        "SELECT target FROM audit_entries WHERE chain = $1 AND action = 'organisation.create'", PLATFORM
    )
    lost = ({ids.parse(ids.ORGANISATION, row["target"]) for row in told} | earlier) - found
    return [Finding(chain, Damage.LOST_CHAIN, 0, 0, "there was one") for chain in sorted(lost)]
