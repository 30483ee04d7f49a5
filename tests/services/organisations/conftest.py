"""A stage on a fresh database, with a mailbox."""

from collections.abc import AsyncIterator

import pytest

from storage.postgres import close_pool, create_pool
from tests.services.organisations.stage import Mailbox, Stage


@pytest.fixture
async def stage(migrated_dsn: str) -> AsyncIterator[Stage]:
    pool = await create_pool(migrated_dsn, application_name="test", connections_max=8)
    mailbox = Mailbox()
    server = await mailbox.serve()
    stage = Stage(pool, mailbox, server.sockets[0].getsockname()[1])
    yield stage
    await stage.mailer.close()
    server.close()
    await close_pool(pool)
