"""Every route of the API.

A capability adds two lines here: its service in `Services`, and its routes in `all_routes`. Where the service
is made is `cluster/capabilities.py`.
"""

import msgspec

from gateway.api import document_routes, orders_routes, session_routes
from gateway.api.idempotency import Store
from gateway.api.ports import EventOwners, Identities
from gateway.api.route import Route
from gateway.limits import Limiter
from services.orders import BuyerOrders
from services.sessions import Sessions


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """What routes call."""

    identities: Identities
    owners: EventOwners
    repeated_requests: Store
    sessions: Sessions
    orders: BuyerOrders


def all_routes(services: Services, limiter: Limiter, public_url: str) -> list[Route]:
    """Return the routes of all capabilities, and of the document that describes them."""
    routes = [
        *session_routes.routes(services.sessions, limiter.session),
        *orders_routes.routes(services.orders),
    ]
    return [*routes, *document_routes.routes(routes, public_url)]
