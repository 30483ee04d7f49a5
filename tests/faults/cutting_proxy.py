"""A TCP proxy that cuts a connection to PostgreSQL between a commit and its answer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

# A batch is one call of this function in a transaction of its own: whoever executes it commits.
STATEMENT = b"commit_batch"


class Cut(Enum):
    """When the next connection that commits a batch is cut."""

    NEVER = "never"
    BEFORE = "before"  # the server never hears of it
    AFTER = "after"  # the server does it, and its answer is lost


class CuttingProxy:
    """Forwards everything; once armed, it cuts the next commit and is harmless again."""

    def __init__(self, dsn: str) -> None:
        self._dsn = urlsplit(dsn)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.cut = Cut.NEVER
        self.cuts = 0

    @property
    def dsn(self) -> str:
        """The address of the database through this proxy."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        credentials, _, _ = self._dsn.netloc.rpartition("@")
        return urlunsplit(self._dsn._replace(netloc=f"{credentials}@127.0.0.1:{port}"))

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                async with self._upstream() as (answers, questions):
                    await self._forward(reader, writer, answers, questions)
        finally:
            # Not left to asyncio, which does it for a failed task only from some 3.11 on.
            writer.transport.abort()

    @asynccontextmanager
    async def _upstream(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        answers, questions = await asyncio.open_connection(self._dsn.hostname, self._dsn.port)
        try:
            yield answers, questions
        finally:
            questions.close()

    async def _forward(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        questions: asyncio.StreamWriter,
    ) -> None:
        """Returns when either side closes, or the connection is cut."""
        back = asyncio.create_task(_copy(answers, writer))
        committing = b""
        try:
            while data := await reader.read(1 << 16):
                # The statement's name is in the message that prepares it; later ones carry only its handle.
                committing = committing or _handle(data)
                is_commit = bool(committing) and committing in data and b"E\0\0\0" in data
                if is_commit and self.cut is Cut.BEFORE:
                    self.cut, self.cuts = Cut.NEVER, self.cuts + 1
                    return
                if is_commit and self.cut is Cut.AFTER:
                    self.cut, self.cuts = Cut.NEVER, self.cuts + 1
                    back.cancel()
                    # Until it has ended, nobody else may read the answer.
                    await asyncio.gather(back, return_exceptions=True)
                    questions.write(data)
                    await questions.drain()
                    # The first byte of the answer says that the server is done with it; nobody is told.
                    await answers.read(1)
                    return
                questions.write(data)
                await questions.drain()
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)


async def _copy(answers: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await answers.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


def _handle(data: bytes) -> bytes:
    """Return the name under which a Parse message prepares the statement that commits, b"" if it doesn't."""
    at = data.find(STATEMENT)
    if at < 0:
        return b""
    start = data.rfind(b"__asyncpg_stmt_", 0, at)
    return data[start : data.index(b"\0", start)] + b"\0" if start >= 0 else b""
