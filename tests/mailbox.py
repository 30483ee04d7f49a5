"""A real SMTP server in the test's own process, and what it was given."""

import asyncio
import email
import email.policy
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope


class Mailbox:
    """What came.

    Attributes:
        answers: replies to the next messages instead of taking them, such as "451 later".
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.envelopes: list[Envelope] = []
        self.answers: list[str] = []
        self.port = 0
        self._came = asyncio.Condition()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        assert isinstance(envelope.content, bytes)
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        async with self._came:
            self.mails.append(message)
            self.envelopes.append(envelope)
            self._came.notify_all()
        return "250 OK"

    async def next_to(self, address: str, within_s: float = 10.0) -> EmailMessage:
        """Take the oldest mail to an address, waiting for one."""

        def found() -> EmailMessage | None:
            return next((mail for mail in self.mails if str(mail["To"]) == address), None)

        async with asyncio.timeout(within_s), self._came:
            await self._came.wait_for(lambda: found() is not None)
            mail = found()
        assert mail is not None
        self.mails.remove(mail)
        return mail

    async def token_to(self, address: str) -> str:
        """Take the oldest mail to an address and return the token of its link."""
        return token_in(await self.next_to(address))


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def html_of(mail: EmailMessage) -> str:
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def token_in(mail: EmailMessage) -> str:
    match = re.search(r"#token=([\w-]+)", text_of(mail))
    assert match is not None, text_of(mail)
    return match[1]


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    box = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, enable_SMTPUTF8=True, loop=loop), host="127.0.0.1", port=0
    )
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()
