"""Codes that keep places. If these failed, a draft would take codes with which it can't be published, and say
so only when everything else is ready.
"""

from collections.abc import AsyncIterator

import pytest

from domain.ids import VoucherId, parse
from domain.refusals import Code, Refusal
from services.events.models import Event
from services.events.voucher_models import BulkVouchers, NewVoucher
from tests.services.organiser import WHO, Organiser, id_of, organiser, sure, tickets


@pytest.fixture
async def hall(migrated_dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    async with organiser(migrated_dsn, redis_url) as made:
        yield made


def blocks(event: Event, count: int, quantity: int) -> BulkVouchers:
    pool = event.tickets.pools[0].pool
    return BulkVouchers(count=count, batch="press", kind="block", block_pool=pool, block_quantity=quantity)


async def test_a_draft_takes_no_more_blocks_than_it_has_places(hall: Organiser) -> None:
    event = await hall.with_tickets(await hall.draft(), tickets(100))
    vouchers, where = hall.services.vouchers, (hall.organisation_id, id_of(event))
    refused = await vouchers.create_bulk(WHO, *where, blocks(event, 11, 10))
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.details["field"]) == (Code.INVALID, "vouchers")
    assert await hall.pool.fetchval("SELECT count(*) FROM vouchers") == 0
    sure(await vouchers.create_bulk(WHO, *where, blocks(event, 9, 10)))
    pool = event.tickets.pools[0].pool
    # Those that are there count, those that were ended do not.
    one = NewVoucher(code="ONE", kind="block", block_pool=pool, block_quantity=10)
    made = sure(await vouchers.create(WHO, *where, one))
    other = NewVoucher(code="OTHER", kind="block", block_pool=pool, block_quantity=1)
    assert isinstance(await vouchers.create(WHO, *where, other), Refusal)
    sure(await vouchers.retire(WHO, *where, VoucherId(parse("voucher", made.voucher))))
    sure(await vouchers.create(WHO, *where, other))
    assert sure(await hall.step(event, "publish")).status == "on_sale"


@pytest.mark.parametrize("field", ["starts_at", "ends_at"])
async def test_the_time_that_is_wrong_is_named(hall: Organiser, field: str) -> None:
    event = await hall.with_tickets(await hall.draft())
    # An hour that clocks skip.
    said = NewVoucher.model_validate({"code": "EARLY", "amount_minor": 100, field: "2030-03-31T02:30"})
    refused = await hall.services.vouchers.create(WHO, hall.organisation_id, id_of(event), said)
    assert refused == Refusal(Code.INVALID, None, {"field": field, "reason": "gap"})
