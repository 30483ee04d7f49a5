"""Identifiers: UUIDv7 inside, TypeID text outside.

Inside Bilten an identifier is its 16 raw bytes: they compare, hash and travel at C speed, and PostgreSQL
    stores the same bytes as `uuid`. People, URLs and the wire see the TypeID form
    (https://github.com/jetify-com/typeid, version 0.3): a prefix that names what is identified, an
    underscore, and 26 characters of Crockford's base 32, which sort in the order of creation.

    >>> text(EVENT, bytes(16))
    'event_00000000000000000000000000'
"""

from typing import NewType

EventId = NewType("EventId", bytes)
OrganisationId = NewType("OrganisationId", bytes)
PoolId = NewType("PoolId", bytes)
TicketTypeId = NewType("TicketTypeId", bytes)
BuyerId = NewType("BuyerId", bytes)
OperationId = NewType("OperationId", bytes)
TicketId = NewType("TicketId", bytes)
PaymentId = NewType("PaymentId", bytes)
UserId = NewType("UserId", bytes)
MemberId = NewType("MemberId", bytes)
InvitationId = NewType("InvitationId", bytes)
ApiKeyId = NewType("ApiKeyId", bytes)
DeviceId = NewType("DeviceId", bytes)
PasskeyId = NewType("PasskeyId", bytes)
SessionId = NewType("SessionId", bytes)
VenueId = NewType("VenueId", bytes)
SeriesId = NewType("SeriesId", bytes)
VoucherId = NewType("VoucherId", bytes)
QuestionId = NewType("QuestionId", bytes)

# A hold is named by the operation that placed it, and an order by the operation that bought it: one
# identifier fewer to store for each, and a repeated request finds the thing it made by its own name.
HoldId = OperationId
OrderId = OperationId

EVENT = "event"
ORGANISATION = "org"
POOL = "pool"
TICKET_TYPE = "type"
BUYER = "buyer"
OPERATION = "op"
HOLD = "hold"
ORDER = "order"
TICKET = "ticket"
PAYMENT = "payment"
USER = "user"
MEMBER = "member"
INVITATION = "invite"
API_KEY = "key"
DEVICE = "device"
PASSKEY = "passkey"
SESSION = "session"
VENUE = "venue"
SERIES = "series"
VOUCHER = "voucher"
QUESTION = "question"

KINDS = (
    EVENT, ORGANISATION, POOL, TICKET_TYPE, BUYER, OPERATION, HOLD, ORDER, TICKET, PAYMENT, USER, MEMBER,
    INVITATION, API_KEY, DEVICE, PASSKEY, SESSION, VENUE, SERIES, VOUCHER, QUESTION,
)  # fmt: skip

_BYTES = 16
_TEXT_LENGTH = 26
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_PYTHON = "0123456789abcdefghijklmnopqrstuv"
_ALPHABET = frozenset(_CROCKFORD)
_TO_PYTHON = str.maketrans(_CROCKFORD, _PYTHON)
_PAIRS = tuple(high + low for high in _CROCKFORD for low in _CROCKFORD)
_PAIR_SHIFTS = tuple(range(120, -1, -10))


class MalformedId(ValueError):
    """The text is not an identifier of the kind that was asked for. `args[0]` says in what way."""


def text(kind: str, identifier: bytes) -> str:
    """Return the TypeID form of 16 raw bytes."""
    number = int.from_bytes(identifier, "big")
    return kind + "_" + "".join([_PAIRS[number >> shift & 1023] for shift in _PAIR_SHIFTS])


def parse(kind: str, value: str) -> bytes:
    """Return the 16 raw bytes of a TypeID of the given kind.

    Raises:
        MalformedId: another prefix, another length, a character outside the alphabet, or a number above 128
            bits.
    """
    prefix, _, suffix = value.rpartition("_")
    if prefix != kind:
        raise MalformedId(f"expected an identifier that starts with {kind}_")
    if len(suffix) != _TEXT_LENGTH:
        raise MalformedId(f"expected {_TEXT_LENGTH} characters after {kind}_")
    if not _ALPHABET.issuperset(suffix):
        raise MalformedId("expected digits and lower-case letters other than i, l, o and u")
    number = int(suffix.translate(_TO_PYTHON), 32)
    if number >> 128:
        raise MalformedId("the number is above 128 bits")
    return number.to_bytes(_BYTES, "big")


def uuid7(now_ms: int, random_bits: int) -> bytes:
    """Return a version 7 UUID (RFC 9562, section 5.7) as 16 bytes.

    Args:
        now_ms: milliseconds since the epoch, 48 bits of it are used.
        random_bits: a random number; its low 74 bits are used.
    """
    upper = random_bits >> 62 & 0xFFF
    lower = random_bits & 0x3FFF_FFFF_FFFF_FFFF
    number = (now_ms & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | upper << 64 | 0b10 << 62 | lower
    return number.to_bytes(_BYTES, "big")


def created_ms(identifier: bytes) -> int:
    """Return the milliseconds since the epoch that a UUIDv7 carries."""
    return int.from_bytes(identifier[:6], "big")
