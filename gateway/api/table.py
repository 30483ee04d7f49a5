"""Every route of the API.

A capability adds two lines here: its service in `Services`, and its routes in `all_routes`. Where the service
is made is `cluster/capabilities.py`.
"""

import msgspec

from gateway.api import session_routes
from gateway.api.ports import EventOwners, Identities
from gateway.api.route import Route
from services.sessions import Sessions


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """What routes call."""

    identities: Identities
    owners: EventOwners
    sessions: Sessions


def all_routes(services: Services) -> list[Route]:
    """Return the routes of all capabilities."""
    return [
        *session_routes.routes(services.sessions),
    ]
