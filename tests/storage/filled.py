"""Rows without any sense in every table, so that PostgreSQL plans as it does on a platform in use: on an
empty database it has no reason to prefer the right index.
"""

from collections.abc import Container
from typing import Final

from storage.postgres import Connection

ROWS: Final = 3_000
# Of so many rows, few are in the state that an index is kept for.
_FEW: Final = "CASE WHEN n <= 50 THEN {} ELSE {} END"
_STATES: Final = {
    "users.state": _FEW.format("'unconfirmed'", "'active'"),
    "organisations.standing": _FEW.format("'closed'", "'active'"),
    "orders.finished_at": _FEW.format("NULL", "now()"),
    "event_changes.state": _FEW.format("'pending'", "'done'"),
    "events.status": "(ARRAY['published', 'on_sale', 'draft', 'cancelled'])[1 + n % 4]",
    "orders.failure": "''",
    "vouchers.clear_code": "NULL",
}
# Columns count round, each up to a prime of its own: many rows have to do with one thing, and no two rows are
# alike in two columns.
_PRIMES: Final = [number for number in range(211, 700) if all(number % by for by in range(2, 27))]
_VALUES: Final = {
    "uuid": "md5(({0})::text)::uuid",
    "bytea": "sha256(({0})::text::bytea)",
    "text": "({0})::text",
    "smallint": "{0}",
    "integer": "{0}",
    "bigint": "{0}",
    "boolean": "n % 2 = 0",
    "timestamp with time zone": "now() - n * interval '1 minute'",
    "date": "current_date - ({0})",
    "xid8": "({0})::text::xid8",
}
_EMPTY: Final = "'{{}}'"  # of jsonb and of arrays
_COLUMNS: Final = """
    SELECT format('%I.%I', nspname, relname) AS relation, relname, attname, attnum,
        format_type(atttypid, NULL) AS type,
        EXISTS (SELECT FROM pg_index
            WHERE indrelid = attrelid AND indisunique AND indkey::text = attnum::text) AS is_unique
    FROM pg_attribute
    JOIN pg_class ON pg_class.oid = attrelid
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname IN ('public', 'sandbox') AND relkind IN ('r', 'p') AND NOT relispartition
        AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
    ORDER BY relation, attnum
"""
_LENIENT: Final = """
    SET session_replication_role = 'replica';
    SET synchronous_commit = off;
    DO $$
    DECLARE known record;
    BEGIN
        FOR known IN
            SELECT conrelid::regclass AS relation, conname FROM pg_constraint
            WHERE contype = 'c' AND conislocal
                AND connamespace IN ('public'::regnamespace, 'sandbox'::regnamespace)
        LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', known.relation, known.conname);
        END LOOP;
    END $$
"""


async def fill(connection: Connection, without: Container[str]) -> None:
    """Fill all tables but some, whatever their checks and foreign keys say, and have them analysed."""
    await connection.execute(_LENIENT)
    tables: dict[str, list[tuple[str, str]]] = {}
    for row in await connection.fetch(_COLUMNS):
        if row["relname"] not in without:
            number = "n" if row["is_unique"] else f"n % {_PRIMES[row['attnum']]}"
            value = _VALUES.get(row["type"], _EMPTY).format(number)
            value = _STATES.get(f"{row['relname']}.{row['attname']}", value)
            tables.setdefault(row["relation"], []).append((row["attname"], value))
    for relation, columns in tables.items():
        names, values = zip(*columns, strict=True)
        await connection.execute(f"""
            INSERT INTO {relation} ({", ".join(names)})
            SELECT {", ".join(values)} FROM generate_series(1, {ROWS}) AS n
        """)
    await connection.execute("VACUUM ANALYZE")
