"""`bilten catalogue`: events of organisations, in and out."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cluster.cli_settings import Config, dsn_or_exit, settings_of_running
from cluster.settings import Settings

if TYPE_CHECKING:
    from domain.ids import OrganisationId
    from services.events.import_models import ImportReport
    from storage.postgres import Pool

app = typer.Typer(no_args_is_help=True, help="Events of organisations, in and out.")
Organisation = Annotated[str, typer.Option(help="Slug or identifier of the organisation.")]
T = TypeVar("T")


@app.command("import")
def take(
    file: Annotated[str, typer.Argument(help="JSON-LD, HTML, iCalendar or CSV; - is standard input.")],
    organisation: Organisation,
    time_zone: Annotated[str, typer.Option(help="Zone of times that name none.")] = "UTC",
    config: Config = None,
) -> None:
    """Import events as drafts. What can't be used is told with its line; the rest goes in, once.

    Examples:

        bilten catalogue import programme.ics --organisation hall --time-zone Europe/Berlin

        curl -s https://example.org/programme | bilten catalogue import - --organisation hall
    """
    from services.events.import_entries import BYTES_MAX
    from services.models import TIME_ZONES

    if time_zone not in TIME_ZONES:
        typer.echo(f"import: {time_zone!r} is no zone of the IANA database, such as Europe/Berlin", err=True)
        raise typer.Exit(2)
    try:
        if file == "-":
            data = sys.stdin.buffer.read(BYTES_MAX + 1)
        else:
            with Path(file).open("rb") as opened:
                data = opened.read(BYTES_MAX + 1)
    except OSError as error:
        typer.echo(f"import: {error}", err=True)
        raise typer.Exit(1) from None
    if len(data) > BYTES_MAX:
        typer.echo(f"import: more than {BYTES_MAX} bytes; split it", err=True)
        raise typer.Exit(1)

    async def work(pool: "Pool", organisation_id: "OrganisationId", _: Settings) -> "ImportReport":
        from cluster.wiring import new_ids
        from domain.refusals import Refusal
        from services.audit import SYSTEM
        from services.events.drafts import Drafts
        from services.events.importing import Importing

        new_id = new_ids(_now_ms)
        importing = Importing(pool, Drafts(_now_ms, new_id), _now_ms, new_id)
        report = await importing.take(SYSTEM, organisation_id, data, time_zone)
        assert not isinstance(report, Refusal)
        return report

    report = _run(config, organisation, work)
    for mistake in report.mistakes:
        typer.echo(f"line {mistake.line}: {mistake.message}", err=True)
    for remark in report.remarks:
        typer.echo(f"line {remark.line} was taken, but {remark.message}", err=True)
    typer.echo(
        f"{report.format}: {report.created} created, {report.updated} updated, {report.unchanged} unchanged,"
        f" {report.kept} published already and left alone, {report.mistake_count} not taken"
    )
    if report.mistake_count:
        raise typer.Exit(1)


@app.command("export")
def give(
    organisation: Organisation,
    form: Annotated[str, typer.Option("--format", help="json, ics or csv.")] = "json",
    config: Config = None,
) -> None:
    """Write an organisation's events to standard output, in a format that is imported.

    Example:

        bilten catalogue export --organisation hall --format csv > events.csv
    """
    if form not in {"json", "ics", "csv"}:
        typer.echo(f"export: there is no format {form!r}; there are json, ics and csv", err=True)
        raise typer.Exit(2)

    async def work(pool: "Pool", organisation_id: "OrganisationId", settings: Settings) -> None:
        from services.events.exporting import Exporting

        async for part in Exporting(pool, _now_ms, settings.url).give(organisation_id, form):  # type: ignore[arg-type]
            sys.stdout.buffer.write(part)

    _run(config, organisation, work)
    sys.stdout.buffer.flush()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _run(
    config: Path | None,
    organisation: str,
    work: Callable[["Pool", "OrganisationId", Settings], Awaitable[T]],
) -> T:
    settings = settings_of_running(config)
    dsn = dsn_or_exit(settings)

    async def main() -> T:
        from cluster.people_wiring import audit_key
        from storage import audit_log
        from storage.postgres import close_pool, create_pool

        audit_log.seal_with(audit_key(settings))
        pool = await create_pool(dsn, application_name="bilten catalogue", connections_max=2)
        try:
            organisation_id = await _find(pool, organisation)
            if organisation_id is None:
                typer.echo(f"there is no organisation {organisation!r}", err=True)
                raise typer.Exit(1)
            return await work(pool, organisation_id, settings)
        finally:
            await close_pool(pool)

    try:
        return asyncio.run(main())
    except ConnectionError as error:
        typer.echo(f"catalogue: {error}", err=True)
        raise typer.Exit(1) from None


async def _find(pool: "Pool", organisation: str) -> "OrganisationId | None":
    from domain.ids import ORGANISATION, MalformedId, OrganisationId, parse
    from storage.organisation_profiles import find_profile

    try:
        return OrganisationId(parse(ORGANISATION, organisation))
    except MalformedId:
        profile = await find_profile(pool, organisation)
        return None if profile is None else profile.organisation_id
