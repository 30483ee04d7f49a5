"""How long an answer takes does not say whether an address has an account. If one failed, anybody with a list
of addresses and a clock could tell who is a customer.
"""

import asyncio
import itertools
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from services.notifications.port import Mail
from services.users.models import SignUp
from services.users.passwords import Passwords, PasswordSettings
from tests.gateway.api.test_users import Browser, browsing
from tests.gateway.stage import Stage
from tests.people import PASSWORD

ROUNDS = 15
# A busy machine makes one measurement differ from the next; a hash that is missing makes all of them differ.
TRIES = 4
BUSY_MAX = 20
# Of what one hash takes. Without the hash of nobody's password the answers differ by a whole one.
DIFFERENCE_MAX = 0.5
_numbers = itertools.count(1)

Asked = Callable[[str], Awaitable[bool]]


def nobody() -> str:
    return f"nobody-{next(_numbers)}@example.org"


async def seconds(ask: Callable[[], Awaitable[bool]]) -> float:
    """How long something takes that is done, and not refused as busy: then it is asked for again."""
    for _ in range(BUSY_MAX):
        started = time.perf_counter()
        if await ask():
            return time.perf_counter() - started
    pytest.fail("always busy")


async def difference(asked: Asked, known: str, passwords: Passwords) -> float:
    """How much longer it takes for a known address than for others, in hashes: medians of pairs that take
    turns, in either order.
    """
    times: dict[str, list[float]] = {"known": [], "unknown": [], "hash": []}
    for _ in range(ROUNDS):
        pair = [("known", known), ("unknown", nobody())]
        random.shuffle(pair)
        for name, email in pair:
            times[name].append(await seconds(partial(asked, email)))
        times["hash"].append(await seconds(lambda: _hash(passwords)))
    medians = {name: statistics.median(values) for name, values in times.items()}
    return (medians["known"] - medians["unknown"]) / medians["hash"]


def asking(browser: Browser, path: str, body: dict[str, str], expected: int) -> Asked:
    async def ask(email: str) -> bool:
        status, answer, _ = await browser.ask("POST", path, {"email": email, **body})
        assert status in {expected, 503}, answer
        return status == expected

    return ask


async def _hash(passwords: Passwords) -> bool:
    return await passwords.matches(None, "x") is False


@pytest.mark.timeout(300)
async def test_known_and_unknown_addresses_take_as_long(stage: Stage) -> None:
    people = stage.works.people
    person = await people.add()
    # What a hash costs is what is to be seen, so it costs what it does in earnest.
    passwords = Passwords(PasswordSettings())
    people.users.signing_in._passwords = people.users.signing_up._passwords = passwords
    password_hash = await passwords.hash(PASSWORD)
    await stage.works.pool.execute(
        "UPDATE users SET password_hash = $2 WHERE user_id = $1", person.user_id, password_hash
    )
    async with browsing(stage) as browser:
        for path, body, expected in (
            ("/sign-in", {"password": "not the one that it is"}, 401),
            ("/sign-up", {"password": PASSWORD, "name": "X"}, 202),
            ("/password-reset", {}, 202),
        ):
            asked = asking(browser, path, body, expected)
            await asked(person.email)
            found: list[float] = []
            while not found or abs(found[-1]) > DIFFERENCE_MAX:
                assert len(found) < TRIES, f"{path}: known addresses take {found} hashes longer"
                found.append(await difference(asked, person.email, passwords))
    await passwords.close()


class Stuck:
    """A mail server's queue that takes nothing and never says so."""

    def __init__(self) -> None:
        self.asked = 0

    async def send(self, _: Mail) -> None:
        self.asked += 1
        await asyncio.Event().wait()

    def counts(self) -> dict[str, int]:
        return {}


async def test_no_answer_waits_for_a_letter(stage: Stage) -> None:
    """Only some addresses get one, and a clock would tell which."""
    people = stage.works.people
    person, stuck = await people.add(), Stuck()
    people.users.signing_up._mailer = stuck
    async with asyncio.timeout(20):
        for email in (person.email, nobody()):
            asked = SignUp(email=email, password=PASSWORD, name="X")
            assert await people.users.signing_up.sign_up(asked, None) is None
            assert await people.users.signing_up.ask_reset(email) is None
        while stuck.asked < 3:
            await asyncio.sleep(0.01)
