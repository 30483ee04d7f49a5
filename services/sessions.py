"""Who somebody is: guest sessions, and the single-use tickets with which a session opens a socket.

A session is an opaque random token in the browser's cookie; the server keeps only its SHA-256, so nobody who
reads the table can be anybody. A page can't give a websocket a header, and a cookie alone would let any
site's page open one, so it asks for a ticket over HTTP first and names that.
"""

import hashlib
import secrets
from collections.abc import Callable
from typing import Final

import msgspec

from domain.ids import BuyerId
from storage.sessions import SessionStore, SocketOwner

TOKEN_BYTES: Final = 32
_TOKEN_LENGTH_MAX: Final = 64


class SessionSettings(msgspec.Struct, frozen=True):
    """How long things last."""

    session_ms: int = 86_400_000
    socket_ticket_ms: int = 30_000


class OpenedSession(msgspec.Struct, frozen=True):
    """A new session; `token` is told once and not kept."""

    token: str
    buyer_id: BuyerId


class Sessions:
    """Opens sessions and says whose they are. Every method raises `ConnectionError` when PostgreSQL is
    away.
    """

    def __init__(
        self,
        store: SessionStore,
        clock: Callable[[], int],
        new_id: Callable[[], bytes],
        settings: SessionSettings,
    ) -> None:
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._settings = settings

    async def open(self) -> OpenedSession:
        """Open a guest's session."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        buyer_id = BuyerId(self._new_id())
        now_ms = self._clock()
        await self._store.open(hashed(token), buyer_id, now_ms, now_ms + self._settings.session_ms)
        return OpenedSession(token, buyer_id)

    async def buyer(self, token: str) -> BuyerId | None:
        """Return whose session a token opens, None if it opens none or no longer does."""
        if not is_token(token):
            return None
        return await self._store.find(hashed(token), self._clock())

    async def issue_ticket(self, token: str) -> tuple[str, int] | None:
        """Return a fresh socket ticket for a session and how long it is good for, ms; None without a
        session.
        """
        buyer_id = await self.buyer(token)
        if buyer_id is None:
            return None
        ticket = secrets.token_urlsafe(TOKEN_BYTES)
        expires_at_ms = self._clock() + self._settings.socket_ticket_ms
        await self._store.issue_ticket(hashed(ticket), hashed(token), buyer_id, expires_at_ms)
        return ticket, self._settings.socket_ticket_ms

    async def redeem_ticket(self, ticket: str) -> SocketOwner | None:
        """Return whose ticket this is, and make it worthless; None if it is already."""
        if not is_token(ticket):
            return None
        return await self._store.redeem(hashed(ticket), self._clock())


def is_token(text: str) -> bool:
    """Say whether text can be one of our tokens at all."""
    return 0 < len(text) <= _TOKEN_LENGTH_MAX


def hashed(token: str) -> bytes:
    """Return what is stored of a token: it is random, so a plain hash can't be searched through."""
    return hashlib.sha256(token.encode()).digest()
