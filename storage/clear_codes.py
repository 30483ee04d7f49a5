"""Codes of vouchers from before 0032_sealed_codes.sql, which SQL could only put aside: sealed after it, once.

Whoever makes the migration that drops `clear_code` removes this module with it.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from domain.ids import EventId
from domain.vouchers import VoucherCode
from storage.postgres import connect

Seal = Callable[[EventId, str], tuple[VoucherCode, bytes]]
TOGETHER: Final = 1_000
_LOCK: Final = 0x42_49_4C_43_4F_44  # BILCOD
_AGAIN_S: Final = 0.1
_SOME: Final = """
    SELECT voucher_id, event_id, clear_code FROM vouchers WHERE clear_code IS NOT NULL
    ORDER BY voucher_id LIMIT $1 FOR UPDATE
"""
_SEALED: Final = """
    UPDATE vouchers SET fingerprint = $2, code_sealed = $3, clear_code = NULL WHERE voucher_id = $1
"""


async def seal_clear_codes(dsn: str, sealing: Callable[[], Seal]) -> int:
    """Seal what is still in the clear, and return how many codes that were. May be interrupted, repeated, and
    run by several at once.

    Args:
        dsn: of a database to which every migration was applied.
        sealing: returns what seals a code of an event; only called if there is one to seal.

    Raises:
        ConnectionError: the server can't be reached.
    """
    connection = await connect(dsn, application_name="bilten migrate")
    done = 0
    try:
        # One after the other; who waited in PostgreSQL would make it keep what is rewritten below.
        while not await connection.fetchval(f"SELECT pg_try_advisory_lock({_LOCK})"):  # noqa: ASYNC110
            await asyncio.sleep(_AGAIN_S)
        while True:
            async with connection.transaction():
                rows = await connection.fetch(_SOME, TOGETHER)
                if not rows:
                    break
                seal = sealing()
                sealed = [(row["voucher_id"], *seal(row["event_id"], row["clear_code"])) for row in rows]
                await connection.executemany(_SEALED, sealed)
            done += len(rows)
        if done:
            # Rows that were changed or deleted stay in the files until they are written anew, and samples of
            # what was in them in the statistics.
            await connection.execute("VACUUM (FULL, ANALYZE) vouchers, event_changes")
        return done
    finally:
        await connection.close()
