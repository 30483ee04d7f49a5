"""The tickets of an event as one document: to its record, from its record, and to what the sale decides on.

Pools and types that are there keep their ids and places, because everything that is sold names them by place;
new ones come at the end. A draft, of which nothing was sold yet, may be rearranged at will.
"""

from collections.abc import Callable

import msgspec

from domain.catalogue import Pool, PriceTier, SaleDefinition, TicketType, problems
from domain.event_status import ENDLESS_MS
from domain.ids import POOL, QUESTION, TICKET_TYPE, PoolId, QuestionId, TicketTypeId, parse, text
from domain.refusals import Refusal
from services.events import local_time
from services.events.days import span
from services.events.drafting import invalid
from services.events.tickets_models import (
    PoolFields,
    QuestionFields,
    TicketsDocument,
    TicketsFields,
    TicketTypeFields,
    TierFields,
)
from storage.event_records import EventRecord, PoolRecord, QuestionRecord, TicketTypeRecord, TierRecord

NewId = Callable[[], bytes]


def with_tickets(
    record: EventRecord, said: TicketsFields, new_id: NewId, *, is_live: bool
) -> EventRecord | Refusal:
    """Return an event with the tickets that a document says. If it `is_live`, its sale is set up: what is
    there stays where it is.
    """
    refusal = _misplaced(record, said) if is_live else None
    refusal = refusal or _unknown(record, said) or _crooked(record, said)
    if refusal is not None:
        return refusal
    pools = tuple(
        PoolRecord(PoolId(parse(POOL, one.pool) if one.pool else new_id()), one.name, one.capacity)
        for one in said.pools
    )
    types = []
    for at, one in enumerate(said.ticket_types):
        made = _type(one, at, record.time_zone, new_id)
        if isinstance(made, Refusal):
            return made
        types.append(made)
    questions = tuple(
        QuestionRecord(
            QuestionId(parse(QUESTION, one.question) if one.question else new_id()),
            one.per,
            one.label,
            one.kind,
            one.choices,
            one.is_required,
            tuple(types[at].ticket_type_id for at in one.ticket_types),
        )
        for one in said.questions
    )
    return msgspec.structs.replace(
        record, pools=pools, ticket_types=tuple(types), questions=questions, buyer_limit=said.buyer_limit
    )


def document(record: EventRecord) -> TicketsDocument:
    """Return the tickets of an event as a document."""
    zone = record.time_zone
    positions = {kind.ticket_type_id: at for at, kind in enumerate(record.ticket_types)}
    return TicketsDocument(
        version=record.tickets_version,
        buyer_limit=record.buyer_limit,
        pools=tuple(
            PoolFields(pool=text(POOL, pool.pool_id), name=pool.name, capacity=pool.capacity)
            for pool in record.pools
        ),
        ticket_types=tuple(_type_fields(kind, zone) for kind in record.ticket_types),
        questions=tuple(
            QuestionFields.model_construct(
                question=text(QUESTION, one.question_id),
                per=one.per,
                label=one.label,
                kind=one.kind,
                choices=one.choices,
                is_required=one.is_required,
                ticket_types=tuple(positions[each] for each in one.type_ids if each in positions),
            )
            for one in record.questions
        ),
    )


def definition(record: EventRecord) -> SaleDefinition | Refusal:
    """Return what the sale of an event is decided on, or what is still missing from it."""
    over_ms = record.ends_at_ms if record.ends_at_ms is not None else record.starts_at_ms + ENDLESS_MS
    made = SaleDefinition(
        record.event_id,
        record.currency,
        tuple(Pool(pool.pool_id, pool.capacity) for pool in record.pools),
        tuple(
            TicketType(
                kind.ticket_type_id,
                kind.pools,
                kind.price_minor,
                kind.quantity_min,
                kind.quantity_max,
                kind.sales_start_ms,
                # Nothing is sold of what is over.
                min(kind.sales_end_ms, over_ms) if kind.sales_end_ms is not None else over_ms,
                kind.price_min_minor,
                tuple(
                    PriceTier(tier.number, tier.price_minor, tier.ends_at_ms, tier.quantity)
                    for tier in kind.tiers
                ),
                kind.is_hidden,
                kind.is_retired,
                kind.buyer_limit,
            )
            for kind in record.ticket_types
        ),
        record.buyer_limit,
        record.hold_ms,
        record.extension_ms,
    )
    wrong = problems(made)
    if not wrong:
        return made
    return _missing(record) or invalid("ticket_types", "not_sellable", wrong[0])


def _missing(record: EventRecord) -> Refusal | None:
    """Return which part keeps a sale from being set up, of what a document may leave open."""
    if not record.ticket_types:
        return invalid("ticket_types", "required")
    if not record.pools:
        return invalid("pools", "required")
    over_ms = record.ends_at_ms if record.ends_at_ms is not None else record.starts_at_ms + ENDLESS_MS
    for at, kind in enumerate(record.ticket_types):
        if kind.sales_start_ms is not None and kind.sales_start_ms >= over_ms:
            return invalid(f"ticket_types.{at}.sales_start", "after_event")
        if kind.price_min_minor is not None and kind.tiers:
            return invalid(f"ticket_types.{at}.tiers", "only_for_fixed_prices")
        if not kind.pools:
            return invalid(f"ticket_types.{at}.pools", "required")
    return None


def _misplaced(record: EventRecord, said: TicketsFields) -> Refusal | None:
    pools = [text(POOL, pool.pool_id) for pool in record.pools]
    if [one.pool for one in said.pools[: len(pools)]] != pools:
        return invalid("pools", "order_is_fixed")
    if any(one.pool is not None for one in said.pools[len(pools) :]):
        return invalid("pools", "unknown_pool")
    types = [text(TICKET_TYPE, kind.ticket_type_id) for kind in record.ticket_types]
    if [one.ticket_type for one in said.ticket_types[: len(types)]] != types:
        return invalid("ticket_types", "order_is_fixed")
    for at, pool in enumerate(record.pools):
        if said.pools[at].capacity != pool.capacity:
            return invalid(f"pools.{at}.capacity", "has_its_own_route")
    return None


def _unknown(record: EventRecord, said: TicketsFields) -> Refusal | None:
    """Refuse ids that are not this event's: those of others look like ids that nothing has."""
    given = (
        ("pools", [one.pool for one in said.pools], {text(POOL, one.pool_id) for one in record.pools}),
        (
            "ticket_types",
            [one.ticket_type for one in said.ticket_types],
            {text(TICKET_TYPE, one.ticket_type_id) for one in record.ticket_types},
        ),
        (
            "questions",
            [one.question for one in said.questions],
            {text(QUESTION, one.question_id) for one in record.questions},
        ),
    )
    for field, names, known in given:
        named = [name for name in names if name is not None]
        if not set(named) <= known:
            return invalid(field, "unknown_id")
        if len(set(named)) != len(named):
            return invalid(field, "same_id_twice")
    return None


def _crooked(record: EventRecord, said: TicketsFields) -> Refusal | None:
    first, last = span(record)
    for at, one in enumerate(said.ticket_types):
        where = f"ticket_types.{at}"
        if any(pool >= len(said.pools) for pool in one.pools):
            return invalid(f"{where}.pools", "unknown_pool")
        if one.quantity_min > one.quantity_max:
            return invalid(f"{where}.quantity_min", "above_maximum")
        if one.kind == "free" and (one.price_minor or one.tiers):
            return invalid(f"{where}.price_minor", "free_has_no_price")
        if (one.kind == "pay_what_you_want") != (one.price_min_minor is not None):
            return invalid(f"{where}.price_min_minor", "only_for_pay_what_you_want")
        if one.price_min_minor is not None and one.price_min_minor > one.price_minor:
            return invalid(f"{where}.price_min_minor", "above_suggestion")
        if len({tier.number for tier in one.tiers}) != len(one.tiers):
            return invalid(f"{where}.tiers", "same_number_twice")
        if any(tier.quantity is None and tier.ends_at is None for tier in one.tiers):
            return invalid(f"{where}.tiers", "never_ends")
        if not all(first <= day <= last for day in one.valid_days):
            return invalid(f"{where}.valid_days", "not_of_event")
    for at, question in enumerate(said.questions):
        if any(kind >= len(said.ticket_types) for kind in question.ticket_types):
            return invalid(f"questions.{at}.ticket_types", "unknown_ticket_type")
        if (question.kind == "choice") != bool(question.choices):
            return invalid(f"questions.{at}.choices", "choices_for_choice_only")
    return None


def _type(one: TicketTypeFields, at: int, zone: str, new_id: NewId) -> TicketTypeRecord | Refusal:
    times: dict[str, int | None] = {}
    said = [("sales_start", one.sales_start), ("sales_end", one.sales_end)]
    said += [(f"tiers.{number}.ends_at", tier.ends_at) for number, tier in enumerate(one.tiers)]
    for name, value in said:
        try:
            times[name] = None if value is None else local_time.to_ms(value, zone)
        except local_time.NotATime as error:
            return invalid(f"ticket_types.{at}.{name}", error.reason)
    start_ms, end_ms = times["sales_start"], times["sales_end"]
    if start_ms is not None and end_ms is not None and start_ms >= end_ms:
        return invalid(f"ticket_types.{at}.sales_end", "before_start")
    return TicketTypeRecord(
        ticket_type_id=TicketTypeId(parse(TICKET_TYPE, one.ticket_type) if one.ticket_type else new_id()),
        name=one.name,
        description=one.description,
        price_minor=one.price_minor,
        quantity_min=one.quantity_min,
        quantity_max=one.quantity_max,
        sales_start_ms=start_ms,
        sales_end_ms=end_ms,
        pools=tuple(sorted(set(one.pools))),
        kind=one.kind,
        price_min_minor=one.price_min_minor,
        is_hidden=one.is_hidden,
        is_retired=one.is_retired,
        buyer_limit=one.buyer_limit,
        tax_basis_points=one.tax_basis_points,
        fee_plan=one.fee_plan,
        valid_days=tuple(sorted(set(one.valid_days))),
        tiers=tuple(
            TierRecord(
                tier.number, tier.name, tier.price_minor, tier.quantity, times[f"tiers.{number}.ends_at"]
            )
            for number, tier in enumerate(one.tiers)
        ),
    )


def _type_fields(kind: TicketTypeRecord, zone: str) -> TicketTypeFields:
    def said(at_ms: int | None) -> str | None:
        return None if at_ms is None else local_time.to_text(at_ms, zone)

    return TicketTypeFields.model_construct(
        ticket_type=text(TICKET_TYPE, kind.ticket_type_id),
        name=kind.name,
        description=kind.description,
        kind=kind.kind,
        price_minor=kind.price_minor,
        price_min_minor=kind.price_min_minor,
        pools=kind.pools,
        quantity_min=kind.quantity_min,
        quantity_max=kind.quantity_max,
        buyer_limit=kind.buyer_limit,
        sales_start=said(kind.sales_start_ms),
        sales_end=said(kind.sales_end_ms),
        is_hidden=kind.is_hidden,
        is_retired=kind.is_retired,
        tax_basis_points=kind.tax_basis_points,
        fee_plan=kind.fee_plan,
        valid_days=kind.valid_days,
        tiers=tuple(
            TierFields(
                number=tier.number,
                name=tier.name,
                price_minor=tier.price_minor,
                quantity=tier.quantity,
                ends_at=said(tier.ends_at_ms),
            )
            for tier in kind.tiers
        ),
    )
