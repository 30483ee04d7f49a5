"""Events and vouchers as the audit log keeps them.

The pools, types, tiers and questions of an event stand under what they are called for ever, so that a change
of one price is the one price, however many types there are. Of a voucher everything is told but its code,
which is worth money to whoever reads it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from domain.ids import EVENT, POOL, QUESTION, SERIES, TICKET_TYPE, VENUE, text
from storage.event_records import EventRecord
from storage.vouchers import VoucherRecord

# What nobody types, or what is said elsewhere.
_SILENT: Final = frozenset(
    {"event_id", "organisation_id", "description_html", "version", "tickets_version"}
    | {"organisation", "organisation_slug", "organisation_version", "is_withdrawn", "sold_out", "sold_seq"}
)


def as_audited(event: EventRecord) -> dict[str, object]:
    """Return what can be changed of an event; compare two with `services.audit.only_changes`."""
    plain: dict[str, Any] = msgspec.to_builtins(event, builtin_types=(bytes,))
    found: dict[str, object] = {name: value for name, value in plain.items() if name not in _SILENT}
    for name, kind in (("venue_id", VENUE), ("series_id", SERIES)):
        found[name] = None if plain[name] is None else text(kind, plain[name])
    pools = [text(POOL, pool.pool_id) for pool in event.pools]
    types = plain["ticket_types"]
    for one in types:
        one["pools"] = [pools[at] for at in one["pools"]]
        one["tiers"] = {str(tier.pop("number")): tier for tier in one["tiers"]}
    for one in plain["questions"]:
        one["type_ids"] = [text(TICKET_TYPE, type_id) for type_id in one["type_ids"]]
    found["pools"] = _by_id(plain["pools"], "pool_id", POOL)
    found["ticket_types"] = _by_id(types, "ticket_type_id", TICKET_TYPE)
    found["questions"] = _by_id(plain["questions"], "question_id", QUESTION)
    return found


def voucher_as_audited(voucher: VoucherRecord) -> dict[str, object]:
    """Return what a voucher gives, and to what; what it does not limit is left out."""
    block = voucher.block_pool_id
    found: dict[str, object] = {
        "event": text(EVENT, voucher.event_id),
        "batch": voucher.batch or None,
        "kind": voucher.kind,
        "percent_basis_points": voucher.percent_basis_points,
        "amount_minor": voucher.amount_minor,
        "is_per_order": voucher.is_per_order,
        "ticket_types": [text(TICKET_TYPE, type_id) for type_id in voucher.type_ids] or None,
        "uses_max": voucher.uses_max,
        "per_buyer_max": voucher.per_buyer_max,
        "quantity_min": voucher.quantity_min,
        "starts_at_ms": voucher.starts_at_ms,
        "ends_at_ms": voucher.ends_at_ms,
        "block_pool": None if block is None else text(POOL, block),
        "block_quantity": voucher.block_quantity,
        "is_retired": voucher.is_retired,
    }
    return {name: value for name, value in found.items() if value is not None}


def _by_id(things: Iterable[dict[str, Any]], name: str, kind: str) -> Mapping[str, Mapping[str, object]]:
    return {text(kind, thing.pop(name)): thing for thing in things}
