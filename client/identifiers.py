"""Identifiers as the wire has them: a UUIDv7 (RFC 9562) as a TypeID, `op_` and 26 characters of Crockford's
base 32.
"""

import random
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_SHIFTS: Final = range(125, -1, -5)


def new_identifier(prefix: str, now_ms: int, rng: random.Random) -> str:
    """Return a fresh identifier; `now_ms` is in milliseconds since the epoch."""
    number = (
        (now_ms & 0xFFFF_FFFF_FFFF) << 80
        | 0x7 << 76
        | rng.getrandbits(12) << 64
        | 0b10 << 62
        | rng.getrandbits(62)
    )
    return f"{prefix}_" + "".join([_ALPHABET[number >> shift & 31] for shift in _SHIFTS])


def new_operation(now_ms: int, rng: random.Random) -> str:
    """Return the id of a new operation."""
    return new_identifier("op", now_ms, rng)
