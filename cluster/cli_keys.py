"""`bilten keys`: the key-encryption keys of personal data."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli_settings import Config, dsn_or_exit, settings_of_running
from cluster.settings import Settings

if TYPE_CHECKING:
    from services.vault import KeyRing

app = typer.Typer(no_args_is_help=True, help="The keys that personal data is sealed under.")


def ring_file(settings: Settings) -> Path:
    """Where the key ring is."""
    return Path(settings.people.keys_file or settings.data_path / "people-keys")


@app.command()
def status(config: Config = None) -> None:
    """Say which key-encryption keys there are, and how many persons' keys each of them wraps.

    Example:

        bilten keys status
    """
    settings = settings_of_running(config)
    ring = _ring_or_exit(settings)
    counts = asyncio.run(_counts(dsn_or_exit(settings)))
    for version in sorted({*ring.keys, *counts}):
        said = "newest" if version == ring.newest else "" if version in ring.keys else "NOT IN THE RING"
        typer.echo(f"key {version}: {counts.get(version, 0)} persons {said}".rstrip())
    if set(counts) - set(ring.keys):
        raise typer.Exit(1)


@app.command()
def rotate(
    config: Config = None,
    add: Annotated[
        bool, typer.Option(help="Make a fresh key first; without it, the newest one that is there is used.")
    ] = True,
) -> None:
    """Wrap every person's key by a fresh key-encryption key, while the platform runs.

    May be interrupted and run again. Where several machines share a ring, put the new key into every copy of
    the file first, and rotate with --no-add.

    Examples:

        bilten keys rotate

        bilten keys rotate --no-add
    """
    from cluster import key_ring

    settings = settings_of_running(config)
    dsn = dsn_or_exit(settings)
    _ring_or_exit(settings)
    if add:
        typer.echo(f"key {key_ring.add_key(ring_file(settings))} was made")
    done = asyncio.run(_rotate(settings, dsn))
    typer.echo(f"{done} persons' keys were wrapped anew")


@app.command()
def drop(version: Annotated[int, typer.Argument(help="Its number.")], config: Config = None) -> None:
    """Remove a key-encryption key that wraps nothing any more.

    Example:

        bilten keys drop 1
    """
    from cluster import key_ring

    settings = settings_of_running(config)
    _ring_or_exit(settings)
    wrapped = asyncio.run(_counts(dsn_or_exit(settings))).get(version, 0)
    if wrapped:
        typer.echo(f"key {version} still wraps the keys of {wrapped} persons: bilten keys rotate", err=True)
        raise typer.Exit(1)
    try:
        key_ring.drop_key(ring_file(settings), version)
    except key_ring.BadKeyRing as error:
        typer.echo(f"keys drop: {error}", err=True)
        raise typer.Exit(1) from None


def _ring_or_exit(settings: Settings) -> "KeyRing":
    from cluster import key_ring

    try:
        return key_ring.read_ring(ring_file(settings))
    except (key_ring.BadKeyRing, OSError) as error:
        typer.echo(f"keys: {error}", err=True)
        raise typer.Exit(1) from None


async def _counts(dsn: str) -> dict[int, int]:
    from storage.person_keys import PersonKeys
    from storage.postgres import close_pool, create_pool

    pool = await create_pool(dsn, application_name="bilten keys")
    try:
        return await PersonKeys(pool).count_by_version()
    finally:
        await close_pool(pool)


async def _rotate(settings: Settings, dsn: str) -> int:
    from cluster import key_ring
    from services.vault import Vault
    from storage.person_keys import PersonKeys
    from storage.postgres import close_pool, create_pool

    pool = await create_pool(dsn, application_name="bilten keys")
    file = ring_file(settings)
    try:
        vault = Vault(PersonKeys(pool), lambda: key_ring.read_ring(file), lambda: time.time_ns() // 1_000_000)
        return await vault.rotate(lambda done: typer.echo(f"  {done}"))
    finally:
        await close_pool(pool)
