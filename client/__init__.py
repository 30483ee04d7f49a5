"""A client of Bilten's wire protocol in Python, on `websockets` and `msgpack` alone.

It shares no code with the server: it is an independent reader of docs/protocol.md, so whatever the two
disagree on shows here first.

    >>> async def buy(url: str, event: str, ticket_type: str) -> list[str]:
    ...     async with BiltenClient(url) as client:
    ...         async with client.watch(event) as states:
    ...             async for state in states:  # the first one comes at once
    ...                 if state.status == "open" and state.free(ticket_type) >= 2:
    ...                     break
    ...         held = await client.hold(event, {ticket_type: 2})  # raises Refused, say with code "sold_out"
    ...         bought = await client.purchase(held, payment="card_ok")
    ...         return [ticket.code for ticket in bought.tickets]

Every operation has an id of its own. When the connection is lost the client connects again by itself and
sends again what is not answered, with the same ids, so nothing happens twice. When an answer does not come in
time, `GaveUp` carries the id: ask with it again later and the first answer comes back.

    BiltenError
      ├── Refused        the server said no; branch on `code`
      ├── GaveUp         no answer in time; the outcome is unknown
      └── NotConnected   no connection could be made, or the client is closed
"""

from client.bilten_client import BiltenClient, ClientSettings
from client.errors import BiltenError, GaveUp, NotConnected, Refused
from client.identifiers import new_identifier, new_operation
from client.records import (
    EventState,
    Extended,
    Held,
    HeldLine,
    HoldExpired,
    HoldExpiring,
    Notice,
    PoolSales,
    Purchased,
    Released,
    SalesState,
    Ticket,
    TypeAvailability,
    TypeSales,
    Unlocked,
    Waiting,
)

__all__ = [
    "BiltenClient",
    "BiltenError",
    "ClientSettings",
    "EventState",
    "Extended",
    "GaveUp",
    "Held",
    "HeldLine",
    "HoldExpired",
    "HoldExpiring",
    "NotConnected",
    "Notice",
    "PoolSales",
    "Purchased",
    "Refused",
    "Released",
    "SalesState",
    "Ticket",
    "TypeAvailability",
    "TypeSales",
    "Unlocked",
    "Waiting",
    "new_identifier",
    "new_operation",
]
