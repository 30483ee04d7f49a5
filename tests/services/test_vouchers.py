"""Codes that are changed while they are used, over a real shard. If these failed, an organiser would promise
more uses than there are, or break a promise that somebody holds.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain import commands as c
from domain import events as e
from domain.codes import fingerprint
from domain.ids import (
    POOL,
    TICKET_TYPE,
    VOUCHER,
    BuyerId,
    HoldId,
    OperationId,
    TicketTypeId,
    VoucherId,
    parse,
    text,
)
from domain.refusals import Code, Refusal
from services.events.models import Event
from services.events.voucher_models import NewVoucher, Voucher, VoucherFields, VouchersQuery
from tests.gateway.stage import fresh
from tests.services.organiser import CODE_KEY, WHO, Organiser, id_of, organiser, sure

M: dict[str, Any] = {"percent_basis_points": 2_500}


@pytest.fixture
async def office(migrated_dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    async with organiser(migrated_dsn, redis_url) as made:
        yield made


async def made(office: Organiser, event: Event, **fields: Any) -> Voucher:
    said = NewVoucher(**{"code": "EARLY", **fields})
    return sure(await office.services.vouchers.create(WHO, office.organisation_id, id_of(event), said))


async def edit(
    office: Organiser, event: Event, voucher: Voucher, version: int | None = None, **fields: Any
) -> Voucher | Refusal:
    voucher_id = VoucherId(parse(VOUCHER, voucher.voucher))
    said = VoucherFields(**fields)
    return await office.services.vouchers.edit(
        WHO, office.organisation_id, id_of(event), voucher_id, version or voucher.version, said
    )


async def hold(office: Organiser, event: Event, quantity: int = 1, code: str = "early") -> e.Held | Refusal:
    kind = TicketTypeId(parse(TICKET_TYPE, event.tickets.ticket_types[0].ticket_type or ""))
    codes = (fingerprint(CODE_KEY, id_of(event), code),)
    line = c.Line(kind, quantity)
    command = c.PlaceHold(OperationId(fresh()), id_of(event), BuyerId(fresh()), (line,), codes)
    held = await office.works.shards.ask(command)
    assert isinstance(held, e.Held | Refusal)
    return held


async def release(office: Organiser, event: Event, held: e.Held) -> None:
    hold_id = HoldId(held.operation_id)
    command = c.ReleaseHold(OperationId(fresh()), id_of(event), held.buyer_id, hold_id)
    assert isinstance(await office.works.shards.ask(command), e.Released)


async def uses(office: Organiser, event: Event) -> tuple[Any, ...]:
    listed = sure(
        await office.services.vouchers.listed(office.organisation_id, id_of(event), VouchersQuery())
    )
    found = listed.items[0].uses
    return (found.held, found.used, found.left, found.block_left) if found else ()


async def test_uses_are_what_the_sale_counts(office: Organiser) -> None:
    event = await office.with_tickets(await office.draft())
    voucher = await made(office, event, **M, uses_max=3)
    assert voucher.uses is not None
    assert await uses(office, event) == (0, 0, 3, None)
    sure(await office.step(event, "publish"))
    event = await office.read(event)
    held = sure(await hold(office, event))
    assert await uses(office, event) == (1, 0, 2, None)
    await release(office, event, held)
    assert await uses(office, event) == (0, 0, 3, None)


async def test_limits_stay_above_what_is_in_use(office: Organiser) -> None:
    event = await office.published()
    voucher = await made(office, event, **M, uses_max=3)
    for _ in range(2):
        sure(await hold(office, event))
    refused = await edit(office, event, voucher, **M, uses_max=1)
    assert refused == Refusal(Code.CAPACITY_IN_USE, None, {"capacity_min": 2})
    # What was refused is nowhere.
    assert await uses(office, event) == (2, 0, 1, None)
    less = sure(await edit(office, event, voucher, **M, uses_max=2))
    assert (less.uses_max, less.version) == (2, voucher.version + 1)
    assert await uses(office, event) == (2, 0, 0, None)
    third = await hold(office, event)
    assert isinstance(third, Refusal)
    assert third.code is Code.VOUCHER_USED_UP
    sure(await edit(office, event, less, **M, uses_max=None))
    sure(await hold(office, event))


async def test_a_block_keeps_what_is_taken_of_it(office: Organiser) -> None:
    event = await office.published()
    pool = event.tickets.pools[0].pool
    block: dict[str, Any] = {"kind": "block", "block_pool": pool}
    voucher = await made(office, event, **block, block_quantity=10)
    sure(await hold(office, event, 4))
    assert await uses(office, event) == (1, 0, None, 6)
    refused = await edit(office, event, voucher, **block, block_quantity=3)
    assert refused == Refusal(Code.CAPACITY_IN_USE, None, {"capacity_min": 4})
    sure(await edit(office, event, voucher, **block, block_quantity=5))
    assert await uses(office, event) == (1, 0, None, 1)


async def test_what_is_held_keeps_its_price_and_what_comes_gets_the_new_one(office: Organiser) -> None:
    event = await office.published()
    voucher = await made(office, event, percent_basis_points=5_000)
    before = sure(await hold(office, event))
    sure(await edit(office, event, voucher, percent_basis_points=1_000, ends_at="2030-04-01T00:00"))
    after = sure(await hold(office, event))
    prices = [line.unit_price_minor for held in (before, after) for line in held.lines]
    assert prices == [1_000, 1_800]
    again = await edit(office, event, voucher, percent_basis_points=1_000)
    assert isinstance(again, Refusal)
    assert again.code is Code.VERSION_CONFLICT


async def test_what_can_not_change(office: Organiser) -> None:
    event = await office.published()
    voucher = await made(office, event, **M)
    access = await edit(office, event, voucher, kind="access")
    assert access == Refusal(Code.INVALID, None, {"field": "kind", "reason": "is_fixed"})
    other = text(POOL, fresh())
    unknown = await edit(office, event, voucher, kind="block", block_pool=other, block_quantity=1)
    assert isinstance(unknown, Refusal)
    where = (office.organisation_id, id_of(event), VoucherId(parse(VOUCHER, voucher.voucher)))
    sure(await office.services.vouchers.retire(WHO, *where))
    gone = await edit(office, event, voucher, version=2, **M)
    assert isinstance(gone, Refusal)
    assert gone.code is Code.ILLEGAL_STEP
