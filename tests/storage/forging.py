"""A forger who can write everything in the database and has read how entries are hashed."""

import json

import msgspec

from storage.audit_verification import entry_of
from storage.postgres import Pool


async def rewrite(pool: Pool, chain: bytes, seq: int) -> None:
    """Change one entry and make every hash after it, and the head's, anew."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        rows = await connection.fetch(
            "SELECT * FROM audit_entries WHERE chain = $1 AND seq >= $2 ORDER BY seq", chain, seq
        )
        previous = rows[0]["previous_hash"]
        for row in rows:
            forged = msgspec.structs.replace(entry_of(row), previous_hash=previous)
            if forged.seq == seq:
                forged = msgspec.structs.replace(forged, after={"role": "owner"})
            await connection.execute(
                """
                UPDATE audit_entries SET after = $3, previous_hash = $4, hash = $5
                WHERE chain = $1 AND seq = $2
                """,
                chain,
                forged.seq,
                json.dumps(dict(forged.after)),
                previous,
                forged.digest(),
            )
            previous = forged.digest()
        await connection.execute("UPDATE audit_heads SET hash = $2 WHERE chain = $1", chain, previous)
