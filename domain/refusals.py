"""Refusals: the closed list of reasons for which Bilten says no.

A refusal is a result, not an exception: exceptions are for bugs and for infrastructure that is lost. The
    codes are part of the protocol; the sentences are for people and may change. One table says what an HTTP
    client sees for each code.
"""

import enum
from collections.abc import Mapping
from typing import Final

import msgspec


class Code(enum.StrEnum):
    """Why something was refused. Clients branch on these."""

    # The request itself
    MALFORMED = "malformed"
    INVALID = "invalid"
    TOO_LARGE = "too_large"
    UNSUPPORTED_MEDIA = "unsupported_media"
    UNKNOWN_TYPE = "unknown_type"
    UNSUPPORTED_VERSION = "unsupported_version"
    DUPLICATE_REQUEST = "duplicate_request"
    OPERATION_REUSED = "operation_reused"
    DONE_BEFORE = "done_before"
    VERSION_CONFLICT = "version_conflict"
    VERSION_REQUIRED = "version_required"
    # Who asks, and how often
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    SECOND_FACTOR_NEEDED = "second_factor_needed"
    STEP_UP_NEEDED = "step_up_needed"
    SIGN_IN_FAILED = "sign_in_failed"
    WRONG_PROOF = "wrong_proof"
    PASSWORD_WEAK = "password_weak"  # noqa: S105 - a code
    LINK_NOT_VALID = "link_not_valid"
    NOT_FOUND = "not_found"
    ROLE_TOO_HIGH = "role_too_high"
    LAST_OWNER = "last_owner"
    ALREADY_MEMBER = "already_member"
    OTHER_ADDRESS = "other_address"
    SLUG_TAKEN = "slug_taken"
    ORGANISATION_IN_USE = "organisation_in_use"
    LIMIT_REACHED = "limit_reached"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    UNDER_WAY = "under_way"
    # The sale
    SALE_NOT_OPEN = "sale_not_open"
    SALE_PAUSED = "sale_paused"
    SALE_CLOSED = "sale_closed"
    UNKNOWN_TICKET_TYPE = "unknown_ticket_type"
    OUTSIDE_SALES_WINDOW = "outside_sales_window"
    QUANTITY_OUT_OF_RANGE = "quantity_out_of_range"
    BUYER_LIMIT = "buyer_limit"
    SOLD_OUT = "sold_out"
    PRICE_OUT_OF_RANGE = "price_out_of_range"
    EVENT_CANCELLED = "event_cancelled"
    # Vouchers
    VOUCHER_UNKNOWN = "voucher_unknown"
    VOUCHER_USED_UP = "voucher_used_up"
    VOUCHER_NOT_APPLICABLE = "voucher_not_applicable"
    VOUCHER_LIMIT = "voucher_limit"
    VOUCHER_EXISTS = "voucher_exists"
    # A hold or an order
    HOLD_NOT_FOUND = "hold_not_found"
    HOLD_EXPIRED = "hold_expired"
    ALREADY_EXTENDED = "already_extended"
    ANSWERS_WANTED = "answers_wanted"
    ORDER_NOT_FOUND = "order_not_found"
    ALREADY_CANCELLED = "already_cancelled"
    # The organizer's changes
    CAPACITY_IN_USE = "capacity_in_use"
    UNKNOWN_POOL = "unknown_pool"
    ILLEGAL_STEP = "illegal_step"
    # Money
    PAYMENT_DECLINED = "payment_declined"
    PAYMENT_UNAVAILABLE = "payment_unavailable"
    PRICE_CHANGED = "price_changed"


HTTP_STATUS: Final[Mapping[Code, int]] = {
    Code.MALFORMED: 400,
    Code.INVALID: 422,
    Code.TOO_LARGE: 413,
    Code.UNSUPPORTED_MEDIA: 415,
    Code.UNKNOWN_TYPE: 400,
    Code.UNSUPPORTED_VERSION: 400,
    Code.DUPLICATE_REQUEST: 409,
    Code.OPERATION_REUSED: 409,
    Code.DONE_BEFORE: 409,
    Code.VERSION_CONFLICT: 412,
    Code.VERSION_REQUIRED: 428,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.SECOND_FACTOR_NEEDED: 403,
    Code.STEP_UP_NEEDED: 403,
    Code.SIGN_IN_FAILED: 401,
    Code.WRONG_PROOF: 403,
    Code.PASSWORD_WEAK: 422,
    Code.LINK_NOT_VALID: 410,
    Code.NOT_FOUND: 404,
    Code.ROLE_TOO_HIGH: 403,
    Code.LAST_OWNER: 409,
    Code.ALREADY_MEMBER: 409,
    Code.OTHER_ADDRESS: 403,
    Code.SLUG_TAKEN: 409,
    Code.ORGANISATION_IN_USE: 409,
    Code.LIMIT_REACHED: 409,
    Code.RATE_LIMITED: 429,
    Code.BUSY: 503,
    Code.UNDER_WAY: 503,
    Code.SALE_NOT_OPEN: 409,
    Code.SALE_PAUSED: 409,
    Code.SALE_CLOSED: 409,
    Code.UNKNOWN_TICKET_TYPE: 422,
    Code.OUTSIDE_SALES_WINDOW: 409,
    Code.QUANTITY_OUT_OF_RANGE: 422,
    Code.BUYER_LIMIT: 409,
    Code.SOLD_OUT: 409,
    Code.PRICE_OUT_OF_RANGE: 422,
    Code.EVENT_CANCELLED: 409,
    Code.VOUCHER_UNKNOWN: 422,
    Code.VOUCHER_USED_UP: 409,
    Code.VOUCHER_NOT_APPLICABLE: 409,
    Code.VOUCHER_LIMIT: 422,
    Code.VOUCHER_EXISTS: 409,
    Code.HOLD_NOT_FOUND: 404,
    Code.HOLD_EXPIRED: 409,
    Code.ALREADY_EXTENDED: 409,
    Code.ANSWERS_WANTED: 422,
    Code.ORDER_NOT_FOUND: 404,
    Code.ALREADY_CANCELLED: 409,
    Code.CAPACITY_IN_USE: 409,
    Code.UNKNOWN_POOL: 422,
    Code.ILLEGAL_STEP: 409,
    Code.PAYMENT_DECLINED: 402,
    Code.PAYMENT_UNAVAILABLE: 503,
    Code.PRICE_CHANGED: 409,
}

MESSAGES: Final[Mapping[Code, str]] = {
    Code.MALFORMED: "The message can't be read.",
    Code.INVALID: "Some of this can't be used.",
    Code.TOO_LARGE: "This is too large.",
    Code.UNSUPPORTED_MEDIA: "This kind of content is not taken here.",
    Code.UNKNOWN_TYPE: "There is no message of this type.",
    Code.UNSUPPORTED_VERSION: "This version of the protocol is not spoken here.",
    Code.DUPLICATE_REQUEST: "This request id is in use by a request that is not answered yet.",
    Code.OPERATION_REUSED: "This operation id belongs to another operation.",
    Code.DONE_BEFORE: "This was done the first time. Its answer was lost; look at what is there now.",
    Code.VERSION_CONFLICT: "Somebody has changed this meanwhile. Nothing was overwritten.",
    Code.VERSION_REQUIRED: "Say which version this changes, with If-Match.",
    Code.UNAUTHENTICATED: "Sign in, or open a new session.",
    Code.FORBIDDEN: "This is not allowed with the rights you have.",
    Code.SECOND_FACTOR_NEEDED: "This organisation wants a second factor. Set one up first.",
    Code.STEP_UP_NEEDED: "Say once more who you are, with your password or second factor.",
    Code.SIGN_IN_FAILED: "This did not sign you in. Check what you typed, or reset your password.",
    Code.WRONG_PROOF: "This is not your password, or not a code that is good now.",
    Code.PASSWORD_WEAK: "This password is too easy to guess. Take a longer one.",
    Code.LINK_NOT_VALID: "This link was used before, or is too old. Ask for a new one.",
    Code.NOT_FOUND: "There is nothing here.",
    Code.ROLE_TOO_HIGH: "This role has rights that you don't have.",
    Code.LAST_OWNER: "An organisation needs an owner. Make somebody else one first.",
    Code.ALREADY_MEMBER: "This person is a member already.",
    Code.OTHER_ADDRESS: "This invitation was sent to another address than the one you are signed in with.",
    Code.SLUG_TAKEN: "Somebody else has this address already.",
    Code.ORGANISATION_IN_USE: "Something of this organisation is not over yet.",
    Code.LIMIT_REACHED: "There are as many as there can be. Remove some first.",
    Code.RATE_LIMITED: "Too many requests. Wait a moment.",
    Code.BUSY: "Very many people are here right now. Try again in a moment.",
    Code.UNDER_WAY: "This is written down, and will be done in a moment. Don't do it again.",
    Code.SALE_NOT_OPEN: "The sale has not opened yet.",
    Code.SALE_PAUSED: "The sale is paused.",
    Code.SALE_CLOSED: "The sale is over.",
    Code.UNKNOWN_TICKET_TYPE: "This event has no such ticket type.",
    Code.OUTSIDE_SALES_WINDOW: "This ticket type is not on sale now.",
    Code.QUANTITY_OUT_OF_RANGE: "This many tickets can't be bought at once.",
    Code.BUYER_LIMIT: "This is more than one person may have.",
    Code.SOLD_OUT: "There are not enough tickets left.",
    Code.PRICE_OUT_OF_RANGE: "This type can't be had at this price.",
    Code.EVENT_CANCELLED: "The event was cancelled.",
    Code.VOUCHER_UNKNOWN: "There is no such code.",
    Code.VOUCHER_USED_UP: "This code has been used as often as it may be.",
    Code.VOUCHER_NOT_APPLICABLE: "This code is not good for this.",
    Code.VOUCHER_LIMIT: "These are too many codes, or they don't go together.",
    Code.VOUCHER_EXISTS: "This event has this code already.",
    Code.HOLD_NOT_FOUND: "There is no such reservation.",
    Code.HOLD_EXPIRED: "The reservation has expired.",
    Code.ALREADY_EXTENDED: "The reservation was extended before.",
    Code.ANSWERS_WANTED: "The organiser asks something that has to be answered first.",
    Code.ORDER_NOT_FOUND: "There is no such order.",
    Code.ALREADY_CANCELLED: "These tickets were cancelled before.",
    Code.CAPACITY_IN_USE: "The capacity can't go below what is held, sold and withheld.",
    Code.UNKNOWN_POOL: "This event has no such pool.",
    Code.ILLEGAL_STEP: "This can't be done in the present state.",
    Code.PAYMENT_DECLINED: "The payment was declined.",
    Code.PAYMENT_UNAVAILABLE: "The payment provider can't be reached. Nothing was charged.",
    Code.PRICE_CHANGED: "The price is not the one that was agreed to.",
}

Detail = str | int | None


class Refusal(msgspec.Struct, frozen=True, array_like=True, tag=91):
    """A reason for saying no.

    Attributes:
        code: what clients branch on.
        retry_after_ms: when it makes sense to try again, None where it doesn't.
        details: what the code needs to be understood: the number left, the bound that was passed, the field
            at fault.
    """

    code: Code
    retry_after_ms: int | None = None
    details: Mapping[str, Detail] = {}

    @property
    def message(self) -> str:
        """The English sentence for this code."""
        return MESSAGES[self.code]
