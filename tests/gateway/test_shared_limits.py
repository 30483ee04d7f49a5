"""What is limited by buyer and by address, in Redis. If these failed, it would cost a buyer who waits two
round trips, or one of the two limits would not hold.
"""

import time

import redis.asyncio as redis

from domain.refusals import Code, Refusal
from gateway.limits import ClassRates, GatewayLimits, Limiter, Rate
from storage.limits import RedisLimits
from tests.servers import PATIENT_MS

ADDRESS = "203.0.113.7"
LIMITS = GatewayLimits(
    codes=Rate(0.01, 1), api=ClassRates(purchase=Rate(0.01, 1)), purchases_of_address=Rate(0.1, 10)
)


async def trips(url: str) -> int:
    async with redis.Redis.from_url(url) as connection:
        counted = await connection.info("commandstats")
    return int(counted["cmdstat_evalsha"]["calls"])


async def test_codes_and_purchases_ask_for_both_limits_in_one_trip(redis_url: str) -> None:
    shared = RedisLimits(redis_url, PATIENT_MS)
    limiter = Limiter(LIMITS, shared, time.monotonic)
    await limiter.code("first", ADDRESS)
    before = await trips(redis_url)
    for number, ask in enumerate((limiter.code, limiter.purchase), start=1):
        assert await ask("anna", ADDRESS) is None
        assert await trips(redis_url) == before + number
    await shared.close()


async def test_codes_and_purchases_are_limited_by_buyer_and_by_address(redis_url: str) -> None:
    shared = RedisLimits(redis_url, PATIENT_MS)
    limiter = Limiter(LIMITS, shared, time.monotonic)
    for ask in (limiter.code, limiter.purchase):
        assert await ask("anna", ADDRESS) is None
        refused = [await ask("anna", "203.0.113.8")]
        buyers = [await ask(f"buyer-{number}", ADDRESS) for number in range(9)]
        assert buyers == [None] * 9
        refused.append(await ask("berta", ADDRESS))
        assert await ask("clara", "203.0.113.9") is None
        for refusal in refused:
            assert isinstance(refusal, Refusal)
            assert refusal.code is Code.RATE_LIMITED
    await shared.close()
