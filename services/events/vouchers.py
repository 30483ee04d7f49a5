"""Vouchers and access codes: made, changed, exported and ended by organisers; counted by the sale.

Every method raises `ConnectionError` when PostgreSQL is away.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

import msgspec

from domain import commands as c
from domain import events as e
from domain.codes import normalised
from domain.event_status import LIVE, EventStatus
from domain.identity import Who
from domain.ids import (
    EVENT,
    VOUCHER,
    EventId,
    OperationId,
    OrganisationId,
    VoucherId,
    parse,
    text,
)
from domain.refusals import Code, Refusal
from domain.vouchers import VOUCHERS_MAX
from services.audit import entry_for, only_changes
from services.events.access import Access
from services.events.auditing import voucher_as_audited
from services.events.changing import Change, Changes
from services.events.drafting import invalid
from services.events.steps import voucher_problem
from services.events.tickets_document import definition
from services.events.voucher_codes import SealedCode, VoucherCodes
from services.events.voucher_models import (
    Bulk,
    BulkVouchers,
    NewVoucher,
    Voucher,
    VoucherFields,
    VouchersQuery,
)
from services.events.voucher_records import edited, records_of
from services.events.voucher_rules import rule_of
from services.events.voucher_views import unused, voucher_model, vouchers_csv
from services.models import Page
from storage.audit_log import AuditEntry
from storage.event_changes import Effect
from storage.event_records import EventRecord, read_events
from storage.postgres import AnyConnection, Pool
from storage.tenancy import tenant
from storage.vouchers import VoucherRecord, count_vouchers, find_vouchers, has_any, list_vouchers

# Without letters and digits that are taken for each other when a code is read out or typed from paper.
_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_LENGTH: Final = 10
_CODE_MAX: Final = 40


class Counting(Protocol):
    """As much of `actors.refs.Shards` as is needed here."""

    def count_uses(self, command: c.CountUses) -> asyncio.Future[e.UsesCounted | Refusal]:
        """Have the uses of vouchers counted. The future never raises."""
        ...


class Vouchers:
    """The vouchers of organisations' events."""

    def __init__(
        self,
        pool: Pool,
        changes: Changes,
        shards: Counting,
        access: Access,
        clock: Callable[[], int],
        new_id: Callable[[], bytes],
        codes: VoucherCodes,
    ) -> None:
        self._pool = pool
        self._changes = changes
        self._shards = shards
        self._access = access
        self._clock = clock
        self._new_id = new_id
        self._codes = codes

    async def create(
        self, who: Who, organisation_id: OrganisationId, event_id: EventId, new: NewVoucher
    ) -> Voucher | Refusal:
        """Make one code."""
        code = stored_code(new.code)
        made = await self._make(who, organisation_id, event_id, new, [code], "")
        if isinstance(made, Refusal):
            return made
        return await self._model(*made)

    async def create_bulk(
        self, who: Who, organisation_id: OrganisationId, event_id: EventId, new: BulkVouchers
    ) -> Bulk | Refusal:
        """Make many codes that give the same."""
        codes = [new.prefix.upper() + random_code() for _ in range(new.count)]
        made = await self._make(who, organisation_id, event_id, new, codes, new.batch)
        if isinstance(made, Refusal):
            return made
        return Bulk(batch=new.batch, codes=tuple(codes))

    async def resume(self, operation_id: OperationId) -> tuple[Voucher, ...] | Refusal:
        """Return the codes of a change that was written down before."""
        resumed = await self._changes.resume(operation_id)
        if isinstance(resumed, Refusal):
            return resumed
        event, change = resumed
        vouchers = change.effect.vouchers
        uses = await self._uses(event, vouchers)
        return tuple(
            voucher_model(record, self._codes, event.time_zone, counted)
            for record, counted in zip(vouchers, uses, strict=True)
        )

    async def listed(
        self, organisation_id: OrganisationId, event_id: EventId, query: VouchersQuery
    ) -> Page[Voucher] | Refusal:
        """Return a part of an event's codes, in the order of making."""
        after = _read_cursor(query.cursor)
        if after is None and query.cursor is not None:
            return invalid("cursor", "not_ours")
        found = await self._access.find(organisation_id, event_id)
        if isinstance(found, Refusal):
            return found
        async with tenant(self._pool, found.owner) as connection:
            (event,) = await read_events(connection, "WHERE events.event_id = $1", event_id)
            records = await list_vouchers(connection, event_id, after, query.limit + 1, query.batch)
        shown = records[: query.limit]
        uses = await self._uses(event, shown)
        is_more = len(records) > query.limit
        return Page[Voucher].model_construct(
            items=tuple(
                voucher_model(record, self._codes, event.time_zone, counted)
                for record, counted in zip(shown, uses, strict=True)
            ),
            next_cursor=text(VOUCHER, shown[-1].voucher_id) if is_more else None,
        )

    async def read(
        self, organisation_id: OrganisationId, event_id: EventId, voucher_id: VoucherId
    ) -> Voucher | Refusal:
        """Return a code."""
        found = await self._access.find(organisation_id, event_id)
        if isinstance(found, Refusal):
            return found
        async with tenant(self._pool, found.owner) as connection:
            (event,) = await read_events(connection, "WHERE events.event_id = $1", event_id)
            records = await find_vouchers(connection, event_id, [voucher_id])
        return await self._model(event, records) if records else Refusal(Code.NOT_FOUND)

    async def csv(
        self, organisation_id: OrganisationId, event_id: EventId, batch: str | None
    ) -> bytes | Refusal:
        """Return an event's codes as CSV (RFC 4180), safe to open in a spreadsheet."""
        found = await self._access.find(organisation_id, event_id)
        if isinstance(found, Refusal):
            return found
        async with tenant(self._pool, found.owner) as connection:
            (event,) = await read_events(connection, "WHERE events.event_id = $1", event_id)
            records = await list_vouchers(connection, event_id, None, VOUCHERS_MAX, batch)
        return vouchers_csv(records, self._codes, event).encode()

    async def edit(
        self,
        who: Who,
        organisation_id: OrganisationId,
        event_id: EventId,
        voucher_id: VoucherId,
        version: int | None,
        said: VoucherFields,
    ) -> Voucher | Refusal:
        """Change what a code gives, from the next hold on: what is held keeps what it was promised.

        A limit below what is held and used is refused with the least that it could be.
        """
        owner = await self._access.owner_to_edit(organisation_id, event_id)
        if isinstance(owner, Refusal):
            return owner
        kept: list[VoucherRecord] = []

        async def make(connection: AnyConnection, event: EventRecord) -> Change | Refusal:
            found = await find_vouchers(connection, event_id, [voucher_id])
            if not found:
                return Refusal(Code.NOT_FOUND)
            made = edited(found[0], event, version, said)
            if isinstance(made, Refusal):
                return made
            kept[:] = [made]
            was, becomes = only_changes(voucher_as_audited(found[0]), voucher_as_audited(made))
            # Of what stays the same only whose code it is, by which the entry is found.
            whose = {"event": text(EVENT, event_id)}
            entry = self._entry(
                who, event, "voucher.edit", text(VOUCHER, voucher_id), whose | becomes, before=whose | was
            )
            effect = Effect(entry, vouchers=(made,))
            if event.status not in LIVE:
                return Change("edit_voucher", effect)
            rule = rule_of(made, event)

            def ask(operation: OperationId) -> c.AnyCommand:
                return c.ChangeVoucher(operation, event_id, made.fingerprint, rule)

            return Change("edit_voucher", effect, (ask,))

        changed = await self._changes.change(owner, event_id, make)
        return changed if isinstance(changed, Refusal) else await self._model(changed, kept)

    async def retire(
        self,
        who: Who,
        organisation_id: OrganisationId,
        event_id: EventId,
        voucher_id: VoucherId,
        version: int | None = None,
    ) -> Voucher | Refusal:
        """End a code. What is left of its block goes back to the sale; holds that use it keep their use."""
        owner = await self._access.owner_to_edit(organisation_id, event_id)
        if isinstance(owner, Refusal):
            return owner
        retired: list[VoucherRecord] = []

        async def make(connection: AnyConnection, event: EventRecord) -> Change | Refusal:
            found = await find_vouchers(connection, event_id, [voucher_id])
            if not found:
                return Refusal(Code.NOT_FOUND)
            if version is not None and version != found[0].version:
                return Refusal(Code.VERSION_CONFLICT, None, {"version": found[0].version})
            record = msgspec.structs.replace(found[0], is_retired=True, version=found[0].version + 1)
            retired[:] = [record]
            entry = self._entry(
                who,
                event,
                "voucher.retire",
                text(VOUCHER, voucher_id),
                voucher_as_audited(record),
                before=voucher_as_audited(found[0]),
            )
            effect = Effect(entry, vouchers=(record,))
            if event.status not in LIVE or found[0].is_retired:
                return Change("retire_voucher", effect)

            def ask(operation: OperationId) -> c.AnyCommand:
                return c.RetireVouchers(operation, event_id, (record.fingerprint,))

            return Change("retire_voucher", effect, (ask,))

        changed = await self._changes.change(owner, event_id, make)
        return changed if isinstance(changed, Refusal) else await self._model(changed, retired)

    async def _make(
        self,
        who: Who,
        organisation_id: OrganisationId,
        event_id: EventId,
        said: VoucherFields,
        codes: list[str],
        batch: str,
    ) -> tuple[EventRecord, list[VoucherRecord]] | Refusal:
        owner = await self._access.owner_to_edit(organisation_id, event_id)
        if isinstance(owner, Refusal):
            return owner
        if any(not 3 <= len(code) <= _CODE_MAX for code in codes):
            return invalid("code", "code_too_short")
        sealed = [self._codes.seal(event_id, code) for code in codes]
        records: list[VoucherRecord] = []

        async def make(connection: AnyConnection, event: EventRecord) -> Change | Refusal:
            wrong = await self._unusable(connection, event, sealed)
            if wrong is not None:
                return wrong
            made = records_of(said, event, sealed, batch, self._new_id)
            if isinstance(made, Refusal):
                return made
            sale = definition(event)
            if not isinstance(sale, Refusal):
                others = await self._blocks(connection, event) if said.kind == "block" else []
                problem = voucher_problem(event, [*others, *made], sale)
                if problem is not None:
                    return problem
            elif event.status in LIVE:
                return sale
            records[:] = made
            # One is named itself, many that give the same are named by their batch.
            target = text(VOUCHER, made[0].voucher_id) if len(made) == 1 else text(EVENT, event_id)
            told = {**voucher_as_audited(made[0]), "count": len(made)}
            entry = self._entry(who, event, "voucher.create", target, told)
            effect = Effect(entry, vouchers=tuple(made))
            if event.status not in LIVE:
                return Change("vouchers", effect)
            rule = rule_of(made[0], event)
            fingerprints = tuple(code.fingerprint for code in sealed)

            def ask(operation: OperationId) -> c.AnyCommand:
                return c.DefineVouchers(operation, event_id, rule, fingerprints)

            return Change("vouchers", effect, (ask,))

        changed = await self._changes.change(owner, event_id, make)
        return changed if isinstance(changed, Refusal) else (changed, records)

    async def _blocks(self, connection: AnyConnection, event: EventRecord) -> list[VoucherRecord]:
        """Return what keeps places of a draft already. Of a live event, the sale knows."""
        if event.status in LIVE:
            return []
        found = await list_vouchers(connection, event.event_id, None, VOUCHERS_MAX)
        return [one for one in found if one.kind == "block" and not one.is_retired]

    async def _model(self, event: EventRecord, records: Sequence[VoucherRecord]) -> Voucher:
        (uses,) = await self._uses(event, records[:1])
        return voucher_model(records[0], self._codes, event.time_zone, uses)

    async def _uses(self, event: EventRecord, records: Sequence[VoucherRecord]) -> Sequence[e.Uses | None]:
        """Return how often codes are in use, as the sale counts them; None where it can't be asked now."""
        if event.status == EventStatus.DRAFT:
            return [unused(record) for record in records]
        codes = tuple(record.fingerprint for record in records)
        command = c.CountUses(OperationId(self._new_id()), event.event_id, codes)
        counted = await self._shards.count_uses(command)
        return [None] * len(records) if isinstance(counted, Refusal) else counted.uses

    async def _unusable(
        self, connection: AnyConnection, event: EventRecord, codes: Sequence[SealedCode]
    ) -> Refusal | None:
        if event.status not in LIVE and event.status != EventStatus.DRAFT:
            return Refusal(Code.ILLEGAL_STEP, None, {"status": event.status})
        if await has_any(connection, event.event_id, [code.fingerprint for code in codes]):
            return Refusal(Code.VOUCHER_EXISTS)
        if await count_vouchers(connection, event.event_id) + len(codes) > VOUCHERS_MAX:
            return Refusal(Code.VOUCHER_LIMIT, None, {"vouchers_max": VOUCHERS_MAX})
        return None

    def _entry(
        self,
        who: Who,
        event: EventRecord,
        action: str,
        target: str,
        after: Mapping[str, object],
        before: Mapping[str, object] | None = None,
    ) -> AuditEntry:
        return entry_for(
            who,
            action,
            target,
            organisation_id=event.organisation_id,
            at_ms=self._clock(),
            before=before,
            after=after,
        )


def stored_code(code: str) -> str:
    """Return a code as it is stored and printed."""
    return normalised(code).upper()


def random_code() -> str:
    """Return a code that nobody guesses: 49 bits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))


def _read_cursor(cursor: str | None) -> bytes | None:
    try:
        return None if cursor is None else parse(VOUCHER, cursor)
    except ValueError:
        return None
