"""The books of the provider that tests and demonstrations pay with. If these failed, a lost answer would look
like a double charge, and no test could tell ours from the provider's.
"""

import asyncio

import pytest

from storage.postgres import Pool
from storage.sandbox_ledger import SandboxLedger, SandboxPayment, reference
from tests.storage.journal_contract import fresh


@pytest.fixture
def ledger(pool: Pool) -> SandboxLedger:
    return SandboxLedger(pool)


async def test_the_first_answer_stays(ledger: SandboxLedger) -> None:
    key, declined = fresh(), fresh()
    first = SandboxPayment(reference(key), "authorised")
    assert (
        await asyncio.gather(*(ledger.authorise(key, 100, "EUR", why) for why in ("", "stolen")))
        == [first] * 2
    )
    assert await ledger.authorise(key, 999, "USD", "stolen") == first
    refused = SandboxPayment(reference(declined), "declined", "stolen")
    assert await ledger.authorise(declined, 100, "EUR", "stolen") == refused
    assert await ledger.authorise(declined, 100, "EUR", "") == refused
    assert await ledger.capture(declined) == "declined"


async def test_taking_once_whoever_asks(ledger: SandboxLedger, pool: Pool) -> None:
    key = fresh()
    assert await ledger.capture(key) is None
    await ledger.authorise(key, 100, "EUR", "")
    assert await asyncio.gather(*(ledger.capture(key) for _ in range(3))) == ["captured"] * 3
    assert await ledger.void(key) == "captured"
    assert await pool.fetchval("SELECT sum(captured_minor) FROM sandbox.payments") == 100


async def test_void_comes_before_a_late_authorisation(ledger: SandboxLedger) -> None:
    """A gateway that got no answer voids; its call to authorise may still be on the way."""
    late, early = fresh(), fresh()
    assert await ledger.void(late) == "voided"
    assert (await ledger.authorise(late, 100, "EUR", "")).state == "voided"
    await ledger.authorise(early, 100, "EUR", "")
    assert await asyncio.gather(*(ledger.void(early) for _ in range(2))) == ["voided"] * 2
    assert await ledger.capture(early) == "voided"


async def test_never_more_back_than_was_taken(ledger: SandboxLedger, pool: Pool) -> None:
    key, again = fresh(), fresh()
    await ledger.authorise(key, 100, "EUR", "")
    assert not await ledger.refund(fresh(), key, 1), "nothing is captured yet"
    await ledger.capture(key)
    assert await asyncio.gather(*(ledger.refund(again, key, 60) for _ in range(3))) == [True] * 3
    given = await asyncio.gather(*(ledger.refund(fresh(), key, 30) for _ in range(3)))
    assert sorted(given) == [False, False, True]
    assert not await ledger.refund(fresh(), key, 0)
    assert await pool.fetchval("SELECT refunded_minor FROM sandbox.payments") == 90
