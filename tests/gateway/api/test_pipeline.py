"""The stages that every request to the API goes through. If one failed, requests would reach services that
are too large, unreadable, forged, or not permitted.
"""

import msgspec

from tests.gateway.stage import Stage


async def test_a_guest_has_orders_of_their_own_and_strangers_have_none(stage: Stage) -> None:
    async with stage.http.get(f"{stage.url}/api/v1/orders") as answer:
        assert answer.status == 401
        assert answer.content_type == "application/problem+json"
    await stage.ticket()
    async with stage.http.get(f"{stage.url}/api/v1/orders") as answer:
        assert answer.status == 200, await answer.text()
        assert msgspec.json.decode(await answer.read()) == {"orders": []}
