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
        self._arguments = (str(memory_kib), str(passes), str(threads))
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[HashAnswer]] = {}
        self._starting = asyncio.Lock()
        self._child: Process | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """0 when it does not run."""
        return self._child.pid if self._child is not None and self._child.returncode is None else 0

    async def start(self) -> None:
        """Start the process now."""
        await self._started()

    async def ask(self, password: str, *, is_comparing: bool, password_hash: str | None) -> HashAnswer:
        """Have a password hashed or compared. Raises `ConnectionError` if the process ends meanwhile."""
        child = await self._started()
        number = next(self._numbers)
        answered: asyncio.Future[HashAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        try:
            assert child.stdin is not None
            child.stdin.write(_encode(HashRequest(number, password, is_comparing, password_hash)) + b"\n")
            return await answered
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """End the process."""
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                self._child.kill()
            # Reads what is left and closes its pipes.
            await self._child.communicate()

    async def _started(self) -> Process:
        async with self._starting:
            if self._child is None or self._child.returncode is not None or self._reader is None:
                # -P: a folder named like one of our packages in the current folder must not win over ours.
                command = (sys.executable, "-P", "-m", "services.users.hashing", *self._arguments)
                self._child = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
                self._reader = asyncio.create_task(self._read(self._child))
            return self._child

    async def _read(self, child: Process) -> None:
        assert child.stdout is not None
        try:
            while line := await child.stdout.readline():
                answer = _decode(line)
                answered = self._waiting.get(answer.number)
                if answered is not None and not answered.done():
                    answered.set_result(answer)
            log.warning("the process that hashes passwords has ended; the next sign-in starts another")
            await child.wait()
        finally:
            self._reader = None
            for answered in self._waiting.values():
                if not answered.done():
                    answered.set_exception(ConnectionError("the process that hashes passwords has ended"))
