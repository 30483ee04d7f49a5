"""Taking an event through its life, and its stock while it sells: every step the sale agrees to first.

Every method raises `ConnectionError` when PostgreSQL is away.
"""

from collections.abc import Callable
from itertools import groupby
from typing import Final

import msgspec

from domain import commands as c
from domain.catalogue import SaleDefinition
from domain.event_status import LIVE, EventStatus, Step, step
from domain.identity import Who
from domain.ids import EVENT, POOL, VOUCHER, EventId, OperationId, OrganisationId, PoolId, text
from domain.refusals import Code, Refusal
from domain.vouchers import (
    CODES_A_COMMAND_MAX,
    VOUCHERS_MAX,
    VoucherCode,
    VoucherKind,
    VoucherRule,
    rule_problems,
)
from services.audit import entry_for
from services.events.access import Access
from services.events.changing import Change, Changes
from services.events.drafting import invalid
from services.events.models import Event
from services.events.tickets_document import definition
from services.events.views import event_model, status_of
from services.events.voucher_rules import rule_of
from services.reasons import Reason
from storage.audit_log import AuditEntry
from storage.event_changes import Effect
from storage.event_records import EventRecord
from storage.postgres import AnyConnection
from storage.vouchers import VoucherRecord, list_vouchers

Asks = list[Callable[[OperationId], c.AnyCommand]]
_PLACEHOLDERS: Final = frozenset({"", "Untitled"})


class Steps:
    """Publishes, pauses, resumes, closes, cancels and archives events, and changes their stock."""

    def __init__(self, changes: Changes, access: Access, clock: Callable[[], int]) -> None:
        self._changes = changes
        self._access = access
        self._clock = clock

    async def take(
        self,
        who: Who,
        organisation_id: OrganisationId,
        event_id: EventId,
        taken: Step,
        reason: str = "",
        version: int | None = None,
    ) -> Event | Refusal:
        """Take a step of `domain.event_status`. A step that the table does not have changes nothing."""
        owner = await self._access.owner_to_edit(organisation_id, event_id)
        if isinstance(owner, Refusal):
            return owner

        async def make(connection: AnyConnection, event: EventRecord) -> Change | Refusal:
            if version is not None and version != event.version:
                return Refusal(Code.VERSION_CONFLICT, None, {"version": event.version})
            now_ms = self._clock()
            before = status_of(event, now_ms)
            led = step(before, taken)
            if isinstance(led, Refusal):
                return led
            becomes = msgspec.structs.replace(event, status=led.value)
            if taken is Step.CANCEL:
                becomes = msgspec.structs.replace(becomes, cancelled_reason=reason)
            asks: Asks | Refusal = _asks(event, taken)
            if taken is Step.PUBLISH:
                becomes = msgspec.structs.replace(becomes, opens_at_ms=event.opens_at_ms or now_ms)
                asks = await self._to_publish(connection, becomes)
            if isinstance(asks, Refusal):
                return asks
            entry = self._entry(
                who, event, f"event.{taken.value}", {"status": before.value}, {"status": led.value}
            )
            return Change(taken.value, Effect(entry, becomes), tuple(asks))

        return self._model(await self._changes.change(owner, event_id, make))

    async def settle(self, who: Who, organisation_id: OrganisationId, event_id: EventId) -> Refusal | None:
        """Close the sale of an event that time has ended: nobody has told it that."""

        async def make(_: AnyConnection, event: EventRecord) -> Change | Refusal:
            if event.status not in LIVE or status_of(event, self._clock()) is not EventStatus.ENDED:
                return Refusal(Code.ILLEGAL_STEP, None, {"status": event.status})
            becomes = msgspec.structs.replace(event, status=EventStatus.ENDED.value)
            entry = self._entry(who, event, "event.close", {"status": event.status}, {"status": "ended"})
            return Change("close", Effect(entry, becomes), tuple(_asks(event, Step.CLOSE)))

        settled = await self._changes.change(organisation_id, event_id, make)
        return settled if isinstance(settled, Refusal) else None

    async def resume(self, operation_id: OperationId) -> Event | Refusal:
        """Return what became of a step, or of a change of stock, that was written down before."""
        resumed = await self._changes.resume(operation_id)
        return resumed if isinstance(resumed, Refusal) else self._model(resumed[0])

    async def set_capacity(
        self,
        who: Who,
        organisation_id: OrganisationId,
        event_id: EventId,
        pool_id: PoolId,
        capacity: int,
        version: int | None = None,
    ) -> Event | Refusal:
        """Set how many places a pool has; below what is in use it is refused with the least it could be."""

        def ask(operation: OperationId) -> c.AnyCommand:
            return c.ChangeCapacity(operation, event_id, pool_id, capacity)

        where = (organisation_id, event_id, pool_id)
        return await self._stock(who, *where, ask, version, capacity=capacity)

    async def withhold(
        self, who: Who, organisation_id: OrganisationId, event_id: EventId, pool_id: PoolId, quantity: int
    ) -> Event | Refusal:
        """Take free places out of the sale, for the organiser's own use."""

        def ask(operation: OperationId) -> c.AnyCommand:
            return c.Withhold(operation, event_id, pool_id, quantity)

        return await self._stock(who, organisation_id, event_id, pool_id, ask, withhold=quantity)

    async def give_back(
        self, who: Who, organisation_id: OrganisationId, event_id: EventId, pool_id: PoolId, quantity: int
    ) -> Event | Refusal:
        """Give withheld places back to the sale."""

        def ask(operation: OperationId) -> c.AnyCommand:
            return c.ReturnWithheld(operation, event_id, pool_id, quantity)

        return await self._stock(who, organisation_id, event_id, pool_id, ask, **{"return": quantity})

    async def _stock(
        self,
        who: Who,
        organisation_id: OrganisationId,
        event_id: EventId,
        pool_id: PoolId,
        ask: Callable[[OperationId], c.AnyCommand],
        version: int | None = None,
        **told: int,
    ) -> Event | Refusal:
        owner = await self._access.owner_to_edit(organisation_id, event_id)
        if isinstance(owner, Refusal):
            return owner

        async def make(_: AnyConnection, event: EventRecord) -> Change | Refusal:
            if version is not None and version != event.tickets_version:
                return Refusal(Code.VERSION_CONFLICT, None, {"version": event.tickets_version})
            old = next((pool for pool in event.pools if pool.pool_id == pool_id), None)
            if old is None:
                return Refusal(Code.UNKNOWN_POOL)
            is_live = event.status in LIVE
            if not is_live and (event.status != EventStatus.DRAFT or "capacity" not in told):
                return Refusal(Code.ILLEGAL_STEP, None, {"status": status_of(event, self._clock()).value})
            pool = text(POOL, pool_id)
            if "capacity" not in told:
                # How many are withheld is the sale's to know; so many more or fewer is what is said here.
                ((done, quantity),) = told.items()
                moved = self._entry(who, event, f"event.{done}", {}, {"pool": pool, "quantity": quantity})
                return Change("stock", Effect(moved), (ask,))
            before = {"pool": pool, "capacity": old.capacity}
            entry = self._entry(who, event, "event.capacity", before, {"pool": pool, **told})
            pools = tuple(
                msgspec.structs.replace(pool, capacity=told["capacity"]) if pool is old else pool
                for pool in event.pools
            )
            becomes = msgspec.structs.replace(event, pools=pools)
            effect = Effect(entry, becomes, is_of_tickets=True, is_of_fields=False)
            return Change("capacity", effect, (ask,) if is_live else ())

        return self._model(await self._changes.change(owner, event_id, make))

    async def _to_publish(self, connection: AnyConnection, event: EventRecord) -> Asks | Refusal:
        """Return what sets the sale of a draft up, or what is still missing from it."""
        if event.title in _PLACEHOLDERS:
            return invalid("title", "required")
        if (event.ends_at_ms or event.starts_at_ms) <= self._clock():
            return invalid("starts_at", "in_the_past")
        made = definition(event)
        if isinstance(made, Refusal):
            return made
        opens_ms = event.opens_at_ms
        assert opens_ms is not None
        asks: Asks = [lambda operation: c.Configure(operation, event.event_id, made)]
        vouchers = [
            one
            for one in await list_vouchers(connection, event.event_id, None, VOUCHERS_MAX)
            if not one.is_retired
        ]
        refusal = voucher_problem(event, vouchers, made)
        if refusal is not None:
            return refusal
        ruled = [(rule_of(one, event), one.fingerprint) for one in vouchers]
        for rule, group in groupby(ruled, key=lambda pair: pair[0]):
            codes = [code for _, code in group]
            for start in range(0, len(codes), CODES_A_COMMAND_MAX):
                asks.append(_defining(event.event_id, rule, codes[start : start + CODES_A_COMMAND_MAX]))
        asks.append(lambda operation: c.OpenSale(operation, event.event_id, opens_ms))
        return asks

    def _entry(
        self,
        who: Who,
        event: EventRecord,
        action: str,
        before: dict[str, object] | dict[str, str] | dict[str, str | int],
        after: dict[str, object] | dict[str, str] | dict[str, str | int],
    ) -> AuditEntry:
        return entry_for(
            who,
            action,
            text(EVENT, event.event_id),
            organisation_id=event.organisation_id,
            at_ms=self._clock(),
            before=before,
            after=after,
        )

    def _model(self, changed: EventRecord | Refusal) -> Event | Refusal:
        return changed if isinstance(changed, Refusal) else event_model(changed, self._clock())


def _asks(event: EventRecord, taken: Step) -> Asks:
    event_id = event.event_id
    if taken is Step.PAUSE:
        return [lambda operation: c.PauseSale(operation, event_id)]
    if taken is Step.RESUME:
        opens_ms = event.opens_at_ms or 0
        return [lambda operation: c.OpenSale(operation, event_id, opens_ms)]
    # What time has ended has a sale that was never told.
    if taken is Step.CLOSE or (taken is Step.ARCHIVE and event.status in LIVE):
        return [lambda operation: c.CloseSale(operation, event_id)]
    if taken is Step.CANCEL:
        return [lambda operation: c.CancelEvent(operation, event_id)]
    return []


def _defining(
    event_id: EventId, rule: VoucherRule, codes: list[VoucherCode]
) -> Callable[[OperationId], c.AnyCommand]:
    return lambda operation: c.DefineVouchers(operation, event_id, rule, tuple(codes))


def voucher_problem(
    event: EventRecord, vouchers: list[VoucherRecord], sale: SaleDefinition
) -> Refusal | None:
    """Return why the sale would not take an event's vouchers."""
    kept: dict[bytes, int] = {}
    for voucher in vouchers:
        wrong = rule_problems(rule_of(voucher, event), sale)
        if wrong:
            field = f"vouchers.{text(VOUCHER, voucher.voucher_id)}"
            return invalid(field, _reason_of(rule_of(voucher, event), sale), wrong[0])
        if voucher.block_pool_id is not None:
            quantity = kept.get(voucher.block_pool_id, 0) + (voucher.block_quantity or 0)
            kept[voucher.block_pool_id] = quantity
    for pool in event.pools:
        if kept.get(pool.pool_id, 0) > pool.capacity:
            sentence = f"More places are kept than {pool.name} has."
            return invalid("vouchers", "more_than_there_is", sentence)
    return None


def _reason_of(rule: VoucherRule, sale: SaleDefinition) -> Reason:
    """Return what is wrong with a rule as pages say it: what its own fields may be was seen to before."""
    if rule.kind is VoucherKind.BLOCK and not any(
        rule.block_pool in kind.pools for at, kind in enumerate(sale.ticket_types) if rule.is_for(at)
    ):
        return "not_drawn_from"
    return "not_usable"
