"""Everything about organisations, put together for one process."""

from collections.abc import Callable

import msgspec

from services.audit_search import AuditSearch
from services.flags import Flags
from services.keys.keys import Keys
from services.notifications.port import Mailer
from services.organisations.invitations import Invitations
from services.organisations.letters import InvitationLetters
from services.organisations.members import Members
from services.organisations.memberships import MembershipViews
from services.organisations.organisations import Organisations
from services.users.attempts import Attempts
from services.vault import Vault
from storage.members import Memberships
from storage.postgres import Pool


class OrganisationGround(msgspec.Struct, frozen=True, kw_only=True):
    """What the services of organisations stand on. `url` is the address of the pages, for links."""

    pool: Pool
    vault: Vault
    mailer: Mailer
    clock: Callable[[], int]
    new_id: Callable[[], bytes]
    url: str
    attempts: Attempts


class OrganisationServices(msgspec.Struct, frozen=True, kw_only=True):
    """The services of organisations."""

    organisations: Organisations
    members: Members
    invitations: Invitations
    memberships: Memberships
    membership_views: MembershipViews
    keys: Keys
    audit: AuditSearch
    flags: Flags


def organisation_services(ground: OrganisationGround) -> OrganisationServices:
    """Return the services of organisations of one process."""
    memberships = Memberships(ground.pool)
    flags = Flags(ground.pool, ground.clock)
    return OrganisationServices(
        organisations=Organisations(ground.pool, ground.new_id, flags),
        members=Members(ground.pool, ground.vault),
        invitations=Invitations(
            ground.pool,
            ground.vault,
            ground.mailer,
            InvitationLetters(ground.url),
            ground.new_id,
            ground.attempts,
        ),
        memberships=memberships,
        membership_views=MembershipViews(memberships),
        keys=Keys(ground.pool, ground.clock, ground.new_id),
        audit=AuditSearch(ground.pool),
        flags=flags,
    )
