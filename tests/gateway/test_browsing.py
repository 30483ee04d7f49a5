"""How often pages are drawn. If these failed, one reader could have a gateway draw and search all day, or a
crowd behind one address would be kept from the files of a page.
"""

import msgspec

from gateway.limits import Rate
from tests.gateway.conftest import Staging
from tests.gateway.stage import ROOMY, Stage

FEW = Rate(0.001, 2)


async def answers(stage: Stage, path: str, times: int = 3, method: str = "GET", body: str = "") -> list[int]:
    found = []
    for _ in range(times):
        async with stage.http.request(method, stage.url + path, data=body or None) as answer:
            found.append(answer.status)
    return found


async def test_every_page_counts_by_address_and_no_file_does(staging: Staging) -> None:
    stage = await staging(msgspec.structs.replace(ROOMY, http=FEW, trust_loopback=False))
    assert await answers(stage, "/") == [200, 200, 429]
    assert await answers(stage, "/e/nothing", 1) == [429]
    assert await answers(stage, "/static/shared/tokens.css") == [200, 200, 200]
    assert await answers(stage, "/readyz") == [200, 200, 200], "a balancer would take the gateway out"
    async with stage.http.get(stage.url + "/", headers={"Accept": "text/html"}) as answer:
        assert (answer.status, answer.content_type) == (429, "text/html")


async def test_what_searches_or_draws_counts_with_the_apis_reads(staging: Staging) -> None:
    rates = msgspec.structs.replace(ROOMY.api, browse=FEW)
    stage = await staging(
        msgspec.structs.replace(ROOMY, api=rates, http=ROOMY.requests, trust_loopback=False)
    )
    assert await answers(stage, "/?q=jazz") == [200, 200, 429]
    for path, method, body in (
        ("/sitemaps/organisations.xml", "GET", ""),
        ("/o/north?cursor=x", "GET", ""),
        ("/qr.svg", "POST", "x"),
    ):
        assert await answers(stage, path, 1, method, body) == [429], path
    assert await answers(stage, "/") == [200, 200, 200], "what is kept drawn is no search"
