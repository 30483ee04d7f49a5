"""The months of the journal, made ahead of need.

A row of which no month knows goes to `journal_default`, so a sale never stops because nobody made a
partition. It should stay empty: making a month first moves out of it what belongs there, and `misplaced`
counts what is left, for an alert.
"""

import datetime as dt
from typing import Final

from storage.postgres import AnyConnection

MONTHS_AHEAD: Final = 2


async def ensure_partitions(connection: AnyConnection, now_ms: int) -> list[str]:
    """Make the partitions of this month (UTC) and the next two; return the names of those that were not
    there.

    A month is built beside the journal and attached when complete: attaching lets writers of other months go
    on, where `CREATE TABLE … PARTITION OF` would make them wait. To be called at every start and once a day;
    calling it twice at once is harmless, the second waits for the first.
    """
    made = []
    today = dt.datetime.fromtimestamp(now_ms / 1000, dt.UTC)
    for ahead in range(MONTHS_AHEAD + 1):
        month = today.year * 12 + today.month - 1 + ahead
        name = f"journal_{month // 12:04}_{month % 12 + 1:02}"
        if await _make(connection, name, _first_of(month), _first_of(month + 1)):
            made.append(name)
    return made


def _first_of(month: int) -> str:
    return f"{month // 12:04}-{month % 12 + 1:02}-01 00:00:00+00"


async def _make(connection: AnyConnection, name: str, start: str, end: str) -> bool:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('bilten partitions'))")
        if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", name):
            return False
        # Names and bounds are made of digits above: nothing here comes from outside.
        await connection.execute(f"""
            CREATE TABLE {name} (LIKE journal INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE,
                CHECK (at >= '{start}' AND at < '{end}'));
            LOCK TABLE journal_default IN ACCESS EXCLUSIVE MODE;
            WITH moved AS (
                DELETE FROM journal_default WHERE at >= '{start}' AND at < '{end}' RETURNING *
            )
            INSERT INTO {name} SELECT * FROM moved;
            ALTER TABLE journal ATTACH PARTITION {name} FOR VALUES FROM ('{start}') TO ('{end}');
        """)  # noqa: S608
    return True


async def misplaced(connection: AnyConnection) -> int:
    """Return how many rows are in the default partition: more than none means that clocks or the daily call
    are wrong.
    """
    count: int = await connection.fetchval("SELECT count(*) FROM journal_default")
    return count
