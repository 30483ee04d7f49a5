"""An organiser's request that forgets a WHERE must not read or change another organisation's data. If these
fail, one mistake in one statement shows a competitor's sales, or a new table stands outside of the wall.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cluster.embedded import EmbeddedPostgres
from domain.ids import OrganisationId
from storage.journal import Refused
from storage.migrate import MigrationNotAllowed, migrate
from storage.postgres import Pool, close_pool, create_pool
from storage.tenancy import ROLE, enter, tenant
from tests.servers import execute, run
from tests.storage.walled import CHANGED, FOREIGN_ROWS, ROWS, SHARED_TABLES, TABLES

OURS, THEIRS = OrganisationId(b"o" * 16), OrganisationId(b"t" * 16)


@pytest.fixture
async def both(pool: Pool) -> Pool:
    for organisation_id in (OURS, THEIRS):
        for statement in ROWS:
            await pool.execute(statement, organisation_id)
    return pool


@pytest.mark.parametrize("table", TABLES)
async def test_a_statement_without_where_finds_only_what_is_ours(both: Pool, table: str) -> None:
    assert await both.fetchval(f"SELECT count(*) FROM {table}") == 2
    async with tenant(both, OURS) as connection:
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 1
    async with tenant(both, OrganisationId(b"n" * 16)) as connection:
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_payments_are_seen_without_what_stands_for_the_means_of_payment(both: Pool) -> None:
    async with tenant(both, OURS) as connection:
        assert await connection.fetchval("SELECT count(amount_minor) FROM payments") == 1
    with pytest.raises(Refused, match="permission denied"):
        async with tenant(both, OURS) as connection:
            await connection.fetch("SELECT token FROM payments")


async def test_a_statement_without_where_changes_only_what_is_ours(both: Pool) -> None:
    async with tenant(both, OURS) as connection:
        for table, column in CHANGED.items():
            assert await connection.execute(f"UPDATE {table} SET {column} = {column}") == "UPDATE 1", table
        assert await connection.execute("UPDATE events SET title = 'changed'") == "UPDATE 1"
    assert await both.fetchval("SELECT title FROM events WHERE event_id = $1", THEIRS) == "title"


async def test_a_statement_without_where_removes_only_what_is_ours(both: Pool) -> None:
    async with both.acquire() as connection, connection.transaction():
        # What refers to a row would go with it: only what the statement itself removes counts here.
        await connection.execute("SET LOCAL session_replication_role = replica")
        await enter(connection, OURS)
        for table in reversed(CHANGED):
            # A tenant may remove neither itself nor the mark of its new name.
            if table not in {"organisations", "renamed_organisations"}:
                assert await connection.execute(f"DELETE FROM {table}") == "DELETE 1", table


async def test_a_row_of_another_organisation_is_refused(both: Pool) -> None:
    answers = {}
    for table, statement in FOREIGN_ROWS.items():
        try:
            async with tenant(both, OURS) as connection:
                await connection.execute(statement, THEIRS)
            answers[table] = "accepted"
        except Refused as error:
            answers[table] = str(error)
    assert [table for table, answer in answers.items() if "42501" not in answer] == [], answers


async def test_who_gives_and_who_accepts(both: Pool) -> None:
    """An event's organisation asks and the one that is asked accepts: both see that, each writes its own, and
    whoever has nothing to do with it sees neither.
    """
    stranger = OrganisationId(b"n" * 16)
    give = "INSERT INTO event_grants (event_id, organisation_id) VALUES ($1, $2)"
    accept = "INSERT INTO grant_acceptances (event_id, organisation_id) VALUES ($1, $2)"
    widen = "UPDATE event_grants SET may_edit = true WHERE event_id = $1 AND organisation_id = $2"
    await both.execute(ROWS[0], stranger)
    async with tenant(both, OURS) as connection:
        await connection.execute(give, OURS, THEIRS)
    await both.execute(give, THEIRS, stranger)
    async with tenant(both, THEIRS) as connection:
        await connection.execute(accept, OURS, THEIRS)
    await both.execute(accept, THEIRS, stranger)
    for organisation_id, statement, event_id, guest in (
        (OURS, give, THEIRS, OURS),
        (OURS, give, THEIRS, THEIRS),
        (THEIRS, widen, OURS, THEIRS),
        (OURS, accept, THEIRS, stranger),
        (OURS, "UPDATE grant_acceptances SET event_id = $1 WHERE organisation_id = $2", OURS, THEIRS),
    ):  # fmt: skip
        with pytest.raises(Refused, match="42501"):
            async with tenant(both, organisation_id) as connection:
                await connection.execute(statement, event_id, guest)
    for table in SHARED_TABLES:
        for organisation_id, seen in ((OURS, 1), (THEIRS, 2), (stranger, 1), (OrganisationId(b"x" * 16), 0)):
            async with tenant(both, organisation_id) as connection:
                assert await connection.fetchval(f"SELECT count(*) FROM {table}") == seen, table
    async with tenant(both, OURS) as connection:
        assert await connection.execute("UPDATE event_grants SET may_edit = true") == "UPDATE 1"
        assert await connection.execute("DELETE FROM event_grants") == "DELETE 1"
    assert await both.fetchval("SELECT event_id FROM event_grants") == THEIRS
    assert await both.fetchval("SELECT event_id FROM grant_acceptances") == THEIRS
    async with tenant(both, stranger) as connection:
        assert await connection.execute("DELETE FROM grant_acceptances") == "DELETE 1"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET organisation_id = $1",
        """
        INSERT INTO pools (pool_id, event_id, position, name, capacity)
        VALUES (gen_random_uuid(), $1, 9, '', 1)
        """,
        "UPDATE members SET event_id = $1, role = 'viewer'",
        "UPDATE audit_entries SET action = 'c.d' WHERE chain = $1",
        "DELETE FROM audit_entries WHERE chain = $1",
        "DELETE FROM audit_heads WHERE chain = $1",
        "DELETE FROM organisations WHERE organisation_id = $1",
        "UPDATE orders SET amount_minor = 0 WHERE order_id = $1",
    ],
)
async def test_what_is_not_ours_is_refused(both: Pool, statement: str) -> None:
    with pytest.raises(Refused, match="42501"):
        async with tenant(both, OURS) as connection:
            await connection.execute(statement, THEIRS)


async def test_a_connection_goes_back_as_it_was(both: Pool, shared_dsn: str) -> None:
    """Plans are kept with the connection: the same text under the other role is planned anew."""
    async with both.acquire() as connection:
        owner = await connection.fetchval("SELECT current_user")
    one = await create_pool(shared_dsn, application_name="test", connections_max=1)
    try:
        for _ in range(3):
            async with tenant(one, OURS) as connection:
                assert await connection.fetchval("SELECT current_user") == ROLE
                assert await connection.fetchval("SELECT count(*) FROM events") == 1
            with pytest.raises(ZeroDivisionError):
                async with tenant(one, THEIRS) as connection:
                    await connection.execute("UPDATE events SET title = 'never'")
                    raise ZeroDivisionError
            assert await one.fetchval("SELECT current_user") == owner
            assert await one.fetchval("SELECT tenant_organisation()") is None
            assert await one.fetchval("SELECT count(*) FROM events") == 2
        assert await one.fetchval("SELECT count(*) FROM events WHERE title = 'never'") == 0
    finally:
        await close_pool(one)


async def test_without_an_organisation_there_is_nothing(both: Pool) -> None:
    async with both.acquire() as connection, connection.transaction():
        await connection.execute("SELECT set_config('role', $1, true)", ROLE)
        assert await connection.fetchval("SELECT count(*) FROM events") == 0


async def test_every_table_is_guarded_or_out_of_reach(pool: Pool) -> None:
    """A table that a later migration adds has to be guarded (`guard_tenant_table`) before organisers'
    requests can reach it, and has to be if it names an organisation.
    """
    rows = await pool.fetch(
        """
        SELECT relname::text AS name, relrowsecurity AND EXISTS (
                SELECT FROM pg_policy WHERE polrelid = relation.oid AND polroles = ARRAY[$1::regrole::oid]
            ) AS is_guarded,
            has_table_privilege($1, oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                OR has_any_column_privilege($1, oid, 'SELECT, INSERT, UPDATE, REFERENCES') AS is_reached,
            EXISTS (
                SELECT FROM pg_attribute WHERE attrelid = oid AND attname = 'organisation_id') AS has_owner
        FROM pg_class AS relation
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
            AND relnamespace IN ('public'::regnamespace, 'sandbox'::regnamespace)
        """,
        ROLE,
    )
    known = {*TABLES, *SHARED_TABLES, "payments"}
    guarded = {row["name"] for row in rows if row["is_guarded"]}
    assert guarded == known, "each has to have its row in `walled`, or a wrong condition would pass"
    assert known - {"payments", *SHARED_TABLES} - {*FOREIGN_ROWS} == {"orders", "order_lines", "tickets"}
    assert [row["name"] for row in rows if row["is_reached"] and not row["is_guarded"]] == []
    assert [row["name"] for row in rows if row["has_owner"] and not row["is_guarded"]] == []


async def test_the_role_owns_nothing_and_can_not_sign_in(pool: Pool) -> None:
    row = await pool.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", ROLE)
    assert row is not None
    rights = ("rolcanlogin", "rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb")
    assert not any(row[right] for right in rights)
    assert await pool.fetchval("SELECT count(*) FROM pg_class WHERE relowner = $1::regrole", ROLE) == 0


@pytest.fixture(scope="module")
def bare_server(servers_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server on which nobody has migrated yet: roles belong to a whole server."""
    server = EmbeddedPostgres(servers_folder / "postgres-roles", shared_buffers_mb=16)
    server.start()
    yield server
    server.stop("immediate")


async def _owned(server: EmbeddedPostgres, name: str, rights: str) -> AsyncIterator[str]:
    await execute(
        server.dsn("postgres"),
        f"CREATE ROLE {name} LOGIN {rights} PASSWORD 'x'",
        f"CREATE DATABASE {name} OWNER {name}",
    )
    yield f"postgresql://{name}:x@127.0.0.1:{server.port}/{name}"


def test_an_ordinary_owner_migrates_if_it_may_create_the_role(bare_server: EmbeddedPostgres) -> None:
    async def scenario() -> None:
        async for dsn in _owned(bare_server, "plain", "NOCREATEROLE"):
            with pytest.raises(MigrationNotAllowed, match="as a superuser: CREATE ROLE bilten_tenant"):
                await migrate(dsn)
        async for dsn in _owned(bare_server, "maker", "CREATEROLE"):
            await migrate(dsn)
            await _check(dsn)
        # The role is there now, and another database's owner has to be let act as it.
        plain = f"postgresql://plain:x@127.0.0.1:{bare_server.port}/plain"
        with pytest.raises(MigrationNotAllowed, match="GRANT bilten_tenant TO plain"):
            await migrate(plain)
        await execute(bare_server.dsn("postgres"), "GRANT bilten_tenant TO plain")
        await migrate(plain)
        await _check(plain)

    run(scenario())


async def _check(dsn: str) -> None:
    pool = await create_pool(dsn, application_name="test")
    try:
        for organisation_id in (OURS, THEIRS):
            for statement in ROWS:
                await pool.execute(statement, organisation_id)
        assert await pool.fetchval("SELECT count(*) FROM orders") == 2
        async with tenant(pool, OURS) as connection:
            assert await connection.fetchval("SELECT count(*) FROM orders") == 1
    finally:
        await close_pool(pool)


async def test_tenants_at_once_do_not_mix(both: Pool) -> None:
    async def ask(organisation_id: OrganisationId) -> None:
        for _ in range(20):
            async with tenant(both, organisation_id) as connection:
                assert await connection.fetchval("SELECT organisation_id FROM events") == organisation_id

    await asyncio.gather(*(ask(organisation_id) for organisation_id in (OURS, THEIRS) * 6))
