"""The life of an event. If these failed, an archived or cancelled event could be sold again, a step could be
lost, or the documentation would promise steps that are refused.
"""

from pathlib import Path

import pytest

from domain.event_status import LISTED, PUBLIC, STEPS, EventStatus, Step, page, status_at, step
from domain.refusals import Code, Refusal

ROOT = Path(__file__).resolve().parents[2]
S = EventStatus
HOUR = 3_600_000


def at(status: EventStatus, now_ms: int, ends_at_ms: int | None = 10 * HOUR) -> EventStatus:
    return status_at(status, opens_at_ms=HOUR, starts_at_ms=5 * HOUR, ends_at_ms=ends_at_ms, now_ms=now_ms)


@pytest.mark.parametrize("status", EventStatus)
@pytest.mark.parametrize("taken", Step)
def test_what_is_not_in_the_table_is_refused(status: EventStatus, taken: Step) -> None:
    led = step(status, taken)
    if taken in STEPS[status]:
        assert led is STEPS[status][taken]
    else:
        assert led == Refusal(Code.ILLEGAL_STEP, None, {"status": status.value, "step": taken.value})


def test_every_status_is_reached_and_left_the_way_it_must() -> None:
    assert set(STEPS) == set(EventStatus)
    assert {to for steps in STEPS.values() for to in steps.values()} == set(EventStatus) - {S.DRAFT}
    assert {taken for steps in STEPS.values() for taken in steps} == set(Step)
    assert not STEPS[S.ARCHIVED]
    # Nothing leads back to selling from what is over.
    for over in (S.ENDED, S.CANCELLED, S.ARCHIVED):
        assert not set(STEPS[over].values()) & LISTED
    for sells in LISTED:
        assert STEPS[sells][Step.CANCEL] is S.CANCELLED
    assert S.DRAFT not in PUBLIC
    assert S.ARCHIVED not in PUBLIC


def test_time_takes_its_steps() -> None:
    assert at(S.PUBLISHED, HOUR - 1) is S.PUBLISHED
    assert at(S.PUBLISHED, HOUR) is S.ON_SALE
    assert at(S.PAUSED, HOUR) is S.PAUSED
    assert at(S.ON_SALE, 10 * HOUR - 1) is S.ON_SALE
    for live in (S.PUBLISHED, S.ON_SALE, S.PAUSED, S.SOLD_OUT):
        assert at(live, 10 * HOUR) is S.ENDED
    for still in (S.DRAFT, S.CANCELLED, S.ARCHIVED, S.ENDED):
        assert at(still, 1_000 * HOUR) is still
    assert at(S.ON_SALE, 28 * HOUR, None) is S.ON_SALE
    assert at(S.ON_SALE, 29 * HOUR, None) is S.ENDED


def test_the_sale_takes_its_steps() -> None:
    def sold_out(status: EventStatus, now_ms: int, *, is_sold_out: bool = True) -> EventStatus:
        return status_at(
            status,
            opens_at_ms=HOUR,
            starts_at_ms=5 * HOUR,
            ends_at_ms=None,
            now_ms=now_ms,
            is_sold_out=is_sold_out,
        )

    assert sold_out(S.PUBLISHED, HOUR - 1) is S.PUBLISHED
    assert sold_out(S.PUBLISHED, HOUR) is S.SOLD_OUT
    assert sold_out(S.ON_SALE, HOUR) is S.SOLD_OUT
    assert sold_out(S.SOLD_OUT, HOUR) is S.SOLD_OUT
    assert sold_out(S.SOLD_OUT, HOUR, is_sold_out=False) is S.ON_SALE
    assert sold_out(S.ON_SALE, 100 * HOUR) is S.ENDED
    for still in (S.PAUSED, S.DRAFT, S.CANCELLED):
        assert sold_out(still, HOUR) is still


def test_the_page_is_current() -> None:
    assert (ROOT / "docs" / "event-status.md").read_text(encoding="utf-8") == page(), (
        "run python -m domain.event_status"
    )
