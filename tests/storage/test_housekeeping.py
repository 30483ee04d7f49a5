"""What is forgotten must be of no use to anybody. If an operation were forgotten too early, doing it again
would do it twice.
"""

import asyncio
import time

import pytest

from domain.ids import BuyerId, EventId, OperationId, OrderId, UserId
from storage import housekeeping
from storage.event_lists import Wanted, public_events
from storage.housekeeping import OPERATIONS_KEPT_MS, PAST_AFTER_MS, keep_house, prune_operations
from storage.journal import Batch, OperationRow
from storage.person_keys import PersonKeys, WrappedKey
from storage.postgres import Pool
from storage.postgres_journal import PostgresJournal
from storage.repeated_requests import RepeatedRequests
from storage.sessions import SessionStore
from tests.storage.journal_contract import NOW_MS, entry, fresh
from tests.storage.rows import add_event, add_order

DAY_MS = 24 * 3_600_000
LATER_MS = NOW_MS + OPERATIONS_KEPT_MS + 2 * DAY_MS


async def operations_of(pool: Pool, *events: EventId) -> list[OperationId]:
    """Record one operation of each event."""
    journal = PostgresJournal(pool)
    epoch = await journal.claim(0, "test")
    rows = [OperationRow(OperationId(fresh()), event_id, NOW_MS, b"") for event_id in events]
    await journal.commit(Batch(0, epoch, [entry(event_id, 1) for event_id in events], rows))
    return [row.operation_id for row in rows]


async def test_operations_are_kept_while_anybody_could_repeat_them(pool: Pool) -> None:
    over, ahead, unknown, unfinished = (EventId(fresh()) for _ in range(4))
    await add_event(pool, over, NOW_MS)
    await add_event(pool, ahead, LATER_MS)
    await add_event(pool, unfinished, NOW_MS)
    await add_order(pool, OrderId(fresh()), unfinished, BuyerId(fresh()), "authorised")
    forgotten, *kept = await operations_of(pool, over, ahead, unknown, unfinished)
    journal = PostgresJournal(pool)
    assert await prune_operations_by(pool, NOW_MS) == 0
    assert len(await journal.find_operations([forgotten, *kept])) == 4
    assert await prune_operations_by(pool, LATER_MS - OPERATIONS_KEPT_MS) == 1
    assert set(await journal.find_operations([forgotten, *kept])) == set(kept)
    # The journal still has every one of them.
    assert len(await journal.read(over, 0, 10)) == 1


async def prune_operations_by(pool: Pool, before_ms: int) -> int:
    async with pool.acquire() as connection:
        return await prune_operations(connection, before_ms)


async def test_what_is_over_is_forgotten(pool: Pool) -> None:
    now_ms = int(time.time() * 1000)
    store = SessionStore(pool)
    for number, expires_at_ms in enumerate((now_ms - 1, now_ms + DAY_MS)):
        await store.open(bytes([number]) * 32, BuyerId(fresh()), now_ms - DAY_MS, expires_at_ms)
        await store.issue_ticket(bytes([number]) * 32, bytes([number]) * 32, BuyerId(fresh()), expires_at_ms)
    kept = await keep_house(pool, now_ms)
    assert (kept.sessions, kept.socket_tickets, kept.operations, kept.misplaced) == (1, 1, 0, 0)
    assert await store.find(b"\x01" * 32, now_ms) is not None
    assert await store.redeem(b"\x01" * 32, now_ms) is not None
    again = await keep_house(pool, now_ms)
    assert (again.months, again.sessions, again.socket_tickets) == ([], 0, 0)


async def test_who_forgets_as_much_as_a_call_forgets_is_told_to_come_again_soon(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a call an hour the operations of a busy platform were not forgotten as fast as they came."""
    monkeypatch.setattr(housekeeping, "ROWS_A_CALL", 2)
    over = EventId(fresh())
    await add_event(pool, over, NOW_MS)
    journal = PostgresJournal(pool)
    rows = [OperationRow(OperationId(fresh()), over, NOW_MS, b"") for _ in range(3)]
    await journal.commit(Batch(0, await journal.claim(0, "test"), [entry(over, 1)], rows))
    first = await keep_house(pool, LATER_MS)
    assert (first.operations, first.is_behind) == (2, True)
    second = await keep_house(pool, LATER_MS)
    assert (second.operations, second.is_behind) == (1, False)


async def test_who_notes_as_many_past_events_as_a_call_notes_is_told_to_come_again_soon(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(housekeeping, "PAST_A_CALL", 2)
    now_ms = int(time.time() * 1000)
    for _ in range(3):
        await add_event(pool, EventId(fresh()), now_ms - PAST_AFTER_MS - 1_000)
    first = await keep_house(pool, now_ms)
    assert (first.past_events, first.is_behind) == (2, True)
    second = await keep_house(pool, now_ms)
    assert (second.past_events, second.is_behind) == (1, False)


async def test_lists_pass_over_what_is_over_and_only_that(pool: Pool) -> None:
    """Or they would get slower with every event that ever took place, or lack one that is to come."""
    now_ms = int(time.time() * 1000)
    over, just_over, ahead, moved = (EventId(fresh()) for _ in range(4))
    for event_id, starts_ms in (
        (over, -PAST_AFTER_MS),
        (just_over, 0),
        (ahead, DAY_MS),
        (moved, -9 * DAY_MS),
    ):
        await add_event(pool, event_id, now_ms + starts_ms - 1_000)

    async def past() -> list[EventId]:
        return [
            row[0] for row in await pool.fetch("SELECT event_id FROM events WHERE is_past ORDER BY event_id")
        ]

    assert (await keep_house(pool, now_ms)).past_events == 2
    assert (await keep_house(pool, now_ms)).past_events == 0
    assert await past() == [over, moved]
    await pool.execute("UPDATE events SET title = 'Another' WHERE event_id = ANY ($1)", [over])
    await pool.execute(
        "UPDATE events SET starts_at = $2, ends_at = $2 WHERE event_id = $1", moved, now_ms + DAY_MS
    )
    assert await past() == [over]
    listed = await public_events(pool, Wanted(from_ms=now_ms), None, 10)
    assert listed is not None
    assert {event.event_id for event in listed.events} == {ahead, moved}


@pytest.mark.parametrize(
    ("table", "taken"),
    [
        ("repeated_requests", "UPDATE repeated_requests SET expires_at = now() + interval '1 day'"),
        ("users", "UPDATE users SET state = 'active'"),
    ],
)
async def test_what_is_just_being_taken_into_use_is_not_forgotten(pool: Pool, table: str, taken: str) -> None:
    """An expired key is claimed anew, or a sign-up is confirmed, in the moment in which it would be
    forgotten: a request would have nothing to mark, and somebody would have no account.
    """
    now_ms = int(time.time() * 1000)
    store = RepeatedRequests(pool)
    await store.claim(b"k" * 32, b"r" * 32, fresh(), now_ms - 2, now_ms - 1, now_ms - 1)
    person = UserId(fresh())
    await pool.execute(
        """
        INSERT INTO users (user_id, buyer_id, state, email_lookup, email_sealed, name_sealed, locale,
            password_hash, created_at, updated_at)
        VALUES ($1, $1, 'unconfirmed', sha256(''), '', '', 'en', '', $2, $2)
        """,
        person,
        now_ms - 3 * DAY_MS,
    )
    await PersonKeys(pool).keep(WrappedKey(person, 1, bytes(60)))
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(taken)
        forgetting = asyncio.create_task(keep_house(pool, now_ms))
        waiting = """
            SELECT EXISTS (SELECT FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock')
        """
        while not await pool.fetchval(waiting):
            assert not forgetting.done()
            await asyncio.sleep(0.01)
    await forgetting
    assert await pool.fetchval(f"SELECT count(*) FROM {table}") == 1
    assert (await PersonKeys(pool).find(person) is not None) == (table == "users")
