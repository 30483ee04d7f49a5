"""One gateway for a test, and one that tests may make to their own measure."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.limits import GatewayLimits
from tests.gateway.stage import ROOMY, Stage, Works, works

Staging = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def made(migrated_dsn: str, redis_url: str) -> AsyncIterator[Works]:
    async with works(migrated_dsn, redis_url) as made:
        yield made


@pytest.fixture
async def staging(made: Works) -> AsyncIterator[Staging]:
    """Makes gateways with limits of the test's choice, on the same works."""
    stages: list[Stage] = []

    async def make(limits: GatewayLimits = ROOMY, public_url: str = "") -> Stage:
        stage = Stage(made, limits, public_url)
        await stage.start()
        stages.append(stage)
        return stage

    yield make
    for stage in stages:
        await stage.close()


@pytest.fixture
async def stage(staging: Staging) -> Stage:
    return await staging()
