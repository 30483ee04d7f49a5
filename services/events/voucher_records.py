"""What is said of a code becomes its record. Pure."""

from collections.abc import Callable, Sequence

import msgspec

from domain.event_status import LIVE, EventStatus
from domain.ids import POOL, TICKET_TYPE, PoolId, TicketTypeId, VoucherId, parse
from domain.refusals import Code, Refusal
from services.events import local_time
from services.events.drafting import invalid
from services.events.steps import voucher_problem
from services.events.tickets_document import definition
from services.events.voucher_codes import SealedCode
from services.events.voucher_models import VoucherFields
from storage.event_records import EventRecord
from storage.vouchers import VoucherRecord


def records_of(
    said: VoucherFields,
    event: EventRecord,
    codes: Sequence[SealedCode],
    batch: str,
    new_id: Callable[[], bytes],
) -> list[VoucherRecord] | Refusal:
    """Return codes that give what is said, or why there can be none."""
    type_ids = tuple(TicketTypeId(parse(TICKET_TYPE, name)) for name in said.ticket_types)
    if not set(type_ids) <= {kind.ticket_type_id for kind in event.ticket_types}:
        return invalid("ticket_types", "unknown_ticket_type")
    if said.percent_basis_points is not None and said.amount_minor is not None:
        return invalid("amount_minor", "percent_or_amount")
    if said.kind == "discount" and said.percent_basis_points is None and said.amount_minor is None:
        return invalid("percent_basis_points", "required")
    if (said.kind == "block") != (said.block_pool is not None and said.block_quantity is not None):
        return invalid("block_pool", "only_for_blocks")
    pool_id = None if said.block_pool is None else PoolId(parse(POOL, said.block_pool))
    if pool_id is not None and pool_id not in {pool.pool_id for pool in event.pools}:
        return invalid("block_pool", "unknown_pool")
    times: list[int | None] = []
    for name, written in (("starts_at", said.starts_at), ("ends_at", said.ends_at)):
        try:
            times.append(None if written is None else local_time.to_ms(written, event.time_zone))
        except local_time.NotATime as error:
            return invalid(name, error.reason)
    starts_ms, ends_ms = times
    if starts_ms is not None and ends_ms is not None and starts_ms >= ends_ms:
        return invalid("ends_at", "before_start")
    return [
        VoucherRecord(
            voucher_id=VoucherId(new_id()),
            event_id=event.event_id,
            fingerprint=code.fingerprint,
            code_sealed=code.sealed,
            kind=said.kind,
            percent_basis_points=said.percent_basis_points,
            amount_minor=said.amount_minor,
            is_per_order=said.is_per_order,
            type_ids=type_ids,
            uses_max=said.uses_max,
            per_buyer_max=said.per_buyer_max,
            quantity_min=said.quantity_min,
            starts_at_ms=starts_ms,
            ends_at_ms=ends_ms,
            block_pool_id=pool_id,
            block_quantity=said.block_quantity,
            batch=batch,
        )
        for code in codes
    ]


def edited(
    old: VoucherRecord, event: EventRecord, version: int | None, said: VoucherFields
) -> VoucherRecord | Refusal:
    """Return a code as it is said to be, or why it can't be that."""
    if version is not None and version != old.version:
        return Refusal(Code.VERSION_CONFLICT, None, {"version": old.version})
    if old.is_retired or (event.status not in LIVE and event.status != EventStatus.DRAFT):
        status = "retired" if old.is_retired else event.status
        return Refusal(Code.ILLEGAL_STEP, None, {"status": status})
    code = SealedCode(old.fingerprint, old.code_sealed)
    made = records_of(said, event, [code], old.batch, lambda: old.voucher_id)
    if isinstance(made, Refusal):
        return made
    if made[0].kind != old.kind:
        return invalid("kind", "is_fixed")
    if made[0].block_pool_id != old.block_pool_id:
        return invalid("block_pool", "is_fixed")
    becomes = msgspec.structs.replace(made[0], version=old.version + 1)
    sale = definition(event)
    problem = sale if isinstance(sale, Refusal) else voucher_problem(event, [becomes], sale)
    if problem is not None and (event.status in LIVE or problem is not sale):
        return problem
    return becomes
