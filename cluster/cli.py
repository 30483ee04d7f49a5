"""The console script `bilten`."""

import typer

app = typer.Typer(no_args_is_help=True, help="Bilten: event ticketing.")


@app.callback()
def root() -> None:
    """Bilten: event ticketing."""


def main() -> None:
    """Runs the console script."""
    app(prog_name="bilten")
