"""Whoever asks for a hold is answered, whatever becomes of what has to be looked up for it."""

import asyncio

from domain import wire
from domain.codes import code_key
from domain.ids import BuyerId
from domain.refusals import Code, Refusal
from services.events import Events
from services.events.reading import Reading
from services.tickets import Tickets
from tests.gateway.stage import TICKET_KEY, fresh, new_sale, operation, works


async def test_a_look_up_that_postgres_refuses_leaves_no_buyer_waiting(
    migrated_dsn: str, redis_url: str
) -> None:
    """It counted as under way for as long as the connection lasted, and was never answered."""
    async with works(migrated_dsn, redis_url) as made:
        sale = await new_sale(made)
        # As in a gateway that has not heard of the event yet.
        reading = Reading(made.pool, made.event_pages, made.clock)
        events = Events(made.catalogue, reading, made.shards)
        tickets = Tickets(made.shards, events, made.clock, code_key(TICKET_KEY))
        request = wire.Hold(1, operation(), sale.event, [wire.Line(sale.types[0], 1)])

        async def ask() -> wire.ServerMessage | Refusal:
            answered: asyncio.Future[wire.ServerMessage | Refusal] = (
                asyncio.get_running_loop().create_future()
            )
            tickets.ask(BuyerId(fresh()), request, answered.set_result)
            return await asyncio.wait_for(answered, 10)

        await made.pool.execute("ALTER TABLE events RENAME TO away")
        try:
            refusal = await ask()
        finally:
            await made.pool.execute("ALTER TABLE away RENAME TO events")
        assert isinstance(refusal, Refusal)
        assert refusal.code is Code.BUSY
        assert isinstance(await ask(), wire.Held)
