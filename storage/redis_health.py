"""Whether Redis answers, and how full it is."""

from redis.asyncio import Redis
from redis.exceptions import RedisError


async def redis_state(url: str, timeout_s: float = 2.0) -> tuple[str, int]:
    """Return the server's version and the bytes that it uses, over a connection of its own.

    Raises:
        ConnectionError: it does not answer.
    """
    client = Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
    try:
        found = await client.info()
    except (RedisError, OSError, TimeoutError) as error:
        raise ConnectionError(f"Redis does not answer: {type(error).__name__}") from error
    finally:
        await client.aclose()
    version = found.get("valkey_version") or found.get("redis_version") or "?"
    return str(version), int(found.get("used_memory") or 0)
