"""Where events are, as operators look at it: all of them at once, and which may have to go elsewhere."""

import msgspec

from storage.journal import Placement
from storage.postgres import Pool, asking


class ShardOverview(msgspec.Struct, frozen=True):
    """A shard, and how much is on it.

    Attributes:
        epoch: how often it was started or renewed, 0 if never.
        events: how many are placed on it, whether or not they sell.
    """

    shard: int
    epoch: int
    owner: str
    events: int


async def overview(pool: Pool) -> list[ShardOverview]:
    """Return every shard that was started or has events. Raises `ConnectionError`."""
    async with asking(pool) as connection:
        rows = await connection.fetch(
            """
            SELECT shard, coalesce(epoch, 0) AS epoch, coalesce(owner, '') AS owner,
                coalesce(events, 0) AS events
            FROM shards FULL JOIN (SELECT shard, count(*) AS events FROM placements GROUP BY shard) AS placed
                USING (shard)
            ORDER BY shard
            """
        )
    return [ShardOverview(**dict(row)) for row in rows]


async def placed_beyond(pool: Pool, shard_count: int) -> list[Placement]:
    """Return the events on shards whose number is not below a count. Raises `ConnectionError`."""
    async with asking(pool) as connection:
        rows = await connection.fetch(
            """
            SELECT event_id, shard, version, coalesce(seq_last, 0)
            FROM placements LEFT JOIN journal_heads USING (event_id)
            WHERE shard >= $1
            ORDER BY shard, event_id
            """,
            shard_count,
        )
    return [Placement(*row) for row in rows]
