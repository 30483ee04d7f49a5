"""The mail server of the embedded stack and its page. If these failed, a newcomer would never get the link
that confirms their address, or everybody in the network could read it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from email.message import EmailMessage
from pathlib import Path

import aiosmtplib
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request

from cluster import processes
from cluster.embedded_smtp import MailFolder
from gateway.dev_mail import DevMail
from services.notifications.email import SmtpMailer, SmtpSettings
from services.notifications.letters import letter

LINK = "https://tickets.example/sign-up/confirm#token=" + "x" * 43


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    """The server as a process of its own, as `bilten up` runs it."""
    port = processes.free_port()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cluster", "serve", "smtp", "--port", str(port)),
        env={**os.environ, "BILTEN_DATA_DIR": str(tmp_path)},
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        while not (tmp_path / "smtp.ready").exists():
            assert child.returncode is None
            await asyncio.sleep(0.05)
    yield port
    child.send_signal(signal.SIGTERM)
    _, said = await child.communicate()
    assert child.returncode == 0
    assert b"anna@" not in said, "addresses don't belong into logs"


async def client_of(folder: Path) -> TestClient[web.Request, web.Application]:
    app = web.Application()
    app.add_routes(DevMail(folder).routes())
    client: TestClient[web.Request, web.Application] = TestClient(TestServer(app))
    await client.start_server()
    return client


async def test_mail_that_is_sent_is_shown(port: int, tmp_path: Path) -> None:
    mailer = SmtpMailer(SmtpSettings(f"smtp://127.0.0.1:{port}", "tickets@bilten.example"), lambda: 0)
    nasty = '<script>alert("x")</script>'
    await mailer.send(letter("anna@example.org", f"Hello {nasty}", [nasty], link=("Confirm", LINK)))
    await mailer.send(letter("other@example.org", "Other", ["Words"]))
    await mailer.close()
    assert mailer.sent == 2
    client = await client_of(tmp_path / "mail")
    page = await (await client.get("/dev/mail")).text()
    assert "other@example.org" in page
    assert "<script" not in page
    listed = await (await client.get("/dev/mail.json", params={"to": "anna@example.org"})).json()
    assert [each["to"] for each in listed] == ["anna@example.org"]
    one = await (await client.get(f"/dev/mail/{listed[0]['name']}")).text()
    assert f'href="{LINK}"' in one
    assert "<script" not in one
    for name in ("nothing", "../../etc/passwd", "0000000000000-000000"):
        assert (await client.get(f"/dev/mail/{name}")).status == 404
    await client.close()


async def test_it_is_shown_on_this_machine_only(tmp_path: Path) -> None:
    """Links in mails open accounts."""
    shown = DevMail(tmp_path)
    request = make_mocked_request("GET", "/dev/mail").clone(remote="192.0.2.7")
    for answer in (await shown.newest(request), await shown.newest_json(request)):
        assert answer.status == 404


def test_the_newest_are_kept_and_nobody_else_reads_them(tmp_path: Path) -> None:
    folder = MailFolder(tmp_path / "mail", kept_max=3)
    for number in range(5):
        folder.keep(f"Subject: {number}\r\n\r\n".encode())
    kept = sorted((tmp_path / "mail").iterdir())
    assert [path.read_bytes()[9:10] for path in kept] == [b"2", b"3", b"4"]
    assert (tmp_path / "mail").stat().st_mode & 0o077 == 0
    assert kept[0].stat().st_mode & 0o077 == 0


async def test_a_mail_that_is_too_large_is_refused(port: int) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "a@example.org", "b@example.org"
    message.set_content("x" * 2_000_000)
    with pytest.raises(aiosmtplib.SMTPException):
        await aiosmtplib.send(message, hostname="127.0.0.1", port=port)
