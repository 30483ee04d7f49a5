"""Codes as they are stored. If these failed, a copy of the database would be money, or an organiser could not
read the codes that they made.
"""

import secrets
from collections.abc import AsyncIterator

import msgspec
import pytest

from domain.codes import code_key, fingerprint
from domain.ids import VOUCHER, EventId, VoucherId, parse
from domain.refusals import Code, Refusal
from services.events.voucher_codes import VoucherCodes
from services.events.voucher_models import NewVoucher, VoucherFields, VouchersQuery
from storage.vouchers import VoucherRecord
from tests.gateway.stage import fresh
from tests.services.organiser import CODE_KEY, WHO, Organiser, id_of, organiser, sure

CODES = VoucherCodes(CODE_KEY)


@pytest.fixture
async def office(migrated_dsn: str, redis_url: str) -> AsyncIterator[Organiser]:
    async with organiser(migrated_dsn, redis_url) as made:
        yield made


def record(event_id: EventId, code: str) -> VoucherRecord:
    return VoucherRecord(VoucherId(fresh()), event_id, *CODES.seal(event_id, code), "access")


def test_what_is_sealed_is_read_again_and_never_looks_the_same() -> None:
    event_id = EventId(fresh())
    one, other = record(event_id, "EARLY2030"), record(event_id, "EARLY2030")
    assert CODES.read(one) == CODES.read(other) == "EARLY2030"
    assert one.fingerprint == other.fingerprint == fingerprint(CODE_KEY, event_id, "early 2030")
    assert one.code_sealed != other.code_sealed
    assert b"EARLY" not in one.code_sealed


@pytest.mark.parametrize("at", [0, 1, 12, 13, -1])
def test_an_altered_byte_is_noticed(at: int) -> None:
    voucher = record(EventId(fresh()), "EARLY")
    altered = bytearray(voucher.code_sealed)
    altered[at] ^= 1
    assert CODES.read(msgspec.structs.replace(voucher, code_sealed=bytes(altered))) == ""


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + bytes(7), b"\x01" + bytes(12), b"\x02" * 40])
def test_what_was_never_sealed_is_no_error(sealed: bytes) -> None:
    assert CODES.read(msgspec.structs.replace(record(EventId(fresh()), "EARLY"), code_sealed=sealed)) == ""


def test_what_is_moved_is_not_opened() -> None:
    """Who can write to the table can't have one event's code shown to the organisers of another."""
    event_id = EventId(fresh())
    one, other = record(event_id, "EARLY"), record(event_id, "LATE")
    foreign = record(EventId(fresh()), "EARLY")
    assert CODES.read(msgspec.structs.replace(one, code_sealed=other.code_sealed)) == ""
    assert CODES.read(msgspec.structs.replace(one, code_sealed=foreign.code_sealed)) == ""
    assert CODES.read(msgspec.structs.replace(foreign, event_id=event_id)) == ""


def test_another_key_opens_nothing() -> None:
    assert VoucherCodes(code_key(secrets.token_bytes(32))).read(record(EventId(fresh()), "EARLY")) == ""


async def test_codes_of_a_key_that_is_gone_are_ended_without_their_text(office: Organiser) -> None:
    """Organisers still see what such a code gave, and take it off; the same code can be made anew."""
    event = await office.published()
    where = (office.organisation_id, id_of(event))
    old = sure(
        await office.services.vouchers.create(
            WHO, *where, NewVoucher(code="EARLY", percent_basis_points=2_500, uses_max=3)
        )
    )
    vouchers = office.build(office.works.shards, code_key(b"another key" * 3)).vouchers
    listed = sure(await vouchers.listed(*where, VouchersQuery()))
    assert [(one.voucher, one.code, one.percent_basis_points) for one in listed.items] == [
        (old.voucher, "", 2_500)
    ]
    assert listed.items[0].uses == old.uses
    voucher_id = VoucherId(parse(VOUCHER, old.voucher))
    assert sure(await vouchers.read(*where, voucher_id)).code == ""
    assert sure(await vouchers.csv(*where, None)).decode().splitlines()[1].startswith('"","discount","25",')
    edited = await vouchers.edit(WHO, *where, voucher_id, 1, VoucherFields(amount_minor=100))
    assert (sure(edited).code, sure(edited).amount_minor) == ("", 100)
    assert sure(await vouchers.retire(WHO, *where, voucher_id)).is_retired
    anew = NewVoucher(code="EARLY", amount_minor=100)
    assert sure(await vouchers.create(WHO, *where, anew)).code == "EARLY"
    assert await vouchers.create(WHO, *where, anew) == Refusal(Code.VOUCHER_EXISTS)


async def test_a_code_that_can_not_be_sold_is_named_without_its_text(office: Organiser) -> None:
    """What is refused is shown, logged and kept where codes must not be."""
    event = await office.with_tickets(await office.draft())
    where = (office.organisation_id, id_of(event))
    new = NewVoucher(
        code="SECRETLY",
        kind="block",
        block_pool=event.tickets.pools[0].pool,
        block_quantity=1,
        ticket_types=(event.tickets.ticket_types[0].ticket_type or "",),
    )
    made = sure(await office.services.vouchers.create(WHO, *where, new))
    # Its types no longer draw from its pool.
    await office.pool.execute(
        """
        WITH other AS (
            INSERT INTO pools (pool_id, event_id, position, name, capacity)
            VALUES ($1, $2, 1, 'Balcony', 10) RETURNING pool_id)
        UPDATE ticket_type_pools SET pool_id = other.pool_id FROM other
        """,
        fresh(),
        id_of(event),
    )
    refused = await office.step(event, "publish")
    assert isinstance(refused, Refusal)
    assert refused.details["field"] == f"vouchers.{made.voucher}"
    assert "SECRETLY" not in str(refused)
