"""The journal that everything rests on, against a real PostgreSQL. If this failed, a killed process could
lose or repeat what buyers were told.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cluster.embedded import EmbeddedPostgres
from domain.ids import BuyerId, EventId, OperationId, OrderId
from domain.orders import SELLABLE, OrderState
from storage.journal import Batch, CancelledTicket, Fenced, OperationRow, Refused, Standing, Unknown
from storage.migrate import migrate
from storage.postgres import Pool, close_pool, create_pool
from storage.postgres_journal import NOTIFY_CHANNEL, SNAPSHOT_PART_BYTES, PostgresJournal
from tests.storage.cuttable import proxied
from tests.storage.journal_contract import NOW_MS, Authorise, Contract, entry, event, fresh, ticket
from tests.storage.rows import add_order


@pytest.fixture
async def own_pool(migrated_dsn: str) -> AsyncIterator[Pool]:
    """On a database that the test may damage."""
    pool = await create_pool(migrated_dsn, application_name="test")
    yield pool
    await close_pool(pool)


class TestPostgresJournal(Contract):
    @pytest.fixture
    async def journal(self, pool: Pool) -> PostgresJournal:
        return PostgresJournal(pool)

    @pytest.fixture
    def authorise(self, pool: Pool) -> Authorise:
        async def authorise(order_id: OrderId, event_id: EventId, buyer_id: BuyerId) -> None:
            await add_order(pool, order_id, event_id, buyer_id)

        return authorise


async def test_a_large_snapshot_comes_back_whole_and_leaves_nothing_behind(own_pool: Pool) -> None:
    journal = PostgresJournal(own_pool)
    epoch = await journal.claim(0, "test")
    show = event()
    await journal.commit(Batch(0, epoch, [entry(show, 1, 30)]))
    bodies = [bytes([number]) * (SNAPSHOT_PART_BYTES * 2 + number) for number in range(4)]
    for number, body in enumerate(bodies):
        await journal.save_snapshot(0, epoch, show, number + 1, body)
    with pytest.raises(Refused):  # its parts are written before it is refused
        await journal.save_snapshot(0, epoch, show, 31, bodies[0])
    await journal.save_snapshot(0, epoch, show, 30, b"small")
    assert await journal.load_snapshots(show) == [b"small", bodies[3]]
    assert await own_pool.fetchval("SELECT count(*) FROM snapshot_parts") == 4


async def test_the_contract_notices_a_missing_fence(own_pool: Pool) -> None:
    """A contract that a store without its fence passes proves nothing; here is one without, and it does
    not.
    """
    source: str = await own_pool.fetchval("SELECT pg_get_functiondef('commit_batch'::regproc)")
    fence = "WHERE shard = batch_shard AND epoch = batch_epoch FOR SHARE"
    assert fence in source
    await own_pool.execute(source.replace(fence, "WHERE shard = batch_shard"))
    journal = PostgresJournal(own_pool)

    async def authorise(order_id: OrderId, event_id: EventId, buyer_id: BuyerId) -> None:
        await add_order(own_pool, order_id, event_id, buyer_id)

    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        await Contract().test_an_older_incarnation_writes_nothing(journal, authorise)
    with pytest.raises((pytest.fail.Exception, AssertionError)):
        await Contract().test_renewing_settles_what_is_unknown(journal)


async def test_a_batch_is_one_round_trip_and_one_transaction(pool: Pool) -> None:
    journal = PostgresJournal(pool)
    epoch, show = await journal.claim(0, "test"), event()
    seen: list[str] = []
    batch = Batch(0, epoch, [entry(show, 1)], [OperationRow(OperationId(fresh()), show, NOW_MS, b"")])
    await journal.commit(Batch(0, epoch, [entry(event(), 1)]))  # the first one prepares the statement
    with QueryLog(pool, seen):
        await journal.commit(batch)
    assert [query.split("(")[0] for query in seen] == ["SELECT commit_batch"]


async def test_a_batch_of_everything_has_one_transaction_id(pool: Pool) -> None:
    journal = PostgresJournal(pool)
    epoch, show, order, buyer = await journal.claim(0, "test"), event(), OrderId(fresh()), BuyerId(fresh())
    await add_order(pool, order, show, buyer)
    operations = [OperationRow(OperationId(fresh()), show, NOW_MS, b"")]
    await journal.commit(Batch(0, epoch, [entry(show, 1)], operations, [ticket(order, show, buyer)]))
    writers = await pool.fetch("""
        SELECT xmin::text FROM journal UNION SELECT xmin::text FROM journal_heads
        UNION SELECT xmin::text FROM operations UNION SELECT xmin::text FROM tickets
        UNION SELECT xmin::text FROM orders
    """)
    assert len(writers) == 1
    assert await pool.fetchval("SELECT state FROM orders") == "sold"


async def test_what_is_sold_out_is_written_with_what_made_it_so(pool: Pool) -> None:
    """Written apart, a process that dies in between would leave pages wrong for ever."""
    journal = PostgresJournal(pool)
    epoch, show = await journal.claim(0, "test"), event()

    async def standing() -> list[tuple[int, list[int]]]:
        rows = await pool.fetch("SELECT seq, sold_out FROM sale_standings WHERE event_id = $1", show)
        return [tuple(row) for row in rows]

    await journal.commit(Batch(0, epoch, [entry(show, 1, 4)], standings=[Standing(show, 4, (0, 12))]))
    assert await standing() == [(4, [0, 12])]
    with pytest.raises(Refused):
        await journal.commit(Batch(0, epoch, [entry(show, 9)], standings=[Standing(show, 9, ())]))
    assert await standing() == [(4, [0, 12])]
    await journal.commit(Batch(0, epoch, [entry(show, 5)], standings=[Standing(show, 5, ())]))
    assert await standing() == [(5, [])]
    await journal.commit(Batch(0, epoch, [entry(show, 6)]))
    assert await standing() == [(5, [])]
    await journal.claim(0, "new")
    with pytest.raises(Fenced):
        await journal.commit(Batch(0, epoch, [entry(show, 7)], standings=[Standing(show, 7, (1,))]))
    assert await standing() == [(5, [])]


async def test_an_order_whose_tickets_are_all_taken_back_is_cancelled(pool: Pool) -> None:
    journal = PostgresJournal(pool)
    epoch, show, order, buyer = await journal.claim(0, "test"), event(), OrderId(fresh()), BuyerId(fresh())
    await add_order(pool, order, show, buyer)
    rows = [ticket(order, show, buyer), ticket(order, show, buyer)]
    await journal.commit(Batch(0, epoch, [entry(show, 1)], [], rows))
    states = []
    for seq, row in enumerate(rows, 2):
        taken = [CancelledTicket(row.ticket_id, order)]
        await journal.commit(Batch(0, epoch, [entry(show, seq)], cancelled=taken))
        states.append(await pool.fetchval("SELECT state FROM orders"))
    assert states == ["sold", "cancelled"]


async def test_a_claim_waits_for_the_batch_under_way(pool: Pool) -> None:
    """Otherwise a batch of the old incarnation could commit after the new one has read the journal."""
    journal = PostgresJournal(pool)
    epoch, show = await journal.claim(0, "old"), event()
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT FROM shards WHERE shard = 0 AND epoch = $1 FOR SHARE", epoch)
        claim = asyncio.create_task(journal.claim(0, "new"))
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        async with asyncio.timeout(10):
            while not await pool.fetchval(waiting):
                assert not claim.done()
        await transaction.commit()
    assert await claim == epoch + 1
    with pytest.raises(Fenced):
        await journal.commit(Batch(0, epoch, [entry(show, 1)]))


async def test_cut_after_the_statement_was_sent_is_unknown_and_one_effect(
    shared_dsn: str, pool: Pool
) -> None:
    """faults.md: connection cut after COMMIT was sent, before its answer."""
    async with proxied(shared_dsn) as (proxy, dsn):
        through = await create_pool(dsn, application_name="cut", connections_max=1)
        journal = PostgresJournal(through)
        epoch, show, order, buyer = (
            await journal.claim(0, "test"),
            event(),
            OrderId(fresh()),
            BuyerId(fresh()),
        )
        await add_order(pool, order, show, buyer)
        await journal.commit(Batch(0, epoch, [entry(show, 1)]))
        batch = Batch(0, epoch, [entry(show, 2)], tickets=[ticket(order, show, buyer)])
        proxy.cut_at_next_answer()
        with pytest.raises(Unknown):
            await journal.commit(batch)
        assert proxy.answers_lost == 1
        # The same pool goes on by itself, and what it reads is what happened.
        assert len(await journal.read(show, 0, 10)) == 2
        with pytest.raises(Refused):
            await journal.commit(batch)
        assert len(await journal.read(show, 0, 10)) == 2
        assert len((await journal.find_orders([order]))[order].tickets) == 1
        await through.close()


async def test_a_server_that_says_nothing_is_unknown(shared_dsn: str) -> None:
    async with proxied(shared_dsn) as (proxy, dsn):
        through = await create_pool(dsn, application_name="deaf", connections_max=1, statement_timeout_ms=200)
        journal = PostgresJournal(through)
        epoch, show = await journal.claim(0, "test"), event()
        await journal.commit(Batch(0, epoch, [entry(show, 1)]))
        proxy.is_deaf = True
        with pytest.raises(Unknown):
            await journal.commit(Batch(0, epoch, [entry(show, 2)]))
        through.terminate()


async def test_no_server_is_a_connection_error_and_a_pool_recovers(servers_folder: Path) -> None:
    """PostgreSQL stopped immediately during a commit and started again: sales must go on by themselves."""
    server = EmbeddedPostgres(servers_folder / "stopped", shared_buffers_mb=32)
    await asyncio.to_thread(server.start)
    try:
        await migrate(server.dsn())
        pool = await create_pool(server.dsn(), application_name="test", connections_max=2)
        journal = PostgresJournal(pool)
        epoch, show = await journal.claim(0, "test"), event()
        acknowledged = 0

        async def sell() -> Exception:
            nonlocal acknowledged
            while True:
                try:
                    await journal.commit(Batch(0, epoch, [entry(show, acknowledged + 1)]))
                except (Unknown, Refused, ConnectionError) as error:
                    return error
                acknowledged += 1

        selling = asyncio.create_task(sell())
        async with asyncio.timeout(30):
            while acknowledged < 20:
                await asyncio.sleep(0)
        await asyncio.to_thread(server.stop, "immediate")
        assert isinstance(await selling, Unknown | ConnectionError)
        with pytest.raises(ConnectionError):
            await journal.commit(Batch(0, epoch, [entry(show, 1)]))
        with pytest.raises(ConnectionError):
            await journal.read(show, 0, 1)
        await asyncio.to_thread(server.start)
        entries = await journal.read(show, 0, 100_000)
        assert acknowledged <= len(entries) <= acknowledged + 1
        await journal.commit(Batch(0, epoch, [entry(show, len(entries) + 1)]))
        await close_pool(pool)
    finally:
        await asyncio.to_thread(server.stop, "immediate")


async def test_what_the_server_refuses_is_refused(own_pool: Pool) -> None:
    """A full disk is the same kind of error: raised before the commit, and nothing of the batch is there."""
    journal = PostgresJournal(own_pool)
    epoch, show = await journal.claim(0, "test"), event()
    await own_pool.execute("""
        CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER full_disk AFTER INSERT ON journal FOR EACH ROW EXECUTE FUNCTION full_disk()
    """)
    with pytest.raises(Refused, match="53100"):
        await journal.commit(Batch(0, epoch, [entry(show, 1)]))
    await own_pool.execute("DROP TRIGGER full_disk ON journal")
    assert await journal.read(show, 0, 10) == []
    await journal.commit(Batch(0, epoch, [entry(show, 1)]))


async def test_what_operators_end_is_unknown(pool: Pool, shared_dsn: str) -> None:
    """pg_terminate_backend and a fast shutdown may strike before or after the commit."""
    one = await create_pool(shared_dsn, application_name="victim", connections_max=1)
    journal = PostgresJournal(one)
    epoch, show = await journal.claim(0, "test"), event()
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE journal_heads IN EXCLUSIVE MODE")
        commit = asyncio.create_task(journal.commit(Batch(0, epoch, [entry(show, 1)])))
        kill = """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE application_name = 'victim' AND wait_event_type = 'Lock'
        """
        async with asyncio.timeout(10):
            while not await connection.fetchval(kill):
                await asyncio.sleep(0)
    with pytest.raises(Unknown):
        await commit
    await one.close()


async def test_commits_are_announced_but_not_each(pool: Pool, shared_dsn: str) -> None:
    """NOTIFY serialises the commits of the whole instance; a sale with a hundred batches a second can't have
    one each.
    """
    now_s = 100.0
    journal = PostgresJournal(pool, lambda: now_s)
    epoch, show = await journal.claim(0, "test"), event()
    heard: list[object] = []
    listener = await asyncpg.connect(shared_dsn)
    await listener.add_listener(NOTIFY_CHANNEL, lambda *_: heard.append(1))
    for seq in range(1, 11):
        await journal.commit(Batch(0, epoch, [entry(show, seq)]))
        now_s += 0.02
    await listener.execute("SELECT 1")
    assert 3 <= len(heard) <= 4
    await listener.close()


class QueryLog:
    """Notes every query that any connection of a pool sends."""

    def __init__(self, pool: Pool, seen: list[str]) -> None:
        holders: Any = getattr(pool, "_holders")  # noqa: B009 - the driver has no public way to them
        self._connections = [holder._con for holder in holders if holder._con is not None]
        self._seen = seen

    def __enter__(self) -> None:
        for connection in self._connections:
            connection.add_query_logger(self._note)

    def __exit__(self, *_: object) -> None:
        for connection in self._connections:
            connection.remove_query_logger(self._note)

    def _note(self, record: asyncpg.connection.LoggedQuery) -> None:
        self._seen.append(record.query)


@pytest.mark.parametrize("state", list(OrderState))
async def test_only_an_order_that_is_neither_given_up_nor_sold_is_sold(pool: Pool, state: OrderState) -> None:
    """A payment that is being voided pays for nothing, however late the sale comes that it was meant for."""
    journal = PostgresJournal(pool)
    epoch = await journal.claim(0, "test")
    show, buyer, order = event(), BuyerId(fresh()), OrderId(fresh())
    await add_order(pool, order, show, buyer, state)
    batch = Batch(0, epoch, [entry(show, 1)], [], [ticket(order, show, buyer)])
    assert (await journal.find_sellable([order]) == {order}) is (state in SELLABLE)
    if state in SELLABLE:
        await journal.commit(batch)
    else:
        with pytest.raises(Refused):
            await journal.commit(batch)
    sold = state if state not in SELLABLE else OrderState.SOLD
    assert await pool.fetchval("SELECT state FROM orders WHERE order_id = $1", order) == sold
    count = "SELECT count(*) FROM tickets WHERE order_id = $1"
    assert await pool.fetchval(count, order) == (state in SELLABLE)
