"""The gateway that clients talk to: the real one, with a real shard, PostgreSQL and Valkey."""

from collections.abc import AsyncIterator

import pytest

from tests.gateway.stage import ROOMY, Sale, Stage, Works, new_sale, works


@pytest.fixture
async def made(migrated_dsn: str, redis_url: str) -> AsyncIterator[Works]:
    async with works(migrated_dsn, redis_url) as made:
        yield made


@pytest.fixture
async def stage(made: Works) -> AsyncIterator[Stage]:
    stage = Stage(made, ROOMY)
    await stage.start()
    yield stage
    await stage.close()


@pytest.fixture
async def sale(made: Works) -> Sale:
    return await new_sale(made)
