"""The setup that the dates of a series share: what one date says, said of another. Pure.

Pools, ticket types and questions are known again by what the setup calls them, not by place or name, so that
they may be renamed, and a date may have some of its own. What a date has of its own stays as it is.
"""

import datetime as dt
from collections.abc import Callable, Collection, Mapping
from typing import Final

import msgspec

from domain.ids import PoolId, QuestionId, TicketTypeId
from domain.refusals import Refusal
from services.events import local_time
from services.events.drafting import edited, shifted, time_problem
from services.events.models import EventPatch
from services.events.sharing_models import Part
from storage.event_records import EventRecord, QuestionRecord, TicketTypeRecord

_TEXTS: Final = (
    *("title", "summary", "description", "description_html", "image_url", "image_alt", "images", "language"),
    *("category", "tags"),
)
_PLACE: Final = ("venue", "address", "city", "country", "latitude_e6", "longitude_e6", "venue_id")
_LIMITS: Final = ("buyer_limit", "hold_ms", "extension_ms")


class Shared(msgspec.Struct, frozen=True):
    """A date with the setup of another.

    Attributes:
        event: as it is then; the capacities of pools that are on sale are left as they were.
        added: what its new parts are called in the setup.
        capacities: what is still to become of pools that are on sale.
    """

    event: EventRecord
    added: dict[bytes, bytes]
    capacities: dict[PoolId, int]


class Setup(msgspec.Struct, frozen=True):
    """What is shared. `names` is what the setup calls the parts of `event`: all of them have a name."""

    event: EventRecord
    names: Mapping[bytes, bytes]


def with_setup(
    setup: Setup,
    date: EventRecord,
    names: Mapping[bytes, bytes],
    parts: Collection[Part],
    new_id: Callable[[], bytes],
    *,
    is_live: bool,
) -> Shared | Refusal:
    """Return a date with parts of a setup, or why it can't have them.

    Args:
        setup: what another date of the series says.
        date: the event that is to say the same.
        names: what the setup calls the parts of `date`.
        parts: what of the setup it is to have.
        new_id: makes identifiers.
        is_live: its sale is set up, so that pools change by commands of their own.
    """
    made = _said(setup.event, date, parts)
    if isinstance(made, Refusal):
        return made
    merging = _Merging(setup, made, names, new_id)
    capacities: dict[PoolId, int] = {}
    if "tickets" in parts:
        capacities = merging.pools(is_live=is_live)
        merging.types()
    if "questions" in parts:
        merging.questions()
    return Shared(merging.date, merging.added, capacities)


def _said(pattern: EventRecord, date: EventRecord, parts: Collection[Part]) -> EventRecord | Refusal:
    names = (_TEXTS if "texts" in parts else ()) + (_PLACE if "place" in parts else ())
    made = msgspec.structs.replace(date, **{name: getattr(pattern, name) for name in names})
    if "place" in parts and pattern.time_zone != date.time_zone:
        # Clocks at the new place show what they showed at the old one.
        moved = edited(made, EventPatch(time_zone=pattern.time_zone), None)
        if isinstance(moved, Refusal):
            return moved
        made = msgspec.structs.replace(moved, venue_id=pattern.venue_id)
    return _at_the_same_time(pattern, made) if "times" in parts else made


def _at_the_same_time(pattern: EventRecord, date: EventRecord) -> EventRecord | Refusal:
    """Return a date on its own day, at the time of day of another. When its sale opens is its own."""
    day = local_time.wall_clock(date.starts_at_ms, date.time_zone).date()
    clock = local_time.wall_clock(pattern.starts_at_ms, pattern.time_zone).time()
    starts_ms, _ = local_time.moved_to_ms(dt.datetime.combine(day, clock), date.time_zone)
    ends_ms, doors_ms = (
        shifted(at_ms, pattern.starts_at_ms, starts_ms, date.time_zone)
        for at_ms in (pattern.ends_at_ms, pattern.doors_at_ms)
    )
    made = msgspec.structs.replace(date, starts_at_ms=starts_ms, ends_at_ms=ends_ms, doors_at_ms=doors_ms)
    return time_problem(made) or made


class _Merging:
    """Puts the pools, types and questions of a setup into a date, one after the other."""

    def __init__(
        self, setup: Setup, date: EventRecord, names: Mapping[bytes, bytes], new_id: Callable[[], bytes]
    ) -> None:
        self.date = date
        self.added: dict[bytes, bytes] = {}
        self._setup = setup
        self._pattern = setup.event
        self._names = names
        self._new_id = new_id

    def pools(self, *, is_live: bool) -> dict[PoolId, int]:
        """Return the capacities that have to be asked for."""
        found = list(self.date.pools)
        places = {self._names.get(pool.pool_id): at for at, pool in enumerate(found)}
        capacities: dict[PoolId, int] = {}
        for pool in self._pattern.pools:
            place = places.get(self._setup.names[pool.pool_id])
            if place is None:
                found.append(msgspec.structs.replace(pool, pool_id=PoolId(self._added(pool.pool_id))))
                continue
            there = found[place]
            if is_live and there.capacity != pool.capacity:
                capacities[there.pool_id] = pool.capacity
            capacity = there.capacity if is_live else pool.capacity
            found[place] = msgspec.structs.replace(there, name=pool.name, capacity=capacity)
        limits = {name: getattr(self._pattern, name) for name in _LIMITS}
        self.date = msgspec.structs.replace(self.date, pools=tuple(found), **limits)
        return capacities

    def types(self) -> None:
        """Those that the setup has no more are not sold any more; nothing is ever removed."""
        found = list(self.date.ticket_types)
        places = {self._name(kind.ticket_type_id): at for at, kind in enumerate(found)}
        pools = {self._name(pool.pool_id): at for at, pool in enumerate(self.date.pools)}
        shared = set()
        for kind in self._pattern.ticket_types:
            name = self._setup.names[kind.ticket_type_id]
            shared.add(name)
            drawn = (self._setup.names[self._pattern.pools[at].pool_id] for at in kind.pools)
            drawn_from = tuple(sorted(pools[pool] for pool in drawn))
            place = places.get(name)
            if place is None:
                type_id = TicketTypeId(self._added(kind.ticket_type_id))
                found.append(self._moved(kind, type_id, drawn_from, ()))
            else:
                there = found[place]
                found[place] = self._moved(kind, there.ticket_type_id, drawn_from, there.valid_days)
        kept = tuple(
            kind if self._name(kind.ticket_type_id) in {None, *shared} else _retired(kind) for kind in found
        )
        self.date = msgspec.structs.replace(self.date, ticket_types=kept)

    def questions(self) -> None:
        """The setup's in its order, then those of the date alone."""
        there = {self._names.get(one.question_id): one for one in self.date.questions}
        types = {self._name(kind.ticket_type_id): kind.ticket_type_id for kind in self.date.ticket_types}
        found: list[QuestionRecord] = []
        for one in self._pattern.questions:
            asked_of = [types.get(self._setup.names[type_id]) for type_id in one.type_ids]
            type_ids = tuple(type_id for type_id in asked_of if type_id is not None)
            if one.type_ids and not type_ids:
                continue  # of types that this date does not have
            same = there.get(self._setup.names[one.question_id])
            question_id = same.question_id if same else QuestionId(self._added(one.question_id))
            found.append(msgspec.structs.replace(one, question_id=question_id, type_ids=type_ids))
        own = [one for one in self.date.questions if one.question_id not in self._names]
        self.date = msgspec.structs.replace(self.date, questions=(*found, *own))

    def _moved(
        self,
        kind: TicketTypeRecord,
        type_id: TicketTypeId,
        pools: tuple[int, ...],
        valid_days: tuple[dt.date, ...],
    ) -> TicketTypeRecord:
        """Return a type as the setup has it, its times as far from this date's start as from the other's."""

        def moved(at_ms: int | None) -> int | None:
            return shifted(at_ms, self._pattern.starts_at_ms, self.date.starts_at_ms, self.date.time_zone)

        return msgspec.structs.replace(
            kind,
            ticket_type_id=type_id,
            pools=pools,
            valid_days=valid_days,
            sales_start_ms=moved(kind.sales_start_ms),
            sales_end_ms=moved(kind.sales_end_ms),
            tiers=tuple(
                msgspec.structs.replace(tier, ends_at_ms=moved(tier.ends_at_ms)) for tier in kind.tiers
            ),
        )

    def _added(self, part_id: bytes) -> bytes:
        made = self._new_id()
        self.added[made] = self._setup.names[part_id]
        return made

    def _name(self, part_id: bytes) -> bytes | None:
        return self._names.get(part_id) or self.added.get(part_id)


def _retired(kind: TicketTypeRecord) -> TicketTypeRecord:
    return msgspec.structs.replace(kind, is_retired=True)


def part_ids(event: EventRecord) -> list[bytes]:
    """Return the ids of everything that the setup has a name for."""
    return [
        *(pool.pool_id for pool in event.pools),
        *(kind.ticket_type_id for kind in event.ticket_types),
        *(one.question_id for one in event.questions),
    ]


def names_of_copy(event: EventRecord, copy: EventRecord, names: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Return what the parts of a copy are called, which `services.events.editing.duplicate` made."""
    kept = msgspec.structs.replace(
        event, ticket_types=tuple(kind for kind in event.ticket_types if not kind.is_retired)
    )
    return {made: names[part] for part, made in zip(part_ids(kept), part_ids(copy), strict=True)}
