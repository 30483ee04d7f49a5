"""How the organiser's page puts together what the server has counted and what it sees itself. If these
failed, the course of a sale would jump where the two meet, or its times would stand in the wrong places.
"""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import OpenContext
from tests.browser.test_shared_modules import call, static_url

pytestmark = pytest.mark.browser
__all__ = ["static_url"]

COUNTED = """
    const part = (from_ms, sold, cancelled) => ({from_ms, width_ms: 10_000, sold, cancelled});
    const whole = part(100_000, [4, 0, 3], [1, 0, 0]);
    const past = m.pastOf({time_ms: 125_000, whole, recent: part(110_000, [0, 3], [0, 0])});
    const seen = (sold, time_ms, held = 0) => ({sold, held, time_ms});
    const course = (...given) => m.courseOf(...given).map((one) => [one.time_ms, one.sold]);
"""


def opened(context: OpenContext, static_url: str, zone: str) -> Page:
    page = context(timezone_id=zone).new_page()
    page.goto(f"{static_url}/shared/icon.svg")
    page.evaluate("document.documentElement.dataset.messages = 'shared selling'")
    return page


@pytest.fixture
def page(open_context: OpenContext, static_url: str) -> Page:
    return opened(open_context, static_url, "UTC")


def history(page: Page, body: str) -> Any:
    return call(page, "organizer/history.js", COUNTED + body)


def test_the_course_goes_on_where_the_record_ends(page: Page) -> None:
    body = """
        const samples = [seen(6, 125_000, 2)];
        return [past.sold, course(past, past.whole, samples), course(past, past.recent, samples)];
    """
    assert history(page, body) == [
        6,
        # The span that is not over yet ends with what is seen.
        [[100_000, 0], [110_000, 3], [125_000, 6]],
        # What was sold before the last minutes is below them.
        [[110_000, 3], [125_000, 6]],
    ]


def test_what_is_sold_now_is_added_to_the_span_that_it_is_in(page: Page) -> None:
    body = """
        let now = past;
        for (const [sold, at] of [[6, 126_000], [8, 127_000], [9, 129_999], [10, 130_000], [9, 141_000]]) {
            now = m.advanced(now, seen(sold, at));
        }
        const ofAll = now.whole.bars.map((bar) => [bar.from_ms, bar.sold, bar.cancelled]);
        return [now.sold, ofAll, now.recent.bars.length, course(now, now.whole, []).at(-1)];
    """
    bars = [[100_000, 4, 1], [120_000, 6, 0], [130_000, 1, 0], [140_000, 0, 1]]
    assert history(page, body) == [9, bars, 3, [150_000, 9]]


def test_a_state_that_was_under_way_takes_nothing_from_the_record(page: Page) -> None:
    body = """
        const later = m.advanced(past, seen(7, 124_000));
        return [m.advanced(past, seen(5, 124_000)) === past, later.sold, later.whole.bars.at(-1).sold];
    """
    assert history(page, body) == [True, 7, 4]


def test_of_the_last_minutes_what_is_older_is_left_out(page: Page) -> None:
    body = "const now = m.advanced(past, seen(7, 900_000)); return [now.recent.bars, now.whole.bars.length]"
    assert history(page, body) == [[{"from_ms": 900_000, "sold": 1, "cancelled": 0}], 3]


def test_a_sale_may_outgrow_its_spans(page: Page) -> None:
    assert history(page, "return [2_499_000, 2_501_000].map((now) => m.isOutgrown(past, now))") == [
        False,
        True,
    ]


# 12:34 in UTC on a Monday of the week in which clocks go back in Europe.
FROM_MS = 1_792_413_240_000
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("zone", "long_ms", "labels"),
    [
        ("UTC", 10 * MINUTE_MS, ["12:34", "12:36", "12:38", "12:40", "12:42"]),
        ("UTC", HOUR_MS, ["12:45", "13:00", "13:15"]),
        ("Asia/Kolkata", HOUR_MS, ["18:15", "18:30", "18:45"]),
        ("UTC", DAY_MS, ["18:00", "20 Oct", "06:00"]),
        ("Europe/Berlin", 7 * DAY_MS, ["21 Oct", "23 Oct", "25 Oct"]),
        ("Asia/Kolkata", 30 * DAY_MS, ["26 Oct", "2 Nov", "9 Nov"]),
        ("UTC", 130 * DAY_MS, ["16 Nov", "14 Dec", "11 Jan", "8 Feb"]),
        ("UTC", 700 * DAY_MS, ["Jan 2027", "Jul 2027", "Jan 2028"]),
    ],
)
def test_times_stand_where_the_readers_clock_has_them(
    open_context: OpenContext, static_url: str, zone: str, long_ms: int, labels: list[str]
) -> None:
    page = opened(open_context, static_url, zone)
    body = "return m.ticks(a[0], a[0] + a[1]).map(({at, label}) => [a[0] + at * a[1], label])"
    found = call(page, "organizer/axis.js", body, [FROM_MS, long_ms])
    assert [label for _, label in found] == labels
    as_read = """
        const {at_ms, zone, label} = a;
        const options = {hourCycle: 'h23', timeZone: zone, ...(label.includes(':')
            ? {hour: '2-digit', minute: '2-digit'} : {day: 'numeric', month: 'short'})};
        return new Intl.DateTimeFormat('en-GB', options).format(Math.round(at_ms));
    """
    for at_ms, label in found:
        if not label[-4:].isdigit():
            assert (
                call(page, "organizer/axis.js", as_read, {"at_ms": at_ms, "zone": zone, "label": label})
                == label
            )


def test_lengths_are_said_as_one_says_them(page: Page) -> None:
    body = "return [10_000, 30_000, 60_000, 3_600_000, 21_600_000, 86_400_000, 604_800_000].map(m.every)"
    assert call(page, "organizer/axis.js", body) == [
        "10 seconds", "30 seconds", "minute", "hour", "6 hours", "day", "7 days",
    ]  # fmt: skip
