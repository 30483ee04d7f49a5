"""What the audit log keeps of an event's money. If these failed, somebody could change a price, and nobody
could say afterwards what it was.
"""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.ids import VOUCHER, VoucherId, parse
from services.audit_search import AuditQuery, AuditSearch, PlatformAuditQuery
from services.events.tickets_models import TicketsFields
from services.events.voucher_models import BulkVouchers, NewVoucher, VoucherFields
from tests.gateway.stage import works
from tests.services.organiser import WHO, Organiser, id_of, new_organisation, sure, tickets


@pytest.fixture
async def hall(migrated_dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    async with works(migrated_dsn, redis_url) as made:
        yield Organiser(made, await new_organisation(made.pool))


async def logged(hall: Organiser, action: str) -> list[tuple[Any, Any]]:
    rows = await hall.pool.fetch(
        "SELECT before, after FROM audit_entries WHERE action = $1 ORDER BY seq", action
    )
    return [(json.loads(row["before"]), json.loads(row["after"])) for row in rows]


async def test_a_change_of_one_price_is_that_price(hall: Organiser) -> None:
    event = await hall.with_tickets(await hall.draft())
    full, reduced = (kind.ticket_type for kind in event.tickets.ticket_types)
    fields = event.tickets.model_dump(mode="json", exclude={"version"})
    fields["ticket_types"][0]["price_minor"] = 2_500
    fields["ticket_types"][1]["tiers"] = [{"number": 1, "name": "Early", "price_minor": 900, "quantity": 5}]
    fields["pools"][0]["capacity"] = 90
    await hall.with_tickets(event, TicketsFields.model_validate_json(json.dumps(fields)))
    fields["ticket_types"][1]["tiers"][0]["price_minor"] = 800
    await hall.with_tickets(event, TicketsFields.model_validate_json(json.dumps(fields)))
    _, (before, after), (_, last) = await logged(hall, "event.tickets")
    pool = event.tickets.pools[0].pool
    assert before["pools"] == {pool: {"name": "Hall", "capacity": 100}}
    assert after["pools"] == {pool: {"name": "Hall", "capacity": 90}}
    assert before["ticket_types"][full] == {"name": "Full", "price_minor": 2_000}
    assert after["ticket_types"][full] == {"name": "Full", "price_minor": 2_500}
    assert after["ticket_types"][reduced]["tiers"]["1"]["price_minor"] == 900
    assert last["ticket_types"] == {
        reduced: {"name": "Reduced", "tiers": {"1": {"name": "Early", "price_minor": 800}}}
    }


async def test_every_price_of_the_largest_event_is_kept(hall: Organiser) -> None:
    types = [
        {
            "name": f"Type {number} " + "x" * 100,
            "description": "y" * 300,
            "price_minor": number,
            "pools": [0],
            "tiers": [{"number": 1, "price_minor": 1_000 + number, "quantity": 1}],
        }
        for number in range(200)
    ]
    event = await hall.draft()
    event = await hall.with_tickets(event, tickets(100, ticket_types=types))
    fields = event.tickets.model_dump(mode="json", exclude={"version"})
    for kind in fields["ticket_types"]:
        kind["price_minor"] += 5_000
    await hall.with_tickets(event, TicketsFields.model_validate_json(json.dumps(fields)))
    (_, first), (before, after) = await logged(hall, "event.tickets")
    for number, kind in enumerate(event.tickets.ticket_types):
        assert first["ticket_types"][kind.ticket_type]["price_minor"] == number
        assert first["ticket_types"][kind.ticket_type]["tiers"]["1"]["price_minor"] == 1_000 + number
        assert before["ticket_types"][kind.ticket_type]["price_minor"] == number
        assert after["ticket_types"][kind.ticket_type]["price_minor"] == 5_000 + number


async def test_what_is_done_to_its_codes_is_found_with_an_event(hall: Organiser) -> None:
    """Who looks into an event would miss that somebody made a code of it worth more."""
    event, other = await hall.published(), await hall.published()
    vouchers = hall.services.vouchers
    for one in (event, other):
        where = (WHO, hall.organisation_id, id_of(one))
        made = sure(await vouchers.create(*where, NewVoucher(code="SUMMER", amount_minor=300, uses_max=7)))
        voucher_id = VoucherId(parse(VOUCHER, made.voucher))
        more = VoucherFields(amount_minor=900, uses_max=7)
        sure(await vouchers.edit(*where, voucher_id, made.version, more))
        sure(await vouchers.retire(*where, voucher_id))
    (edit, _) = await logged(hall, "voucher.edit")
    assert edit == (
        {"event": event.event, "amount_minor": 300},
        {"event": event.event, "amount_minor": 900},
    )
    search = AuditSearch(hall.pool)
    of_ours = await search.of_organisation(hall.organisation_id, AuditQuery(target=event.event))
    of_all = await search.of_all(PlatformAuditQuery(target=event.event))
    for found in (sure(of_ours), sure(of_all)):
        actions = [entry.action for entry in found.items]
        assert actions[:3] == ["voucher.retire", "voucher.edit", "voucher.create"]
        assert set(actions[3:]) == {"event.publish", "event.tickets", "event.create"}


async def test_what_a_code_gives_is_told_and_the_code_is_not(hall: Organiser) -> None:
    event = await hall.published()
    vouchers, where = hall.services.vouchers, (WHO, hall.organisation_id, id_of(event))
    new = NewVoucher(code="SUMMER", percent_basis_points=2_500, uses_max=7, per_buyer_max=1)
    one = sure(await vouchers.create(*where, new))
    many = BulkVouchers(amount_minor=300, count=3, batch="press", quantity_min=2)
    sure(await vouchers.create_bulk(*where, many))
    sure(await vouchers.retire(*where, VoucherId(parse(VOUCHER, one.voucher))))
    (_, made), (_, bulk) = await logged(hall, "voucher.create")
    ((before, after),) = await logged(hall, "voucher.retire")
    gives = {"event": event.event, "percent_basis_points": 2_500, "uses_max": 7, "per_buyer_max": 1}
    assert {**made, **gives} == made
    assert {**bulk, "amount_minor": 300, "count": 3, "batch": "press", "quantity_min": 2} == bulk
    assert {**before, **gives, "is_retired": False} == before
    assert {**before, "is_retired": True} == after
    rows = await hall.pool.fetch("SELECT target, before || after AS said FROM audit_entries ORDER BY seq")
    assert [row["target"] for row in rows][-3:] == [one.voucher, event.event, one.voucher]
    assert not [row["said"] for row in rows if "SUMMER" in row["said"]]
