"""Series: what their events were made from. Every function works within a transaction of
`storage.tenancy.tenant`.
"""

import msgspec

from domain.ids import EventId, OrganisationId, SeriesId
from storage.postgres import AnyConnection


class SeriesRecord(msgspec.Struct, frozen=True):
    """A series; its rule is JSON, as it was said."""

    series_id: SeriesId
    organisation_id: OrganisationId
    title: str
    rule: str


async def insert_series(connection: AnyConnection, series: SeriesRecord, first: EventId) -> None:
    """Store a series, and that an event, which gets its next version, is the first of it."""
    await connection.execute(
        "INSERT INTO series (series_id, organisation_id, title, rule) VALUES ($1, $2, $3, $4)",
        *msgspec.structs.astuple(series),
    )
    await connection.execute(
        "UPDATE events SET series_id = $2, version = version + 1 WHERE event_id = $1", first, series.series_id
    )


async def find_series(
    connection: AnyConnection, organisation_id: OrganisationId, series_id: SeriesId
) -> SeriesRecord | None:
    """Return a series of an organisation."""
    row = await connection.fetchrow(
        """
        SELECT series_id, organisation_id, title, rule FROM series
        WHERE series_id = $1 AND organisation_id = $2
        """,
        series_id,
        organisation_id,
    )
    return None if row is None else SeriesRecord(*row)
