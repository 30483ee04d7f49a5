"""What is said about vouchers over the API."""

from typing import Annotated, Literal

from pydantic import Field

from domain.catalogue import BUYER_LIMIT_MAX, CAPACITY_MAX
from services.models import (
    AmountMinor,
    Line,
    LocalTime,
    Model,
    PageQuery,
    PoolRef,
    TicketTypeRef,
    TimeMs,
    Version,
    VoucherRef,
)

CODE_PATTERN = "^[0-9A-Za-z -]{3,60}$"
BULK_MAX = 2_000
Code = Annotated[str, Field(min_length=3, max_length=60, pattern=CODE_PATTERN, examples=["EARLY-2030"])]
"""Letters and digits; case, spaces and hyphens do not count."""
Batch = Annotated[Line, Field(max_length=80)]


class VoucherFields(Model):
    """What a code gives. A use of it is one order, however many tickets that has."""

    kind: Literal["discount", "access", "block"] = "discount"
    """`discount` takes money off; `access` shows hidden types; `block` keeps places for whoever has it."""
    percent_basis_points: Annotated[int, Field(ge=1, le=10_000)] | None = None
    amount_minor: Annotated[AmountMinor, Field(ge=1)] | None = None
    is_per_order: bool = False
    """The amount is taken off once; else off each ticket."""
    ticket_types: Annotated[tuple[TicketTypeRef, ...], Field(max_length=200)] = ()
    """None is all; for `access`, all that are hidden."""
    uses_max: Annotated[int, Field(ge=1, le=CAPACITY_MAX)] | None = None
    per_buyer_max: Annotated[int, Field(ge=1, le=BUYER_LIMIT_MAX)] | None = None
    quantity_min: Annotated[int, Field(ge=1, le=BUYER_LIMIT_MAX)] = 1
    starts_at: LocalTime | None = None
    ends_at: LocalTime | None = None
    block_pool: PoolRef | None = None
    block_quantity: Annotated[int, Field(ge=1, le=CAPACITY_MAX)] | None = None


class NewVoucher(VoucherFields):
    """One code."""

    code: Code


class BulkVouchers(VoucherFields):
    """Many codes that give the same, made up here."""

    count: Annotated[int, Field(ge=1, le=BULK_MAX)]
    prefix: Annotated[str, Field(max_length=12, pattern="^[0-9A-Za-z]*$")] = ""
    batch: Annotated[Batch, Field(min_length=1)]
    """By what they are found and exported together."""


class VoucherUses(Model):
    """How often a code is in use, as the sale counts it. A use is an order."""

    held: int
    """In reservations, which may still come back."""
    used: int
    left: int | None
    """None is without bound."""
    block_left: int | None
    """Places that are left of a block."""


class Voucher(VoucherFields):
    """A code as it is."""

    voucher: VoucherRef
    version: Version
    code: str
    """Empty if the key that it is sealed with is not there any more: the code has ended then."""
    batch: str
    is_retired: bool
    starts_at_ms: TimeMs | None
    ends_at_ms: TimeMs | None
    uses: VoucherUses | None
    """None if the sale can't be asked right now."""


class Bulk(Model):
    """What was made at once."""

    batch: str
    codes: tuple[str, ...]


class VouchersQuery(PageQuery):
    """Which of an event's codes."""

    batch: Batch | None = None


class VouchersCsvQuery(Model):
    """Which of an event's codes."""

    batch: Batch | None = None
