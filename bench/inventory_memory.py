"""How many bytes a live hold and a sold ticket take in the memory of a shard.

`python -m bench.inventory_memory HOLDS ORDERS` prints two numbers as JSON. The state is built by the same
records, decoder and rules as in the actor, in a process of its own in which every allocation is counted
(tracemalloc). Finished operations are spilled as the actor does it, so the memory of a sold ticket includes
its buyer's tally and the fingerprints of its two operations.
"""

import gc
import json
import sys
import tracemalloc
from collections.abc import Iterator
from typing import Final

from bench.platform import Identifiers
from domain import events as e
from domain.applying import apply
from domain.catalogue import Pool, SaleDefinition, TicketType
from domain.ids import BuyerId, EventId, OperationId, OrderId, PoolId, TicketId, TicketTypeId
from domain.inventory import Inventory
from domain.operations import RECENT_MAX

TICKETS_AN_ORDER: Final = 2
BATCH: Final = 500
EXPIRES_AT_MS: Final = 1_900_000_000_000


def empty_sale(identifiers: Identifiers, capacity: int) -> Inventory:
    """Return the state of an event that has only been set up."""
    event_id = EventId(identifiers.fresh())
    definition = SaleDefinition(
        event_id,
        "EUR",
        (Pool(PoolId(identifiers.fresh()), capacity),),
        (TicketType(TicketTypeId(identifiers.fresh()), (0,), 5_000),),
    )
    state = Inventory(event_id)
    apply(state, e.Configured(OperationId(identifiers.fresh()), definition))
    return state


def held(identifiers: Identifiers, quantity: int) -> e.Held:
    """Return a new hold by a new buyer."""
    line = e.HeldLine(0, quantity, 5_000)
    return e.Held(OperationId(identifiers.fresh()), BuyerId(identifiers.fresh()), (line,), EXPIRES_AT_MS)


def play(state: Inventory, history: Iterator[e.AnyEvent], recent_max: int = RECENT_MAX) -> None:
    """Apply events as they come out of a batch: packed and unpacked, so that they share nothing by luck."""
    batch: list[e.AnyEvent] = []

    def flush() -> None:
        for event in e.unpack(e.pack(batch)):
            apply(state, event)
        batch.clear()
        while state.operations.spill(recent_max):
            pass

    for event in history:
        batch.append(event)
        if len(batch) >= BATCH:
            flush()
    flush()


def orders(identifiers: Identifiers, number: int) -> Iterator[e.AnyEvent]:
    """Yield holds, each followed by its sale."""
    for _ in range(number):
        hold = held(identifiers, TICKETS_AN_ORDER)
        yield hold
        tickets = tuple(TicketId(identifiers.fresh()) for _ in range(TICKETS_AN_ORDER))
        order_id = OrderId(OperationId(identifiers.fresh()))
        yield e.Sold(order_id, hold.operation_id, hold.buyer_id, hold.lines, tickets)


def main(holds: int, sold_orders: int) -> dict[str, float]:
    """Return bytes by hold and by sold ticket."""
    tracemalloc.start()
    identifiers = Identifiers(seed=6)
    state = empty_sale(identifiers, 4_000_000)
    # What is there before the first order is filled up first, as in any sale that has begun.
    play(state, orders(identifiers, RECENT_MAX))
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    play(state, orders(identifiers, sold_orders))
    gc.collect()
    after_orders = tracemalloc.get_traced_memory()[0]
    play(state, (held(identifiers, 1) for _ in range(holds)))
    gc.collect()
    after_holds = tracemalloc.get_traced_memory()[0]
    return {
        "bytes_per_sold": round((after_orders - before) / (sold_orders * TICKETS_AN_ORDER), 1),
        "bytes_per_hold": round((after_holds - after_orders) / holds, 1),
    }


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
