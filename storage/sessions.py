"""Sessions of buyers, and the single-use tickets that open sockets
(docs/decisions/sessions-in-postgresql.md).

Everything goes by hashes of tokens: what is in these tables opens nothing. Thousands who arrive in one second
cost a few statements, because every call is batched.
"""

import msgspec

from domain.ids import BuyerId, SessionId, UserId
from storage.batcher import Batcher
from storage.postgres import Pool, asking


class _Session(msgspec.Struct, frozen=True):
    token_hash: bytes
    buyer_id: BuyerId
    created_at_ms: int
    expires_at_ms: int


class _SocketTicket(msgspec.Struct, frozen=True):
    ticket_hash: bytes
    session_hash: bytes
    buyer_id: BuyerId
    expires_at_ms: int


class SocketOwner(msgspec.Struct, frozen=True):
    """Whose socket a ticket opens. `user_id` is None for guests; `session_id` stays when the session's token
    changes; `guest_id` is the buyer that the browser was before it signed in, None for none.
    """

    buyer_id: BuyerId
    session_id: SessionId
    user_id: UserId | None
    session_expires_at_ms: int
    guest_id: BuyerId | None


class SessionStore:
    """Every method raises `ConnectionError` when PostgreSQL is away or too much waits for it, and may then be
    repeated, but for `redeem`, after which nobody knows whether the ticket is still good.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._opening: Batcher[_Session, None] = Batcher(self._open_all)
        self._finding: Batcher[bytes, tuple[BuyerId, int] | None] = Batcher(self._find_all)
        self._issuing: Batcher[_SocketTicket, None] = Batcher(self._issue_all)
        self._redeeming: Batcher[bytes, tuple[SocketOwner, int] | None] = Batcher(self._redeem_all)

    async def open(
        self, token_hash: bytes, buyer_id: BuyerId, created_at_ms: int, expires_at_ms: int
    ) -> None:
        """Record a session."""
        await self._opening.put(_Session(token_hash, buyer_id, created_at_ms, expires_at_ms))

    async def find(self, token_hash: bytes, now_ms: int) -> BuyerId | None:
        """Return whose session this is, None if there is none or it is over."""
        return _unless_over(await self._finding.put(token_hash), now_ms)

    async def issue_ticket(
        self, ticket_hash: bytes, session_hash: bytes, buyer_id: BuyerId, expires_at_ms: int
    ) -> None:
        """Record a socket ticket."""
        await self._issuing.put(_SocketTicket(ticket_hash, session_hash, buyer_id, expires_at_ms))

    async def redeem(self, ticket_hash: bytes, now_ms: int) -> SocketOwner | None:
        """Use a socket ticket up and return whose it was; None if there is none, any more, or it or its
        session is over.
        """
        found = await self._redeeming.put(ticket_hash)
        if found is None or found[1] <= now_ms or found[0].session_expires_at_ms <= now_ms:
            return None
        return found[0]

    async def _open_all(self, sessions: list[_Session]) -> list[None]:
        async with asking(self._pool) as connection:
            await connection.execute(
                """
                INSERT INTO sessions (token_hash, buyer_id, created_at, expires_at)
                SELECT * FROM unnest($1::bytea[], $2::uuid[], $3::timestamptz[], $4::timestamptz[])
                ON CONFLICT DO NOTHING
                """,
                [session.token_hash for session in sessions],
                [session.buyer_id for session in sessions],
                [session.created_at_ms for session in sessions],
                [session.expires_at_ms for session in sessions],
            )
        return [None] * len(sessions)

    async def _find_all(self, token_hashes: list[bytes]) -> list[tuple[BuyerId, int] | None]:
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                "SELECT token_hash, buyer_id, expires_at FROM sessions WHERE token_hash = ANY ($1)",
                token_hashes,
            )
        found = {row["token_hash"]: (row["buyer_id"], row["expires_at"]) for row in rows}
        return [found.get(token_hash) for token_hash in token_hashes]

    async def _issue_all(self, tickets: list[_SocketTicket]) -> list[None]:
        async with asking(self._pool) as connection:
            await connection.execute(
                """
                INSERT INTO socket_tickets (ticket_hash, session_hash, buyer_id, expires_at)
                SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::uuid[], $4::timestamptz[])
                ON CONFLICT DO NOTHING
                """,
                [ticket.ticket_hash for ticket in tickets],
                [ticket.session_hash for ticket in tickets],
                [ticket.buyer_id for ticket in tickets],
                [ticket.expires_at_ms for ticket in tickets],
            )
        return [None] * len(tickets)

    async def _redeem_all(self, ticket_hashes: list[bytes]) -> list[tuple[SocketOwner, int] | None]:
        async with asking(self._pool) as connection:
            rows = await connection.fetch(
                """
                WITH used AS (
                    DELETE FROM socket_tickets WHERE ticket_hash = ANY ($1)
                    RETURNING ticket_hash, session_hash, expires_at
                )
                SELECT ticket_hash, buyer_id, session_id, user_id, sessions.expires_at, guest_buyer_id,
                    used.expires_at
                FROM used JOIN sessions ON sessions.token_hash = used.session_hash
                """,
                ticket_hashes,
            )
        found = {row[0]: (SocketOwner(row[1], row[2], row[3], row[4], row[5]), row[6]) for row in rows}
        # Of two who come with one ticket in one batch, the first one has it.
        return [found.pop(ticket_hash, None) for ticket_hash in ticket_hashes]


def _unless_over(found: tuple[BuyerId, int] | None, now_ms: int) -> BuyerId | None:
    return None if found is None or found[1] <= now_ms else found[0]
