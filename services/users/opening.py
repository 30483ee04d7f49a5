"""Sessions of users as services see them: opened when somebody proved who they are, given another token when
what they may do changes.
"""

from collections.abc import Callable

import msgspec

from domain.identity import Identity, Origin
from domain.ids import BuyerId, SessionId
from services.sessions import hashed, is_token
from services.users.devices import device_of
from services.users.identities import Identities
from services.users.people import new_token
from storage.accounts import User
from storage.user_sessions import NewSession, UserSessions


class UserSessionSettings(msgspec.Struct, frozen=True):
    """How long things last.

    Attributes:
        session_ms: a user's session.
        step_up_ms: a fresh proof.
    """

    session_ms: int = 14 * 24 * 3_600_000
    step_up_ms: int = 10 * 60_000


class SessionOpening:
    """Opens and changes sessions. Methods raise `ConnectionError` when PostgreSQL is away."""

    def __init__(
        self,
        sessions: UserSessions,
        identities: Identities,
        clock: Callable[[], int],
        new_id: Callable[[], bytes],
        settings: UserSessionSettings,
    ) -> None:
        self._sessions = sessions
        self._identities = identities
        self._clock = clock
        self._new_id = new_id
        self._settings = settings

    async def open(
        self, user: User, origin: Origin, replaced: str, *, with_second_factor: bool
    ) -> str | None:
        """Open a session for somebody who has just proved who they are, and return its token.

        The session that the browser had until now ends, so that a token that somebody planted in it opens
        nothing; a guest's orders become the user's. None if the account ended or its password was changed
        meanwhile.
        """
        token, token_hash = new_token()
        now_ms = self._clock()
        opened = await self._sessions.open(
            NewSession(
                token_hash,
                SessionId(self._new_id()),
                user.user_id,
                user.stamp,
                device_of(origin.user_agent),
                now_ms,
                now_ms + self._settings.session_ms,
                with_second_factor,
                hashed(replaced) if is_token(replaced) else None,
            )
        )
        return None if opened is None else token

    async def rotate(
        self, session_id: SessionId, *, is_stepped_up: bool = False, with_second_factor: bool | None = None
    ) -> tuple[str, int] | None:
        """Give a session another token because what it may do changes.

        Returns:
            The token, and until when a fresh proof counts (0 if there was none now); None if the session has
            ended.
        """
        token, token_hash = new_token()
        until_ms = self._clock() + self._settings.step_up_ms if is_stepped_up else None
        there = await self._sessions.rotate(
            session_id, token_hash, until_ms, with_second_factor=with_second_factor
        )
        self._identities.forget({session_id})
        return (token, until_ms or 0) if there else None

    async def is_of_buyer(self, token: str, buyer_id: BuyerId) -> bool:
        """Say whether a token is a session of a guest or user who buys as this buyer."""
        identity: Identity | None = await self._identities.of_session(token)
        return identity is not None and identity.buyer_id == buyer_id
