"""`bilten audit`: is the log of who changed what as it was written?"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from cluster.cli_settings import Config, dsn_or_exit, settings_of_running

if TYPE_CHECKING:
    from storage.audit_verification import Head, Verified

app = typer.Typer(no_args_is_help=True, help="The log of who changed what.")


class SavedHead(msgspec.Struct, frozen=True):
    """A line of the file of heads: a chain's TypeID, its length, its last hash in hexadecimal."""

    chain: str
    seq: int
    hash: str


@app.callback()
def _group() -> None:
    """Keeps `verify` a command of its own while it is the only one."""


@app.command()
def verify(
    config: Config = None,
    heads: Annotated[
        Path | None,
        typer.Option(help="Compare with the heads in this file, made by an earlier run, and write today's."),
    ] = None,
) -> None:
    """Read every chain and name each entry that was edited, removed, put elsewhere, or cut off.

    Safe while the platform runs: it reads one snapshot of the database. Exits with 1 if anything is wrong,
    with 2 if it can't be said.
    Heads that are kept where the database's keepers can't write also show that a whole database was put back
    to an earlier day.

    Examples:

        bilten audit verify

        bilten audit verify --heads /mnt/elsewhere/audit-heads.jsonl
    """
    from cluster.people_wiring import audit_key

    settings = settings_of_running(config)
    dsn = dsn_or_exit(settings)
    if not settings.audit.key and not (settings.data_path / "audit-key").exists():
        # One made now would make every head look forged.
        typer.echo("audit verify: the key is not here: set BILTEN_AUDIT_KEY, or the data folder", err=True)
        raise typer.Exit(2)
    try:
        earlier = _read(heads) if heads is not None and heads.exists() else {}
        found = asyncio.run(_verify(dsn, audit_key(settings), earlier))
    except (ConnectionError, OSError, ValueError) as error:
        typer.echo(f"audit verify: {error}", err=True)
        raise typer.Exit(1) from None
    for finding in found.findings:
        numbers = "" if not finding.first else f" entry {finding.first}"
        if finding.last > finding.first:
            numbers = f" entries {finding.first} to {finding.last}"
        typer.echo(
            f"{_name(finding.chain)}{numbers}: {finding.damage.value}: {finding.explanation}", err=True
        )
    if found.findings:
        raise typer.Exit(1)
    typer.echo(f"{found.entries} entries in {len(found.heads)} chains are as they were written")
    if heads is not None:
        _write(heads, found.heads)


async def _verify(dsn: str, key: bytes, earlier: "Mapping[bytes, Head]") -> "Verified":
    from storage import audit_verification
    from storage.postgres import connect

    connection = await connect(dsn, application_name="bilten audit")
    try:
        return await audit_verification.verify(connection, key, earlier)
    finally:
        await connection.close()


def _name(chain: bytes) -> str:
    from domain import ids

    return ids.text(ids.ORGANISATION, chain) if any(chain) else "platform"


def _read(file: Path) -> "Mapping[bytes, Head]":
    from domain import ids
    from storage.audit_verification import Head

    saved = [msgspec.json.decode(line, type=SavedHead) for line in file.read_bytes().splitlines() if line]
    return {
        bytes(16) if head.chain == "platform" else ids.parse(ids.ORGANISATION, head.chain): Head(
            head.seq, bytes.fromhex(head.hash)
        )
        for head in saved
    }


def _write(file: Path, heads: "Mapping[bytes, Head]") -> None:
    lines = [
        msgspec.json.encode(SavedHead(_name(chain), head.seq, head.hash.hex()))
        for chain, head in heads.items()
    ]
    fresh = file.with_name(file.name + ".new")
    fresh.write_bytes(b"".join(line + b"\n" for line in lines))
    fresh.replace(file)
