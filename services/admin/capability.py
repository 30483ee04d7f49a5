"""What the platform's people use, put together for one process."""

import msgspec

from services.admin.audit_check import AuditCheck
from services.admin.health import HealthChecks
from services.admin.organisations import OrganisationAdministration
from services.admin.users import UserAdministration
from services.audit_search import AuditSearch
from services.flags import Flags


class Administration(msgspec.Struct, frozen=True, kw_only=True):
    """The services of those who run the platform."""

    users: UserAdministration
    organisations: OrganisationAdministration
    flags: Flags
    audit: AuditSearch
    audit_check: AuditCheck
    health: HealthChecks
