"""The console script `bilten`: everything that a user starts. Each command imports only what it runs."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from cluster import cli_audit, cli_catalogue, cli_keys, cli_shards, cli_users
from cluster.cli_settings import Config, JsonFile, dsn_or_exit, settings_of_running, settings_or_exit

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,  # its boxes fill logs, and its locals hold DSNs
    help="Bilten: event ticketing that takes tens of thousands of reservations a second and loses none.",
    epilog="Settings: docs/settings.md, or `bilten check-config --page`.",
)
serve = typer.Typer(no_args_is_help=True, help="Run one part of the platform, as `bilten up` does for you.")
journal = typer.Typer(no_args_is_help=True, help="Look into the journal.")
app.add_typer(serve, name="serve")
app.add_typer(journal, name="journal")
app.add_typer(cli_audit.app, name="audit")
app.add_typer(cli_catalogue.app, name="catalogue")
app.add_typer(cli_keys.app, name="keys")
app.add_typer(cli_shards.app, name="shards")
app.add_typer(cli_users.app, name="users")


@app.command()
def up(config: Config = None) -> None:
    """Start the whole platform and keep it running until Ctrl-C.

    PostgreSQL, Valkey and Ray are started here unless settings name others; the data stays in `.bilten/`.
    A demo event is loaded whose sale opens in a minute.

    Examples:

        bilten up

        BILTEN_GATEWAY_PORT=9000 BILTEN_SHARDS_COUNT=4 bilten up

        BILTEN_POSTGRES_DSN=postgresql://… BILTEN_REDIS_URL=redis://… bilten up
    """
    from cluster.up import run

    raise typer.Exit(run(settings_or_exit(config), config))


@serve.command("gateway")
def serve_gateway(
    config: Config = None,
    name: Annotated[str, typer.Option(help="Names the process in logs and metrics.")] = "gateway-1",
) -> None:
    """Run one gateway process; several may share the port.

    Example:

        bilten serve gateway --name gateway-3
    """
    from cluster.serve import run_gateway

    raise typer.Exit(run_gateway(settings_of_running(config), name))


@serve.command("shards")
def serve_shards(config: Config = None) -> None:
    """Make the shard actors in Ray, watch over them, and drain them when stopped.

    Example:

        RAY_ADDRESS=10.0.0.1:6379 bilten serve shards
    """
    from cluster.serve import run_shards

    raise typer.Exit(run_shards(settings_of_running(config)))


@serve.command("smtp")
def serve_smtp(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Loopback port to take mail on.")],
    config: Config = None,
) -> None:
    """Run the mail server of the embedded stack, which sends nothing on.

    Example:

        bilten serve smtp --port 2525
    """
    from cluster.serve import run_smtp

    raise typer.Exit(run_smtp(settings_or_exit(config), port))


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="Catalogue file; docs/examples/demo.toml is one.")],
    config: Config = None,
    opens_in_ms: Annotated[
        int | None, typer.Option(min=0, help="Open the sale this long from now, whatever the file says.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Put the event of a catalogue file on sale; loading it again changes nothing that is sold.

    Its organisation's pages are for its members, of whom a new one has none: `bilten users add` makes the
    first.

    Examples:

        bilten load docs/examples/demo.toml --opens-in-ms 60000

        bilten load my-festival.toml
    """
    import msgspec

    from cluster.serve import load_catalogue
    from domain.ids import EVENT, ORGANISATION, text
    from services.demo import NotLoaded
    from services.events.catalogue_file import CatalogueMistake

    settings = settings_of_running(config)
    dsn_or_exit(settings)
    try:
        loaded = load_catalogue(settings, file, opens_in_ms)
    except (CatalogueMistake, NotLoaded, OSError) as error:
        typer.echo(f"load: {file}: {error}", err=True)
        raise typer.Exit(1) from None
    if json_file is not None:
        shown = {"slug": loaded.slug, "title": loaded.title, "opens_at_ms": loaded.opens_at_ms}
        json_file.write_bytes(msgspec.json.encode({**shown, "is_new": loaded.is_new}))
    typer.echo(f"{loaded.title}: {settings.url}/e/{loaded.slug}")
    organisation, event = text(ORGANISATION, loaded.organisation_id), text(EVENT, loaded.event_id)
    typer.echo(f"for those who organise it: {settings.url}/organizer/{organisation}/events/{event}")


@app.command()
def migrate(config: Config = None) -> None:
    """Bring the database's schema up to date; safe to run at any time and by several at once.

    Example:

        BILTEN_POSTGRES_DSN=postgresql://… bilten migrate
    """
    from cluster.migrating import bring_up_to_date
    from cluster.processes import StartFailed

    dsn = dsn_or_exit(settings_of_running(config))
    try:
        applied = bring_up_to_date(dsn)
    except StartFailed as error:
        typer.echo(f"migrate: {error}", err=True)
        raise typer.Exit(1) from None
    for name in applied:
        typer.echo(f"applied {name}")
    if not applied:
        typer.echo("up to date")


@app.command("check-config")
def check_config(
    config: Config = None,
    page: Annotated[bool, typer.Option("--page", help="Print docs/settings.md instead.")] = False,
) -> None:
    """Name everything that is wrong with the settings, or print what is in force.

    Examples:

        bilten check-config

        bilten check-config --config production.toml

        bilten check-config --page > docs/settings.md
    """
    from cluster import settings_page

    if page:
        sys.stdout.write(settings_page.page())
        return
    typer.echo(settings_page.effective(settings_or_exit(config)))


@app.command()
def doctor(config: Config = None) -> None:
    """Say what is reachable, which versions, what is wrong and how to mend it.

    Exits with 1 when something that Bilten needs is wrong.

    Example:

        bilten doctor
    """
    from cluster.doctor import run

    raise typer.Exit(run(settings_of_running(config)))


@journal.command("tail")
def journal_tail(
    event: Annotated[str | None, typer.Argument(help="Only this event, by its id (event_…).")] = None,
    config: Config = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is written.")] = False,
) -> None:
    """Print what happened, in order, from the beginning.

    Examples:

        bilten journal tail --follow

        bilten journal tail event_201cdfq1d7ht5tw1zesap6c30t
    """
    from domain.ids import MalformedId
    from storage.journal_tools import tail

    dsn = dsn_or_exit(settings_of_running(config))
    try:
        asyncio.run(tail(dsn, event, follow))
    except (ConnectionError, MalformedId) as error:
        typer.echo(f"journal tail: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


@journal.command("verify")
def journal_verify(config: Config = None) -> None:
    """Replay every event's journal and check it against the domain's rules and the tables.

    Safe while the platform runs: it reads one snapshot of the database. Exits with 1 if anything is wrong.

    Example:

        bilten journal verify
    """
    from storage.journal_tools import verify

    dsn = dsn_or_exit(settings_of_running(config))
    try:
        raise typer.Exit(asyncio.run(verify(dsn)))
    except ConnectionError as error:
        typer.echo(f"journal verify: {error}", err=True)
        raise typer.Exit(1) from None


@app.command()
def rush(
    config: Config = None,
    buyers: Annotated[int, typer.Option(min=1, help="Buyers, each with a websocket of their own.")] = 2_000,
    tickets: Annotated[int, typer.Option(min=1, help="Tickets on sale, over all types.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Makes the buyers do the same again.")] = 7,
    kill: Annotated[
        list[str] | None,
        typer.Option(help="Kill this in the middle: shard, gateway, postgres, redis. May be repeated."),
    ] = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="Catalogue file to sell; docs/examples/demo.toml if none is named.")
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Run a whole sale through real websockets, and audit what the clients saw against PostgreSQL.

    Uses the platform that runs (`bilten up`), or starts one for the time of the rush. Exits with 0 if the
    audit passed and everything named by --kill was killed and recovered, 1 if not, 2 if the rush could not be
    run to its end.

    Examples:

        bilten rush --buyers 2000 --tickets 10000 --seed 7

        bilten rush --kill shard --kill gateway --kill postgres --kill redis --json rush.json

        bilten rush --catalogue my-festival.toml --tickets 500
    """
    from cluster.serve import ROOT

    settings = settings_of_running(config)

    from bench.rush import RushOptions, main

    options = RushOptions(
        data_path=settings.data_path,
        catalogue=catalogue or Path(settings.demo.catalogue or ROOT / "docs" / "examples" / "demo.toml"),
        buyers=buyers,
        tickets=tickets,
        seed=seed,
        kills=tuple(kill or ()),
        json_path=json_file,
    )
    raise typer.Exit(main(options))


@app.command()
def bench(
    name: Annotated[
        str,
        typer.Argument(help="hot-event, purchase, fanout, recovery, scale, catalogue, sign-in, or all."),
    ],
    quick: Annotated[bool, typer.Option("--quick", help="20 to 50 s, and less exact.")] = False,
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Write the figures here; with `all`, a folder for a file each."),
    ] = None,
) -> None:
    """Measure, on servers of its own; prints a table and what limits it.

    Examples:

        bilten bench hot-event --quick

        bilten bench all --json results/
    """
    from bench.run import main

    raise typer.Exit(main(name, quick, json_file))


@app.command()
def simulate(
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds to play.")] = 200,
    first_seed: Annotated[int, typer.Option(help="The first of them.")] = 0,
    trace: Annotated[bool, typer.Option("--trace", help="Print the end of the last run anyway.")] = False,
    json_file: JsonFile = None,
) -> None:
    """Play the platform on a virtual clock with a bad network and crashes; check every rule at every step.

    Exits with 1 at the first seed that breaks a rule, and says how to play it again.

    Examples:

        bilten simulate --seeds 200

        bilten simulate --seeds 1 --first-seed 4711 --trace
    """
    from simulation.run import main as play

    raise typer.Exit(play(seeds, first_seed, json_file=json_file, trace=trace))


def main() -> None:
    """Runs the console script."""
    app(prog_name="bilten")
