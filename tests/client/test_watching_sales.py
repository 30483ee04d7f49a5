"""A program follows a sale as its organizer: if this fails, the screen in the foyer stands still."""

import asyncio

import pytest

from client import BiltenClient, Refused
from domain.roles import Role
from tests.client.test_buying import QUICK
from tests.gateway.api.organising import town
from tests.gateway.stage import eventually
from tests.gateway.test_sales_rights import issued, joins, on_sale


async def test_a_program_with_a_key_follows_a_sale(migrated_dsn: str, redis_url: str) -> None:
    async with town(migrated_dsn, redis_url) as place:
        sale = await on_sale(place)
        owner = await joins(place, sale, Role.OWNER)
        key = await issued(owner, sale, "keys", {"scopes": ["sales.watch"]})
        cookies = {cookie.key: cookie.value for cookie in owner.http.cookie_jar}
        url = place.here.url
        async with (
            BiltenClient(url, settings=QUICK) as program,
            BiltenClient(url, settings=QUICK, cookies=cookies) as member,
            program.watch_sales(sale.event, key.token) as seen,
            member.watch_sales(sale.event) as seen_by_member,
        ):
            assert (await anext(seen)).pools[0].free == 100
            assert (await anext(seen_by_member)).pools[0].free == 100
            await program.hold(sale.event, {sale.types[0]: 3})
            async with asyncio.timeout(10):
                while (await anext(seen)).pools[0].held != 3:
                    pass
                # After a lost connection it asks again with the same key.
                program.disconnect()
                await member.hold(sale.event, {sale.types[0]: 2})
                while (await anext(seen)).pools[0].held != 5:
                    pass
            with pytest.raises(Refused) as refused:
                await program.watch_sales(sale.event).__aenter__()
            assert refused.value.code == "forbidden"


async def test_who_leaves_an_events_page_still_follows_its_sale(migrated_dsn: str, redis_url: str) -> None:
    """To the server both are one: leaving one of them ended the other, with no word about it."""
    async with town(migrated_dsn, redis_url) as place:
        sale = await on_sale(place)
        owner = await joins(place, sale, Role.OWNER)
        cookies = {cookie.key: cookie.value for cookie in owner.http.cookie_jar}
        async with (
            BiltenClient(place.here.url, settings=QUICK) as buyer,
            BiltenClient(place.here.url, settings=QUICK, cookies=cookies) as member,
            member.watch_sales(sale.event) as seen,
        ):
            assert (await anext(seen)).pools[0].free == 100
            async with member.watch(sale.event) as states:
                assert (await anext(states)).free(sale.types[0]) == 100
            await buyer.hold(sale.event, {sale.types[0]: 3})
            async with asyncio.timeout(10):
                while (await anext(seen)).pools[0].held != 3:
                    pass
            topics = place.here.gateway.topics._topics
        # Nobody follows it any more, and the server knows.
        await eventually(lambda: not any(topic.is_watched for topic in topics.values()))
