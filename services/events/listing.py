"""Events as lists have them, and the form in which gateways share lists through Redis.

A list keeps of its events what cards and calendars say, which everybody may know: no hidden ticket type, no
question, no pool. Lists from PostgreSQL and from Redis are the same, so nobody can come to rely on more.
"""

import hashlib
from typing import Final, Generic, TypeVar

import msgspec

from storage.event_lists import Listed
from storage.event_records import EventRecord, TicketTypeRecord, TierRecord
from storage.organisation_profiles import OrganisationProfile

T = TypeVar("T")


def as_listed(listed: Listed) -> Listed:
    """Return a list with as much of its events as lists say."""
    return Listed(tuple(map(_event, listed.events)), listed.next_cursor)


class SharedForm(Generic[T]):
    """How something lies in Redis.

    Attributes:
        name: of the form; another version of this code with other fields has another.
    """

    def __init__(self, kind: type[T], *parts: type[msgspec.Struct]) -> None:
        self._decode = msgspec.msgpack.Decoder(kind).decode
        fields = [(part.__name__, part.__struct_fields__) for part in parts]
        self.name: Final = hashlib.sha256(repr((kind.__name__, fields)).encode()).digest()

    def packed(self, value: T) -> bytes:
        """Return the copy."""
        return msgspec.msgpack.encode(value)

    def unpacked(self, packed: bytes) -> T | None:
        """Return what a copy says, None if it says nothing."""
        try:
            return self._decode(packed)
        except (msgspec.MsgspecError, ValueError):
            return None


LISTS: Final = SharedForm(Listed, Listed, EventRecord, TicketTypeRecord, TierRecord)
PROFILES: Final = SharedForm(OrganisationProfile, OrganisationProfile)


def _event(event: EventRecord) -> EventRecord:
    return msgspec.structs.replace(
        event,
        description="",
        # Calendars say it where there is no summary.
        description_html="" if event.summary else event.description_html,
        # By their places it is said what is sold out.
        ticket_types=tuple(map(_type, event.ticket_types)),
        pools=(),
        questions=(),
        images=(),
        venue_id=None,
        series_id=None,
    )


def _type(kind: TicketTypeRecord) -> TicketTypeRecord:
    if kind.is_public:
        return msgspec.structs.replace(kind, description="", pools=(), valid_days=())
    return TicketTypeRecord(kind.ticket_type_id, "", "", 0, 1, 1, None, None, (), is_hidden=True)
