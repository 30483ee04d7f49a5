"""`bilten users`. If these failed, somebody who lost their second factor would be shut out, or it would be
taken from them by a slip of the hand, without a reason or without their knowing.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner

from cluster.cli import app
from tests.mailbox import Mailbox, mailbox, text_of
from tests.people import PASSWORD
from tests.servers import execute, run
from tests.storage.rows import EVENT

EMAIL = "anna@example.org"
REASON = "Phone lost, called back, ticket 4711"


@contextmanager
def mail_server() -> Iterator[Mailbox]:
    """A mail server in a thread of its own: commands have their own loop, and wait for it."""
    loop = asyncio.new_event_loop()
    started, done = threading.Event(), asyncio.Event()
    made: list[Mailbox] = []

    async def serve() -> None:
        async with mailbox() as box:
            made.append(box)
            started.set()
            await done.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(10)
    try:
        yield made[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)
        loop.close()


@pytest.fixture
def dsn(migrated_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A platform with an account that has a passkey."""
    monkeypatch.setenv("BILTEN_POSTGRES_DSN", migrated_dsn)
    monkeypatch.setenv("BILTEN_DATA_DIR", str(tmp_path / "data"))
    password = tmp_path / "password"
    password.write_text(PASSWORD)
    added = CliRunner().invoke(app, ["users", "add", EMAIL, "--password-file", str(password)])
    assert added.exit_code == 0, added.output
    run(
        execute(
            migrated_dsn,
            "INSERT INTO passkeys SELECT gen_random_uuid(), user_id, '0123456789abcdef', 'x', 0, 'x', now() "
            "FROM users",
        )
    )
    return migrated_dsn


def remove(*arguments: str, typed: str = "") -> Any:
    return CliRunner().invoke(app, ["users", "remove-second-factors", *arguments], input=typed)


async def fetch(dsn: str, statement: str) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(statement))
    finally:
        await connection.close()


def passkeys(dsn: str) -> int:
    return int(run(fetch(dsn, "SELECT count(*) FROM passkeys"))[0][0])


def test_factors_go_once_it_is_confirmed_and_their_owner_is_told(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server() as box:
        monkeypatch.setenv("BILTEN_MAIL_SMTP_URL", box.url)
        asked = remove(EMAIL, "--reason", REASON, typed="n\n")
        assert asked.exit_code == 1
        assert "1 passkeys" in asked.output and "nothing was changed" in asked.output
        assert (passkeys(dsn), box.mails) == (1, [])
        done = remove(EMAIL, "--reason", REASON, typed="y\n")
        assert done.exit_code == 0, done.output
        assert passkeys(dsn) == 0
        assert [str(mail["To"]) for mail in box.mails] == [EMAIL]
        assert "second factor" in text_of(box.mails[0])
    rows = run(fetch(dsn, "SELECT after FROM audit_entries WHERE action = 'user.remove_second_factors'"))
    assert [json.loads(row[0])["reason"] for row in rows] == [REASON]
    again = remove(EMAIL, "--reason", REASON, "--yes")
    assert again.exit_code == 1 and "no second factor" in again.output


def test_what_can_not_be_done_is_said(dsn: str) -> None:
    for arguments, status, said in (
        (("nobody@example.org", "--reason", REASON, "--yes"), 1, "no account"),
        ((EMAIL, "--reason", "lost", "--yes"), 2, "not 10 to 500"),
        ((EMAIL, "--reason", "x" * 501, "--yes"), 2, "not 10 to 500"),
        ((EMAIL, "--yes"), 2, "--reason"),
    ):
        refused = remove(*arguments)
        assert (refused.exit_code, said in refused.output) == (status, True), refused.output
    assert passkeys(dsn) == 1


def test_a_letter_that_is_not_taken_is_said(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILTEN_MAIL_SMTP_URL", "smtp://127.0.0.1:1")
    done = remove(EMAIL, "--reason", REASON, "--yes")
    assert done.exit_code == 1
    assert "tell them yourself" in done.output
    assert passkeys(dsn) == 0, "it is done all the same"


def test_who_was_less_in_the_organisation_is_said_to_be_an_owner_now(dsn: str, tmp_path: Path) -> None:
    event = "0197a000-0000-7000-8000-000000000001"
    made = EVENT.replace("$1", f"'{event}'").replace("$2", "now()")
    run(execute(dsn, made))
    arguments = ["users", "add", EMAIL, "--password-file", str(tmp_path / "password")]
    arguments += ["--owner-of-event", f"test-{event}"]
    first = CliRunner().invoke(app, arguments)
    run(execute(dsn, "UPDATE members SET role = 'finance'"))
    raised = CliRunner().invoke(app, arguments)
    assert (first.exit_code, first.output) == (0, ""), first.output
    assert (raised.exit_code, "was finance" in raised.output) == (0, True), raised.output
