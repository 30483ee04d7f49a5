"""`bilten users`: accounts that nobody can make over the web, such as the first administrator's."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cluster.cli_settings import Config, dsn_or_exit, settings_of_running
from cluster.settings import Settings
from domain.roles import PlatformRole

if TYPE_CHECKING:
    from services.users.operations import AccountOperations, Added

# How long a command waits for the mail server.
_LETTER_MS: Final = 15_000

app = typer.Typer(no_args_is_help=True, help="Accounts, from the command line.")


@app.command()
def promote(
    email: Annotated[str, typer.Argument(help="Address of an account that is confirmed.")],
    role: Annotated[PlatformRole, typer.Option(help="What the account is to the platform from now on.")],
    config: Config = None,
) -> None:
    """Give an account a role of the platform. It is in the platform's audit log.

    Example:

        bilten users promote anna@example.org --role platform_admin
    """
    if not asyncio.run(_promote(_settings(config), email, role)):
        typer.echo("promote: there is no account with this address", err=True)
        raise typer.Exit(1)
    typer.echo(f"this account is {role.value} from now on")


@app.command()
def demote(
    email: Annotated[str, typer.Argument(help="Address of the account.")],
    config: Config = None,
) -> None:
    """Take an account's role of the platform away. It is in the platform's audit log.

    Example:

        bilten users demote anna@example.org
    """
    if not asyncio.run(_demote(_settings(config), email)):
        typer.echo("demote: no account with this address has a role of the platform", err=True)
        raise typer.Exit(1)
    typer.echo("this account has no role of the platform any more")


@app.command()
def add(
    email: Annotated[str, typer.Argument(help="Address of the account.")],
    password_file: Annotated[Path, typer.Option(help="File whose first line is the password.")],
    name: Annotated[str, typer.Option(help="Name of the person.")] = "Owner",
    owner_of_event: Annotated[
        str, typer.Option(help="Make it an owner of the organisation of the event with this slug.")
    ] = "",
    config: Config = None,
) -> None:
    """Make an account without a mail; one that is there already keeps its name and password.

    A lesser role that it has in the organisation of the event becomes that of an owner. Roles are in the
    organisation's audit log.

    Example:

        bilten users add anna@example.org --name Anna --password-file secret.txt --owner-of-event demo
    """
    try:
        password = _first_line(password_file)
    except OSError as error:
        typer.echo(f"add: {error}", err=True)
        raise typer.Exit(1) from None
    added = asyncio.run(_add(_settings(config), email, name, password, owner_of_event))
    if added.problem:
        typer.echo(f"add: {added.problem}", err=True)
        raise typer.Exit(1)
    if added.was is not None:
        typer.echo(f"this account was {added.was.value} in the organisation, and is an owner from now on")


@app.command("set-password")
def set_password(
    email: Annotated[str, typer.Argument(help="Address of the account.")],
    password_file: Annotated[
        Path | None, typer.Option(help="File whose first line is the password; a random one is made without.")
    ] = None,
    config: Config = None,
) -> None:
    """Give an account another password, and sign it out everywhere. It is in the platform's audit log.

    Examples:

        bilten users set-password demo@example.org

        bilten users set-password demo@example.org --password-file .bilten/demo-password
    """
    try:
        password = _first_line(password_file) if password_file else secrets.token_urlsafe(12)
    except OSError as error:
        typer.echo(f"set-password: {error}", err=True)
        raise typer.Exit(1) from None
    problem = asyncio.run(_set_password(_settings(config), email, password))
    if problem:
        typer.echo(f"set-password: {problem}", err=True)
        raise typer.Exit(1)
    typer.echo("the password is changed" if password_file else f"the password is {password} from now on")


def _first_line(file: Path) -> str:
    return file.read_text(encoding="utf-8").partition("\n")[0]


@app.command("remove-second-factors")
def remove_second_factors(
    email: Annotated[str, typer.Argument(help="Address of the account.")],
    reason: Annotated[
        str,
        typer.Option(help="Why, and how you know that it is them: for the audit log, so name nobody."),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
    config: Config = None,
) -> None:
    """Take the app, its recovery codes and all passkeys away from somebody who has lost them.

    Their sessions end, their password stays. It is in the platform's audit log with the reason, and they are
    told by mail. Make sure who asks: whoever has the password gets in afterwards.

    Examples:

        bilten users remove-second-factors anna@example.org --reason "Phone lost; called back, ticket 4711"

        bilten users remove-second-factors anna@example.org --reason "Phone lost, ticket 4711" --yes
    """
    from services.users.lost_factors import REASON_MAX, REASON_MIN

    reason = " ".join(reason.split())
    if not REASON_MIN <= len(reason) <= REASON_MAX:
        typer.echo(f"the reason has {len(reason)} characters, not {REASON_MIN} to {REASON_MAX}", err=True)
        raise typer.Exit(2)
    settings = _settings(config)
    try:
        problem = asyncio.run(_remove_factors(settings, email, reason, is_meant=yes))
    except ConnectionError as error:
        problem = str(error)
    if problem:
        typer.echo(f"remove-second-factors: {problem}", err=True)
        raise typer.Exit(1)


def _settings(config: Path | None) -> Settings:
    settings = settings_of_running(config)
    dsn_or_exit(settings)
    return settings


@contextlib.asynccontextmanager
async def _administration(settings: Settings) -> AsyncIterator["AccountOperations"]:
    from actors.ports import steady_clock
    from cluster.people_wiring import audit_key, people_vault
    from cluster.wiring import new_ids
    from services.users.operations import AccountOperations
    from services.users.passwords import Passwords, PasswordSettings
    from storage import audit_log
    from storage.postgres import close_pool, create_pool

    audit_log.seal_with(audit_key(settings))
    pool = await create_pool(settings.postgres.dsn, application_name="bilten users")
    passwords = Passwords(PasswordSettings(settings.users.hash_memory_kib, settings.users.hash_passes))
    try:
        clock = steady_clock()
        vault = people_vault(settings, pool, clock)
        yield AccountOperations(pool, vault, passwords, clock, new_ids(clock))
    finally:
        await passwords.close()
        await close_pool(pool)


async def _demote(settings: Settings, email: str) -> bool:
    async with _administration(settings) as administration:
        return await administration.demote(email)


async def _promote(settings: Settings, email: str, role: PlatformRole) -> bool:
    async with _administration(settings) as administration:
        return await administration.promote(email, role)


async def _add(settings: Settings, email: str, name: str, password: str, event: str) -> "Added":
    async with _administration(settings) as administration:
        return await administration.add(email, name, password, event)


async def _set_password(settings: Settings, email: str, password: str) -> str:
    async with _administration(settings) as administration:
        return await administration.set_password(email, password)


async def _remove_factors(settings: Settings, email: str, reason: str, *, is_meant: bool) -> str:
    """Return what went wrong, "" if nothing did."""
    from actors.ports import steady_clock
    from cluster.people_wiring import audit_key, mailer_of, people_vault
    from services.users.lost_factors import LostFactors
    from services.users.mails import AccountLetters
    from storage import audit_log
    from storage.postgres import close_pool, create_pool

    audit_log.seal_with(audit_key(settings))
    clock = steady_clock()
    mailer = mailer_of(settings, clock)
    pool = await create_pool(settings.postgres.dsn, application_name="bilten users")
    try:
        lost = LostFactors(pool, people_vault(settings, pool, clock), AccountLetters(settings.url), clock)
        found = await lost.of(email)
        if found is None:
            return "there is no account with this address"
        if not found.is_any:
            return "this account has no second factor"
        app = "an authenticator app, " if found.has_totp else ""
        typer.echo(f"this account has {app}{found.recovery_codes} recovery codes, {found.passkeys} passkeys")
        if not is_meant and not typer.confirm("Take all of it away and end every session?"):
            return "nothing was changed"
        done = await lost.remove(email, reason)
        if done is None:
            return "somebody else was faster"
        removed, letter = done
        typer.echo(f"taken away, and {removed.sessions} sessions ended")
        await mailer.send(letter)
    finally:
        await mailer.close(_LETTER_MS)
        await close_pool(pool)
    if not mailer.sent:
        return "it is done, but the mail server did not take the letter that tells them: tell them yourself"
    return ""
