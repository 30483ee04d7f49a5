"""The services behind the API, put together in one place for gateways and for tests of them."""

from collections.abc import Callable, Mapping

import msgspec

from gateway.api.table import Services
from services.admin.capability import Administration
from services.admin.health import Check, HealthChecks
from services.admin.organisations import OrganisationAdministration
from services.admin.users import UserAdministration
from services.orders import BuyerOrders
from services.organisations.capability import OrganisationServices
from services.sessions import Sessions
from services.users.capability import Users
from services.vault import Vault
from storage.event_owners import EventOwners
from storage.postgres import Pool
from storage.repeated_requests import RepeatedRequests


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What the services stand on.

    Attributes:
        clock: milliseconds since the epoch.
        new_id: makes identifiers, 16 bytes.
        checks: how the parts of the platform are asked whether they are well, by their names.
    """

    pool: Pool
    clock: Callable[[], int]
    new_id: Callable[[], bytes]
    sessions: Sessions
    orders: BuyerOrders
    users: Users
    organisations: OrganisationServices
    vault: Vault
    checks: Mapping[str, Check]


def services(ground: Ground) -> Services:
    """Return the services of one gateway process."""
    return Services(
        identities=ground.users.identities,
        owners=EventOwners(ground.pool),
        repeated_requests=RepeatedRequests(ground.pool),
        sessions=ground.sessions,
        orders=ground.orders,
        users=ground.users,
        organisations=ground.organisations,
        administration=Administration(
            users=UserAdministration(ground.pool, ground.vault, ground.users.sessions),
            organisations=OrganisationAdministration(ground.pool),
            flags=ground.organisations.flags,
            audit=ground.organisations.audit,
            health=HealthChecks(ground.checks),
        ),
    )
