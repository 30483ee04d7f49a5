"""A stage on a fresh database, with a mailbox."""

from collections.abc import AsyncIterator

import pytest

from storage.limits import RedisLimits
from storage.postgres import close_pool, create_pool
from tests.servers import PATIENT_MS
from tests.services.organisations.stage import Mailbox, Stage


@pytest.fixture
async def stage(migrated_dsn: str, redis_url: str) -> AsyncIterator[Stage]:
    pool = await create_pool(migrated_dsn, application_name="test", connections_max=8)
    mailbox = Mailbox()
    server = await mailbox.serve()
    limits = RedisLimits(redis_url, PATIENT_MS)
    stage = Stage(pool, mailbox, server.sockets[0].getsockname()[1], limits)
    yield stage
    await stage.mailer.close()
    server.close()
    await limits.close()
    await close_pool(pool)
