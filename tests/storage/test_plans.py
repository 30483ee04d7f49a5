"""Every statement of the platform reaches the rows that it is about through an index. One that did not would
get slower with everything that was ever sold, and nobody would notice before there is much of it.

The statements are those of the source (`tests/storage/statements.py`); what is put together at run time is
sent, and what functions of the database do is done, on a connection that tells of every plan (auto_explain).
A statement that is in no way planned here fails a test.
"""

import datetime as dt
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, TypeAlias

import asyncpg
import pytest

from domain.identity import Attempt
from domain.ids import BuyerId, OperationId, OrderId, OrganisationId
from storage.audit_reader import AuditFilter, entries_of, entries_of_all
from storage.catalogue import slug_is_free
from storage.event_lists import SORTS, Wanted, own_events, public_events
from storage.journal import Batch, CancelledTicket, OperationRow, Standing
from storage.postgres import AnyConnection, Pool, close_pool, connect, create_pool, speak_domain_types
from storage.postgres_journal import PostgresJournal
from storage.repeated_requests import RepeatedRequests, mark
from storage.tenancy import ROLE
from tests.servers import Databases, run
from tests.storage.filled import ROWS, fill
from tests.storage.journal_contract import NOW_MS, entry, event, fresh, ticket
from tests.storage.rows import add_order
from tests.storage.statements import ROOT, Source

# What stays small however much is sold.
SMALL = {
    "checkpoints": "one row for each reader of the journal",
    "feature_flags": "as many as the source has",
    "migrations": "as many as the source has",
    "platform_members": "who works for the platform",
    "shards": "one row for each",
    "suspended_users": "whoever was, by hand",
}
# Indexes that may be read from end to end, because of few rows only they say that these are there.
FEW = {
    "event_changes_pending": "what is just being changed",
    "events_by_price": "what is ahead",
    "events_listed": "what is ahead",
    "events_newest": "what is ahead",
    "orders_unfinished": "what is just being paid for",
    "organisations_withdrawn": "who was suspended or closed",
    "users_unconfirmed": "who has signed up in the last two days",
    "vouchers_clear": "none since codes are sealed",
}
# Statements that may read everything.
ALL = {
    "storage.audit_verification.verify": "that is what it is for, by hand",
    "storage.event_lists.organisation_slugs": "the map of the site, kept for ten minutes",
    "storage.journal_tools.verify_all": "that is what it is for, by hand",
    "storage.partitions.misplaced": "what a clock that is wrong has written: nothing",
    "storage.placements.overview": "by hand",
    "storage.search_texts.make_anew": "marks that are gone in a moment",
    "storage.venues.followers": "marks that are gone in a moment",
}
# Where there is no statement that could be read, or none of ours.
ELSEWHERE = {
    "gateway.websocket.handle": "prepares a websocket",
    "storage.audit_reader.entries_of": "sent below",
    "storage.audit_reader.entries_of_all": "sent below",
    "storage.event_lists.own_events": "sent below",
    "storage.event_lists.public_events": "sent below",
    "storage.migrate._apply": "the migrations themselves",
    "storage.partitions._make": "makes a table, and moves there what should be nothing",
}
PLANNED = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")
NOT_PLANNED = {"CREATE", "SHOW", "VACUUM"}
# A place in a list that may be left open: PostgreSQL plans for both, and reads the list from its beginning.
NO_PLACE = re.compile(r"\(\$\d+ IS NULL\) OR \(+(ROW\([^)]*\)|\w+) [<>]")
# More than belongs to one thing of the tables that are filled.
MANY = ROWS // 20
Read: TypeAlias = tuple[list[tuple[str, str]], list[str]]
SOMEBODY = OrganisationId(bytes(15) + b"\x01")


@pytest.fixture(scope="module")
def read() -> Read:
    """Statements with where they stand, and where some stand that can't be read."""
    return Source().statements()


@pytest.fixture(scope="module")
def filled_dsn(databases: Databases, migrated_template: str) -> Iterator[str]:
    async def filled(dsn: str) -> None:
        connection = await connect(dsn, application_name="test")
        await fill(connection, SMALL)
        await connection.close()

    for dsn in databases.fresh(migrated_template):
        run(filled(dsn))
        yield dsn


@pytest.fixture
async def filled_pool(filled_dsn: str) -> AsyncIterator[Pool]:
    """One connection, as those of the platform are."""
    pool = await create_pool(filled_dsn, application_name="test", connections_max=1)
    yield pool
    await close_pool(pool)


class Judge:
    """Says what is wrong with plans, and remembers which statements it let read everything."""

    def __init__(self, beginnings: dict[str, set[str]]) -> None:
        self._beginnings = beginnings
        self.excused: set[str] = set()

    def faults(self, where: str, node: dict[str, Any], *, is_limited: bool = False) -> Iterator[str]:
        kind, relation = node["Node Type"], node.get("Relation Name")
        fault = ""
        if kind == "Seq Scan" and relation not in SMALL:
            fault = f"reads all of {relation}"
        elif kind in {"Index Scan", "Index Only Scan", "Bitmap Index Scan"}:
            fault = self._fault_of_scan(node)
        elif kind == "Sort" and is_limited and node["Plan Rows"] > MANY:
            fault = f"sorts {node['Plan Rows']} rows for a few of them, by {node['Sort Key']}"
        if not fault and NO_PLACE.search(node.get("Filter", "")):
            fault = f"looks for its place in {relation} from the beginning on: {node['Filter']}"
        if fault and where in ALL:
            self.excused.add(where)
        elif fault:
            yield f"{where} {fault}"
        for child in node.get("Plans", ()):
            yield from self.faults(where, child, is_limited=is_limited or kind == "Limit")

    def _fault_of_scan(self, node: dict[str, Any]) -> str:
        index, condition = node["Index Name"], node.get("Index Cond", "")
        if index.removesuffix("_pkey") in SMALL or index.startswith("pg_"):
            return ""
        if not condition:
            return "" if index in FEW else f"reads all of {index}, with {node.get('Filter')}"
        if not any(column in condition for column in self._beginnings[index]):
            return f"does not say where in {index} to begin: {condition}"
        others = re.findall(r"\((\w+_id) = \$\d+\)", node.get("Filter", ""))
        if others and " = " not in condition:
            return f"passes over rows of another {others} in {index}: {condition}"
        return ""


@pytest.fixture
async def judge(filled_pool: Pool) -> Judge:
    """Knows by which columns the first key of each index goes."""
    rows = await filled_pool.fetch("""
        SELECT relname, pg_get_indexdef(indexrelid, 1, true) AS key
        FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    """)
    beginnings: dict[str, set[str]] = {}
    for row in rows:
        words = set(re.findall(r"[a-z_]+", row["key"])) - {"bigint"}
        beginnings.setdefault(row["relname"], set()).update(words)
    return Judge(beginnings)


async def plan_of(connection: AnyConnection, statement: str, role: str) -> dict[str, Any] | None:
    """The plan for whatever parameters, None for what a role may not do."""
    await connection.execute(f"PREPARE looked_at AS {statement}")
    try:
        async with connection.transaction():
            await connection.execute(
                f"SET LOCAL ROLE {role}; SET LOCAL bilten.organisation = '{SOMEBODY.hex()}'"
            )
            parameters = await connection.fetchval(
                "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'looked_at'"
            )
            given = f"({', '.join(['NULL'] * parameters)})" if parameters else ""
            told = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE looked_at{given}")
    except asyncpg.InsufficientPrivilegeError:
        return None
    finally:
        await connection.execute("DEALLOCATE looked_at")
    plan: dict[str, Any] = json.loads(told)[0]["Plan"]
    return plan


async def send_lists(pool: Pool) -> None:
    """Have all lists read whose statements are put together, with each condition that they may have."""
    day = dt.date(2026, 1, 1)
    conditions: dict[str, Any] = {
        "words": "some words", "city": "brno", "country": "CZ", "from_day": day, "to_day": day,
        "price_max_minor": 1, "currency": "EUR", "category": "music", "tag": "outdoors", "language": "cs",
    }  # fmt: skip
    wanted: list[dict[str, Any]] = [{}, {"organisation_id": SOMEBODY, "with_cancelled": True}]
    wanted += [{name: value} for name, value in conditions.items()]
    assert {*Wanted.__struct_fields__} == {
        *conditions,
        "organisation_id",
        "with_cancelled",
        "from_ms",
        "sort",
    }
    for sort in SORTS:
        for each in wanted:
            listed = await public_events(pool, Wanted(from_ms=0, sort=sort, **each), None, 1)
            if not each:
                assert listed is not None
                await public_events(pool, Wanted(from_ms=0, sort=sort), listed.next_cursor, 1)
    cursor = None
    for status, words in ((None, ""), ("on_sale", ""), (None, "some words"), (None, "")):
        own = await own_events(pool, SOMEBODY, now_ms=0, status=status, words=words, cursor=cursor, limit=1)
        assert own is not None
        cursor = cursor or own.next_cursor
    for filtered in (AuditFilter(), AuditFilter(target="somebody")):
        async with pool.acquire() as connection:
            await entries_of(connection, SOMEBODY, filtered, None, 1)
            await entries_of_all(connection, filtered, None, 1)


async def test_every_statement_is_led_by_an_index(filled_pool: Pool, judge: Judge, read: Read) -> None:
    statements, unreadable = read
    assert set(unreadable) == set(ELSEWHERE), "what is sent from here is not known"
    assert {text.split()[0] for _, text in statements} <= {*PLANNED, *NOT_PLANNED}
    logged: list[str] = []
    async with filled_pool.acquire() as connection:
        connection.add_query_logger(lambda query: logged.append(query.query))
    await send_lists(filled_pool)
    statements = statements + [("sent", text) for text in logged if "typeinfo_tree" not in text]
    faults: list[str] = []
    async with filled_pool.acquire() as connection:
        for where, statement in dict.fromkeys(statements):
            if statement.split()[0] in PLANNED:
                for role in ("NONE", ROLE):
                    plan = await plan_of(connection, statement, role)
                    faults += [] if plan is None else judge.faults(where, plan)
    assert not faults, "\n".join(dict.fromkeys(faults))
    assert judge.excused >= ALL.keys(), "exceptions that nothing needs any more"


def test_every_module_with_statements_is_looked_at(read: Read) -> None:
    statements, unreadable = read
    found = {where.rpartition(".")[0] for where in (*(where for where, _ in statements), *unreadable)}
    storing = {
        f"storage.{path.stem}"
        for path in (ROOT / "storage").glob("*.py")
        if re.search(r"(SELECT|INSERT INTO|UPDATE|DELETE FROM) \w", path.read_text())
    }
    assert storing - found == set()
    assert len(statements) > 300


# What functions of the database do that no statement of the platform calls.
NOT_CALLED = {"guard_tenant_table": "migrations call it", "refuse_change": "it does nothing but refuse"}
TELLING = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
    "track_functions": "pl",
    "enable_seqscan": "off",
    "plan_cache_mode": "force_generic_plan",
}


async def use_functions(pool: Pool) -> None:
    """Sell a ticket and take it back; rename who sells and move what is sold."""
    journal, show = PostgresJournal(pool), event()
    order, buyer = OrderId(fresh()), BuyerId(fresh())
    await add_order(pool, order, show, buyer)
    sold, epoch = ticket(order, show, buyer), await journal.claim(0, "test")
    done = OperationRow(OperationId(fresh()), show, NOW_MS, b"")
    await journal.commit(
        Batch(0, epoch, [entry(show, 1)], [done], [sold], standings=[Standing(show, 1, (0,))])
    )
    returned = CancelledTicket(sold.ticket_id, order)
    await journal.commit(
        Batch(0, epoch, [entry(show, 2)], cancelled=[returned], standings=[Standing(show, 2, ())])
    )
    repeated = RepeatedRequests(pool)
    attempt = Attempt(b"k" * 32, fresh())
    await repeated.claim(attempt.key_hash, b"r" * 32, attempt.worker, NOW_MS, NOW_MS, NOW_MS)
    async with pool.acquire() as connection:
        await slug_is_free(connection, "free")
        await mark(connection, attempt, "a thing")
    await pool.execute("UPDATE events SET starts_at = now(), version = version + 1 WHERE event_id = $1", show)
    await pool.execute("UPDATE organisations SET name = 'other' WHERE organisation_id = $1", show)


@pytest.mark.filterwarnings("ignore:.*log listener:asyncpg.InterfaceWarning")
async def test_functions_of_the_database_are_led_by_an_index(
    filled_dsn: str, filled_pool: Pool, judge: Judge
) -> None:
    """A commit above all."""
    told: list[str] = []

    async def listen(connection: AnyConnection) -> None:
        connection.add_log_listener(lambda _, message: told.append(message.message))

    async with asyncpg.create_pool(
        filled_dsn, min_size=1, max_size=1, init=speak_domain_types, setup=listen, server_settings=TELLING
    ) as pool:
        await use_functions(pool)
        await pool.execute("SELECT pg_stat_force_next_flush()")
    plans = [json.loads(message.partition("plan:\n")[2]) for message in told if "plan:\n" in message]
    assert any(plan["Query Text"].lstrip().startswith("UPDATE tickets SET") for plan in plans)
    faults = [fault for plan in plans for fault in judge.faults(plan["Query Text"], plan["Plan"])]
    assert not faults, "\n".join(dict.fromkeys(faults))
    missing = await filled_pool.fetch("""
        SELECT proname FROM pg_proc JOIN pg_language ON pg_language.oid = prolang
        WHERE pronamespace = 'public'::regnamespace AND lanname = 'plpgsql'
            AND coalesce(pg_stat_get_function_calls(pg_proc.oid), 0) = 0
    """)
    assert {row["proname"] for row in missing} == set(NOT_CALLED)


async def test_no_index_is_the_beginning_of_another(pool: Pool) -> None:
    """The longer one does all that the shorter one does; the shorter one is paid for with every row."""
    needless = await pool.fetch("""
        SELECT shorter.indexrelid::regclass::text, longer.indexrelid::regclass::text
        FROM pg_index AS shorter JOIN pg_index AS longer
            ON longer.indrelid = shorter.indrelid AND longer.indexrelid <> shorter.indexrelid
        JOIN pg_class AS one ON one.oid = shorter.indexrelid
        JOIN pg_class AS other ON other.oid = longer.indexrelid AND other.relam = one.relam
        WHERE one.relnamespace IN ('public'::regnamespace, 'sandbox'::regnamespace)
            AND NOT shorter.indisunique
            AND pg_get_expr(shorter.indpred, shorter.indrelid) IS NOT DISTINCT FROM
                pg_get_expr(longer.indpred, longer.indrelid)
            AND pg_get_expr(shorter.indexprs, shorter.indrelid) IS NOT DISTINCT FROM
                pg_get_expr(longer.indexprs, longer.indrelid)
            AND longer.indkey::text || ' ' LIKE shorter.indkey::text || ' %'
    """)
    assert [tuple(row) for row in needless] == []
