"""If these failed, `bilten COMMAND --help` would not say how to use it, or a mistake would be a traceback."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from cluster.cli import app
from cluster.embedded import EmbeddedPostgres

COMMANDS = {
    "keys status",
    "keys rotate",
    "keys drop",
    *("up", "migrate", "check-config", "doctor", "load", "rush", "bench", "simulate"),
    *("serve gateway", "serve shards", "journal tail", "journal verify"),
}


def commands() -> dict[str, str]:
    """Every command with its help."""
    found: dict[str, str] = {}
    root = typer.main.get_command(app)
    for name, command in getattr(root, "commands", {}).items():
        for below, inner in getattr(command, "commands", {"": command}).items():
            found[f"{name} {below}".strip()] = inner.help or ""
    return found


def bilten(*arguments: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    root = str(Path(__file__).resolve().parents[2])
    return subprocess.run(
        [sys.executable, "-P", "-m", "cluster", *arguments],
        check=False,
        capture_output=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": root, "COLUMNS": "120", **environment},
        text=True,
        timeout=60,
    )


def test_every_command_is_there_with_an_example() -> None:
    found = commands()
    assert set(found) >= COMMANDS
    for name, text in found.items():
        assert f"bilten {name}" in text, f"the help of {name} shows no example"


def test_a_wrong_setting_ends_every_command_with_its_fix(tmp_path: Path) -> None:
    (tmp_path / "bilten.toml").write_text("[gateway]\nprot = 1\n")
    for command in ("up", "migrate", "check-config", "doctor"):
        done = bilten(command, folder=tmp_path)
        assert done.returncode == 2
        assert "Did you mean gateway.port?" in done.stderr
        assert "Traceback" not in done.stderr


def test_without_a_database_one_is_told_what_to_do(tmp_path: Path) -> None:
    for arguments in (("migrate",), ("journal", "verify"), ("load", "absent.toml")):
        done = bilten(*arguments, folder=tmp_path)
        assert done.returncode == 2
        assert "BILTEN_POSTGRES_DSN" in done.stderr


@pytest.mark.parametrize("again", [False, True])
def test_migrate_and_verify_an_empty_database(postgres_dsn: str, tmp_path: Path, again: bool) -> None:
    for _ in range(2 if again else 1):
        done = bilten("migrate", folder=tmp_path, BILTEN_POSTGRES_DSN=postgres_dsn)
    assert done.returncode == 0, done.stderr
    assert ("up to date" in done.stdout) is again
    verified = bilten("journal", "verify", folder=tmp_path, BILTEN_POSTGRES_DSN=postgres_dsn)
    assert verified.returncode == 0, verified.stderr


def test_a_server_that_is_down_is_no_traceback(tmp_path: Path, postgres_server: EmbeddedPostgres) -> None:
    dsn = postgres_server.dsn().replace(f":{postgres_server.port}/", ":1/")
    for arguments in (("migrate",), ("journal", "verify"), ("journal", "tail")):
        done = bilten(*arguments, folder=tmp_path, BILTEN_POSTGRES_DSN=dsn)
        assert done.returncode == 1
        assert "Traceback" not in done.stderr
