"""The code that a ticket's QR shows: the ticket's id and a keyed signature over it.

`BT1.<ticket id>.<signature>`, the signature being the first 16 bytes of HMAC-SHA-256 (RFC 2104) in unpadded
URL-safe base64. Nobody who lacks the key can make one, and nothing has to be stored to check one. The version
in front leaves room for codes that a gate can check without the key.
"""

import hmac
from base64 import urlsafe_b64encode
from typing import Final

from domain.ids import TICKET, MalformedId, TicketId, parse, text

PREFIX: Final = "BT1"
_SIGNATURE_BYTES: Final = 16


def ticket_code(ticket_id: TicketId, key: bytes) -> str:
    """Return the code of a ticket."""
    return f"{PREFIX}.{text(TICKET, ticket_id)}.{_signature(ticket_id, key)}"


def ticket_of(code: str, key: bytes) -> TicketId | None:
    """Return the ticket that a code is genuine for, None for any other text."""
    parts = code.split(".")
    if len(parts) != 3 or parts[0] != PREFIX:
        return None
    try:
        ticket_id = TicketId(parse(TICKET, parts[1]))
    except MalformedId:
        return None
    # Half of a surrogate pair, which JSON can carry, has no UTF-8: it is no signature either.
    genuine = hmac.compare_digest(parts[2].encode(errors="replace"), _signature(ticket_id, key).encode())
    return ticket_id if genuine else None


def _signature(ticket_id: bytes, key: bytes) -> str:
    digest = hmac.digest(key, b"bilten ticket 1" + ticket_id, "sha256")[:_SIGNATURE_BYTES]
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
