"""What an operator does for somebody who has lost their second factor and the codes for that.

There is no way back by mail, so a person decides who this is; what they decide is in the platform's audit log
with their reason, and the account's owner is told, in case it was not them who asked.
"""

from collections.abc import Callable

from domain.ids import USER, text
from services.audit import SYSTEM, entry_for
from services.notifications.port import Mail
from services.users.mails import AccountLetters
from services.users.people import lookup_of, person_of
from services.vault import Vault
from storage.accounts import Accounts
from storage.audit_log import AuditEntry
from storage.postgres import Pool
from storage.second_factors import Factors, Removed, SecondFactorStore

REASON_MIN = 10
REASON_MAX = 500


class LostFactors:
    """Methods raise `ConnectionError` when PostgreSQL is away."""

    def __init__(self, pool: Pool, vault: Vault, letters: AccountLetters, clock: Callable[[], int]) -> None:
        self._accounts = Accounts(pool)
        self._store = SecondFactorStore(pool)
        self._vault = vault
        self._letters = letters
        self._clock = clock

    async def of(self, email: str) -> Factors | None:
        """Return the second factors of the account with an address; None if there is no such account."""
        user = await self._accounts.find_by_email(lookup_of(self._vault, email))
        return None if user is None else await self._store.of_user(user.user_id)

    async def remove(self, email: str, reason: str) -> tuple[Removed, Mail] | None:
        """Take all of them away and end all sessions.

        Returns:
            What was removed, and the letter that is to be sent now; None if there is nothing to remove.
        """
        user = await self._accounts.find_by_email(lookup_of(self._vault, email))
        if user is None:
            return None

        def told(removed: Removed) -> AuditEntry:
            factors = removed.factors
            return entry_for(
                SYSTEM,
                "user.remove_second_factors",
                text(USER, user.user_id),
                organisation_id=None,
                at_ms=self._clock(),
                before={
                    "totp": factors.has_totp,
                    "recovery_codes": factors.recovery_codes,
                    "passkeys": factors.passkeys,
                },
                after={"reason": reason, "sessions_ended": removed.sessions},
            )

        letter = self._letters.second_factors_removed(await person_of(self._vault, user))
        removed = await self._store.remove_all(user.user_id, told)
        return None if removed is None else (removed, letter)
