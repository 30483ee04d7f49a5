"""What came of requests that carry an idempotency key, and what was answered
(docs/decisions/idempotency-keys.md).
"""

import msgspec

from domain.identity import Attempt
from storage.postgres import AnyConnection, Pool, asking


class Overtaken(Exception):
    """Another attempt at the same request goes on in place of this one, whose transaction must not commit."""


class Claim(msgspec.Struct, frozen=True):
    """What there is under a key.

    Attributes:
        is_mine: the caller is the first, or the first has vanished: it goes on.
        is_same: the request is the one that the key was first used for.
        answer: what was given, None as long as somebody works on it.
        made: what `mark` was told of an effect that is there, None if there is none.
    """

    is_mine: bool
    is_same: bool
    answer: bytes | None
    made: str | None = None


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
        """Take a key that nobody has, that has expired, or whose worker on the same request is gone.

        What another worker's transaction is just deciding is waited for.
        """
        async with asking(self._pool) as connection:
            taken = await connection.fetchrow(
                """
                INSERT INTO repeated_requests AS known
                    (key_hash, request_hash, worker, leased_until, expires_at)
                VALUES ($1, $2, $3, $5, $6)
                ON CONFLICT (key_hash) DO UPDATE
                    SET request_hash = excluded.request_hash, worker = excluded.worker, answer = NULL,
                        leased_until = excluded.leased_until, expires_at = excluded.expires_at,
                        made = CASE WHEN known.expires_at > $4 THEN known.made END,
                        effect_xid = CASE WHEN known.expires_at > $4 THEN known.effect_xid END
                    WHERE known.expires_at <= $4
                        OR (known.answer IS NULL AND known.request_hash = excluded.request_hash
                            AND (known.leased_until <= $4 OR known.worker = excluded.worker))
                RETURNING made
                """,
                key_hash,
                request_hash,
                worker,
                now_ms,
                leased_until_ms,
                expires_at_ms,
            )
            if taken is not None:
                return Claim(is_mine=True, is_same=True, answer=None, made=taken["made"])
            row = await connection.fetchrow(
                "SELECT request_hash, answer FROM repeated_requests WHERE key_hash = $1", key_hash
            )
        if row is None:
            # Given back between the two statements; it is free for the next try.
            return Claim(is_mine=False, is_same=True, answer=None)
        return Claim(is_mine=False, is_same=row["request_hash"] == request_hash, answer=row["answer"])

    async def find(self, key_hash: bytes, request_hash: bytes, now_ms: int) -> Claim | None:
        """Return what there is under a key and leave it as it is; None if there is nothing."""
        async with asking(self._pool) as connection:
            row = await connection.fetchrow(
                """
                SELECT request_hash, answer, made FROM repeated_requests
                WHERE key_hash = $1 AND expires_at > $2
                """,
                key_hash,
                now_ms,
            )
        if row is None:
            return None
        is_same = row["request_hash"] == request_hash
        return Claim(is_mine=False, is_same=is_same, answer=row["answer"], made=row["made"])

    async def renew(self, attempt: Attempt, leased_until_ms: int) -> bool:
        """Keep others from a request for longer; say whether it is still this attempt's."""
        async with asking(self._pool) as connection:
            renewed = await connection.fetchval(
                """
                UPDATE repeated_requests SET leased_until = $3 WHERE key_hash = $1 AND worker = $2
                RETURNING true
                """,
                attempt.key_hash,
                attempt.worker,
                leased_until_ms,
            )
        return renewed is not None

    async def keep(self, attempt: Attempt, answer: bytes) -> None:
        """Keep what was answered."""
        async with asking(self._pool) as connection:
            await connection.execute(
                "UPDATE repeated_requests SET answer = $3 WHERE key_hash = $1 AND worker = $2",
                attempt.key_hash,
                attempt.worker,
                answer,
            )

    async def give_back(self, attempt: Attempt, now_ms: int) -> None:
        """Make a key free again if nothing came of its request; else let the next attempt go on from there.

        Whether anything did is known here even if the attempt does not know it: a transaction that is being
        decided holds the row until it is, and one that comes later finds that the row is not its own.
        """
        async with asking(self._pool) as connection:
            await connection.execute(
                """
                DELETE FROM repeated_requests
                WHERE key_hash = $1 AND worker = $2 AND answer IS NULL AND made IS NULL
                """,
                attempt.key_hash,
                attempt.worker,
            )
            await connection.execute(
                "UPDATE repeated_requests SET leased_until = $3 WHERE key_hash = $1 AND worker = $2",
                attempt.key_hash,
                attempt.worker,
                now_ms,
            )


async def mark(connection: AnyConnection, attempt: Attempt, made: str) -> None:
    """Say, in the transaction in which a request has its effect, that it has, and what that is.

    Raises:
        Overtaken: another attempt goes on in place of this one.
    """
    if not await connection.fetchval(
        "SELECT mark_request($1, $2, $3)", attempt.key_hash, attempt.worker, made
    ):
        raise Overtaken
