"""What the audit log is told of somebody's changes to their own account: that, when and from where, and never
what personal data is or was.
"""

from collections.abc import Mapping

from domain.identity import Identity, Origin, Who
from domain.ids import USER, UserId, text
from services.audit import entry_for
from storage.accounts import Told
from storage.audit_log import AuditEntry


def told(
    origin: Origin, action: str, at_ms: int, *, before: Mapping[str, object] | None = None, **after: object
) -> Told:
    """Return what makes the entry once it is known who did it: of a link in a mail, the token says."""

    def entry(user_id: UserId) -> AuditEntry:
        who = Who(Identity(user_id=user_id), origin)
        return entry_for(
            who,
            action,
            text(USER, user_id),
            organisation_id=None,
            at_ms=at_ms,
            before=before,
            after=after,
        )

    return entry
