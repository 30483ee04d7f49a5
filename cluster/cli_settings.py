"""What the commands of `bilten` share: where their settings come from."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cluster.settings import Settings
from cluster.settings_source import BadSettings
from cluster.settings_source import load as load_settings

Config = Annotated[
    Path | None,
    typer.Option("--config", envvar="BILTEN_CONFIG", help="Settings file; bilten.toml here if there is one."),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file as well.")]

EXIT_BAD_SETTINGS = 2


def settings_or_exit(config: Path | None) -> Settings:
    """The effective settings; prints every problem and exits with 2 when there are any."""
    try:
        return load_settings(config, os.environ)
    except BadSettings as error:
        for problem in error.problems:
            typer.echo(f"settings: {problem}", err=True)
        raise typer.Exit(EXIT_BAD_SETTINGS) from None


def settings_of_running(config: Path | None) -> Settings:
    """The effective settings, with the addresses of the platform that runs in their data folder."""
    from cluster import running

    settings = settings_or_exit(config)
    found = running.read_living(settings.data_path)
    if found is None:
        return settings
    for name, value in found.ray_environment.items():
        os.environ.setdefault(name, value)
    return found.applied_to(settings)


def dsn_or_exit(settings: Settings) -> str:
    """The DSN to work with; says what to do and exits when there is none."""
    if not settings.postgres.dsn:
        typer.echo("no PostgreSQL: start the platform (make up), or set BILTEN_POSTGRES_DSN", err=True)
        raise typer.Exit(EXIT_BAD_SETTINGS)
    return settings.postgres.dsn
