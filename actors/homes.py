"""Which shard an event is placed on first, and what becomes of the events of shards that run no more.

Who runs fewer shards than before leaves events on numbers that nobody starts. They are given to the shards
that run. The number is claimed first, so whatever incarnation of it is still alive is fenced: it can neither
commit nor hand anything over afterwards, and the new shard finds in the journal all that it acknowledged.
"""

import itertools
import logging
from collections.abc import Sequence

from domain.ids import EventId
from storage.journal import Fenced, Journal, Placement, Refused

log = logging.getLogger(__name__)


def home_of(event_id: EventId, shard_count: int) -> int:
    """Return the shard that an event without a placement belongs on."""
    # The last bytes of a UUIDv7 are random, so new events spread evenly.
    return int.from_bytes(event_id[8:], "big") % shard_count


async def rehome(journal: Journal, beyond: Sequence[Placement], shard_count: int, owner: str) -> int:
    """Give events that are on shards beyond the count to those below it, and return how many went.

    Args:
        journal: the durable record.
        beyond: of `storage.placements.placed_beyond`.
        shard_count: how many shards run.
        owner: who does this, for the record.

    Raises:
        ConnectionError: what has gone by then has gone; do it again.
    """
    moved = 0
    for shard, placements in itertools.groupby(beyond, key=lambda placement: placement.shard):
        epoch = await journal.claim(shard, owner)
        for placement in placements:
            event_id = placement.event_id
            try:
                await journal.move(shard, epoch, event_id, home_of(event_id, shard_count))
            except Refused:
                continue  # it has gone meanwhile
            except Fenced:
                log.warning("shard %d runs after all and keeps its events", shard)
                break
            moved += 1
    return moved
