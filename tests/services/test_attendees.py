"""The people of a large event, taken along. If one failed, a row would be lost or told twice between two
parts, or a file would be made in memory, or in one go while everybody else waits.
"""

import asyncio
import contextlib
import csv
import gc
import io
import time
from collections.abc import AsyncIterator

import pytest

from domain.identity import Who
from domain.ids import BuyerId, EventId, OrganisationId
from services.events.access import Access
from services.events.attendees import AttendeeFile, Attendees
from storage import order_answers
from storage.event_owners import EventOwners
from storage.event_records import EventRecord
from tests.gateway.stage import Works, catalogue_file, fresh, works
from tests.services.organiser import WHO

ORDERS = 2_500
TICKETS = 5_000
LONG_TURN_S = 0.0025
PEOPLE = 500


@pytest.fixture
async def made(migrated_dsn: str, redis_url: str) -> AsyncIterator[Works]:
    async with works(migrated_dsn, redis_url) as opened:
        yield opened


async def sold_out(made: Works) -> EventRecord:
    """An event with 2,500 orders of two tickets, bought by 500 people with accounts, each with an answer, and
    among them as many that came to nothing. Always three were made in the same moment.
    """
    _, event = await made.load(catalogue_file(capacity=TICKETS))
    question_id = fresh()
    await made.pool.execute(
        """
        INSERT INTO questions (question_id, event_id, position, per, label, kind)
        VALUES ($1, $2, 0, 'ticket', 'Name', 'text')
        """,
        question_id,
        event.event_id,
    )
    buyers = [BuyerId(fresh()) for _ in range(PEOPLE)]
    vault = made.people.vault
    names = [f"Name {number}" for number in range(PEOPLE)]
    users = [fresh() for _ in buyers]
    sealed = await asyncio.gather(
        *(vault.seal(user, "users", "name_sealed", name) for user, name in zip(users, names, strict=True))
    )
    said = await asyncio.gather(
        *(vault.seal(each, order_answers.TABLE, order_answers.COLUMN, "Said") for each in buyers)
    )
    await made.pool.execute(
        """
        INSERT INTO users (user_id, buyer_id, state, email_lookup, email_sealed, name_sealed, locale,
            password_hash, created_at, updated_at)
        SELECT id, buyer, 'active', sha256(uuid_send(id)), '', name, 'en', '', now(), now()
        FROM unnest($1::uuid[], $2::uuid[], $3::bytea[]) AS given (id, buyer, name)
        """,
        users,
        buyers,
        sealed,
    )
    await made.pool.execute("INSERT INTO user_buyers SELECT buyer_id, user_id FROM users")
    await made.pool.execute(
        """
        WITH given AS (
            SELECT gen_random_uuid() AS id, number, ($2::uuid[])[1 + number % 500] AS buyer,
                ($3::bytea[])[1 + number % 500] AS said
            FROM generate_series(0, $4::integer * 2 - 1) AS number
        ), placed AS (
            INSERT INTO orders (order_id, event_id, hold_id, buyer_id, state, amount_minor, currency,
                lease_owner, lease_until, created_at, updated_at, finished_at)
            SELECT id, $1, id, buyer, CASE WHEN number < $4 THEN 'paid' ELSE 'failed' END, 2450, 'EUR', '',
                now(), date_trunc('milliseconds', now()) - number % $4 / 3 * interval '1 second', now(), now()
            FROM given
        ), lines AS (
            INSERT INTO order_lines SELECT id, at, at, 1, CASE at WHEN 0 THEN 1500 ELSE 950 END
            FROM given, generate_series(0, 1) AS at
        ), answered AS (
            INSERT INTO order_answers SELECT id, 0, $5, 1, buyer, 'Name', said FROM given WHERE number < $4
        )
        INSERT INTO tickets (ticket_id, order_id, event_id, buyer_id, ticket_type, issued_at)
        SELECT (lpad(to_hex(at), 8, '0') || substr(replace(id::text, '-', ''), 9))::uuid, id, $1, buyer, at,
            now()
        FROM given, generate_series(0, 1) AS at WHERE number < $4
        """,
        event.event_id,
        buyers,
        said,
        ORDERS,
        question_id,
    )
    return event


def attendees_of(made: Works) -> Attendees:
    return Attendees(made.pool, Access(EventOwners(made.pool)), made.people.vault, made.clock)


async def begun(
    attendees: Attendees, organisation_id: OrganisationId, event_id: EventId, who: Who = WHO
) -> AttendeeFile:
    file = await attendees.give(who, organisation_id, event_id)
    assert isinstance(file, AttendeeFile)
    return file


async def test_a_large_event_is_told_in_parts_and_nobody_waits(made: Works) -> None:
    event = await sold_out(made)
    file = await begun(attendees_of(made), event.organisation_id, event.event_id)
    long_turns, turns = 0, 0

    async def others() -> None:
        """What else this process does: it is its turn again and again, and it reads the catalogue."""
        nonlocal long_turns, turns
        while True:
            # Only what is done on this thread counts, so that a busy machine does not.
            since = time.thread_time()
            await asyncio.sleep(0)
            long_turns += time.thread_time() - since > LONG_TURN_S
            turns += 1
            if turns % 100 == 0:
                assert await made.catalogue.find(event.event_id) is not None

    waiting = asyncio.create_task(others())
    # What the collector takes, in a process full of tests, is not the file's.
    gc.disable()
    try:
        parts = [part async for part in file.parts]
    finally:
        gc.enable()
    assert not waiting.done(), "it went on all the while"
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting
    assert turns > 100
    # A slow machine has a long turn now and then; what is done on the wrong thread makes one in most parts.
    assert long_turns < len(parts) / 3, "what takes long is done on another thread"
    assert max(len(part) for part in parts) < 100_000 < sum(map(len, parts)), "no part grows with the event"
    found = list(csv.DictReader(io.StringIO(b"".join(parts).decode(), newline="")))
    assert len(found) == TICKETS
    assert len({row["ticket"] for row in found}) == TICKETS, "none is told twice"
    assert {row["buyer_name"] for row in found} == {f"Name {number}" for number in range(PEOPLE)}
    assert [row["bought_at"] for row in found] == sorted((row["bought_at"] for row in found), reverse=True)
    # The answer is the second ticket's, and so is the price of its type.
    told = {(row["ticket_type"], row["price"], row["Name"]) for row in found}
    assert told == {("Full", "15.00", ""), ("Reduced", "9.50", "Said")}


async def test_who_reads_slowly_keeps_nobody_waiting(made: Works) -> None:
    event = await sold_out(made)
    attendees = attendees_of(made)
    slow = [await begun(attendees, event.organisation_id, event.event_id) for _ in range(8)]
    for file in slow:
        await anext(file.parts)
    async with asyncio.timeout(60):
        quick = await begun(attendees, event.organisation_id, event.event_id)
        assert len([part async for part in quick.parts]) > 10
        # More at once than there are connections: each has one only while it reads.
        await asyncio.gather(*(anext(file.parts) for file in slow))
    for file in slow:
        await file.parts.aclose()
    counted = await made.pool.fetch("SELECT after FROM audit_entries WHERE action = 'people.export'")
    assert [row["after"] for row in counted] == [f'{{"tickets": {TICKETS}}}'] * 9


async def test_an_event_without_orders_has_a_head_only(made: Works) -> None:
    _, event = await made.load(catalogue_file())
    file = await begun(attendees_of(made), event.organisation_id, event.event_id)
    (part,) = [part async for part in file.parts]
    assert part.count(b"\r\n") == 1 and part.startswith(b'"order","ticket"')
