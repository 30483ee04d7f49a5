"""The user service on real servers: PostgreSQL, Valkey, SMTP. Time can be put forward."""

import itertools
import time
from collections.abc import AsyncIterator, Callable

import pytest

from domain.identity import Identity, Origin
from domain.ids import BuyerId
from services.sessions import Sessions, SessionSettings, hashed
from services.users.models import Confirmation, SignIn, SignUp
from services.users.sign_in import SignedIn
from storage.limits import RedisLimits
from storage.postgres import Pool, close_pool, create_pool
from storage.sessions import SessionStore
from tests.mailbox import Mailbox, mailbox
from tests.people import PASSWORD, URL, People, fresh
from tests.servers import PATIENT_MS, Databases
from tests.storage.conftest import EMPTY

ORIGIN = Origin("203.0.113.7", "Mozilla/5.0 (X11; Linux x86_64; rv:135.0) Gecko/20100101 Firefox/135.0")
_numbers = itertools.count(1)


class Clock:
    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead_ms


class House:
    """A process of the user service, and people who use it."""

    def __init__(self, pool: Pool, redis_url: str, box: Mailbox, clock: Clock, burst: int) -> None:
        self.pool = pool
        self.box = box
        self.clock = clock
        self.limits = RedisLimits(redis_url, PATIENT_MS)
        self.people = People(pool, self.limits, clock, smtp_url=box.url, burst=burst, url=URL)
        self.mailer, self.passwords, self.vault = (
            self.people.mailer,
            self.people.passwords,
            self.people.vault,
        )
        self.guests = Sessions(SessionStore(pool), clock, fresh, SessionSettings())
        self.users = self.people.users

    def address(self) -> str:
        return f"anna-{next(_numbers)}@example.org"

    async def sign_up(self, email: str, password: str = PASSWORD, name: str = "Anna", **more: str) -> str:
        """Sign up and return the token that came by mail."""
        asked = SignUp(email=email, password=password, name=name, **more)
        assert await self.users.signing_up.sign_up(asked, None) is None
        return await self.box.token_to(email)

    async def account(self, email: str | None = None, password: str = PASSWORD) -> str:
        """Make a confirmed account and return its address."""
        email = email or self.address()
        token = await self.sign_up(email, password)
        confirmed = await self.users.signing_up.confirm(
            Confirmation(token=token, password=password), "", ORIGIN
        )
        assert isinstance(confirmed, tuple), confirmed
        # Nobody is signed in yet, as tests count sessions.
        await self.pool.execute("DELETE FROM sessions WHERE token_hash = $1", hashed(confirmed[1]))
        return email

    async def sign_in(self, email: str, password: str = PASSWORD, replaced: str = "") -> str:
        """Sign in and return the session's token."""
        signed = await self.users.signing_in.sign_in(SignIn(email=email, password=password), replaced, ORIGIN)
        assert isinstance(signed, SignedIn), signed
        assert signed.session_token
        return signed.session_token

    async def identity(self, token: str) -> Identity | None:
        """Who a token is now, whatever was kept."""
        self.users.identities._kept.clear()
        return await self.users.identities.of_session(token)

    async def signed_in(self, email: str) -> tuple[Identity, str]:
        token = await self.sign_in(email)
        identity = await self.identity(token)
        assert identity is not None
        return identity, token

    async def guest(self) -> tuple[str, BuyerId]:
        opened = await self.guests.open()
        return opened.token, opened.buyer_id

    async def session_rows(self, token: str) -> int:
        count = await self.pool.fetchval("SELECT count(*) FROM sessions WHERE token_hash = $1", hashed(token))
        return int(count)

    async def close(self) -> None:
        await self.people.close()
        await self.limits.close()


Housing = Callable[..., House]


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest.fixture(scope="session")
def users_dsn(databases: Databases, migrated_template: str) -> str:
    return databases.make("users_tests", migrated_template)


@pytest.fixture
async def users_pool(users_dsn: str) -> AsyncIterator[Pool]:
    """On a database that is made once and emptied before each test, which takes a tenth of making one."""
    pool = await create_pool(users_dsn, application_name="test", connections_max=6)
    await pool.execute(EMPTY)
    yield pool
    await close_pool(pool)


@pytest.fixture
async def housing(users_pool: Pool, redis_url: str, box: Mailbox) -> AsyncIterator[Housing]:
    """Makes processes on the same servers."""
    made: list[House] = []

    def make(burst: int = 10_000) -> House:
        house = House(users_pool, redis_url, box, Clock(), burst)
        made.append(house)
        return house

    yield make
    for house in made:
        await house.close()


@pytest.fixture
async def house(housing: Housing) -> House:
    return housing()
