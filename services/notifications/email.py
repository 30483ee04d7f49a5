"""Mail over SMTP: a bounded queue in this process, a few carriers, and patience with a server that is away.

Nobody who sends waits for the server. A mail that the server refuses for good (5xx) is dropped and logged by
its number; one that it may take later is tried again, a little later each time. What waits when the process
ends is carried for as long as `close` is given, and then lost: a link that never came is asked for again.
"""

import asyncio
import contextlib
import email.message
import email.policy
import email.utils
import logging
import random
import ssl
from collections import deque
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

import aiosmtplib
import msgspec

from services.notifications.letters import one_line
from services.notifications.port import Mail

_PERMANENT: Final = range(500, 600)

log = logging.getLogger(__name__)


class SmtpSettings(msgspec.Struct, frozen=True):
    """Where mail goes, and how much of it may wait.

    Attributes:
        url: smtp://user:password@host:port, smtps:// for TLS from the start; smtp:// upgrades to TLS, which a
            server has to offer unless it is on this machine and asks for no password.
        sender: the address that stands in From.
        sender_name: the name beside it.
        waiting_max: mails that may wait in this process.
        carriers: connections at once.
        tries: how often a mail is tried.
        pause_ms: before the second try; each further pause is twice as long, and none above a minute.
    """

    url: str
    sender: str
    sender_name: str = "Bilten"
    waiting_max: int = 2_000
    carriers: int = 2
    tries: int = 8
    pause_ms: int = 500
    timeout_ms: int = 10_000


class SmtpMailer:
    """A `Mailer` over SMTP.

    Attributes:
        sent, dropped, retried: how many mails, for metrics.
    """

    def __init__(self, settings: SmtpSettings, clock: Callable[[], int]) -> None:
        self._settings = settings
        self._server = urlsplit(settings.url)
        self._clock = clock
        self._waiting: deque[tuple[Mail, int]] = deque()
        self._resting: set[asyncio.Task[None]] = set()
        self._carriers: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._tls: ssl.SSLContext | None = None
        self.sent = 0
        self.dropped = 0
        self.retried = 0

    @property
    def waiting(self) -> int:
        """Mails that are not carried yet."""
        return len(self._waiting) + len(self._resting)

    async def send(self, mail: Mail) -> None:
        """Take a mail. Raises `ConnectionError` when too many wait."""
        if self._is_closed or self.waiting >= self._settings.waiting_max:
            raise ConnectionError("too many mails wait to be carried")
        self._waiting.append((mail, 1))
        self._carry()

    async def greet(self) -> None:
        """Connect and hang up again. Raises `ConnectionError` when the server does not answer."""
        try:
            await _hang_up(await self._connect())
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise ConnectionError(f"the mail server does not answer: {type(error).__name__}") from error

    def counts(self) -> dict[str, int]:
        """Return what metrics show."""
        return {
            "waiting": self.waiting,
            "sent": self.sent,
            "dropped": self.dropped,
            "retried": self.retried,
        }

    async def close(self, within_ms: int = 5_000) -> None:
        """Carry what waits, for at most so long, and give up what is left."""
        self._is_closed = True
        if self._carriers:
            await asyncio.wait(self._carriers, timeout=within_ms / 1000)
        left = [*self._carriers, *self._resting]
        if left or self._waiting:
            log.warning("%d mails were not carried", self.waiting)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _carry(self) -> None:
        if len(self._carriers) < min(self._settings.carriers, len(self._waiting)):
            carrier = asyncio.create_task(self._run())
            self._carriers.add(carrier)
            carrier.add_done_callback(self._gone)

    def _gone(self, carrier: "asyncio.Task[None]") -> None:
        self._carriers.discard(carrier)
        # What came while it was hanging up counted on it.
        if self._waiting and not carrier.cancelled():
            self._carry()

    async def _run(self) -> None:
        """Carry over one connection until nothing waits."""
        client: aiosmtplib.SMTP | None = None
        try:
            while self._waiting:
                mail, attempt = self._waiting.popleft()
                try:
                    client = client or await self._connect()
                    await client.send_message(message_of(mail, self._settings, self._clock()))
                    self.sent += 1
                except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
                    self._failed(mail, attempt, error)
                    _drop(client)
                    client = None
            await _hang_up(client)
        finally:
            _drop(client)

    def _failed(self, mail: Mail, attempt: int, error: Exception) -> None:
        # Neither the address nor the server's words, which often repeat it, go into the log.
        number = error.code if isinstance(error, aiosmtplib.SMTPResponseException) else 0
        refused = isinstance(error, aiosmtplib.SMTPRecipientsRefused) and all(
            each.code in _PERMANENT for each in error.recipients
        )
        if (
            refused
            or number in _PERMANENT
            or isinstance(error, ValueError)
            or attempt >= self._settings.tries
        ):
            self.dropped += 1
            log.error("a mail was given up after %d tries: %s %d", attempt, type(error).__name__, number)
            return
        self.retried += 1
        pause_ms = min(60_000, self._settings.pause_ms * 2 ** (attempt - 1))
        rest = asyncio.create_task(self._rest(mail, attempt + 1, pause_ms * random.uniform(0.7, 1.3) / 1000))  # noqa: S311
        self._resting.add(rest)
        rest.add_done_callback(self._resting.discard)

    async def _rest(self, mail: Mail, attempt: int, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        self._waiting.append((mail, attempt))
        self._carry()

    async def _connect(self) -> aiosmtplib.SMTP:
        server = self._server
        is_tls = server.scheme == "smtps"
        if self._tls is None:
            # Reads all certificates that this machine trusts: some 30 ms in which nothing else would go on.
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        client = aiosmtplib.SMTP(
            hostname=server.hostname,
            port=server.port or (465 if is_tls else 25),
            username=unquote(server.username) if server.username else None,
            password=unquote(server.password) if server.password else None,
            use_tls=is_tls,
            # None: where the server offers it. Whoever sits in between can take the offer out.
            start_tls=False if is_tls else True if needs_tls(server) else None,
            tls_context=self._tls,
            timeout=self._settings.timeout_ms / 1000,
        )
        await client.connect()
        return client


def needs_tls(server: SplitResult) -> bool:
    """Say whether mail for a server must not go over the wire in the clear."""
    return bool(server.username) or not _is_on_this_machine(server.hostname or "")


def _is_on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def message_of(mail: Mail, settings: SmtpSettings, now_ms: int) -> email.message.EmailMessage:
    """Return a mail as it is sent. Raises `ValueError` for an address that is none.

    Header values go through the structured types of the standard library, which refuse line ends; that is
    what makes injecting a header impossible, not the callers' care.
    """
    message = email.message.EmailMessage(policy=email.policy.SMTP)
    message["From"] = email.utils.formataddr((settings.sender_name, settings.sender))
    message["To"] = _address(mail.to)
    message["Subject"] = one_line(mail.subject)
    message["Date"] = email.utils.formatdate(now_ms / 1000)
    message["Message-ID"] = email.utils.make_msgid(domain=settings.sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _address(text: str) -> str:
    if len(text) > 254 or text.count("@") != 1 or any(sign in text for sign in "\r\n\0<>,; \"'()[]:\\"):
        raise ValueError("not an address")
    local, _, domain = text.partition("@")
    if not local or not domain:
        raise ValueError("not an address")
    return local + "@" + domain.encode("idna").decode()


async def _hang_up(client: aiosmtplib.SMTP | None) -> None:
    """Leave as one does, between two mails."""
    if client is not None:
        with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
            await client.quit()
    _drop(client)


def _drop(client: aiosmtplib.SMTP | None) -> None:
    """Leave at once. In the middle of a mail a server takes a goodbye for more of it, and does not answer."""
    if client is not None:
        client.close()
