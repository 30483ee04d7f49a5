"""Tiers, codes, hidden types and changes of a live event over a real websocket. If one of these failed, a
buyer would be charged what the page did not say, use a code that somebody else has used, or be sold what the
organizer has taken back.
"""

import asyncio
from typing import Any

import msgspec
import pytest

from domain import commands as c
from domain import events as e
from domain.catalogue import Pool, PriceTier, SaleDefinition, TicketType
from domain.codes import code_key, fingerprint
from domain.ids import ORDER, TICKET_TYPE, OperationId, OrderId, TicketTypeId, parse, text
from domain.refusals import Refusal
from domain.vouchers import VoucherKind, VoucherRule
from gateway.limits import Rate
from storage.audit import broken_promises
from tests.gateway.conftest import Staging
from tests.gateway.stage import ROOMY, TICKET_KEY, Sale, Stage, Works, fresh, hold, new_sale, operation
from tests.gateway.wire_client import Client

QUICK = msgspec.structs.replace(ROOMY, codes=Rate(1_000.0, 1_000))


@pytest.fixture
async def stage(staging: Staging) -> Stage:
    return await staging(QUICK)


def definition(sale: Sale) -> SaleDefinition:
    """What the sale was configured with."""
    record = sale.record
    pools = tuple(Pool(pool.pool_id, pool.capacity) for pool in record.pools)
    types = tuple(
        TicketType(kind.ticket_type_id, kind.pools, kind.price_minor, kind.quantity_min, kind.quantity_max)
        for kind in record.ticket_types
    )
    return SaleDefinition(record.event_id, record.currency, pools, types, record.buyer_limit)


async def do(made: Works, make: type[c.Command], sale: Sale, *given: Any) -> Any:
    answer = await made.shards.ask(make(OperationId(fresh()), sale.record.event_id, *given))  # type: ignore[arg-type]
    assert not isinstance(answer, Refusal), answer
    return answer


async def change(made: Works, sale: Sale, new: SaleDefinition) -> None:
    assert isinstance(await do(made, c.Reconfigure, sale, new), e.Reconfigured)


async def voucher(made: Works, sale: Sale, code: str, rule: VoucherRule) -> None:
    hashed = fingerprint(code_key(TICKET_KEY), sale.record.event_id, code)
    await do(made, c.DefineVouchers, sale, rule, (hashed,))


async def buy(client: Client, sale: Sale, held: dict[str, Any]) -> dict[str, Any]:
    return await client.ask(
        "purchase",
        operation=operation(),
        event=sale.event,
        hold=held["hold"],
        amount_minor=held["amount_minor"],
        payment="card_ok",
    )


async def hold_with(client: Client, sale: Sale, quantity: int, *codes: str) -> dict[str, Any]:
    return await client.ask(
        "hold", operation=operation(), event=sale.event, lines=sale.lines(quantity), codes=list(codes)
    )


async def no_broken_promise(made: Works, sale: Sale) -> None:
    async with made.pool.acquire() as connection:
        async with asyncio.timeout(20):
            while await connection.fetchval(
                "SELECT count(*) FROM orders WHERE event_id = $1 AND finished_at IS NULL",
                sale.record.event_id,
            ):
                await asyncio.sleep(0.05)
        assert not await broken_promises(connection, sale.record.event_id)


async def test_a_single_use_code_is_used_once_and_comes_back(stage: Stage, made: Works) -> None:
    sale = await new_sale(made)
    await voucher(made, sale, "Summer 25", VoucherRule(VoucherKind.DISCOUNT, 3_333, uses_max=1))
    anna, ben = await stage.connect(), await stage.connect("bilten.v1.json", await stage.guest())

    held = await hold_with(anna, sale, 2, "summer25 ")
    assert held["type"] == "held", held
    # A third of 30.00 is 9.999, half up 10.00; each ticket is 5.00 less.
    assert (held["amount_minor"], held["discount_minor"]) == (2_000, 1_000)
    assert held["lines"] == [
        {"ticket_type": sale.types[0], "quantity": 2, "unit_price_minor": 1_000, "list_price_minor": 1_500}
    ]
    assert (await hold_with(ben, sale, 1, "SUMMER-25"))["code"] == "voucher_used_up"
    assert (await hold_with(ben, sale, 1, "winter"))["code"] == "voucher_unknown"
    await anna.ask("release", operation=operation(), event=sale.event, hold=held["hold"])
    held = await hold_with(ben, sale, 3, "SUMMER-25")
    assert held["amount_minor"] == 3_000
    bought = await buy(ben, sale, held)
    assert bought["type"] == "purchased", bought
    assert (await hold_with(anna, sale, 1, "summer25"))["code"] == "voucher_used_up"
    await no_broken_promise(made, sale)

    order_id = OrderId(OperationId(parse(ORDER, bought["order"])))
    cancelled = await do(made, c.CancelTickets, sale, order_id)
    assert cancelled.vouchers == (1,)
    assert (await hold_with(anna, sale, 1, "summer25"))["type"] == "held"


async def test_tickets_of_two_tiers_cost_what_was_agreed(stage: Stage, made: Works) -> None:
    sale = await new_sale(made)
    plain = definition(sale)
    tiers = (PriceTier(1, 1_000, None, 2), PriceTier(2, 1_200, made.clock() + 3_600_000, None))
    first = msgspec.structs.replace(plain.ticket_types[0], tiers=tiers)
    client = await stage.connect()
    await client.ask("watch", event=sale.event)
    await change(made, sale, msgspec.structs.replace(plain, ticket_types=(first, *plain.ticket_types[1:])))
    push = await client.until(
        lambda message: (
            message["type"] == "availability" and message["state"]["ticket_types"][0]["price_minor"] == 1_000
        )
    )
    assert push["state"]["ticket_types"][0]["tier_left"] == 2

    held = await hold(client, sale, 3)
    assert [(line["quantity"], line["unit_price_minor"]) for line in held["lines"]] == [
        (2, 1_000),
        (1, 1_200),
    ]
    push = await client.until(
        lambda message: (
            message["type"] == "availability" and message["state"]["ticket_types"][0]["price_minor"] == 1_200
        )
    )
    assert push["state"]["ticket_types"][0]["tier_until_ms"] == tiers[1].until_ms
    # The price goes up before the buyer has paid: not theirs.
    dearer = msgspec.structs.replace(first, tiers=(), price_minor=9_900)
    await change(made, sale, msgspec.structs.replace(plain, ticket_types=(dearer, *plain.ticket_types[1:])))
    bought = await buy(client, sale, held)
    assert bought["amount_minor"] == 3_200
    await no_broken_promise(made, sale)
    # One of the cheap ones is taken back: the next is dear all the same, since the tier is gone.
    order_id = OrderId(OperationId(parse(ORDER, bought["order"])))
    await do(made, c.CancelTickets, sale, order_id)
    assert (await hold(client, sale, 1))["amount_minor"] == 9_900


async def test_a_type_that_was_added_is_sold_by_a_gateway_that_has_not_heard_of_it(
    stage: Stage, made: Works
) -> None:
    sale = await new_sale(made)
    client = await stage.connect()
    await hold(client, sale)
    added = TicketType(TicketTypeId(fresh()), (0,), 4_200)
    plain = definition(sale)
    await change(made, sale, msgspec.structs.replace(plain, ticket_types=(*plain.ticket_types, added)))
    sale.types.append(text(TICKET_TYPE, added.ticket_type_id))
    held = await hold(client, sale, 1, position=2)
    assert held["lines"][0]["ticket_type"] == sale.types[2]
    assert (await buy(client, sale, held))["tickets"][0]["ticket_type"] == sale.types[2]


async def test_a_hidden_type_is_for_those_who_name_its_code(stage: Stage, made: Works) -> None:
    sale = await new_sale(made)
    plain = definition(sale)
    hidden = msgspec.structs.replace(plain.ticket_types[1], is_hidden=True)
    await change(made, sale, msgspec.structs.replace(plain, ticket_types=(plain.ticket_types[0], hidden)))
    await voucher(made, sale, "PRESS", VoucherRule(VoucherKind.ACCESS, types=(1,)))
    client = await stage.connect()
    watching = await client.ask("watch", event=sale.event)
    assert [kind["ticket_type"] for kind in watching["state"]["ticket_types"]] == sale.types[:1]
    wanted = {"event": sale.event, "lines": sale.lines(1, 1)}
    assert (await client.ask("hold", operation=operation(), **wanted))["code"] == "unknown_ticket_type"

    assert (await client.ask("unlock", event=sale.event, code="guess"))["code"] == "voucher_unknown"
    unlocked = await client.ask("unlock", event=sale.event, code="press")
    assert unlocked["kind"] == "access"
    (shown,) = unlocked["unlocked"]
    assert (shown["name"], shown["availability"]["ticket_type"]) == ("Reduced", sale.types[1])
    assert (shown["availability"]["free"], shown["availability"]["price_minor"]) == (100, 950)
    held = await client.ask("hold", operation=operation(), **wanted, codes=["press"])
    assert held["amount_minor"] == 950


async def test_places_of_a_block_are_for_its_code(stage: Stage, made: Works) -> None:
    sale = await new_sale(made, capacity=3)
    rule = VoucherRule(VoucherKind.BLOCK, block_pool=0, block_quantity=2)
    await voucher(made, sale, "sponsor", rule)
    client = await stage.connect()
    refused = await hold_with(client, sale, 2)
    assert (refused["code"], refused["details"]) == ("sold_out", {"free": 1})
    assert (await client.ask("unlock", event=sale.event, code="sponsor"))["left"] == 2
    held = await hold_with(client, sale, 2, "sponsor")
    assert (await buy(client, sale, held))["type"] == "purchased"
    assert (await hold_with(client, sale, 1, "sponsor"))["details"] == {"free": 0}
    await no_broken_promise(made, sale)


async def test_a_buyer_names_the_price_within_bounds(stage: Stage, made: Works) -> None:
    sale = await new_sale(made)
    plain = definition(sale)
    named = msgspec.structs.replace(plain.ticket_types[0], price_min_minor=0)
    await change(made, sale, msgspec.structs.replace(plain, ticket_types=(named, plain.ticket_types[1])))
    client = await stage.connect()

    async def ask(position: int, price_minor: int | None) -> dict[str, Any]:
        lines = [{"ticket_type": sale.types[position], "quantity": 1, "price_minor": price_minor}]
        return await client.ask("hold", operation=operation(), event=sale.event, lines=lines)

    assert (await ask(0, None))["amount_minor"] == 1_500
    assert (await ask(0, 77))["amount_minor"] == 77
    assert (await ask(0, 10**12))["code"] == "price_out_of_range"
    assert (await ask(1, 950))["code"] == "price_out_of_range"
    free = await ask(0, 0)
    assert (await buy(client, sale, free))["type"] == "purchased"


async def test_a_cancelled_event_sells_nothing_any_more(stage: Stage, made: Works) -> None:
    sale = await new_sale(made)
    client = await stage.connect()
    await client.ask("watch", event=sale.event)
    held = await hold(client, sale, 2)
    await do(made, c.CancelEvent, sale)
    await client.until(
        lambda message: message["type"] == "availability" and message["state"]["status"] == "cancelled"
    )
    assert (await hold_with(client, sale, 1))["code"] == "event_cancelled"
    assert (await buy(client, sale, held))["code"] == "event_cancelled"
    await no_broken_promise(made, sale)


async def test_guessing_codes_is_slowed_down(staging: Staging, made: Works) -> None:
    stage = await staging(msgspec.structs.replace(ROOMY, codes=Rate(0.01, 3)))
    sale = await new_sale(made)
    client = await stage.connect()
    codes = [
        (await client.ask("unlock", event=sale.event, code="one"))["code"],
        (await hold_with(client, sale, 1, "two"))["code"],
        (await client.ask("unlock", event=sale.event, code="three"))["code"],
        (await hold_with(client, sale, 1, "four"))["code"],
        (await client.ask("unlock", event=sale.event, code="five"))["code"],
    ]
    assert codes == ["voucher_unknown"] * 3 + ["rate_limited"] * 2
    assert (await hold_with(client, sale, 1))["type"] == "held"
