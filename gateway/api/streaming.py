"""Answers that are made while they are sent."""

from collections.abc import AsyncGenerator, AsyncIterator


async def begun(parts: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
    """Return the same parts when there is a first one: whether PostgreSQL is away is known before anything is
    sent. Raises what making the first one raises.
    """
    return _joined(await anext(parts), parts)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for part in rest:
        yield part
