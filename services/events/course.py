"""How an event's sale went from its first ticket on, for those who watch it: what was sold within equal spans
of time. What is sold from now on they hear over the websocket (`sales.watch`), so this is read when a page is
opened or comes back, by many at once when a gateway was away: it is counted once for all who ask within a few
seconds.

A ticket counts when it was issued, also when it was taken back since: when that was is not asked for.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Annotated, Final

from pydantic import Field

from domain.ids import EventId, OrganisationId
from domain.refusals import Refusal
from services.events.access import Access
from services.events.single_flight import SingleFlight
from services.models import TIME_MS_MAX, Model, TimeMs
from storage.postgres import Pool
from storage.sale_course import Issued, Span, count_issued, first_issued_ms
from storage.tenancy import tenant

SPANS_MAX: Final = 240
RECENT_SPANS: Final = 60
FRESH_S: Final = 5.0
CACHED_MAX: Final = 500
_SECOND, _MINUTE, _HOUR, _DAY = 1_000, 60_000, 3_600_000, 86_400_000
STEP_MS: Final = 10 * _SECOND
_WIDTHS_MS: Final = (
    STEP_MS, 30 * _SECOND, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE,
    _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY, 28 * _DAY, 364 * _DAY,
)  # fmt: skip


class Course(Model):
    """Tickets by when they were sold: one span after the other, all of one width, up to the present one."""

    from_ms: TimeMs
    """When the first span begins: a multiple of the width since 1970 in UTC."""
    width_ms: Annotated[int, Field(ge=STEP_MS)]
    sold: tuple[int, ...]
    """How many tickets were sold within each span."""
    cancelled: tuple[int, ...]
    """How many of those have been taken back since."""


class SaleCourse(Model):
    """How a sale went."""

    time_ms: TimeMs
    """When it was counted."""
    whole: Course
    """From the first ticket on, in 240 spans at most."""
    recent: Course
    """The last ten minutes in spans of ten seconds, as far as tickets were sold by then."""


class SaleCourses:
    """Looks up how sales went. Raises `ConnectionError` when PostgreSQL is away."""

    def __init__(
        self,
        pool: Pool,
        access: Access,
        clock: Callable[[], int],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pool = pool
        self._access = access
        self._clock = clock
        self._monotonic = monotonic
        self._kept: OrderedDict[EventId, tuple[float, SaleCourse]] = OrderedDict()
        self._flights = SingleFlight()

    async def of_event(self, organisation_id: OrganisationId, event_id: EventId) -> SaleCourse | Refusal:
        """Return how the sale of an event went that an organisation may see."""
        found = await self._access.find(organisation_id, event_id)
        if isinstance(found, Refusal):
            return found
        kept = self._kept.get(event_id)
        if kept is not None and self._monotonic() - kept[0] < FRESH_S:
            return kept[1]
        return await self._flights.once(event_id, lambda: self._count(found.owner, event_id))

    async def _count(self, owner: OrganisationId, event_id: EventId) -> SaleCourse:
        async with tenant(self._pool, owner) as connection:
            first_ms = await first_issued_ms(connection, event_id)
            now_ms = self._clock()
            first_ms = now_ms if first_ms is None else min(first_ms, now_ms)
            width_ms = width_between(first_ms, now_ms)
            whole = spans_between(first_ms, now_ms, width_ms)
            recent_ms = max(first_ms, now_ms - (RECENT_SPANS - 1) * STEP_MS)
            recent = spans_between(recent_ms, now_ms, STEP_MS)
            # A young sale's spans are the narrow ones: nothing is counted twice when there is most to count.
            further = [] if width_ms == STEP_MS else recent
            counted = await count_issued(connection, event_id, [*whole, *further])
        course = SaleCourse(
            # What was sold while it was counted may be in it.
            time_ms=self._clock(),
            whole=_course(whole, width_ms, counted[: len(whole)]),
            recent=_course(recent, STEP_MS, counted[-len(recent) :]),
        )
        self._kept[event_id] = (self._monotonic(), course)
        self._kept.move_to_end(event_id)
        if len(self._kept) > CACHED_MAX:
            self._kept.popitem(last=False)
        return course


def width_between(first_ms: int, last_ms: int) -> int:
    """Return how wide spans are, in milliseconds, of which `SPANS_MAX` reach from one time to another."""
    fitting = (one for one in _WIDTHS_MS if last_ms // one - first_ms // one < SPANS_MAX)
    return next(fitting, _WIDTHS_MS[-1])


def spans_between(first_ms: int, last_ms: int, width_ms: int) -> list[Span]:
    """Return the spans of a width that two times and all between are in. The last one has no end: clocks that
    are ahead may have written what is in it.
    """
    begins = list(range(first_ms // width_ms * width_ms, last_ms + 1, width_ms))
    ends = [*begins[1:], TIME_MS_MAX]
    return [Span(begin, end) for begin, end in zip(begins, ends, strict=True)]


def _course(spans: Sequence[Span], width_ms: int, counted: Sequence[Issued]) -> Course:
    return Course(
        from_ms=spans[0].from_ms,
        width_ms=width_ms,
        sold=tuple(one.sold for one in counted),
        cancelled=tuple(one.cancelled for one in counted),
    )
