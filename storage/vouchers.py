"""Vouchers as organisers see them. What is left of each is counted by the sale; this is what they give.

Every function works within a transaction of `storage.tenancy.tenant`.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from domain.ids import EventId, PoolId, TicketTypeId, VoucherId
from domain.vouchers import VoucherCode
from storage.postgres import AnyConnection


class VoucherRecord(msgspec.Struct, frozen=True):
    """A code and what it gives; see `domain.vouchers.VoucherRule`.

    Attributes:
        fingerprint: by which the sale knows the code (`domain.codes`).
        code_sealed: the code as it is printed, without spaces and dashes; `services.events.voucher_codes`
            opens it.
        batch: of those that were made together, "" for one made alone.
    """

    voucher_id: VoucherId
    event_id: EventId
    fingerprint: VoucherCode
    code_sealed: bytes
    kind: str
    percent_basis_points: int | None = None
    amount_minor: int | None = None
    is_per_order: bool = False
    type_ids: tuple[TicketTypeId, ...] = ()
    uses_max: int | None = None
    per_buyer_max: int | None = None
    quantity_min: int = 1
    starts_at_ms: int | None = None
    ends_at_ms: int | None = None
    block_pool_id: PoolId | None = None
    block_quantity: int | None = None
    batch: str = ""
    is_retired: bool = False
    version: int = 1


_NAMES: Final = tuple(field.removesuffix("_ms") for field in VoucherRecord.__struct_fields__)
_COLUMNS: Final = ", ".join(_NAMES)
_STORE: Final = f"""
    INSERT INTO vouchers ({_COLUMNS}) VALUES ({", ".join(f"${at + 1}" for at in range(len(_NAMES)))})
    ON CONFLICT (voucher_id) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in _NAMES[4:])}
"""  # noqa: S608 - the names are this module's own


async def store_vouchers(connection: AnyConnection, vouchers: Sequence[VoucherRecord]) -> None:
    """Store vouchers, new or changed."""
    await connection.executemany(_STORE, [msgspec.structs.astuple(voucher) for voucher in vouchers])


async def find_vouchers(
    connection: AnyConnection, event_id: EventId, voucher_ids: Sequence[VoucherId]
) -> list[VoucherRecord]:
    """Return those of an event's vouchers that are named."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM vouchers WHERE event_id = $1 AND voucher_id = ANY ($2)",  # noqa: S608
        event_id,
        list(voucher_ids),
    )
    return [_record(tuple(row)) for row in rows]


async def list_vouchers(
    connection: AnyConnection, event_id: EventId, after: bytes | None, limit: int, batch: str | None = None
) -> list[VoucherRecord]:
    """Return an event's vouchers in the order in which they were made, after one of them."""
    rows = await connection.fetch(
        f"""
        SELECT {_COLUMNS} FROM vouchers
        WHERE event_id = $1 AND voucher_id > $2 AND ($4::text IS NULL OR batch = $4)
        ORDER BY voucher_id LIMIT $3
        """,  # noqa: S608 - the names are this module's own
        event_id,
        after or bytes(16),
        limit,
        batch,
    )
    return [_record(tuple(row)) for row in rows]


async def has_any(connection: AnyConnection, event_id: EventId, codes: Sequence[VoucherCode]) -> bool:
    """Say whether an event has one of some codes already."""
    found: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM vouchers WHERE event_id = $1 AND fingerprint = ANY ($2))",
        event_id,
        list(codes),
    )
    return found


async def count_vouchers(connection: AnyConnection, event_id: EventId) -> int:
    """Return how many codes an event has ever had."""
    found: int = await connection.fetchval("SELECT count(*) FROM vouchers WHERE event_id = $1", event_id)
    return found


def _record(row: tuple[object, ...]) -> VoucherRecord:
    values = [tuple(value) if isinstance(value, list) else value for value in row]
    return VoucherRecord(*values)  # type: ignore[arg-type]
