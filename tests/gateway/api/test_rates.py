"""How often somebody may use the API. If one failed, passwords could be guessed at any speed, one key would
take another's quota, or nobody could read anything while Redis is away.
"""

from domain.refusals import Code
from domain.roles import Access
from gateway.api.route import LimitClass
from gateway.limits import ClassRates, GatewayLimits, Rate
from storage.limits import RedisLimits
from tests.gateway.api.conftest import Opening, route

NEVER = Rate(0.001, 2)
TIGHT = GatewayLimits(
    trust_loopback=False,
    http=Rate(10_000.0, 10_000),
    api=ClassRates(
        browse=NEVER, sign_in=NEVER, sign_up=NEVER, purchase=NEVER, organizer=NEVER, device=NEVER,
        user_factor=2.0, key_factor=3.0,
    ),
)  # fmt: skip
BROWSE = route("/browse", Access.ANYONE)
ORGANIZER = route("/organizer", Access.ANYONE, limit=LimitClass.ORGANIZER)
SIGN_IN = route("/sign-in", Access.ANYONE, limit=LimitClass.SIGN_IN)


async def test_a_quota_is_told_and_kept(opening: Opening) -> None:
    door = await opening([BROWSE], TIGHT)
    status, _, headers = await door.ask("GET", "/browse", who="guest")
    assert status == 204
    assert headers["RateLimit-Policy"] == '"browse";q=2;w=2000'
    assert headers["RateLimit"].startswith('"browse";r=1;t=')
    await door.ask("GET", "/browse", who="guest")
    status, said, headers = await door.ask("GET", "/browse", who="guest")
    assert (status, said["code"]) == (429, Code.RATE_LIMITED)
    assert 0 < int(headers["Retry-After"]) <= 1_000
    assert headers["RateLimit"].startswith('"browse";r=0;t=')
    assert len(door.calls) == 2


async def test_everybody_and_every_class_has_a_quota_of_their_own(opening: Opening) -> None:
    door = await opening([BROWSE, ORGANIZER], TIGHT)

    async def let_through(path: str, **who: str) -> int:
        return [(await door.ask("GET", path, **who))[0] for _ in range(9)].count(204)

    assert await let_through("/browse", who="guest") == 2
    assert await let_through("/organizer", who="guest") == 2
    assert await let_through("/browse", who="user") == 4, "twice a guest's"
    assert await let_through("/browse", key="a-key") == 6, "three times a guest's"
    assert await let_through("/browse") == 2, "nobody in particular counts by address"


async def test_what_can_not_be_read_costs_nothing(opening: Opening) -> None:
    door = await opening([BROWSE], TIGHT)
    for _ in range(5):
        assert (await door.ask("GET", "/browse?nonsense=1", who="guest"))[0] == 400
    assert (await door.ask("GET", "/browse", who="guest"))[0] == 204


async def test_signing_in_counts_by_address_whoever_asks(opening: Opening) -> None:
    door = await opening([SIGN_IN], TIGHT)
    found = [(await door.ask("GET", "/sign-in", who=who))[0] for who in ("guest", "user", "owner", "")]
    assert found == [204, 204, 429, 429]


async def test_without_redis_reading_goes_on_and_signing_in_does_not(
    opening: Opening, unused_tcp_port: int
) -> None:
    nowhere = RedisLimits(f"redis://127.0.0.1:{unused_tcp_port}/0")
    door = await opening([BROWSE, ORGANIZER, SIGN_IN], TIGHT, nowhere)
    found = [(await door.ask("GET", "/browse", who="guest"))[0] for _ in range(4)]
    assert found == [204, 204, 429, 429], "the same rate holds in each process"
    assert (await door.ask("GET", "/organizer", who="owner"))[0] == 204
    status, said, headers = await door.ask("GET", "/sign-in")
    assert (status, said["code"]) == (503, Code.BUSY)
    assert headers["Retry-After"] == "1"
    await nowhere.close()


async def test_a_device_counts_as_one_whatever_it_asks_for(opening: Opening) -> None:
    door = await opening([BROWSE, ORGANIZER], TIGHT)
    found = [
        (await door.ask("GET", path, key="a-device"))[0] for path in ("/browse", "/organizer", "/browse")
    ]
    assert found == [204, 204, 429]
    _, _, headers = await door.ask("GET", "/browse", key="a-device")
    assert headers["RateLimit-Policy"] == '"device";q=2;w=2000'
