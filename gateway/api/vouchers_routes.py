"""Vouchers and access codes of events."""

from functools import partial

from domain.ids import OperationId
from domain.refusals import Code, Refusal
from domain.roles import Permission
from gateway.api.route import Answer, Call, LimitClass, Route
from services.events.voucher_models import (
    Bulk,
    BulkVouchers,
    NewVoucher,
    Voucher,
    VoucherFields,
    VouchersCsvQuery,
    VouchersQuery,
)
from services.events.vouchers import Vouchers
from services.models import Page

_VOUCHERS = "/organisations/{organisation}/events/{event}/vouchers"
_CSV = "text/csv"
_route = partial(Route, tag="Vouchers", limit=LimitClass.ORGANIZER)
_REFUSALS = (
    Code.INVALID, Code.ILLEGAL_STEP, Code.BUSY, Code.UNDER_WAY, Code.VOUCHER_EXISTS, Code.VOUCHER_LIMIT,
    Code.SOLD_OUT,
)  # fmt: skip


def routes(vouchers: Vouchers) -> list[Route]:
    """Return the routes of vouchers."""
    return [*_making(vouchers), *_keeping(vouchers)]


def _making(vouchers: Vouchers) -> list[Route]:
    async def create(call: Call) -> Answer | Refusal:
        return _answer(await vouchers.create(call.who, call.organisation, call.event, call.body))

    async def bulk(call: Call) -> Answer | Refusal:
        made = await vouchers.create_bulk(call.who, call.organisation, call.event, call.body)
        return made if isinstance(made, Refusal) else Answer(body=made)

    async def create_again(call: Call) -> Answer | Refusal:
        codes = await vouchers.resume(OperationId(bytes.fromhex(call.made)))
        return codes if isinstance(codes, Refusal) else Answer(body=codes[0])

    async def bulk_again(call: Call) -> Answer | Refusal:
        codes = await vouchers.resume(OperationId(bytes.fromhex(call.made)))
        if isinstance(codes, Refusal):
            return codes
        return Answer(body=Bulk(batch=call.body.batch, codes=tuple(each.code for each in codes)))

    manage = Permission.VOUCHERS_MANAGE
    return [
        _route(
            method="POST", path=_VOUCHERS, name="vouchers.create", summary="Make a code",
            access=manage, handler=create, body=NewVoucher, answer=Voucher, status=201, again=create_again,
            refusals=_REFUSALS,
        ),
        _route(
            method="POST", path=_VOUCHERS + "/bulk", name="vouchers.bulk",
            summary="Make many codes that give the same",
            access=manage, handler=bulk, body=BulkVouchers, answer=Bulk, status=201, again=bulk_again,
            refusals=_REFUSALS,
        ),
    ]  # fmt: skip


def _keeping(vouchers: Vouchers) -> list[Route]:
    async def listed(call: Call) -> Answer | Refusal:
        found = await vouchers.listed(call.organisation, call.event, call.query)
        return found if isinstance(found, Refusal) else Answer(body=found)

    async def csv(call: Call) -> Answer | Refusal:
        found = await vouchers.csv(call.organisation, call.event, call.query.batch)
        if isinstance(found, Refusal):
            return found
        headers = {"Content-Disposition": 'attachment; filename="vouchers.csv"'}
        return Answer(body=found, content_type=_CSV, headers=headers)

    async def read_one(call: Call) -> Answer | Refusal:
        return _answer(await vouchers.read(call.organisation, call.event, call.path["voucher"]))

    async def edit(call: Call) -> Answer | Refusal:
        where = (call.organisation, call.event, call.path["voucher"])
        return _answer(await vouchers.edit(call.who, *where, call.version, call.body))

    async def retire(call: Call) -> Answer | Refusal:
        where = (call.organisation, call.event, call.path["voucher"])
        return _answer(await vouchers.retire(call.who, *where, call.version))

    manage, read = Permission.VOUCHERS_MANAGE, Permission.VOUCHERS_READ
    return [
        _route(
            method="GET", path=_VOUCHERS, name="vouchers.list", summary="The codes of an event",
            access=read, handler=listed, query=VouchersQuery, answer=Page[Voucher], refusals=(Code.INVALID,),
        ),
        _route(
            method="GET", path=_VOUCHERS + ".csv", name="vouchers.csv",
            summary="The codes of an event as CSV",
            access=read, handler=csv, query=VouchersCsvQuery, gives=_CSV,
        ),
        _route(
            method="GET", path=_VOUCHERS + "/{voucher}", name="vouchers.read", summary="A code and its uses",
            access=read, handler=read_one, answer=Voucher,
        ),
        _route(
            method="PUT", path=_VOUCHERS + "/{voucher}", name="vouchers.update",
            summary="Change what a code gives; limits stay at or above what is held and used",
            access=manage, handler=edit, body=VoucherFields, answer=Voucher, is_versioned=True,
            refusals=(Code.INVALID, Code.ILLEGAL_STEP, Code.BUSY, Code.CAPACITY_IN_USE, Code.SOLD_OUT),
        ),
        _route(
            method="DELETE", path=_VOUCHERS + "/{voucher}", name="vouchers.retire",
            summary="End a code; what it kept goes back to the sale",
            access=manage, handler=retire, answer=Voucher, is_versioned=True,
            refusals=(Code.ILLEGAL_STEP, Code.BUSY, Code.UNDER_WAY),
        ),
    ]  # fmt: skip


def _answer(result: Voucher | Refusal) -> Answer | Refusal:
    return result if isinstance(result, Refusal) else Answer(body=result, version=result.version)
