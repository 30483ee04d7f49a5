"""Buying without a gateway: what the tests of services share."""

import asyncio
from typing import Any

import asyncpg

from domain import commands as c
from domain import events as e
from domain import wire
from domain.ids import HOLD, BuyerId, HoldId, OperationId, text
from tests.gateway.stage import Sale, Works, fresh, operation


class Books:
    """What PostgreSQL says in the end."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn

    async def read(self) -> dict[str, Any]:
        connection = await asyncpg.connect(self.dsn)
        try:
            orders = await connection.fetch("SELECT state, failure FROM orders")
            payments = await connection.fetch("SELECT state, captured_minor FROM payments")
            return {
                "orders": [tuple(row) for row in orders],
                "payments": [tuple(row) for row in payments],
                "tickets": await connection.fetchval("SELECT count(*) FROM tickets"),
                "captured": await connection.fetchval(
                    "SELECT coalesce(sum(captured_minor), 0) FROM sandbox.payments"
                ),
                "unnamed": await connection.fetchval("SELECT count(*) FROM payments WHERE reference = ''"),
                "authorised": await connection.fetchval(
                    "SELECT count(*) FROM sandbox.payments WHERE state = 'authorised'"
                ),
            }
        finally:
            await connection.close()


async def place_hold(made: Works, sale: Sale, buyer_id: BuyerId, quantity: int = 2) -> HoldId:
    line = c.Line(sale.record.ticket_types[0].ticket_type_id, quantity)
    held = await made.shards.ask(c.PlaceHold(OperationId(fresh()), sale.record.event_id, buyer_id, (line,)))
    assert isinstance(held, e.Held), held
    return held.operation_id


def purchase(sale: Sale, hold_id: bytes, name: str = "", payment: str = "card_ok") -> wire.Purchase:
    return wire.Purchase(1, name or operation(), sale.event, text(HOLD, hold_id), 3000, payment)


async def settled(made: Works, dsn: str) -> None:
    """Run the recovery until it finds nothing unfinished."""
    connection = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(20):
            while await connection.fetchval("SELECT count(*) FROM orders WHERE finished_at IS NULL"):
                await made.recovery.look()
                await asyncio.sleep(0.05)
    finally:
        await connection.close()
