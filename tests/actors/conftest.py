"""A house of shards on a fresh database."""

from collections.abc import AsyncIterator

import pytest

from storage.postgres import close_pool, create_pool
from tests.actors.stage import House


@pytest.fixture
async def house(migrated_dsn: str) -> AsyncIterator[House]:
    pool = await create_pool(migrated_dsn, application_name="test", connections_max=8)
    made = House(pool)
    await made.start()
    yield made
    await made.close()
    await close_pool(pool)
