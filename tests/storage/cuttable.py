"""A TCP proxy in front of PostgreSQL or Redis that loses answers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit


class Proxy:
    """Passes bytes both ways, until told to lose what the server says next.

    Attributes:
        is_deaf: connections are taken and what they say is thrown away.
        answers_lost: how often a connection was cut in place of passing an answer on.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_cutting = False
        self.is_deaf = False
        self.answers_lost = 0

    def cut_at_next_answer(self) -> None:
        """Pass on what the client sends, and cut the connection when the server answers it."""
        self._is_cutting = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        upstream_reader, upstream_writer = await asyncio.open_connection(self._host, self._port)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pass(reader, upstream_writer, answers=False))
                both.create_task(self._pass(upstream_reader, writer, answers=True))
        except* (OSError, EOFError):
            pass
        finally:
            self._tasks.discard(task)
            for each in (writer, upstream_writer):
                each.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        while data := await reader.read(65_536):
            if answers and self._is_cutting:
                self._is_cutting = False
                self.answers_lost += 1
                break
            if self.is_deaf and not answers:
                continue
            writer.write(data)
            await writer.drain()
        raise EOFError

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def proxied(dsn: str) -> AsyncIterator[tuple[Proxy, str]]:
    """Run a proxy in front of the server of a DSN; gives the proxy and the DSN that leads through it."""
    parts = urlsplit(dsn)
    assert parts.hostname is not None
    proxy = Proxy(parts.hostname, parts.port or 5432)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    login = parts.netloc.rpartition("@")[0]
    through = parts._replace(netloc=f"{login}@127.0.0.1:{port}" if login else f"127.0.0.1:{port}")
    try:
        yield proxy, urlunsplit(through)
    finally:
        server.close()
        await proxy.close()
        with contextlib.suppress(OSError):
            await server.wait_closed()
