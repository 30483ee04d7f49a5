"""Organisers write and run events. If these failed, pages would say what is not sold, the sale would sell
what no page says, or two editors would overwrite each other.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain import commands as c
from domain import events as e
from domain import notices
from domain.codes import fingerprint
from domain.event_status import Step
from domain.ids import (
    ORGANISATION,
    POOL,
    BuyerId,
    OperationId,
    PoolId,
    TicketId,
    TicketTypeId,
    VoucherId,
    parse,
    text,
)
from domain.pricing import total as total_of
from domain.refusals import Code, Refusal
from domain.vouchers import VoucherKind, VoucherRule
from services.events.models import (
    CopyRequest,
    EventPatch,
    OwnEventsQuery,
)
from services.events.tickets_models import TicketsFields
from services.events.voucher_models import BulkVouchers, NewVoucher, VouchersQuery
from tests.gateway.stage import fresh
from tests.services.organiser import (
    CODE_KEY,
    WHO,
    Organiser,
    id_of,
    organiser,
    sure,
    tickets,
)


@pytest.fixture
async def hall(migrated_dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    async with organiser(migrated_dsn, redis_url) as made:
        yield made


async def place_hold(hall: Organiser, event: Any, quantity: int = 1, position: int = 0) -> Any:
    kind = TicketTypeId(parse("type", event.tickets.ticket_types[position].ticket_type))
    return await hall.works.shards.ask(
        c.PlaceHold(OperationId(fresh()), id_of(event), BuyerId(fresh()), (c.Line(kind, quantity),))
    )


async def state(hall: Organiser, event: Any) -> notices.SaleNotice:
    notice = await hall.works.shards.state(id_of(event))
    assert notice is not None
    return notice


async def test_a_draft_becomes_an_event_that_sells(hall: Organiser) -> None:
    draft = await hall.draft(description="**Loud** <script>alert(1)</script>", city="Köln")
    assert (draft.status, draft.version, draft.slug) == ("draft", 1, "concert")
    assert draft.description_html == "<p><strong>Loud</strong> &lt;script&gt;alert(1)&lt;/script&gt;</p>"
    refused = await hall.step(draft, "publish")
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INVALID
    event = await hall.with_tickets(draft)
    assert isinstance(await place_hold(hall, event), Refusal)
    event = sure(await hall.step(event, "publish"))
    assert event.status == "on_sale"
    assert event.steps == ("pause", "close", "cancel")
    held = await place_hold(hall, event, 2)
    assert isinstance(held, e.Held)
    assert held.lines[0].unit_price_minor == 2_000
    assert hall.heard.events[-1].status == "published"
    entries = await hall.pool.fetch("SELECT action FROM audit_entries ORDER BY seq")
    assert [row["action"] for row in entries] == ["event.create", "event.tickets", "event.publish"]


async def test_the_second_of_two_editors_is_told(hall: Organiser) -> None:
    event = await hall.draft()
    editing = hall.services.editing
    first = sure(await editing.edit(WHO, hall.organisation_id, id_of(event), 1, EventPatch(summary="One")))
    assert first.version == 2
    second = await editing.edit(WHO, hall.organisation_id, id_of(event), 1, EventPatch(summary="Two"))
    assert second == Refusal(Code.VERSION_CONFLICT, None, {"version": 2})
    # Texts and tickets are edited side by side.
    sure(await editing.set_tickets(WHO, hall.organisation_id, id_of(event), 1, tickets()))
    late = await editing.set_tickets(WHO, hall.organisation_id, id_of(event), 1, tickets(7))
    assert late == Refusal(Code.VERSION_CONFLICT, None, {"version": 2})
    read = await hall.read(event)
    assert (read.summary, read.version, read.tickets.version) == ("One", 2, 2)
    assert read.tickets.pools[0].capacity == 100


async def test_what_is_not_said_stays(hall: Organiser) -> None:
    event = await hall.draft(city="Köln", tags=("Rock", "rock", "Jazz"), doors_at="2030-05-01T19:00")
    assert event.tags == ("rock", "jazz")
    changed = sure(
        await hall.services.editing.edit(
            WHO, hall.organisation_id, id_of(event), None, EventPatch(time_zone="Asia/Tokyo")
        )
    )
    # Clocks at the venue show the same.
    assert (changed.starts_at, changed.doors_at) == ("2030-05-01T20:00", "2030-05-01T19:00")
    assert changed.starts_at_ms == event.starts_at_ms - 7 * 3_600_000
    assert (changed.city, changed.title) == ("Köln", "Concert")


@pytest.mark.parametrize(
    ("fields", "field", "reason"),
    [
        ({"starts_at": "2030-03-31T02:30"}, "starts_at", "gap"),
        ({"starts_at": "2030-10-27T02:30+05:00"}, "starts_at", "wrong_offset"),
        ({"ends_at": "2030-05-01T19:00"}, "ends_at", "before_start"),
        ({"doors_at": "2030-05-01T21:00"}, "doors_at", "after_start"),
        ({"opens_at": "2030-05-02T21:00"}, "opens_at", "after_event"),
        ({"venue": "venue_00000000000000000000000000"}, "venue", "unknown_id"),
    ],
)
async def test_times_that_cannot_be(hall: Organiser, fields: Any, field: str, reason: str) -> None:
    event = await hall.draft()
    refused = await hall.services.editing.edit(
        WHO, hall.organisation_id, id_of(event), None, EventPatch(**fields)
    )
    assert refused == Refusal(Code.INVALID, None, {"field": field, "reason": reason})
    assert (await hall.read(event)).version == 1


async def test_pausing_and_cancelling_stop_the_sale(hall: Organiser) -> None:
    event = await hall.published()
    held = await place_hold(hall, event)
    assert sure(await hall.step(event, "pause")).status == "paused"
    assert code_of(await place_hold(hall, event)) is Code.SALE_PAUSED
    assert sure(await hall.step(event, "resume")).status == "on_sale"
    assert isinstance(await place_hold(hall, event), e.Held)
    cancelled = sure(await hall.step(event, "cancel", "The singer is ill"))
    assert (cancelled.status, cancelled.cancelled_reason) == ("cancelled", "The singer is ill")
    assert code_of(await place_hold(hall, event)) is Code.EVENT_CANCELLED
    # A hold from before can't be bought any more.
    sold = await hall.works.shards.ask(
        c.Sell(OperationId(fresh()), id_of(event), held.buyer_id, held.operation_id, (TicketId(fresh()),))
    )
    assert code_of(sold) is Code.EVENT_CANCELLED
    refused = await hall.step(event, "resume")
    assert refused == Refusal(Code.ILLEGAL_STEP, None, {"status": "cancelled", "step": "resume"})
    assert (await hall.read(event)).version == cancelled.version
    assert sure(await hall.step(event, "archive")).status == "archived"


async def test_capacity_below_what_is_sold_is_refused_with_what_it_could_be(hall: Organiser) -> None:
    event = await hall.published()
    await place_hold(hall, event, 7)
    pool_id = PoolId(parse(POOL, event.tickets.pools[0].pool or ""))
    steps, where = hall.services.steps, (hall.organisation_id, id_of(event), pool_id)
    refused = await steps.set_capacity(WHO, *where, 6)
    assert refused == Refusal(Code.CAPACITY_IN_USE, None, {"capacity_min": 7})
    assert (await hall.read(event)).tickets.pools[0].capacity == 100
    assert sure(await steps.set_capacity(WHO, *where, 9)).tickets.pools[0].capacity == 9
    sure(await steps.withhold(WHO, *where, 2))
    assert (await state(hall, event)).pools[0].withheld == 2
    assert code_of(await place_hold(hall, event)) is Code.SOLD_OUT
    sure(await steps.give_back(WHO, *where, 1))
    assert isinstance(await place_hold(hall, event), e.Held)


async def test_prices_of_a_live_event_change_in_page_and_sale(hall: Organiser) -> None:
    event = await hall.published()
    held = await place_hold(hall, event)
    document = event.tickets.model_dump(mode="json", exclude={"version"})
    document["ticket_types"][0]["price_minor"] = 2_500
    document["ticket_types"].append({"name": "Late", "price_minor": 900, "pools": [0]})
    changed = await hall.with_tickets(event, tickets(**document))
    assert [kind.price_minor for kind in changed.tickets.ticket_types] == [2_500, 1_200, 900]
    assert held.lines[0].unit_price_minor == 2_000
    assert (await place_hold(hall, changed)).lines[0].unit_price_minor == 2_500
    assert isinstance(await place_hold(hall, changed, position=2), e.Held)
    document["ticket_types"] = document["ticket_types"][1:]
    refused = await hall.services.editing.set_tickets(
        WHO, hall.organisation_id, id_of(event), None, tickets(**document)
    )
    assert refused == Refusal(Code.INVALID, None, {"field": "ticket_types", "reason": "order_is_fixed"})


async def test_a_draft_may_be_rearranged(hall: Organiser) -> None:
    event = await hall.with_tickets(await hall.draft())
    document = event.tickets.model_dump(mode="json", exclude={"version"})
    document["ticket_types"].reverse()
    document["pools"].insert(0, {"name": "Balcony", "capacity": 5})
    changed = await hall.with_tickets(event, tickets(**document))
    assert [kind.name for kind in changed.tickets.ticket_types] == ["Reduced", "Full"]
    document = changed.tickets.model_dump(mode="json", exclude={"version"})
    del document["ticket_types"][0]
    changed = await hall.with_tickets(event, tickets(**document))
    assert [kind.name for kind in changed.tickets.ticket_types] == ["Full"]
    assert [pool.name for pool in changed.tickets.pools] == ["Balcony", "Hall"]


class Away:
    """Shards that can't be reached, and what they were asked."""

    def __init__(self) -> None:
        self.asked: list[c.AnyCommand] = []

    async def ask(self, command: c.AnyCommand) -> Refusal:
        self.asked.append(command)
        return Refusal(Code.BUSY, 100)


class Overtaking:
    """The real shards, where somebody else has a code right after the sale is set up."""

    def __init__(self, hall: Organiser, code: str) -> None:
        self._shards = hall.works.shards
        self._code = code

    async def ask(self, command: c.AnyCommand) -> Any:
        answer = await self._shards.ask(command)
        if isinstance(command, c.Configure):
            mark = fingerprint(CODE_KEY, command.event_id, self._code)
            rule = VoucherRule(VoucherKind.DISCOUNT, 100)
            await self._shards.ask(c.DefineVouchers(OperationId(fresh()), command.event_id, rule, (mark,)))
        return answer


async def test_a_draft_whose_publishing_was_refused_midway_is_published_as_it_is_then(
    hall: Organiser,
) -> None:
    """The sale was set up before a later step was refused: the event could never be published, or would sell
    by the prices and the types that it had then.
    """
    event = await hall.with_tickets(await hall.draft())
    where = (hall.organisation_id, id_of(event))
    sure(await hall.services.vouchers.create(WHO, *where, NewVoucher(code="EARLY", amount_minor=100)))
    refused = await hall.build(Overtaking(hall, "EARLY")).steps.take(WHO, *where, Step.PUBLISH)
    assert code_of(refused) is Code.VOUCHER_EXISTS
    assert (await hall.read(event)).status == "draft"

    document = event.tickets.model_dump(mode="json", exclude={"version"})
    document["ticket_types"] = [
        {"name": "Balcony", "price_minor": 3_000, "pools": [0]},
        {**document["ticket_types"][1], "price_minor": 1_300, "pools": [1]},
    ]
    document["pools"] = [{"name": "Balcony", "capacity": 7}, {**document["pools"][0], "capacity": 50}]
    edited = await hall.with_tickets(event, tickets(**document))
    assert sure(await hall.step(edited, "publish")).status == "on_sale"
    sale = await state(hall, edited)
    assert [pool.free for pool in sale.pools] == [7, 50]
    assert [(await place_hold(hall, edited, 1, at)).lines[0].unit_price_minor for at in (0, 1)] == [
        3_000,
        1_300,
    ]
    assert code_of(await place_hold(hall, event)) is Code.UNKNOWN_TICKET_TYPE
    (voucher,) = sure(await hall.services.vouchers.listed(*where, VouchersQuery())).items
    assert voucher.uses is not None
    assert (voucher.code, voucher.uses.used) == ("EARLY", 0)


async def test_a_change_that_was_left_behind_is_finished(hall: Organiser) -> None:
    """The process that cancels an event dies before the sale has answered."""
    event = await hall.published()
    away = Away()
    lost = hall.build(away)
    refused = await lost.steps.take(WHO, hall.organisation_id, id_of(event), Step.CANCEL)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.UNDER_WAY
    assert (await hall.read(event)).status == "on_sale"
    await hall.pool.execute("UPDATE event_changes SET created_at = created_at - interval '1 minute'")
    assert await hall.services.changes.finish_others() == 1
    assert (await hall.read(event)).status == "cancelled"
    assert code_of(await place_hold(hall, event)) is Code.EVENT_CANCELLED
    assert await hall.services.changes.finish_others() == 0
    cancels = await hall.pool.fetchval("SELECT count(*) FROM audit_entries WHERE action = 'event.cancel'")
    assert cancels == 1


async def test_the_next_change_finishes_the_one_before(hall: Organiser) -> None:
    event = await hall.published()
    lost = hall.build(Away())
    await lost.steps.take(WHO, hall.organisation_id, id_of(event), Step.PAUSE)
    edited = sure(
        await hall.services.editing.edit(
            WHO, hall.organisation_id, id_of(event), None, EventPatch(summary="New")
        )
    )
    assert (edited.status, edited.summary) == ("paused", "New")


async def test_moving_a_live_event_moves_its_sale(hall: Organiser) -> None:
    event = await hall.published()
    moved = sure(
        await hall.services.editing.edit(
            WHO,
            hall.organisation_id,
            id_of(event),
            None,
            EventPatch(starts_at="2031-05-01T20:00", opens_at="2030-12-01T10:00"),
        )
    )
    assert moved.status == "published"
    assert code_of(await place_hold(hall, event)) is Code.SALE_NOT_OPEN


async def test_copies_and_lists(hall: Organiser) -> None:
    event = await hall.published(doors_at="2030-05-01T19:00", ends_at="2030-05-02T01:00")
    copy = sure(
        await hall.services.editing.copy(
            WHO, hall.organisation_id, id_of(event), CopyRequest(starts_at="2030-10-26T20:00")
        )
    )
    assert (copy.status, copy.slug) == ("draft", "concert-2")
    # An hour longer by the sun, because clocks are set back that night; the same on the clock.
    assert (copy.doors_at, copy.ends_at) == ("2030-10-26T19:00", "2030-10-27T01:00")
    assert copy.tickets.pools[0].pool != event.tickets.pools[0].pool
    listed = sure(await hall.services.editing.listed(hall.organisation_id, OwnEventsQuery(limit=1)))
    assert [row.slug for row in listed.items] == ["concert-2"]
    rest = sure(
        await hall.services.editing.listed(hall.organisation_id, OwnEventsQuery(cursor=listed.next_cursor))
    )
    assert [row.slug for row in rest.items] == ["concert"]
    drafts = OwnEventsQuery(status="draft", q="CONCé")
    found = sure(await hall.services.editing.listed(hall.organisation_id, drafts))
    assert [row.slug for row in found.items] == ["concert-2"]
    assert isinstance(
        await hall.services.editing.listed(hall.organisation_id, OwnEventsQuery(cursor="nonsense")), Refusal
    )


async def test_vouchers_are_counted_where_stock_is(hall: Organiser) -> None:
    event = await hall.with_tickets(await hall.draft())
    vouchers, where = hall.services.vouchers, (hall.organisation_id, id_of(event))
    early = NewVoucher(code="early bird", percent_basis_points=2_500, uses_max=1)
    made = sure(await vouchers.create(WHO, *where, early))
    assert made.code == "EARLYBIRD"
    again = await vouchers.create(WHO, *where, NewVoucher(code="EARLY-BIRD", amount_minor=100))
    assert again == Refusal(Code.VOUCHER_EXISTS)
    sure(await hall.step(event, "publish"))
    bulk = sure(
        await vouchers.create_bulk(WHO, *where, BulkVouchers(amount_minor=500, count=30, batch="=press"))
    )
    assert len(set(bulk.codes)) == 30
    prices = [await bought_with(hall, event, code) for code in ("Early Bird", "early-bird", bulk.codes[7])]
    assert prices == [1_500, Code.VOUCHER_USED_UP, 1_500]
    sure(await vouchers.retire(WHO, *where, VoucherId(parse("voucher", made.voucher))))
    listed = sure(await vouchers.listed(*where, VouchersQuery(limit=20)))
    assert listed.items[0].is_retired
    rest = sure(await vouchers.listed(*where, VouchersQuery(limit=20, cursor=listed.next_cursor)))
    assert [len(listed.items), len(rest.items), rest.next_cursor] == [20, 11, None]
    text = sure(await vouchers.csv(*where, "=press")).decode()
    assert text.count("\r\n") == 31
    assert '"\'=press"' in text


async def bought_with(hall: Organiser, event: Any, code: str) -> Any:
    kind = TicketTypeId(parse("type", event.tickets.ticket_types[0].ticket_type))
    codes = (fingerprint(CODE_KEY, id_of(event), code),)
    answer = await hall.works.shards.ask(
        c.PlaceHold(OperationId(fresh()), id_of(event), BuyerId(fresh()), (c.Line(kind, 1),), codes)
    )
    return answer.code if isinstance(answer, Refusal) else total(answer)


def code_of(result: object) -> Code:
    assert isinstance(result, Refusal), result
    return result.code


def total(held: object) -> int:
    assert isinstance(held, e.Held)
    return total_of(held.lines, "EUR").minor


def org(organisation_id: bytes) -> str:
    return text(ORGANISATION, organisation_id)


def test_documents_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="capacity"):
        TicketsFields.model_validate_json('{"pools": [{"name": "A", "capacity": -1}], "ticket_types": []}')
