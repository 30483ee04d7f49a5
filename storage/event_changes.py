"""Changes of events that their sale has to agree to: written down before it is asked, and what follows from
them when it has (docs/decisions/catalogue-and-sale.md).
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from domain import commands
from domain.ids import EventId, OperationId, OrganisationId
from domain.refusals import Refusal
from storage.audit_log import AuditEntry, record
from storage.catalogue import store_event, store_tickets
from storage.event_records import EventRecord, read_events
from storage.postgres import AnyConnection, Pool, asking
from storage.repeated_requests import mark
from storage.vouchers import VoucherRecord, store_vouchers


class Effect(msgspec.Struct, frozen=True):
    """What becomes of the catalogue when a change is done.

    Attributes:
        audit: what the log is told.
        event: the event as it is then, None if it stays as it is.
        is_of_tickets: pools, types and questions change too; else only the event's other fields do.
        vouchers: new or changed.
    """

    audit: AuditEntry
    event: EventRecord | None = None
    is_of_tickets: bool = False
    is_of_fields: bool = True
    vouchers: tuple[VoucherRecord, ...] = ()


class EventChange(msgspec.Struct, frozen=True):
    """A change on its way to the sale: commands in their order, and what follows when all are done."""

    operation_id: OperationId
    event_id: EventId
    organisation_id: OrganisationId
    kind: str
    commands: tuple[commands.AnyCommand, ...]
    effect: Effect


_ATTEMPT_AGAIN_MS: Final = 2_000
_effects: Final = msgspec.msgpack.Decoder(Effect)
_refusals: Final = msgspec.msgpack.Decoder(Refusal)
_COLUMNS: Final = "operation_id, event_id, organisation_id, kind, commands, effect"


async def locked_event(
    connection: AnyConnection, event_id: EventId
) -> tuple[EventRecord, EventChange | None] | None:
    """Return an event and the change of it that is under way, and keep others from changing it until the
    transaction ends. None if there is no such event.
    """
    # No key: what only refers to the event, such as an order, is written meanwhile.
    locked = "SELECT 1 FROM events WHERE event_id = $1 FOR NO KEY UPDATE"
    if not await connection.fetchval(locked, event_id):
        return None
    (event,) = await read_events(connection, "WHERE events.event_id = $1", event_id)
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM event_changes WHERE event_id = $1 AND state = 'pending'",  # noqa: S608
        event_id,
    )
    return event, None if row is None else _change(tuple(row))


async def propose(connection: AnyConnection, change: EventChange) -> EventChange:
    """Write down a change before the sale is asked, and return it as it is written.

    From here on the request that asks for it has had its effect: whoever repeats it is told what becomes of
    the change. One that the sale need not be asked for is done as soon as it is there.

    Raises:
        Overtaken: another attempt at the same request goes on in place of this one.
    """
    audit = change.effect.audit
    if audit.attempt is not None:
        await mark(connection, audit.attempt, change.operation_id.hex())
        effect = msgspec.structs.replace(change.effect, audit=msgspec.structs.replace(audit, attempt=None))
        change = msgspec.structs.replace(change, effect=effect)
    await connection.execute(
        f"INSERT INTO event_changes ({_COLUMNS}, state) VALUES ($1, $2, $3, $4, $5, $6, $7)",  # noqa: S608
        change.operation_id,
        change.event_id,
        change.organisation_id,
        change.kind,
        commands.pack(list(change.commands)),
        msgspec.msgpack.encode(change.effect),
        "pending" if change.commands else "done",
    )
    return change


async def find_change(
    connection: AnyConnection, operation_id: OperationId
) -> tuple[EventChange, bool, Refusal | None] | None:
    """Return a change, whether it has come to its end, and what the sale refused it with. None if there is
    no such change any more.
    """
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS}, state, refusal FROM event_changes WHERE operation_id = $1",  # noqa: S608
        operation_id,
    )
    if row is None:
        return None
    *columns, state, refusal = row
    return (
        _change(tuple(columns)),
        state != "pending",
        None if refusal is None else _refusals.decode(refusal),
    )


async def apply(connection: AnyConnection, effect: Effect) -> None:
    """Make the catalogue say what a change leads to, and the log that it was made."""
    event = effect.event
    if event is not None and effect.is_of_fields:
        await store_event(connection, event)
    if event is not None and effect.is_of_tickets:
        await store_tickets(connection, event)
        await connection.execute(
            """
            UPDATE events SET tickets_version = tickets_version + 1, buyer_limit = $2
            WHERE event_id = $1
            """,
            event.event_id,
            event.buyer_limit,
        )
    if effect.vouchers:
        await store_vouchers(connection, effect.vouchers)
    await record(connection, effect.audit)


async def finish(connection: AnyConnection, change: EventChange, refusal: Refusal | None) -> Refusal | None:
    """End a change as the sale decided, and return its refusal.

    The first who says so ends it; who comes later is told how it ended.
    """
    ended = await connection.fetchval(
        """
        UPDATE event_changes SET state = $2, refusal = $3
        WHERE operation_id = $1 AND state = 'pending' RETURNING true
        """,
        change.operation_id,
        "done" if refusal is None else "refused",
        None if refusal is None else msgspec.msgpack.encode(refusal),
    )
    if not ended:
        earlier: bytes | None = await connection.fetchval(
            "SELECT refusal FROM event_changes WHERE operation_id = $1", change.operation_id
        )
        return None if earlier is None else _refusals.decode(earlier)
    if refusal is None:
        await apply(connection, change.effect)
    return refusal


async def unfinished(pool: Pool, now_ms: int, limit: int) -> Sequence[EventChange]:
    """Return changes that nobody has worked on for two seconds, and count that they are tried again."""
    async with asking(pool) as connection:
        rows = await connection.fetch(
            f"""
            UPDATE event_changes SET attempts = attempts + 1, attempted_at = $1
            WHERE operation_id = ANY (ARRAY(
                SELECT operation_id FROM event_changes
                WHERE state = 'pending' AND coalesce(attempted_at, created_at) < $2
                ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED))
            RETURNING {_COLUMNS}
            """,  # noqa: S608 - the names are this module's own
            now_ms,
            now_ms - _ATTEMPT_AGAIN_MS,
            limit,
        )
    return [_change(tuple(row)) for row in rows]


async def forget_ended(connection: AnyConnection, before_ms: int, limit: int) -> int:
    """Forget changes from before a time that were done or refused; return how many."""
    status = await connection.execute(
        """
        DELETE FROM event_changes WHERE operation_id = ANY (ARRAY(
            SELECT operation_id FROM event_changes WHERE state <> 'pending' AND created_at < $1
            ORDER BY created_at LIMIT $2))
        """,
        before_ms,
        limit,
    )
    return int(status.rpartition(" ")[2])


def _change(row: tuple[object, ...]) -> EventChange:
    operation_id, event_id, organisation_id, kind, packed, effect = row
    return EventChange(
        operation_id,  # type: ignore[arg-type]
        event_id,  # type: ignore[arg-type]
        organisation_id,  # type: ignore[arg-type]
        kind,  # type: ignore[arg-type]
        tuple(commands.unpack(packed)),  # type: ignore[arg-type]
        _effects.decode(effect),  # type: ignore[arg-type]
    )
