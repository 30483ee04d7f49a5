"""The user service for tests of what stands on it, and people with accounts."""

import itertools
import random
import time
from collections.abc import Callable

import msgspec

from domain.ids import BuyerId, UserId, uuid7
from services.notifications.email import SmtpMailer, SmtpSettings
from services.organisations.capability import (
    OrganisationGround,
    OrganisationServices,
    organisation_services,
)
from services.users.attempts import Attempts
from services.users.capability import UserGround, Users, user_services
from services.users.passwords import Passwords, PasswordSettings
from services.users.people import lookup_of
from services.vault import KeyRing, Vault
from storage.accounts import User, UserState
from storage.limits import RedisLimits
from storage.person_keys import PersonKeys
from storage.postgres import Pool

URL = "https://tickets.example"
PASSWORD = "correct horse battery staple"
CHEAP = PasswordSettings(memory_kib=64, passes=1, threads=2, waiting_max=1_000)
# Nothing listens there: mail waits, and is given up at the end.
NO_SERVER = "smtp://127.0.0.1:1"
_numbers = itertools.count(1)


def fresh() -> bytes:
    return uuid7(time.time_ns() // 1_000_000, random.getrandbits(74))


class Person(msgspec.Struct, frozen=True):
    """Somebody with an account."""

    user_id: UserId
    buyer_id: BuyerId
    email: str
    password: str


class People:
    """The user service of one process, with cheap hashes."""

    def __init__(
        self,
        pool: Pool,
        limits: RedisLimits,
        clock: Callable[[], int],
        *,
        smtp_url: str = NO_SERVER,
        burst: int = 10_000,
        url: str = URL,
    ) -> None:
        self.mailer = SmtpMailer(
            SmtpSettings(smtp_url, "tickets@bilten.example", pause_ms=20, tries=4), clock
        )
        self.passwords = Passwords(CHEAP)
        self.vault = Vault(PersonKeys(pool), lambda: KeyRing({1: b"k" * 32}, b"l" * 32), clock)
        self._clock = clock
        self.organisations: OrganisationServices = organisation_services(
            OrganisationGround(
                pool=pool,
                vault=self.vault,
                mailer=self.mailer,
                clock=clock,
                new_id=fresh,
                url=url,
                attempts=Attempts(limits, burst),
            )
        )
        self.users: Users = user_services(
            UserGround(
                pool=pool,
                vault=self.vault,
                mailer=self.mailer,
                passwords=self.passwords,
                attempts=Attempts(limits, burst),
                memberships=self.organisations.memberships,
                membership_views=self.organisations.membership_views,
                keys=self.organisations.keys,
                clock=clock,
                new_id=fresh,
                url=url,
            )
        )

    async def add(self, email: str = "", name: str = "Anna", password: str = PASSWORD) -> Person:
        """Make an account without the mail; its address is one that no other call gives."""
        email = email or f"person-{next(_numbers)}@example.org"
        person = Person(UserId(fresh()), BuyerId(fresh()), email, password)
        password_hash = await self.passwords.hash(password)
        assert isinstance(password_hash, str)
        user = User(
            person.user_id,
            person.buyer_id,
            UserState.ACTIVE,
            lookup_of(self.vault, email),
            await self.vault.seal(person.user_id, "users", "email_sealed", email),
            await self.vault.seal(person.user_id, "users", "name_sealed", name),
            "en",
            password_hash,
        )
        assert await self.users.accounts.create(user, self._clock())
        return person

    async def close(self) -> None:
        await self.users.close()
        await self.mailer.close(0)
