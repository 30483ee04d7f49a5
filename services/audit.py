"""What the audit log is told of a change, and who reads it."""

from collections.abc import Mapping
from typing import Final

from domain import ids
from domain.identity import Identity, Origin, Who
from domain.ids import OrganisationId
from storage.audit_log import AuditEntry

SYSTEM: Final = Who(Identity(), Origin("", ""))
# Everything that is written down. Of organisations' logs people read a sentence for each, in `web/messages`;
# the platform's log has what it is told of organisations beside its own.
ORGANISATION_ACTIONS: Final = frozenset(
    f"{kind}.{done}"
    for kind, all_done in {
        "organisation": "create edit suspend unsuspend close reopen",
        "member": "add join change remove leave",
        "invitation": "create revoke",
        "key": "create revoke",
        "device": "create revoke",
        "venue": "create edit delete",
        "event": "create edit tickets import setup publish pause resume close cancel archive"
        " capacity withhold return grant grant_accept grant_decline ungrant",
        "voucher": "create edit retire",
        "series": "create",
        "people": "read export",
    }.items()
    for done in all_done.split()
)
PLATFORM_ACTIONS: Final = frozenset(
    f"{kind}.{done}"
    for kind, all_done in {
        "user": "confirm update change_email change_password reset_password add_totp drop_totp add_passkey"
        " drop_passkey end_session end_sessions suspend unsuspend erase set_password remove_second_factors",
        "people": "reveal",
        "platform": "promote demote",
        "flag": "put",
    }.items()
    for done in all_done.split()
)
# What is written in place of personal data.
CHANGED: Final = "changed"


def entry_for(
    who: Who,
    action: str,
    target: str,
    *,
    organisation_id: OrganisationId | None,
    at_ms: int,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> AuditEntry:
    """Return the entry for a change that somebody makes.

    Args:
        who: somebody, from somewhere.
        action: what is done, such as "event.publish".
        target: TypeID of what it is done to.
        organisation_id: in whose log it is, None for the platform's.
        at_ms: when.
        before: what changed as it was; see `only_changes`.
        after: what changed as it is.
    """
    is_known = action in ORGANISATION_ACTIONS or (organisation_id is None and action in PLATFORM_ACTIONS)
    assert is_known, f"{action} is in no table of actions"
    return AuditEntry(
        organisation_id=organisation_id,
        at_ms=at_ms,
        actor=actor_of(who.identity),
        action=action,
        target=target,
        before=before or {},
        after=after or {},
        address=who.origin.address,
        user_agent=who.origin.user_agent,
        attempt=who.origin.attempt,
    )


def actor_of(identity: Identity) -> str:
    """Return who is written down as having done something: a TypeID, or "system"."""
    if identity.user_id is not None:
        return ids.text(ids.USER, identity.user_id)
    if identity.api_key_id is not None:
        return ids.text(ids.API_KEY, identity.api_key_id)
    if identity.device_id is not None:
        return ids.text(ids.DEVICE, identity.device_id)
    if identity.buyer_id is not None:
        return ids.text(ids.BUYER, identity.buyer_id)
    return "system"


def only_changes(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, object]]:
    """Return what differs between two states of a thing, as it was and as it is.

    Things within it that stand under their ids are compared one by one; of those that differ the name is told
    as well, so that people know which it is.
    """
    was: dict[str, object] = {}
    became: dict[str, object] = {}
    for name in {**before, **after}:
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            same = {"name": old["name"]} if old.get("name") and old.get("name") == new.get("name") else {}
            old, new = ({**same, **part} for part in only_changes(old, new))
        if name in before:
            was[name] = old
        if name in after:
            became[name] = new
    return was, became
