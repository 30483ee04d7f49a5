"""The key ring as a file: the key-encryption keys of personal data, and the key of their hashes.

    lookup 6b65…
    1 9f3c…
    2 02aa…

One key a line, 64 hex digits each. In the data folder it makes itself at first; with a real deployment it is
a mounted secret. Whoever loses the file has lost the personal data: it belongs in a backup of its own, away
from the database's.
"""

import contextlib
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from services.vault import KEY_BYTES, KeyRing

_LINE: Final = re.compile(r"(lookup|[1-9][0-9]{0,8}) ([0-9a-f]{64})", re.ASCII)
LOOKUP: Final = "lookup"


class BadKeyRing(ValueError):
    """The file is no key ring. The message names the line and shows nothing of it."""


def read_ring(file: Path) -> KeyRing:
    """Return the ring in a file.

    Raises:
        BadKeyRing: it is not one.
        OSError: it can't be read.
    """
    keys: dict[str, bytes] = {}
    for number, line in enumerate(file.read_text(encoding="ascii", errors="replace").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise BadKeyRing(
                f"{file.name}, line {number}: neither `lookup KEY` nor `NUMBER KEY` of 64 hex digits"
            )
        if match[1] in keys:
            raise BadKeyRing(f"{file.name}, line {number}: {match[1]} is there twice")
        keys[match[1]] = bytes.fromhex(match[2])
    if LOOKUP not in keys or len(keys) == 1:
        raise BadKeyRing(f"{file.name}: a ring has a line for `lookup` and at least one numbered key")
    lookup_key = keys.pop(LOOKUP)
    return KeyRing({int(version): key for version, key in keys.items()}, lookup_key)


def ensure_ring(file: Path) -> KeyRing:
    """Return the ring in a file, made with its first key if there is none. Several may do so at once."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with _locked(file):
        if not file.exists():
            _write(file, [f"{LOOKUP} {secrets.token_hex(KEY_BYTES)}", f"1 {secrets.token_hex(KEY_BYTES)}"])
        return read_ring(file)


def add_key(file: Path) -> int:
    """Add a fresh key-encryption key, which from now on wraps. Returns its number."""
    with _locked(file):
        version = read_ring(file).newest + 1
        lines = file.read_text(encoding="ascii").splitlines()
        _write(file, [*lines, f"{version} {secrets.token_hex(KEY_BYTES)}"])
    return version


def drop_key(file: Path, version: int) -> None:
    """Remove a key-encryption key; the caller has made sure that it wraps nothing.

    Raises:
        BadKeyRing: there is no such key, or it is the one that wraps.
    """
    with _locked(file):
        ring = read_ring(file)
        if version not in ring.keys:
            raise BadKeyRing(f"there is no key {version}, only {', '.join(map(str, sorted(ring.keys)))}")
        if version == ring.newest:
            raise BadKeyRing(f"key {version} is the newest one; add another first")
        lines = file.read_text(encoding="ascii").splitlines()
        _write(file, [line for line in lines if not line.startswith(f"{version} ")])


def _write(file: Path, lines: list[str]) -> None:
    """Replace the file in one step: readers see the ring before or after, and a crash leaves one of both."""
    made = file.with_name(file.name + ".new")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as output:
        output.write("\n".join(lines) + "\n")
        output.flush()
        os.fsync(output.fileno())
    made.replace(file)


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    descriptor = os.open(file.with_name(file.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
