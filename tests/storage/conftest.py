"""A pool on a migrated database with nothing in it.

The database is made once and emptied before each test, which takes a tenth of making one.
"""

from collections.abc import AsyncIterator

import pytest

from cluster.embedded import EmbeddedPostgres
from storage.postgres import Pool, close_pool, create_pool
from tests.servers import execute, run

EMPTY = """
    DO $$
    DECLARE relation text;
    BEGIN
        FOR relation IN
            SELECT oid::regclass FROM pg_class
            WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'sandbox'::regnamespace)
                AND relname <> 'migrations'
        LOOP
            EXECUTE 'ALTER TABLE ' || relation || ' DISABLE TRIGGER ALL';
            EXECUTE 'DELETE FROM ' || relation;
            EXECUTE 'ALTER TABLE ' || relation || ' ENABLE TRIGGER ALL';
        END LOOP;
    END $$
"""


@pytest.fixture(scope="session")
def shared_dsn(postgres_server: EmbeddedPostgres, _migrated_template: str) -> str:
    name = "storage_tests"
    run(execute(postgres_server.dsn("postgres"), f"CREATE DATABASE {name} TEMPLATE {_migrated_template}"))
    return postgres_server.dsn(name)


@pytest.fixture
async def pool(shared_dsn: str) -> AsyncIterator[Pool]:
    pool = await create_pool(shared_dsn, application_name="test", connections_max=8)
    await pool.execute(EMPTY)
    yield pool
    await close_pool(pool)
