"""How a sale went, for those who watch it, from the record. If these failed, an organiser would see a course
that begins when they look, tickets in spans in which nobody bought them, or a sale that is counted over and
over while it is at its busiest.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from domain.ids import BuyerId, EventId, OrderId, OrganisationId
from domain.refusals import Code, Refusal
from services.events.access import Access
from services.events.course import FRESH_S, RECENT_SPANS, SPANS_MAX, STEP_MS, SaleCourse, SaleCourses
from storage.event_owners import EventOwners
from storage.postgres import Pool, close_pool, create_pool
from tests.services.organiser import sure
from tests.storage.journal_contract import fresh
from tests.storage.rows import add_event, add_order

NOW_MS = 1_790_000_003_456
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


class Watched:
    """An event whose sale is looked at, by its own organisation."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.event_id = EventId(fresh())
        self.organisation_id = OrganisationId(self.event_id)
        self.order_id = OrderId(fresh())
        self.now_ms = NOW_MS
        self.passed_s = 0.0
        self.courses = SaleCourses(
            pool, Access(EventOwners(pool)), lambda: self.now_ms, monotonic=lambda: self.passed_s
        )

    async def another(self) -> "Watched":
        """Another event, of another organisation."""
        made = Watched(self.pool)
        made.order_id = self.order_id
        await add_event(self.pool, made.event_id)
        return made

    async def issue(self, *ats_ms: int, is_cancelled: bool = False) -> None:
        """Issue a ticket at each of some times."""
        await self.pool.executemany(
            """
            INSERT INTO tickets (ticket_id, order_id, event_id, buyer_id, ticket_type, state, issued_at)
            VALUES ($1, $2, $3, $2, 0, $4, $5)
            """,
            [
                (fresh(), self.order_id, self.event_id, "cancelled" if is_cancelled else "issued", at_ms)
                for at_ms in ats_ms
            ],
        )

    async def seen(self) -> SaleCourse:
        """What is seen some seconds after the last look."""
        self.passed_s += FRESH_S
        return sure(await self.courses.of_event(self.organisation_id, self.event_id))


@pytest.fixture
async def watched(migrated_dsn: str) -> AsyncIterator[Watched]:
    pool = await create_pool(migrated_dsn, application_name="test", connections_max=1)
    watched = Watched(pool)
    await add_order(pool, watched.order_id, watched.event_id, BuyerId(fresh()), "paid")
    yield watched
    await close_pool(pool)


def where(counts: Sequence[int]) -> dict[int, int]:
    """What is not nothing, by its place."""
    return {at: one for at, one in enumerate(counts) if one}


async def test_a_sale_of_which_nothing_is_sold_is_one_empty_span(watched: Watched) -> None:
    course = await watched.seen()
    assert course.time_ms == NOW_MS
    for part in (course.whole, course.recent):
        assert (part.from_ms, part.width_ms) == (NOW_MS // STEP_MS * STEP_MS, STEP_MS)
        assert (part.sold, part.cancelled) == ((0,), (0,))


async def test_a_ticket_is_in_the_span_that_its_time_begins(watched: Watched) -> None:
    edge_ms = NOW_MS // STEP_MS * STEP_MS
    await watched.issue(edge_ms - STEP_MS, edge_ms - 1, edge_ms, NOW_MS)
    course = await watched.seen()
    assert course.whole.from_ms == edge_ms - STEP_MS
    assert course.whole.sold == course.recent.sold == (2, 2)


async def test_a_sale_that_has_just_begun_is_one_span(watched: Watched) -> None:
    await watched.issue(NOW_MS, NOW_MS)
    course = await watched.seen()
    assert course.whole.sold == course.recent.sold == (2,)


async def test_what_was_taken_back_counts_where_it_was_sold(watched: Watched) -> None:
    await watched.issue(NOW_MS - 25_000, NOW_MS)
    await watched.issue(NOW_MS - 25_000, NOW_MS - 25_000, is_cancelled=True)
    course = await watched.seen()
    assert course.whole.sold == course.recent.sold == (3, 0, 0, 1)
    assert course.whole.cancelled == course.recent.cancelled == (2, 0, 0, 0)


@pytest.mark.parametrize(
    ("age_ms", "width_ms"),
    [
        (HOUR_MS, 30_000),
        (DAY_MS, 10 * MINUTE_MS),
        (30 * DAY_MS, 6 * HOUR_MS),
        (400 * DAY_MS, 2 * DAY_MS),
        (30_000 * DAY_MS // 2, 364 * DAY_MS),
    ],
)
async def test_spans_are_as_wide_as_a_sale_is_long(watched: Watched, age_ms: int, width_ms: int) -> None:
    first_ms = NOW_MS - age_ms
    await watched.issue(first_ms, first_ms, NOW_MS - 20_000, NOW_MS)
    course = await watched.seen()
    assert course.whole.width_ms == width_ms
    # Whatever clock a server has, spans begin at multiples of their width in UTC.
    assert course.whole.from_ms == first_ms // width_ms * width_ms
    last = (NOW_MS - course.whole.from_ms) // width_ms
    assert where(course.whole.sold) == {0: 2, last: 2}
    assert len(course.whole.sold) == len(course.whole.cancelled) == last + 1 <= SPANS_MAX
    # The last minutes of it are told as of a sale that has just begun.
    assert course.recent.width_ms == STEP_MS
    assert len(course.recent.sold) == RECENT_SPANS
    assert where(course.recent.sold) == {RECENT_SPANS - 3: 1, RECENT_SPANS - 1: 1}


async def test_what_a_clock_that_is_ahead_has_written_is_in_the_last_span(watched: Watched) -> None:
    await watched.issue(NOW_MS - STEP_MS, NOW_MS + 5 * MINUTE_MS)
    assert (await watched.seen()).whole.sold == (1, 1)
    later = await watched.another()
    await later.issue(NOW_MS + HOUR_MS)
    assert (await later.seen()).whole.sold == (1,)


async def test_another_event_is_not_counted(watched: Watched) -> None:
    other = await watched.another()
    await other.issue(NOW_MS, NOW_MS)
    await watched.issue(NOW_MS)
    assert (await watched.seen()).whole.sold == (1,)
    stranger = await watched.courses.of_event(other.organisation_id, watched.event_id)
    assert isinstance(stranger, Refusal)
    assert stranger.code is Code.NOT_FOUND


async def test_many_who_ask_at_once_are_told_of_one_count(watched: Watched) -> None:
    await watched.issue(NOW_MS)
    asked = [watched.courses.of_event(watched.organisation_id, watched.event_id) for _ in range(50)]
    one, *others = await asyncio.gather(*asked)
    assert all(other is one for other in others)
    # For some seconds it is not counted again, then it is.
    await watched.issue(NOW_MS)
    assert await watched.courses.of_event(watched.organisation_id, watched.event_id) is one
    assert (await watched.seen()).whole.sold == (2,)


async def test_the_indexes_are_what_it_is_counted_by(watched: Watched) -> None:
    """A sale of a million would be read row by row otherwise."""
    await watched.issue(*range(NOW_MS - 2_000, NOW_MS))
    before = await _scans(watched.pool)
    await watched.seen()
    await watched.pool.execute("SELECT pg_stat_force_next_flush()")
    after = await _scans(watched.pool)
    assert after["tickets_event_issued"] > before["tickets_event_issued"]
    assert after["tickets_event_cancelled"] > before["tickets_event_cancelled"]


async def _scans(pool: Pool) -> dict[str, int]:
    rows = await pool.fetch(
        "SELECT indexrelname, idx_scan FROM pg_stat_user_indexes WHERE relname = 'tickets'"
    )
    return {row["indexrelname"]: row["idx_scan"] for row in rows}
