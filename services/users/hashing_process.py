"""A gateway's side of the process that hashes (`services.users.hashing`)."""

import asyncio
import contextlib
import itertools
import logging
import sys
from asyncio.subprocess import PIPE, Process
from typing import Final

import msgspec

from services.users.hashing import HashAnswer, HashRequest

_decode: Final = msgspec.json.Decoder(HashAnswer).decode
_encode: Final = msgspec.json.Encoder().encode

log = logging.getLogger(__name__)


class HashingProcess:
    """Asks the process, which is started when it is needed first, and again when it has ended."""

    def __init__(self, memory_kib: int, passes: int, threads: int) -> None:
        # -P: a folder named like one of our packages in the current folder must not win over ours.
        arguments = map(str, (memory_kib, passes, threads))
        self._command = (sys.executable, "-P", "-m", "services.users.hashing", *arguments)
        self._numbers = itertools.count(1)
        self._starting = asyncio.Lock()
        self._child: _Child | None = None

    @property
    def pid(self) -> int:
        """0 when it does not run."""
        return self._child.pid if self._child is not None and self._child.is_running else 0

    async def start(self) -> None:
        """Start the process now."""
        await self._started()

    async def ask(self, password: str, *, is_comparing: bool, password_hash: str | None) -> HashAnswer:
        """Have a password hashed or compared. Raises `ConnectionError` if the process ends meanwhile."""
        child = await self._started()
        return await child.ask(HashRequest(next(self._numbers), password, is_comparing, password_hash))

    async def close(self) -> None:
        """End the process."""
        # One that is just being started is one that has to end.
        async with self._starting:
            if self._child is not None:
                await self._child.end()

    async def _started(self) -> "_Child":
        async with self._starting:
            if self._child is None or not self._child.is_running:
                self._child = _Child(
                    await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE)
                )
            return self._child


class _Child:
    """One process, and who waits for its answers. The one before it may not have been read to its end yet
    when this one is started: each has its own, so that end is nothing to this one's.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._waiting: dict[int, asyncio.Future[HashAnswer]] = {}
        self._reader = asyncio.create_task(self._read())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether what is asked now will be answered, or fail."""
        return self._process.returncode is None and not self._reader.done()

    async def ask(self, request: HashRequest) -> HashAnswer:
        answered: asyncio.Future[HashAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[request.number] = answered
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(_encode(request) + b"\n")
            return await answered
        finally:
            self._waiting.pop(request.number, None)

    async def end(self) -> None:
        self._kill()
        await asyncio.gather(self._reader, return_exceptions=True)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            while line := await self._process.stdout.readline():
                answer = _decode(line)
                answered = self._waiting.get(answer.number)
                if answered is not None and not answered.done():
                    answered.set_result(answer)
            log.warning("the process that hashes passwords has ended; the next sign-in starts another")
        finally:
            # Nobody reads it any more: one whose answer could not be read would run on, beside the next.
            self._kill()
            # Reads what is left and closes its pipes.
            await self._process.communicate()
            for answered in self._waiting.values():
                if not answered.done():
                    answered.set_exception(ConnectionError("the process that hashes passwords has ended"))

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
