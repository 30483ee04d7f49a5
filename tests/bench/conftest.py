"""A small sale that went well, on real servers, for audits to find fault with."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from bench.witness import Witness
from client import BiltenClient
from storage.postgres import Connection, connect
from tests.gateway.stage import ROOMY, Sale, Stage, Works, new_sale, works


class SmallSale:
    """Three orders of two tickets, one hold that was given back, one that still lives."""

    def __init__(self, dsn: str, sale: Sale, witness: Witness, database: Connection) -> None:
        self.dsn = dsn
        self.sale = sale
        self.event_id = sale.record.event_id
        self.witness = witness
        self.database = database

    async def execute(self, statement: str, *values: object) -> None:
        """Tamper with the database."""
        await self.database.execute(statement, *values)

    async def value(self, query: str, *values: object) -> object:
        return await self.database.fetchval(query, *values)


@pytest.fixture
async def made(migrated_dsn: str, redis_url: str) -> AsyncIterator[Works]:
    async with works(migrated_dsn, redis_url) as made:
        yield made


@pytest.fixture
async def small_sale(made: Works, migrated_dsn: str) -> AsyncIterator[SmallSale]:
    sale = await new_sale(made)
    stage = Stage(made, ROOMY)
    await stage.start()
    witness = Witness()
    try:
        for number in range(3):
            async with BiltenClient(stage.url) as client:
                held = await client.hold(sale.event, {sale.types[number % 2]: 2})
                witness.held(client.buyer, held, 0.0)
                bought = await client.purchase(held, "card_ok")
                witness.purchased(client.buyer, held.hold, bought, 0.0)
                other = await client.hold(sale.event, {sale.types[0]: 1})
                witness.held(client.buyer, other, 0.0)
                if number == 0:
                    await client.release(sale.event, other.hold)
                    witness.released(other.hold)
        await _finished(migrated_dsn)
    finally:
        await stage.close()
    database = await connect(migrated_dsn, application_name="test")
    yield SmallSale(migrated_dsn, sale, witness, database)
    await database.close()


async def _finished(dsn: str) -> None:
    """Payments are captured after the buyer was answered."""
    database = await asyncpg.connect(dsn)
    async with asyncio.timeout(10):
        while await database.fetchval("SELECT count(*) FROM orders WHERE state = 'paid'") < 3:
            await asyncio.sleep(0.01)
    await database.close()
