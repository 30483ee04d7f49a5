"""Migrations: the numbered files in `migrations/`, applied in their order, once, forward only.

Each runs in a transaction of its own with its row in the table `migrations`. An advisory lock makes processes
that start together queue up. A file that was changed after it had been applied is refused: the databases that
have it would differ from those that get it now.
"""

import hashlib
import re
import time
from itertools import pairwise
from pathlib import Path
from typing import Final

import asyncpg

from storage.partitions import ensure_partitions
from storage.postgres import Connection, connect

FOLDER: Final = Path(__file__).parent / "migrations"
_NAME: Final = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_LOCK: Final = 0x42_49_4C_54_45_4E  # BILTEN


class NotMigrated(Exception):
    """A database is as it was, or up to an earlier migration; `args[0]` says why, and what to do."""


class MigrationChanged(NotMigrated):
    """Applied migrations do not agree with the files. `args[0]` names the file and says what to do."""


class MigrationNotAllowed(NotMigrated):
    """Whoever migrates lacks a right in PostgreSQL. `args[0]` says which, and what a superuser has to do."""


class MigrationTooEarly(NotMigrated):
    """What the database holds is still in a migration's way. `args[0]` says what has to be done before."""


async def migrate(dsn: str, *, folder: Path = FOLDER, now_ms: int | None = None) -> list[str]:
    """Bring a database up to date and return the names of the migrations that were applied now.

    Raises:
        MigrationChanged: an applied file was edited, or is gone.
        MigrationNotAllowed: the role of the DSN lacks a right that a migration needs.
        MigrationTooEarly: something has to be finished first.
        ConnectionError: the server can't be reached.
    """
    files = _read(folder)
    connection = await connect(dsn, application_name="bilten migrate")
    try:
        # Held by the session, so that it ends with the connection whatever happens.
        await connection.execute(f"SELECT pg_advisory_lock({_LOCK})")
        applied = await _apply(connection, files)
        if await connection.fetchval("SELECT to_regclass('journal') IS NOT NULL"):
            await ensure_partitions(connection, int(time.time() * 1000) if now_ms is None else now_ms)
        return applied
    finally:
        await connection.close()


def _read(folder: Path) -> dict[str, str]:
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql"))}
    misnamed = [name for name in files if not _NAME.fullmatch(name)]
    if misnamed:
        raise MigrationChanged(f"{misnamed[0]}: a migration is named NNNN_what_it_does.sql")
    for name, following in pairwise(files):
        # Beside each other, their order would be that of their words.
        if name[:4] == following[:4]:
            raise MigrationChanged(f"{following}: {name} has this number already; take the next free one")
    return files


async def _apply(connection: Connection, files: dict[str, str]) -> list[str]:
    await connection.execute("""
        CREATE TABLE IF NOT EXISTS migrations (
            name       text        PRIMARY KEY,
            checksum   text        NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        )
    """)
    rows = await connection.fetch("SELECT name, checksum FROM migrations ORDER BY name")
    known: dict[str, str] = {row["name"]: row["checksum"] for row in rows}
    checksums = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    for name, checksum in known.items():
        if name not in files:
            raise MigrationChanged(
                f"{name} was applied to this database, but is not here: newer code made it"
            )
        if checksums[name] != checksum:
            raise MigrationChanged(
                f"{name} was edited after it had been applied: undo that and add a new file"
            )
    applied = []
    newest = max(known, default="")
    for name, text in files.items():
        if name in known:
            continue
        if name < newest:
            raise MigrationChanged(
                f"{name} comes before {newest}, which was applied: give it the next number"
            )
        try:
            async with connection.transaction():
                await connection.execute(text)
                await connection.execute(
                    "INSERT INTO migrations (name, checksum) VALUES ($1, $2)", name, checksums[name]
                )
        except asyncpg.InsufficientPrivilegeError as error:
            advice = f"; {error.hint}" if error.hint else ""
            raise MigrationNotAllowed(f"{name}: {error}{advice}") from None
        except asyncpg.RaiseError as error:
            raise MigrationTooEarly(f"{name}: {error}") from None
        applied.append(name)
    return applied
