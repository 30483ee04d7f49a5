"""Rows that a test's own rows hang on: an organisation with an event, and orders of it."""

from domain.ids import BuyerId, EventId, OrderId
from storage.postgres import Pool

EVENT = """
    WITH made AS (
        INSERT INTO organisations (organisation_id, name, slug)
        VALUES ($1::uuid, 'Test', 'test-' || $1::uuid) ON CONFLICT DO NOTHING
    )
    INSERT INTO events (event_id, organisation_id, slug, title, currency, starts_at, ends_at)
    VALUES ($1::uuid, $1::uuid, 'test-' || $1::uuid, 'Test', 'EUR', $2, $2) ON CONFLICT DO NOTHING
"""
ORDER = """
    INSERT INTO orders (order_id, event_id, hold_id, buyer_id, state, amount_minor, currency, lease_owner,
                        lease_until, created_at, updated_at, finished_at)
    VALUES ($1, $2, $1, $3, $4::text, 1500, 'EUR', 'test', now(), now(), now(),
            CASE WHEN $4 IN ('paid', 'failed', 'cancelled') THEN now() END)
"""
STARTS_MS = 1_800_000_000_000


async def add_event(pool: Pool, event_id: EventId, starts_ms: int = STARTS_MS) -> None:
    """Have an event of an organisation with the same id."""
    await pool.execute(EVENT, event_id, starts_ms)


async def add_order(
    pool: Pool, order_id: OrderId, event_id: EventId, buyer_id: BuyerId, state: str = "authorised"
) -> None:
    """Have an order in a state."""
    await add_event(pool, event_id)
    await pool.execute(ORDER, order_id, event_id, buyer_id, state)
