"""Sessions and socket tickets. If these failed, one ticket would open two sockets, or a session would outlive
its end.
"""

import asyncio
import hashlib

from domain.ids import BuyerId
from storage.postgres import Pool
from storage.sessions import SessionStore
from storage.user_sessions import UserSessions
from tests.storage.journal_contract import NOW_MS, fresh


def hashed(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


async def test_a_session_is_found_until_it_is_over(pool: Pool) -> None:
    store = SessionStore(pool)
    buyer = BuyerId(fresh())
    await store.open(hashed("a"), buyer, NOW_MS, NOW_MS + 1_000)
    assert await store.find(hashed("a"), NOW_MS + 999) == buyer
    assert await store.find(hashed("a"), NOW_MS + 1_000) is None
    assert await store.find(hashed("b"), NOW_MS) is None


async def test_a_ticket_opens_one_socket(pool: Pool) -> None:
    """Also for two that come at the same time, in one batch or from two gateways."""
    one, other = SessionStore(pool), SessionStore(pool)
    buyer = BuyerId(fresh())
    await one.open(hashed("session"), buyer, NOW_MS, NOW_MS + 1_000)
    for number in range(20):
        await one.issue_ticket(hashed(str(number)), hashed("session"), buyer, NOW_MS + 1_000)
    for number in range(20):
        redeemed = await asyncio.gather(
            one.redeem(hashed(str(number)), NOW_MS),
            one.redeem(hashed(str(number)), NOW_MS),
            other.redeem(hashed(str(number)), NOW_MS),
        )
        assert [owner.buyer_id for owner in redeemed if owner] == [buyer]


async def test_a_ticket_that_is_over_opens_nothing(pool: Pool) -> None:
    store = SessionStore(pool)
    await store.open(hashed("s"), BuyerId(fresh()), NOW_MS, NOW_MS + 1_000)
    await store.issue_ticket(hashed("t"), hashed("s"), BuyerId(fresh()), NOW_MS)
    assert await store.redeem(hashed("t"), NOW_MS) is None
    assert await store.redeem(hashed("t"), NOW_MS - 1) is None, "it is used up by the attempt"


async def test_a_ticket_ends_with_its_session(pool: Pool) -> None:
    """Whoever was signed out while their page was opening a socket does not get one."""
    store, sessions = SessionStore(pool), UserSessions(pool)
    for name, ends_ms in (("ended", NOW_MS + 1_000), ("over", NOW_MS + 10)):
        await store.open(hashed(name), BuyerId(fresh()), NOW_MS, ends_ms)
        await store.issue_ticket(hashed(f"ticket {name}"), hashed(name), BuyerId(fresh()), NOW_MS + 1_000)
    await sessions.end_token(hashed("ended"))
    assert await store.redeem(hashed("ticket ended"), NOW_MS) is None
    assert await store.redeem(hashed("ticket over"), NOW_MS + 10) is None


async def test_thousands_at_once_take_a_few_statements(pool: Pool) -> None:
    store = SessionStore(pool)
    buyers = [BuyerId(fresh()) for _ in range(2_000)]
    await asyncio.gather(
        *(store.open(hashed(str(at)), buyer, NOW_MS, NOW_MS + 1) for at, buyer in enumerate(buyers))
    )
    found = await asyncio.gather(*(store.find(hashed(str(at)), NOW_MS) for at in range(len(buyers))))
    assert found == buyers
    assert store._opening.batches + store._finding.batches < 30
