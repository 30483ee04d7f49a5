"""Erasing an account (docs/decisions/erasure.md).

All of it is one transaction: whenever the process dies, either nothing has happened or nobody can read the
person any more, and asking again is right in both cases. What is outside of it are keys and identities that
are kept in memory for moments, and the letter.

Locks are taken in one order: organisations by their ids, the user, then the chains of the audit log in the
same order with the platform's last. Joining an organisation and opening a session take theirs in this order.
"""

from collections.abc import Callable
from typing import Final

from domain import ids
from domain.identity import Who
from domain.ids import UserId
from domain.refusals import Code, Refusal
from services.audit import entry_for
from services.notifications.port import Mailer
from services.users.background import Background
from services.users.identities import Identities
from services.users.mails import AccountLetters
from services.users.people import person_of
from services.vault import Vault
from storage import erasure, organisations
from storage.accounts import Accounts
from storage.api_tokens import TokenKind
from storage.audit_log import AuditEntry, record
from storage.erasure import Gone, Ties
from storage.postgres import AnyConnection, Pool, asking

# How often somebody may be drawn into another organisation between the look and the lock.
TRIES_MAX: Final = 5
_NOBODY: Final = Gone((), ())
_IDS: Final = {TokenKind.KEY: ids.API_KEY, TokenKind.DEVICE: ids.DEVICE}


class Erasure:
    """Erases accounts. Methods raise `ConnectionError` when PostgreSQL is away."""

    def __init__(
        self,
        *,
        pool: Pool,
        accounts: Accounts,
        identities: Identities,
        vault: Vault,
        mailer: Mailer,
        letters: AccountLetters,
        background: Background,
        clock: Callable[[], int],
    ) -> None:
        self._pool = pool
        self._accounts = accounts
        self._identities = identities
        self._vault = vault
        self._mailer = mailer
        self._letters = letters
        self._background = background
        self._clock = clock

    async def erase(self, who: Who) -> Refusal | None:
        """Erase the account of whoever asks. Refused without a fresh proof, and to the last owner of an
        organisation, which is named.
        """
        user_id, now_ms = who.identity.user_id, self._clock()
        assert user_id is not None
        if who.identity.stepped_up_until_ms <= now_ms:
            return Refusal(Code.STEP_UP_NEEDED)
        user = await self._accounts.find(user_id)
        if user is None:
            # Done by an earlier request, whose answer was lost.
            return None
        person = await person_of(self._vault, user)
        for _ in range(TRIES_MAX):
            async with asking(self._pool) as connection, connection.transaction():
                outcome = await self._try(connection, who, user_id, now_ms)
            if outcome is not None:
                break
        else:
            return Refusal(Code.BUSY, 1_000)
        if isinstance(outcome, Refusal):
            return outcome
        self._vault.drop(outcome.people)
        self._identities.forget(set(outcome.sessions))
        letter = self._letters.erased(person)
        self._background.start("a letter", self._mailer.send(letter))
        return None

    async def _try(
        self, connection: AnyConnection, who: Who, user_id: UserId, now_ms: int
    ) -> Gone | Refusal | None:
        """Return what is gone, or why nothing is; None if an organisation came up that is not locked."""
        around = await erasure.organisations_around(connection, user_id)
        for organisation_id in sorted(around):
            await organisations.lock(connection, organisation_id)
        if not await erasure.lock_user(connection, user_id):
            return _NOBODY
        if not await erasure.organisations_around(connection, user_id) <= around:
            return None
        owned = await erasure.owned_alone(connection, user_id)
        if owned is not None:
            organisation = ids.text(ids.ORGANISATION, owned[0])
            return Refusal(Code.LAST_OWNER, None, {"organisation": organisation, "name": owned[1]})
        ties = await erasure.cut_ties(connection, user_id, now_ms)
        gone = await erasure.erase_user(connection, user_id)
        for entry in _entries(who, user_id, ties, now_ms):
            await record(connection, entry)
        invitations = [invitation.invitation_id for invitation in ties.invitations]
        return Gone([*gone.people, *invitations], gone.sessions)


def _entries(who: Who, user_id: UserId, ties: Ties, now_ms: int) -> list[AuditEntry]:
    """Return what the audit logs say, in the order in which their chains are locked."""
    entries = [
        entry_for(
            who,
            "member.leave",
            ids.text(ids.MEMBER, member.member_id),
            organisation_id=member.organisation_id,
            at_ms=now_ms,
            before={
                "user": ids.text(ids.USER, user_id),
                "role": member.role.value,
                "event": ids.text(ids.EVENT, member.event_id) if member.event_id else None,
            },
        )
        for member in ties.members
    ]
    entries += [
        entry_for(
            who,
            "invitation.revoke",
            ids.text(ids.INVITATION, invitation.invitation_id),
            organisation_id=invitation.organisation_id,
            at_ms=now_ms,
            before={
                "role": invitation.role.value,
                "event": ids.text(ids.EVENT, invitation.event_id) if invitation.event_id else None,
            },
        )
        for invitation in ties.invitations
    ]
    entries += [
        entry_for(
            who,
            f"{token.kind.value}.revoke",
            ids.text(_IDS[token.kind], token.token_id),
            organisation_id=token.organisation_id,
            at_ms=now_ms,
            before={"prefix": token.prefix},
        )
        for token in ties.tokens
    ]
    entries.sort(key=lambda entry: entry.organisation_id or b"")
    user = ids.text(ids.USER, user_id)
    return [*entries, entry_for(who, "user.erase", user, organisation_id=None, at_ms=now_ms)]
