"""The shard as an actor of Ray, called without Ray. If these failed, a platform that can't start yet would
not be able to start later either.
"""

import asyncpg
import msgspec
import pytest

from actors.host import HostSettings, SaleShardHost
from storage.journal import Refused
from tests.actors.stage import until


async def test_a_shard_that_can_not_start_leaves_nothing_open(postgres_dsn: str, redis_url: str) -> None:
    """Every gateway asks it several times a second: soon PostgreSQL would take no connection any more, and
    nobody could bring it up to date.
    """
    settings = HostSettings(postgres_dsn, redis_url)
    host = SaleShardHost(0, msgspec.msgpack.encode(settings))
    for _ in range(3):
        with pytest.raises(Refused, match="shards"):  # nothing has migrated this database
            await host.ready()
    connection = await asyncpg.connect(postgres_dsn)
    try:
        theirs = "SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name LIKE 'bilten sale-shard%'"

        async def are_gone() -> bool:
            return bool(await connection.fetchval(theirs))

        await until(are_gone)
    finally:
        await connection.close()
