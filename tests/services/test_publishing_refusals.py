"""Why an event can't be published yet, by field and reason.

If these failed, somebody would have to find out by trying what of an event is in the way.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.refusals import Refusal
from services.events.voucher_models import NewVoucher
from tests.services.organiser import WHO, Organiser, id_of, organiser, sure, tickets


@pytest.fixture
async def hall(migrated_dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    async with organiser(migrated_dsn, redis_url) as made:
        yield made


def said(refused: object) -> tuple[object, object]:
    assert isinstance(refused, Refusal), refused
    return refused.details["field"], refused.details["reason"]


def with_type(**changed: Any) -> Any:
    document = tickets(100)
    kind = document.ticket_types[0].model_copy(update=changed)
    return document.model_copy(update={"ticket_types": (kind,)})


async def test_each_part_that_is_in_the_way_is_named(hall: Organiser) -> None:
    event = await hall.draft()
    assert said(await hall.step(event, "publish")) == ("ticket_types", "required")
    event = await hall.with_tickets(event, with_type(sales_start="2199-01-01T10:00"))
    assert said(await hall.step(event, "publish")) == ("ticket_types.0.sales_start", "after_event")
    untitled = await hall.with_tickets(await hall.draft("Untitled"))
    assert said(await hall.step(untitled, "publish")) == ("title", "required")
    over = await hall.with_tickets(await hall.draft(starts_at="2020-05-01T20:00"))
    assert said(await hall.step(over, "publish")) == ("starts_at", "in_the_past")


async def test_a_code_that_keeps_places_in_vain_says_why(hall: Organiser) -> None:
    pools = [{"name": "Hall", "capacity": 100}, {"name": "Balcony", "capacity": 10}]
    event = await hall.with_tickets(await hall.draft(), tickets(pools=pools))
    where = (WHO, hall.organisation_id, id_of(event))
    vouchers, (floor, balcony) = hall.services.vouchers, (pool.pool for pool in event.tickets.pools)
    # Nobody can buy a place there.
    vain = NewVoucher(code="VAIN", kind="block", block_pool=balcony, block_quantity=1)
    assert said(await vouchers.create(*where, vain))[1] == "not_drawn_from"
    much = NewVoucher(code="MUCH", kind="block", block_pool=floor, block_quantity=100)
    sure(await vouchers.create(*where, much))
    more = NewVoucher(code="MORE", kind="block", block_pool=floor, block_quantity=1)
    assert said(await vouchers.create(*where, more)) == ("vouchers", "more_than_there_is")
