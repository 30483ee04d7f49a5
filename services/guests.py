"""Who a session's token is, as long as nobody has an account: a guest, who is a buyer without a name."""

from domain.identity import Identity
from services.sessions import Sessions


class GuestIdentities:
    """Knows sessions only."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def of_session(self, token: str) -> Identity | None:
        """Return whose session a token opens. Raises `ConnectionError`."""
        buyer_id = await self._sessions.buyer(token)
        return None if buyer_id is None else Identity(buyer_id=buyer_id)

    async def of_key(self, token: str) -> Identity | None:  # noqa: ARG002
        """There are no keys without organisations."""
        return None
