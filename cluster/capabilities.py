"""The services behind the API, put together in one place for gateways and for tests of them."""

from collections.abc import Callable

import msgspec

from gateway.api.table import Services
from services.orders import BuyerOrders
from services.sessions import Sessions
from services.users.capability import Users
from storage.event_owners import EventOwners
from storage.postgres import Pool
from storage.repeated_requests import RepeatedRequests


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """What the services stand on.

    Attributes:
        clock: milliseconds since the epoch.
        new_id: makes identifiers, 16 bytes.
    """

    pool: Pool
    clock: Callable[[], int]
    new_id: Callable[[], bytes]
    sessions: Sessions
    orders: BuyerOrders
    users: Users


def services(ground: Ground) -> Services:
    """Return the services of one gateway process."""
    return Services(
        identities=ground.users.identities,
        owners=EventOwners(ground.pool),
        repeated_requests=RepeatedRequests(ground.pool),
        sessions=ground.sessions,
        orders=ground.orders,
        users=ground.users,
    )
