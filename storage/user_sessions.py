"""Sessions of users: opened at sign-in, given a new token when rights change, listed, ended one by one.

What ends a session notes it in `revoked_sessions`, in the same transaction. Every gateway reads what was
added there twice a second, which costs the same however many sockets it has open.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from domain.ids import BuyerId, SessionId, UserId
from domain.roles import PlatformRole
from storage.audit_log import AuditEntry, record
from storage.batcher import Batcher
from storage.postgres import AnyConnection, Pool, asking

SESSIONS_PER_USER_MAX: Final = 50
# Longer than a transaction may take: its note may be seen that much after the time that stands in it.
NOTED_S: Final = 30
_LIVE: Final = """
    SELECT token_hash, session_id, sessions.buyer_id, sessions.user_id, expires_at, last_used_at,
        stepped_up_until, with_second_factor, platform_members.role
    FROM sessions
    LEFT JOIN users ON users.user_id = sessions.user_id
    LEFT JOIN platform_members ON platform_members.user_id = sessions.user_id
    LEFT JOIN suspended_users ON suspended_users.user_id = sessions.user_id
    WHERE suspended_users.user_id IS NULL AND (sessions.user_id IS NULL OR users.state = 'active')
"""


class NewSession(msgspec.Struct, frozen=True):
    """A session to be opened.

    Attributes:
        stamp: the user's, as it was when they proved who they are; a session for an older one is not opened.
        replaced_hash: of the token that the browser had until now; that session ends, and a guest's buyer
            becomes the user's.
    """

    token_hash: bytes
    session_id: SessionId
    user_id: UserId
    stamp: int
    device: str
    now_ms: int
    expires_at_ms: int
    with_second_factor: bool
    replaced_hash: bytes | None


class LiveSession(msgspec.Struct, frozen=True):
    """A session that is good, with what its user is on the platform. `user_id` is None for guests."""

    session_id: SessionId
    buyer_id: BuyerId
    user_id: UserId | None
    expires_at_ms: int
    last_used_at_ms: int | None
    stepped_up_until_ms: int | None
    with_second_factor: bool
    platform_role: PlatformRole | None


class ListedSession(msgspec.Struct, frozen=True):
    """A session as its owner sees it."""

    session_id: SessionId
    device: str
    created_at_ms: int
    last_used_at_ms: int
    expires_at_ms: int


class UserSessions:
    """Every method raises `ConnectionError` when PostgreSQL is away or too much waits for it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._finding: Batcher[bytes, LiveSession | None] = Batcher(self._find_all)
        self._finding_by_id: Batcher[SessionId, LiveSession | None] = Batcher(self._find_all_by_id)
        self._touching: Batcher[tuple[SessionId, int], None] = Batcher(self._touch_all)

    async def open(self, session: NewSession) -> BuyerId | None:
        """Open a session and return the buyer it is for; None if the account is not there any more, or its
        password was changed since the user proved who they are.
        """
        async with asking(self._pool) as connection, connection.transaction():
            # Locked, so that a password that changes now ends this session, or keeps it from opening.
            buyer_id = await connection.fetchval(
                """
                SELECT buyer_id FROM users WHERE user_id = $1 AND stamp = $2 AND state = 'active'
                    AND NOT EXISTS (SELECT FROM suspended_users WHERE suspended_users.user_id = $1)
                FOR UPDATE
                """,
                session.user_id,
                session.stamp,
            )
            if buyer_id is None:
                return None
            guest = None
            if session.replaced_hash is not None:
                guest = await _replace(connection, session.replaced_hash, session.user_id)
            await _make_room(connection, session.user_id)
            await connection.execute(
                """
                INSERT INTO sessions (token_hash, session_id, buyer_id, user_id, device, created_at,
                    last_used_at, expires_at, with_second_factor, guest_buyer_id)
                VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8, nullif($9::uuid, $3::uuid))
                """,
                session.token_hash,
                session.session_id,
                buyer_id,
                session.user_id,
                session.device,
                session.now_ms,
                session.expires_at_ms,
                session.with_second_factor,
                guest,
            )
            return BuyerId(buyer_id)

    async def find(self, token_hash: bytes, now_ms: int) -> LiveSession | None:
        """Return the session of a token, a guest's too, if it is good."""
        found = await self._finding.put(token_hash)
        return None if found is None or found.expires_at_ms <= now_ms else found

    async def find_by_id(self, session_id: SessionId, now_ms: int) -> LiveSession | None:
        """Return a user's session that is good, whatever its token is now."""
        found = await self._finding_by_id.put(session_id)
        return None if found is None or found.expires_at_ms <= now_ms else found

    async def touch(self, session_id: SessionId, now_ms: int) -> None:
        """Note that a session was used."""
        await self._touching.put((session_id, now_ms))

    async def rotate(
        self,
        session_id: SessionId,
        token_hash: bytes,
        stepped_up_until_ms: int | None = None,
        *,
        with_second_factor: bool | None = None,
    ) -> bool:
        """Give a session another token, and what else is not None. Returns whether it was still there."""
        async with asking(self._pool) as connection:
            return bool(
                await connection.fetchval(
                    """
                    UPDATE sessions SET token_hash = $2, stepped_up_until = coalesce($3, stepped_up_until),
                        with_second_factor = coalesce($4, with_second_factor)
                    WHERE session_id = $1 AND user_id IS NOT NULL RETURNING true
                    """,
                    session_id,
                    token_hash,
                    stepped_up_until_ms,
                    with_second_factor,
                )
            )

    async def of_user(self, user_id: UserId, now_ms: int) -> list[ListedSession]:
        """Return a user's sessions, the last used first."""
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                """
                SELECT session_id, device, created_at, last_used_at, expires_at FROM sessions
                WHERE user_id = $1 AND expires_at > $2 ORDER BY last_used_at DESC, session_id
                """,
                user_id,
                now_ms,
            )
        return [ListedSession(*row) for row in rows]

    async def end(self, user_id: UserId, session_id: SessionId, entry: AuditEntry) -> bool:
        """End one of a user's sessions, and write that down. Returns whether there was one."""
        async with asking(self._pool) as connection, connection.transaction():
            is_ended = await end_session(connection, user_id, session_id)
            if is_ended:
                await record(connection, entry)
            return is_ended

    async def end_token(self, token_hash: bytes) -> None:
        """End the session of a token, a guest's too."""
        async with asking(self._pool) as connection, connection.transaction():
            gone = await connection.fetch(
                "DELETE FROM sessions WHERE token_hash = $1 RETURNING session_id", token_hash
            )
            await note_ended(connection, [row["session_id"] for row in gone])

    async def end_all(self, user_id: UserId, told: Callable[[int], AuditEntry]) -> int:
        """End a user's sessions, and write down how many; that many are returned."""
        async with asking(self._pool) as connection, connection.transaction():
            count = await end_sessions(connection, user_id)
            if count:
                await record(connection, told(count))
            return count

    async def ended(self) -> set[SessionId]:
        """Return the sessions that ended before their time within the last `NOTED_S` seconds, and more."""
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                """
                SELECT session_id FROM revoked_sessions
                WHERE revoked_at > clock_timestamp() - make_interval(secs => $1)
                """,
                float(NOTED_S),
            )
        return {row["session_id"] for row in rows}

    async def _find_all(self, token_hashes: list[bytes]) -> list[LiveSession | None]:
        async with asking(self._pool) as connection:
            rows = await connection.fetch(f"{_LIVE} AND sessions.token_hash = ANY ($1)", token_hashes)
        found = {row[0]: _live(row[1:]) for row in rows}
        return [found.get(token_hash) for token_hash in token_hashes]

    async def _find_all_by_id(self, session_ids: list[SessionId]) -> list[LiveSession | None]:
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                f"{_LIVE} AND sessions.user_id IS NOT NULL AND sessions.session_id = ANY ($1)", session_ids
            )
        found = {row[1]: _live(row[1:]) for row in rows}
        return [found.get(session_id) for session_id in session_ids]

    async def _touch_all(self, touched: list[tuple[SessionId, int]]) -> list[None]:
        async with asking(self._pool) as connection:
            await connection.execute(
                """
                UPDATE sessions SET last_used_at = touched.at
                FROM unnest($1::uuid[], $2::timestamptz[]) AS touched (session_id, at)
                WHERE sessions.session_id = touched.session_id AND sessions.user_id IS NOT NULL
                    AND sessions.last_used_at < touched.at
                """,
                [session_id for session_id, _ in touched],
                [at_ms for _, at_ms in touched],
            )
        return [None] * len(touched)


async def end_session(connection: AnyConnection, user_id: UserId, session_id: SessionId) -> bool:
    """End one of a user's sessions, in the caller's transaction. Returns whether there was one."""
    gone = await connection.fetchval(
        """
        DELETE FROM sessions WHERE session_id = $1 AND user_id = $2 AND user_id IS NOT NULL
        RETURNING true
        """,
        session_id,
        user_id,
    )
    await note_ended(connection, [session_id] if gone else [])
    return bool(gone)


async def end_sessions(connection: AnyConnection, user_id: UserId, kept: SessionId | None = None) -> int:
    """End a user's sessions, all but `kept`, in the caller's transaction. Returns how many."""
    gone = await connection.fetch(
        "DELETE FROM sessions WHERE user_id = $1 AND session_id IS DISTINCT FROM $2 RETURNING session_id",
        user_id,
        kept,
    )
    await note_ended(connection, [row["session_id"] for row in gone])
    return len(gone)


async def note_ended(connection: AnyConnection, ended: Sequence[SessionId]) -> None:
    """Let every gateway know of sessions that ended, in the transaction that ends them."""
    if ended:
        await connection.execute(
            """
            INSERT INTO revoked_sessions (session_id) SELECT * FROM unnest($1::uuid[])
            ON CONFLICT (session_id) DO NOTHING
            """,
            ended,
        )


async def _replace(connection: AnyConnection, token_hash: bytes, user_id: UserId) -> BuyerId | None:
    """End the session that a browser had until it signed in; what its guest bought is the user's now. Returns
    as whom that browser bought as a guest, if that is this user's and nobody else's.
    """
    row = await connection.fetchrow(
        """
        DELETE FROM sessions WHERE token_hash = $1 RETURNING session_id, buyer_id, user_id, guest_buyer_id
        """,
        token_hash,
    )
    if row is None:
        return None
    await note_ended(connection, [row["session_id"]])
    guest: BuyerId | None = row["buyer_id"] if row["user_id"] is None else row["guest_buyer_id"]
    if row["user_id"] is None:
        await connection.execute(
            "INSERT INTO user_buyers (buyer_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            guest,
            user_id,
        )
    # Whose a buyer is never changes: a browser that somebody else was signed in in before has theirs.
    owner = await connection.fetchval("SELECT user_id FROM user_buyers WHERE buyer_id = $1", guest)
    return guest if owner == user_id else None


async def _make_room(connection: AnyConnection, user_id: UserId) -> None:
    gone = await connection.fetch(
        """
        DELETE FROM sessions WHERE token_hash = ANY (ARRAY(
            SELECT token_hash FROM sessions WHERE user_id = $1 ORDER BY last_used_at DESC OFFSET $2))
        RETURNING session_id
        """,
        user_id,
        SESSIONS_PER_USER_MAX - 1,
    )
    await note_ended(connection, [row["session_id"] for row in gone])


def _live(row: Sequence[Any]) -> LiveSession:
    named = dict(zip(LiveSession.__struct_fields__, row, strict=True))
    return LiveSession(**named | {"platform_role": PlatformRole(row[7]) if row[7] else None})
