"""Every route of the API.

A capability adds two lines here: its service in `Services`, and its routes in `capability_routes`. Where the
service is made is `cluster/capabilities.py`.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from gateway.api import (
    account_routes,
    admin_routes,
    audit_routes,
    catalogue_routes,
    document_routes,
    event_orders_routes,
    events_routes,
    factors_routes,
    keys_routes,
    members_routes,
    orders_routes,
    organisations_routes,
    public_routes,
    session_routes,
    transfer_routes,
    users_routes,
    vouchers_routes,
)
from gateway.api.idempotency import Store
from gateway.api.ports import EventOwners, Identities
from gateway.api.route import Route
from gateway.limits import Limiter
from services.admin.capability import Administration
from services.events.attendees import Attendees
from services.events.course import SaleCourses
from services.events.orders import EventOrders
from services.events.organising import Organising
from services.events.reading import Reading
from services.orders import BuyerOrders
from services.organisations.capability import OrganisationServices
from services.organisations.closing import Closing
from services.own_data import OwnData
from services.sessions import Sessions
from services.users.capability import Users


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """What routes call."""

    identities: Identities
    owners: EventOwners
    repeated_requests: Store
    sessions: Sessions
    orders: BuyerOrders
    own_data: OwnData
    event_orders: EventOrders
    attendees: Attendees
    sale_courses: SaleCourses
    users: Users
    organisations: OrganisationServices
    closing: Closing
    administration: Administration
    organising: Organising
    reading: Reading
    clock: Callable[[], int]


def all_routes(services: Services, limiter: Limiter, public_url: str, web_folder: Path) -> list[Route]:
    """Return the routes of all capabilities, and of the document that describes them."""
    routes = capability_routes(services, limiter)
    return [*routes, *document_routes.routes(routes, public_url, web_folder)]


def capability_routes(services: Services, limiter: Limiter) -> list[Route]:
    """Return the routes of all capabilities."""
    return [
        *session_routes.routes(services.sessions, limiter.session),
        *users_routes.routes(services.users),
        *account_routes.routes(services.users, services.orders, services.own_data),
        *factors_routes.routes(services.users),
        *orders_routes.routes(services.orders, services.users.account.buyers),
        *organisations_routes.routes(services.organisations.organisations, services.closing),
        *members_routes.routes(services.organisations.members, services.organisations.invitations),
        *keys_routes.routes(services.organisations.keys),
        *audit_routes.routes(services.organisations.audit),
        *admin_routes.routes(services.administration),
        *public_routes.routes(services.reading, services.clock),
        *events_routes.routes(services.organising),
        *event_orders_routes.routes(services.event_orders, services.attendees, services.sale_courses),
        *catalogue_routes.routes(services.organising),
        *vouchers_routes.routes(services.organising.vouchers),
        *transfer_routes.routes(services.organising),
    ]
