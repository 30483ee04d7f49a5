"""`bilten shards`: where events are sold from, and how one goes elsewhere."""

import asyncio
from typing import Annotated, Final

import typer

from cluster.cli_settings import Config, dsn_or_exit, settings_of_running
from cluster.settings import Settings
from storage.placements import ShardOverview

# A hand-over waits for one commit and one snapshot.
_MOVE_S: Final = 30.0

app = typer.Typer(no_args_is_help=True, help="The shards, on which events are sold from.")


@app.command("list")
def list_shards(config: Config = None) -> None:
    """Say which shards there are, how often each was started, and how many events are on it.

    Example:

        bilten shards list
    """
    settings = settings_of_running(config)
    dsn_or_exit(settings)
    try:
        shards = asyncio.run(_overview(settings))
    except ConnectionError as error:
        typer.echo(f"shards: {error}", err=True)
        raise typer.Exit(1) from None
    for each in shards:
        what = f"epoch {each.epoch}, {each.owner}" if each.epoch else "never started"
        typer.echo(f"shard {each.shard}: {each.events} events, {what}")


@app.command()
def move(
    event: Annotated[str, typer.Argument(help="The slug of the event, or its id.")],
    to: Annotated[int, typer.Option(min=0, help="Number of the shard that it shall be sold from.")],
    config: Config = None,
) -> None:
    """Move an event to another shard while it sells; nothing that was acknowledged is lost.

    All events of a shard share one processor core. A hot one that slows its neighbours down, or is slowed
    down by them, does better on a shard of its own.

    Example:

        bilten shards move summer-festival --to 3
    """
    settings = settings_of_running(config)
    dsn_or_exit(settings)
    if to >= settings.shards.count:
        last = settings.shards.count - 1
        typer.echo(
            f"move: there is no shard {to}; the last one is {last} (BILTEN_SHARDS_COUNT makes more)", err=True
        )
        raise typer.Exit(2)
    problem = _move(settings, event, to)
    if problem:
        typer.echo(f"move: {problem}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{event} is sold from shard {to} now")


async def _overview(settings: Settings) -> list[ShardOverview]:
    from storage.placements import overview
    from storage.postgres import create_pool

    async with await create_pool(
        settings.postgres.dsn, application_name="bilten shards", connections_max=1
    ) as pool:
        return await overview(pool)


def _move(settings: Settings, event: str, to: int) -> str:
    """Return what went wrong, "" if nothing did."""
    from actors.homes import home_of
    from actors.host import move_event
    from actors.ports import ShardLost
    from cluster import wiring
    from domain.ids import EVENT, EventId, MalformedId, parse
    from storage.postgres_journal import PostgresJournal

    async def run() -> str:
        async with wiring.core(settings, "shards") as core:
            try:
                found = await core.catalogue.find(EventId(parse(EVENT, event)))
            except MalformedId:
                found = await core.catalogue.find_by_slug(event)
            if found is None:
                return f"there is no event {event}"
            home = home_of(found.event_id, settings.shards.count)
            placed = await PostgresJournal(core.pool).placement(found.event_id, home)
            if placed.shard == to:
                return ""
            try:
                async with asyncio.timeout(_MOVE_S):
                    is_moved = await move_event(found.event_id, placed.shard, to)
            except TimeoutError:
                is_moved = False
            return "" if is_moved else f"shard {placed.shard} can't hand it over now; try again"

    wiring.connect_to_ray(settings)
    try:
        return asyncio.run(run())
    except (ConnectionError, ShardLost) as error:
        return str(error)
