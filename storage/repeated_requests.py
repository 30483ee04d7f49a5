"""What was answered to requests that carry an idempotency key."""

import msgspec

from storage.postgres import Pool, asking


class Claim(msgspec.Struct, frozen=True):
    """What there is under a key.

    Attributes:
        is_mine: the caller is the first, or the first has vanished: it does the work.
        is_same: the request is the one that the key was first used for.
        answer: what was given, None as long as somebody works on it.
    """

    is_mine: bool
    is_same: bool
    answer: bytes | None


class RepeatedRequests:
    """Every method raises `ConnectionError` when PostgreSQL is away, and may be repeated."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def claim(
        self,
        key_hash: bytes,
        request_hash: bytes,
        worker: bytes,
        now_ms: int,
        leased_until_ms: int,
        expires_at_ms: int,
    ) -> Claim:
        """Take a key that nobody has, that has expired, or whose worker on the same request is gone."""
        async with asking(self._pool) as connection:
            is_mine = await connection.fetchval(
                """
                INSERT INTO repeated_requests AS known
                    (key_hash, request_hash, worker, leased_until, expires_at)
                VALUES ($1, $2, $3, $5, $6)
                ON CONFLICT (key_hash) DO UPDATE
                    SET request_hash = excluded.request_hash, worker = excluded.worker, answer = NULL,
                        leased_until = excluded.leased_until, expires_at = excluded.expires_at
                    WHERE known.expires_at <= $4
                        OR (known.answer IS NULL AND known.request_hash = excluded.request_hash
                            AND (known.leased_until <= $4 OR known.worker = excluded.worker))
                RETURNING true
                """,
                key_hash,
                request_hash,
                worker,
                now_ms,
                leased_until_ms,
                expires_at_ms,
            )
            if is_mine:
                return Claim(is_mine=True, is_same=True, answer=None)
            row = await connection.fetchrow(
                "SELECT request_hash, answer FROM repeated_requests WHERE key_hash = $1", key_hash
            )
        if row is None:
            # Given back between the two statements; it is free for the next try.
            return Claim(is_mine=False, is_same=True, answer=None)
        return Claim(is_mine=False, is_same=row["request_hash"] == request_hash, answer=row["answer"])

    async def keep(self, key_hash: bytes, worker: bytes, answer: bytes) -> None:
        """Keep what was answered."""
        async with asking(self._pool) as connection:
            await connection.execute(
                "UPDATE repeated_requests SET answer = $3 WHERE key_hash = $1 AND worker = $2",
                key_hash,
                worker,
                answer,
            )

    async def give_back(self, key_hash: bytes, worker: bytes) -> None:
        """Make a key free again: nothing came of its request."""
        async with asking(self._pool) as connection:
            await connection.execute(
                "DELETE FROM repeated_requests WHERE key_hash = $1 AND worker = $2 AND answer IS NULL",
                key_hash,
                worker,
            )
