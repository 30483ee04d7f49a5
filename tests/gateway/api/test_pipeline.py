"""The stages that every request to the API goes through. If one failed, requests would reach services that
are too large, unreadable, forged, or not permitted."""

import msgspec

from tests.gateway.stage import Stage


async def test_a_guest_reads_their_session_under_v1(stage: Stage) -> None:
    async with stage.http.get(f"{stage.url}/api/v1/session") as answer:
        assert answer.status == 401
        assert answer.content_type == "application/problem+json"
    await stage.ticket()
    async with stage.http.get(f"{stage.url}/api/v1/session") as answer:
        assert answer.status == 200, await answer.text()
        assert msgspec.json.decode(await answer.read())["buyer"].startswith("buyer_")
    async with stage.http.post(f"{stage.url}/api/v1/socket-ticket") as answer:
        assert answer.status == 200, await answer.text()
