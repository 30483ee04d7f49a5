"""Which parts of a series' dates belong together: a pool, ticket type or question has in every date an id of
its own, and in the setup that the dates share one for all of them.
"""

from collections.abc import Mapping

from domain.ids import EventId
from storage.postgres import AnyConnection


async def setup_ids(connection: AnyConnection, event_id: EventId) -> dict[bytes, bytes]:
    """Return what the parts of an event are called in the shared setup. Those of its own are missing."""
    rows = await connection.fetch("SELECT part_id, setup_id FROM setup_parts WHERE event_id = $1", event_id)
    return {row["part_id"]: row["setup_id"] for row in rows}


async def share_parts(connection: AnyConnection, event_id: EventId, names: Mapping[bytes, bytes]) -> None:
    """Write down what parts of an event are called in the shared setup. What is said already stays."""
    await connection.executemany(
        """
        INSERT INTO setup_parts (part_id, event_id, setup_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
        """,
        [(part_id, event_id, setup_id) for part_id, setup_id in names.items()],
    )
