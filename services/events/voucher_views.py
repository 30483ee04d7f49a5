"""Vouchers as organisers read them."""

from collections.abc import Sequence

from domain.events import Uses
from domain.ids import POOL, TICKET_TYPE, VOUCHER, text
from services.events import local_time
from services.events.csv_text import csv_text
from services.events.voucher_codes import VoucherCodes
from services.events.voucher_models import Voucher, VoucherUses
from storage.event_records import EventRecord
from storage.vouchers import VoucherRecord


def unused(record: VoucherRecord) -> Uses:
    """Return the uses of a code that has never been on sale."""
    return Uses(0, 0, record.uses_max, record.block_quantity)


def voucher_model(record: VoucherRecord, codes: VoucherCodes, time_zone: str, uses: Uses | None) -> Voucher:
    """Return a code as it is."""

    def said(at_ms: int | None) -> str | None:
        return None if at_ms is None else local_time.to_text(at_ms, time_zone)

    return Voucher.model_construct(
        voucher=text(VOUCHER, record.voucher_id),
        version=record.version,
        code=codes.read(record),
        batch=record.batch,
        is_retired=record.is_retired,
        kind=record.kind,
        percent_basis_points=record.percent_basis_points,
        amount_minor=record.amount_minor,
        is_per_order=record.is_per_order,
        ticket_types=tuple(text(TICKET_TYPE, each) for each in record.type_ids),
        uses_max=record.uses_max,
        per_buyer_max=record.per_buyer_max,
        quantity_min=record.quantity_min,
        starts_at=said(record.starts_at_ms),
        starts_at_ms=record.starts_at_ms,
        ends_at=said(record.ends_at_ms),
        ends_at_ms=record.ends_at_ms,
        block_pool=None if record.block_pool_id is None else text(POOL, record.block_pool_id),
        block_quantity=record.block_quantity,
        uses=None
        if uses is None
        else VoucherUses(held=uses.held, used=uses.used, left=uses.left, block_left=uses.block_left),
    )


def vouchers_csv(records: Sequence[VoucherRecord], codes: VoucherCodes, event: EventRecord) -> str:
    """Return codes as CSV."""
    names = {kind.ticket_type_id: kind.name for kind in event.ticket_types}
    rows = [
        ["code", "kind", "percent", "amount_minor", "currency", "ticket_types", "uses_max", "batch", "ended"]
    ]
    for one in records:
        percent = "" if one.percent_basis_points is None else f"{one.percent_basis_points / 100:g}"
        types = "; ".join(names.get(each, "") for each in one.type_ids)
        amount = "" if one.amount_minor is None else str(one.amount_minor)
        uses = "" if one.uses_max is None else str(one.uses_max)
        ended = "yes" if one.is_retired else ""
        code = codes.read(one)
        rows.append([code, one.kind, percent, amount, event.currency, types, uses, one.batch, ended])
    return csv_text(rows)
