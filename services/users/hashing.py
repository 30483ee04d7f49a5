"""Argon2id, and the process that does nothing else.

A hash takes tens of milliseconds and 19 MiB. In a thread of the gateway it would share the GIL with the event
loop (argon2 lets go of it, but must take it again at the end, and a thread that the scheduler has put aside
while it holds it stops everybody), and the lock of the address space. So a gateway has a small process beside
it, whose priority is below everybody else's. It ends when its input does, which is when the gateway ends,
however that ends.

One request a line, as JSON; answers come in the order in which they are done.
"""

import contextlib
import os
import secrets
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

NICENESS: Final = 10


class HashRequest(msgspec.Struct, frozen=True):
    """A password to be hashed, or compared: with `password_hash`, or with nobody's if that is None."""

    number: int
    password: str
    is_comparing: bool = False
    password_hash: str | None = None

    def __repr__(self) -> str:
        return f"HashRequest({self.number})"


class HashAnswer(msgspec.Struct, frozen=True):
    """The hash, or whether the password is the one."""

    number: int
    password_hash: str = ""
    is_match: bool = False


class Hashing:
    """Makes and compares hashes; every call blocks for as long as one takes."""

    def __init__(self, memory_kib: int, passes: int) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        # Compared with when there is nobody to compare with, so that it takes as long.
        self._nobody = self._hasher.hash(secrets.token_urlsafe())

    def answer(self, request: HashRequest) -> HashAnswer:
        """Do what is asked."""
        if not request.is_comparing:
            return HashAnswer(request.number, self._hasher.hash(request.password))
        try:
            self._hasher.verify(request.password_hash or self._nobody, request.password)
        except (VerificationError, InvalidHashError):
            return HashAnswer(request.number)
        return HashAnswer(request.number, is_match=request.password_hash is not None)

    def is_outdated(self, password_hash: str) -> bool:
        """Say whether a hash was made with other parameters."""
        return self._hasher.check_needs_rehash(password_hash)


def serve(memory_kib: int, passes: int, threads: int) -> None:
    """Answer requests of standard input until it ends."""
    # Below its gateway, however low that is itself.
    os.nice(NICENESS)
    hashing = Hashing(memory_kib, passes)
    decode, encode = msgspec.json.Decoder(HashRequest).decode, msgspec.json.Encoder().encode
    writing = threading.Lock()

    def work(line: bytes) -> None:
        answer = encode(hashing.answer(decode(line)))
        with writing, contextlib.suppress(BrokenPipeError):
            sys.stdout.buffer.write(answer + b"\n")
            sys.stdout.buffer.flush()

    with ThreadPoolExecutor(threads) as pool:
        for line in sys.stdin.buffer:
            pool.submit(work, line)
        pool.shutdown(wait=False, cancel_futures=True)


if __name__ == "__main__":
    serve(*map(int, sys.argv[1:4]))
