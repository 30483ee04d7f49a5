"""From where somebody asks. If one failed, somebody could write any address they like into the audit log and
pass every limit, or all people behind one proxy would have one limit together.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import aiohttp
import msgspec
import pytest

from gateway.client_address import HOPS_MAX, client_address
from gateway.limits import ClassRates, Rate
from tests.gateway.api.test_users import Browser, browsing
from tests.gateway.stage import MANY, ROOMY, Stage, eventually, works

PROXIES = tuple(map(ip_network, ("10.0.0.0/8", "127.0.0.1/32", "fd00::/8")))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        # Nobody's proxy: whatever it says.
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("203.0.113.9", ["10.0.0.1"], "203.0.113.9"),
        # A proxy of ours says who asked it.
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        # What the client had written itself stands left of that.
        ("10.0.0.1", ["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 10.0.0.9, 198.51.100.1 ,10.3.0.2,  10.0.0.2"], "198.51.100.1"),
        # Everybody is ours: the one that is furthest away.
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # What no proxy of ours can have written ends it.
        ("10.0.0.1", ["198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["6.6.6.6, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["198.51.100.1,"], "10.0.0.1"),
        # Other ways of writing the same.
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("fd00::1", ["[2001:db8::7]:4711"], "2001:db8::7"),
        ("fd00::1", ["2001:DB8:0::7"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_first_hop_from_the_right_that_is_not_ours(
    peer: str, forwarded: list[str], expected: str
) -> None:
    assert client_address(peer, forwarded, PROXIES) == expected


def test_a_chain_that_is_made_to_be_long_is_not_followed() -> None:
    chain = ", ".join(["198.51.100.1", *(["10.0.0.2"] * HOPS_MAX)])
    assert client_address("10.0.0.1", [chain], PROXIES) == "10.0.0.2"


@asynccontextmanager
async def standing(migrated_dsn: str, redis_url: str, *proxies: str) -> AsyncIterator[Stage]:
    """A gateway that takes three sign-ins from an address at once."""
    few = Rate(per_s=0.001, burst=3)
    rates = ClassRates(browse=MANY, sign_in=few, sign_up=MANY, purchase=MANY, organizer=MANY, device=MANY)
    async with works(migrated_dsn, redis_url) as made:
        limits = msgspec.structs.replace(ROOMY, api=rates, trust_loopback=False)
        stage = Stage(made, limits, proxies=proxies)
        await stage.start()
        yield stage
        await stage.close()


async def tries(browser: Browser, forwarded: str) -> list[int]:
    """Four sign-ins, each of which says to come from somewhere else, or from the same."""
    body = {"email": "nobody@example.org", "password": "wrong"}
    return [
        (await browser.ask("POST", "/sign-in", body, X_Forwarded_For=forwarded.format(n)))[0]
        for n in range(4)
    ]


async def test_nobody_gets_around_a_limit_by_saying_who_they_are(migrated_dsn: str, redis_url: str) -> None:
    async with standing(migrated_dsn, redis_url) as stage, browsing(stage) as browser:
        assert await tries(browser, "198.51.100.{}") == [401, 401, 401, 429]


async def test_behind_a_proxy_each_client_has_a_limit(migrated_dsn: str, redis_url: str) -> None:
    async with standing(migrated_dsn, redis_url, "127.0.0.0/8") as stage, browsing(stage) as browser:
        assert await tries(browser, "198.51.100.7{}") == [401] * 4
        # As one client, whatever it wrote on the left.
        assert await tries(browser, "6.6.6.{}, 203.0.113.5") == [401, 401, 401, 429]


async def test_the_audit_log_and_sockets_have_the_clients_address(migrated_dsn: str, redis_url: str) -> None:
    async with standing(migrated_dsn, redis_url, "127.0.0.0/8") as stage, browsing(stage) as browser:
        person = await stage.works.people.add()
        await browser.sign_in(person)
        _, _, response = await browser.ask("GET", "/me")
        forwarded = {"X-Forwarded-For": "10.9.9.9, 203.0.113.77"}
        status, answer, _ = await browser.ask(
            "PATCH", "/me", {"name": "Ben"}, If_Match=response.headers["ETag"], **forwarded
        )
        assert status == 200, answer
        address = "SELECT address FROM audit_entries WHERE action = 'user.update'"
        assert await stage.works.pool.fetchval(address) == "203.0.113.77"
        ticket = await stage.ticket(browser.http)
        socket: aiohttp.ClientWebSocketResponse = await browser.http.ws_connect(
            f"{stage.url}/ws?ticket={ticket}", protocols=("bilten.v1.json",), headers=forwarded
        )
        await socket.receive(10)
        connections = stage.gateway.connections
        await eventually(lambda: len(connections._sessions) == 1)
        assert [session.address for session in connections._sessions] == ["203.0.113.77"]
        async with asyncio.timeout(10):
            await socket.close()
