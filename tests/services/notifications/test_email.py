"""Mail, against a real SMTP server. If these failed, a name could add headers or markup to a mail, or a
server that is away would hold up whoever sends.
"""

import asyncio
import ssl
import threading
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from services.notifications.email import SmtpMailer, SmtpSettings, message_of, needs_tls
from services.notifications.letters import foreign_name, letter, one_line
from services.notifications.port import Mail
from tests.gateway.stage import eventually
from tests.mailbox import Mailbox, html_of, mailbox, text_of

SENDER = "tickets@bilten.example"
NASTY = '"><script>alert(1)</script>\r\nBcc: everyone@example.org\u202e'


def clock() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


def mailer_to(url: str, waiting_max: int = 100, tries: int = 8) -> SmtpMailer:
    return SmtpMailer(SmtpSettings(url, SENDER, pause_ms=10, waiting_max=waiting_max, tries=tries), clock)


async def test_a_mail_arrives_as_text_and_html(box: Mailbox) -> None:
    mailer = mailer_to(box.url)
    link = ("Confirm", "https://tickets.example/confirm#token=" + "x" * 43)
    await mailer.send(letter("anna@example.org", "Grüße", ["Hello Ánna,", "a line"], link=link))
    mail = await box.next_to("anna@example.org")
    assert mail["Subject"] == "Grüße"
    assert mail["From"] == f"Bilten <{SENDER}>"
    assert link[1] in text_of(mail), "a link is not broken over lines"
    assert f'href="{link[1]}"' in html_of(mail)
    assert mail["Message-ID"].endswith("@bilten.example>")
    await mailer.close()


async def test_nothing_adds_headers_or_markup(box: Mailbox) -> None:
    mailer = mailer_to(box.url)
    await mailer.send(letter("anna@example.org", NASTY, [NASTY], link=(NASTY, "https://x.example/")))
    mail = await box.next_to("anna@example.org")
    assert mail["Bcc"] is None
    assert "\n" not in str(mail["Subject"])
    assert "<script" not in html_of(mail)
    assert box.envelopes[0].rcpt_tos == ["anna@example.org"]
    # Whoever builds a mail by hand can't either.
    await mailer.send(Mail("anna@example.org", "S\r\nBcc: b@example.org", "t", "h"))
    mail = await box.next_to("anna@example.org")
    assert mail["Bcc"] is None
    await mailer.close()


@pytest.mark.parametrize(
    "address",
    [
        "anna@example.org\r\nRCPT TO:<b@example.org>",
        "anna@example.org, b@example.org",
        "Anna <anna@example.org>",
        "anna",
        "@example.org",
        "a@" + "x" * 300,
    ],
)
async def test_what_is_no_address_is_dropped(box: Mailbox, address: str) -> None:
    settings = SmtpSettings(box.url, SENDER)
    with pytest.raises(ValueError, match=r"address|label"):
        message_of(Mail(address, "s", "t", "h"), settings, clock())
    mailer = mailer_to(box.url)
    await mailer.send(Mail(address, "s", "t", "h"))
    await mailer.send(Mail("good@example.org", "s", "t", "h"))
    await box.next_to("good@example.org")
    await mailer.close()  # another carrier may have the bad one still
    assert mailer.dropped == 1


async def test_what_the_server_takes_later_is_tried_again(box: Mailbox) -> None:
    box.answers = ["451 later", "421 going down"]
    mailer = mailer_to(box.url)
    await mailer.send(Mail("anna@example.org", "s", "t", "h"))
    await box.next_to("anna@example.org")
    await mailer.close()
    assert (mailer.sent, mailer.retried, mailer.dropped) == (1, 2, 0)


async def test_no_mail_waits_for_the_next_one(box: Mailbox) -> None:
    """One that comes while the last carrier is hanging up is carried all the same."""
    mailer = mailer_to(box.url)
    for number in range(30):
        await mailer.send(Mail(f"anna-{number}@example.org", "s", "t", "h"))
        await box.next_to(f"anna-{number}@example.org")
        # Now the carrier is somewhere between its last answer and its end.
        for _ in range(number % 6):
            await asyncio.sleep(0)
    await mailer.close()


async def test_trusted_certificates_are_read_once_and_beside_the_work(
    box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That takes 30 ms, in which a gateway answered nobody, and was done for each connection."""
    threads = []
    create = ssl.create_default_context

    def noted() -> ssl.SSLContext:
        threads.append(threading.current_thread())
        return create()

    monkeypatch.setattr(ssl, "create_default_context", noted)
    mailer = mailer_to(box.url)
    for _ in range(3):
        await mailer.greet()
    await mailer.close()
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


async def test_what_the_server_refuses_for_good_is_dropped(box: Mailbox) -> None:
    box.answers = ["554 never"]
    mailer = mailer_to(box.url)
    await mailer.send(Mail("anna@example.org", "s", "t", "h"))
    await eventually(lambda: mailer.dropped == 1)
    await mailer.send(Mail("next@example.org", "s", "t", "h"))
    await box.next_to("next@example.org")
    await mailer.close()
    assert (mailer.sent, mailer.dropped) == (1, 1)


async def test_a_server_that_is_away_holds_up_nobody_and_bounds_what_waits() -> None:
    mailer = mailer_to("smtp://127.0.0.1:1", waiting_max=5, tries=100)
    mail = Mail("anna@example.org", "s", "t", "h")
    async with asyncio.timeout(1):
        for _ in range(5):
            await mailer.send(mail)
    with pytest.raises(ConnectionError):
        await mailer.send(mail)
    await mailer.close(0)
    with pytest.raises(ConnectionError):
        await mailer.send(mail)


async def test_nobody_waits_for_a_server_that_is_in_the_middle_of_a_mail() -> None:
    """A gateway that ends said goodbye to it, and waited ten seconds for an answer."""
    is_told, rest = asyncio.Event(), asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        async for line in reader:
            if line.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                break
            writer.write(b"250 yes\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        is_told.set()
        rest.set_result(await reader.read())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    mailer = mailer_to(f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await mailer.send(Mail("anna@example.org", "s", "t", "h"))
    async with asyncio.timeout(8):
        await is_told.wait()
        await mailer.close(0)
        assert await rest == b""
    server.close()
    await server.wait_closed()


async def test_mail_waits_for_a_server_that_comes_back(box: Mailbox) -> None:
    away = SmtpMailer(SmtpSettings("smtp://127.0.0.1:1", SENDER, pause_ms=10, tries=50), clock)
    await away.send(Mail("anna@example.org", "s", "t", "h"))
    async with asyncio.timeout(5):
        while not away.retried:
            await asyncio.sleep(0.01)
    away._server = away._server._replace(netloc=f"127.0.0.1:{box.port}")
    await box.next_to("anna@example.org")
    await away.close()


def test_lines_have_no_ends() -> None:
    assert one_line("a\r\nb\u2028c\x00d") == "a b c d"
    assert len(one_line("x" * 500)) == 150
    assert repr(Mail("secret@example.org", "s", "t", "h")).count("secret") == 0


@pytest.mark.parametrize(
    ("url", "must"),
    [
        ("smtp://127.0.0.1:25", False),
        ("smtp://[::1]:25", False),
        ("smtp://localhost", False),
        ("smtp://anna:secret@127.0.0.1", True),
        ("smtp://mail.example.org", True),
        ("smtp://192.0.2.1", True),
    ],
)
def test_which_servers_have_to_offer_tls(url: str, must: bool) -> None:
    assert needs_tls(urlsplit(url)) is must


async def test_no_password_goes_to_a_server_without_tls(box: Mailbox) -> None:
    """Whoever sits in between and takes STARTTLS out of the offer would read it."""
    heard: list[object] = []

    def authenticator(*said: object) -> AuthResult:
        heard.append(said)
        return AuthResult(success=True)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(box, loop=loop, authenticator=authenticator, auth_require_tls=False), "127.0.0.1", 0
    )
    mailer = mailer_to(f"smtp://anna:secret@127.0.0.1:{server.sockets[0].getsockname()[1]}", tries=1)
    await mailer.send(letter("anna@example.org", "Hello", ["Hello"]))
    await eventually(lambda: mailer.dropped == 1)
    await mailer.close()
    server.close()
    assert (box.mails, heard) == ([], [])


def test_a_strangers_name_is_short_and_leads_nowhere() -> None:
    """Mail programs make links of what looks like an address; who invites strangers must not have them."""
    said = foreign_name("Win at https://evil.example/now or evil\u3002example or ask me@evil.example")
    assert len(said.replace("\u200b", "")) == 60
    for linked in ("://", "evil.example", "evil\u3002example", "me@evil"):
        assert linked not in said
    assert foreign_name("St. Mary\u2019s Hall") == "St. Mary\u2019s Hall"
