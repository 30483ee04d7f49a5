"""The services behind the API, put together in one place for gateways and for tests of them."""

from collections.abc import Callable

import msgspec

from gateway.api.table import Services
from services.guests import GuestIdentities
from services.orders import BuyerOrders
from services.sessions import Sessions
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


def services(ground: Ground) -> Services:
    """Return the services of one gateway process."""
    return Services(
        identities=GuestIdentities(ground.sessions),
        owners=EventOwners(ground.pool),
        repeated_requests=RepeatedRequests(ground.pool),
        sessions=ground.sessions,
        orders=ground.orders,
    )
