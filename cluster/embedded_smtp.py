"""The mail server of the embedded stack: it takes every mail, sends none on, and keeps the newest in a folder
that the page /dev/mail shows.
"""

import asyncio
import contextlib
import itertools
import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from aiosmtpd.smtp import SMTP, Envelope

KEPT_MAX: Final = 500
_BYTES_MAX: Final = 1_048_576
_HOST: Final = "127.0.0.1"


class MailFolder:
    """Mails as files, named so that they sort by the order in which they came."""

    def __init__(self, folder: Path, kept_max: int = KEPT_MAX) -> None:
        self._folder = folder
        self._kept_max = kept_max
        self._numbers = itertools.count()
        folder.mkdir(parents=True, exist_ok=True)
        # Links in mails open accounts: nobody else on this machine reads them.
        folder.chmod(0o700)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail; aiosmtpd calls this by its name."""
        content = envelope.content or b""
        self.keep(content if isinstance(content, bytes) else content.encode())
        return "250 kept"

    def keep(self, content: bytes) -> None:
        """Write a mail, and forget the oldest above the bound."""
        name = f"{time.time_ns() // 1_000_000:013d}-{next(self._numbers) % 1_000_000:06d}"
        partial = self._folder / f"{name}.part"
        partial.write_bytes(content)
        partial.chmod(0o600)
        partial.rename(self._folder / f"{name}.eml")
        for old in sorted(self._folder.glob("*.eml"))[: -self._kept_max]:
            old.unlink(missing_ok=True)


async def serve_smtp(folder: Path, port: int, ready: Callable[[], None]) -> None:
    """Take mail on loopback until SIGTERM or SIGINT."""
    # It writes every line of every conversation: addresses don't belong into a log, not even here.
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    loop = asyncio.get_running_loop()
    kept = MailFolder(folder)
    server = await loop.create_server(
        lambda: SMTP(kept, data_size_limit=_BYTES_MAX, enable_SMTPUTF8=True, loop=loop, hostname="localhost"),
        host=_HOST,
        port=port,
    )
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    ready()
    await stop.wait()
    server.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(server.wait_closed(), 2)
