"""A pool on a migrated database with nothing in it.

The database is made once and emptied before each test, which takes a tenth of making one.
"""

from collections.abc import AsyncIterator

import pytest

from storage.postgres import Pool, close_pool, create_pool
from tests.servers import Databases

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
def shared_dsn(databases: Databases, migrated_template: str) -> str:
    return databases.make("storage_tests", migrated_template)


@pytest.fixture
async def pool(shared_dsn: str) -> AsyncIterator[Pool]:
    pool = await create_pool(shared_dsn, application_name="test", connections_max=8)
    await pool.execute(EMPTY)
    yield pool
    await close_pool(pool)
