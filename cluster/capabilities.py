"""The services behind the API, put together in one place for gateways and for tests of them."""

from collections.abc import Callable, Mapping

import msgspec

from gateway.api.table import Services
from services.admin.audit_check import AuditCheck
from services.admin.capability import Administration
from services.admin.health import Check, HealthChecks
from services.admin.organisations import OrganisationAdministration
from services.admin.users import UserAdministration
from services.answers import Answers
from services.events import Events
from services.events.access import Access
from services.events.attendees import Attendees
from services.events.course import SaleCourses
from services.events.orders import EventOrders
from services.events.organising import Sales, organising
from services.events.reading import Reading
from services.orders import BuyerOrders
from services.organisations.capability import OrganisationServices
from services.organisations.closing import Closing
from services.own_data import OwnData
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
        url: the address of this site, without a slash at its end.
        code_key: with which the codes of vouchers are hashed.
        checks: how the parts of the platform are asked whether they are well, by their names.
    """

    pool: Pool
    clock: Callable[[], int]
    new_id: Callable[[], bytes]
    sessions: Sessions
    orders: BuyerOrders
    events: Events
    answers: Answers
    users: Users
    organisations: OrganisationServices
    vault: Vault
    shards: Sales
    reading: Reading
    code_key: bytes
    url: str = ""
    checks: Mapping[str, Check]


def services(ground: Ground) -> Services:
    """Return the services of one gateway process."""
    owners = EventOwners(ground.pool)
    access = Access(owners)
    organisers = organising(
        pool=ground.pool,
        shards=ground.shards,
        owners=owners,
        announcing=ground.reading,
        clock=ground.clock,
        new_id=ground.new_id,
        code_key=ground.code_key,
        url=ground.url,
    )
    ground.organisations.organisations.announce_through(ground.reading)
    return Services(
        identities=ground.users.identities,
        owners=owners,
        repeated_requests=RepeatedRequests(ground.pool),
        sessions=ground.sessions,
        orders=ground.orders,
        own_data=OwnData(ground.users.account, ground.users.factors, ground.orders, ground.clock),
        event_orders=EventOrders(ground.pool, access, ground.events, ground.answers, ground.clock),
        attendees=Attendees(ground.pool, access, ground.vault, ground.clock),
        sale_courses=SaleCourses(ground.pool, access, ground.clock),
        users=ground.users,
        organisations=ground.organisations,
        closing=Closing(ground.pool, organisers.steps, ground.shards, ground.reading),
        reading=ground.reading,
        organising=organisers,
        clock=ground.clock,
        administration=Administration(
            users=UserAdministration(ground.pool, ground.vault, ground.users.sessions),
            organisations=OrganisationAdministration(ground.pool, organisers.steps, ground.reading),
            flags=ground.organisations.flags,
            audit=ground.organisations.audit,
            audit_check=AuditCheck(ground.pool, ground.clock),
            health=HealthChecks(ground.checks),
        ),
    )
