"""What a voucher is to the sale: ids of types and pools become their places in the definition."""

from domain.vouchers import VoucherKind, VoucherRule
from storage.event_records import EventRecord
from storage.vouchers import VoucherRecord


def rule_of(voucher: VoucherRecord, event: EventRecord) -> VoucherRule:
    """Return the rule of a voucher as the sale of its event decides on it."""
    types = {kind.ticket_type_id: at for at, kind in enumerate(event.ticket_types)}
    pools = {pool.pool_id: at for at, pool in enumerate(event.pools)}
    return VoucherRule(
        VoucherKind(voucher.kind),
        voucher.percent_basis_points or 0,
        voucher.amount_minor or 0,
        voucher.is_per_order,
        tuple(sorted(types[each] for each in voucher.type_ids if each in types)),
        voucher.uses_max,
        voucher.per_buyer_max,
        voucher.starts_at_ms,
        voucher.ends_at_ms,
        voucher.quantity_min,
        None if voucher.block_pool_id is None else pools.get(voucher.block_pool_id),
        voucher.block_quantity or 0,
    )
