"""Times as clocks at the venue show them. If these failed, events would begin an hour early or late around a
change of clocks, or at a time that does not exist.
"""

import datetime as dt
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.events.local_time import NotATime, moved_to_ms, to_ms, to_text, wall_clock
from services.events.models import NewSeries
from services.events.recurrence import BadRule, occurrences

ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2030-05-01T20:00", "Europe/Berlin", "2030-05-01T18:00"),
        ("2030-03-31T03:00", "Europe/Berlin", "2030-03-31T01:00"),
        # Twice: the first, unless it is said which.
        ("2030-10-27T02:30", "Europe/Berlin", "2030-10-27T00:30"),
        ("2030-10-27T02:30+01:00", "Europe/Berlin", "2030-10-27T01:30"),
        ("2030-10-27T02:30+02:00", "Europe/Berlin", "2030-10-27T00:30"),
        # Half an hour only.
        ("2030-10-06T02:30", "Australia/Lord_Howe", "2030-10-05T15:30"),
        ("2030-01-01T00:00", "Asia/Kolkata", "2029-12-31T18:30"),
    ],
)
def test_what_clocks_show(text: str, zone: str, utc: str) -> None:
    at_ms = to_ms(text, zone)
    assert dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC).replace(tzinfo=None).isoformat()[:16] == utc
    assert to_ms(to_text(at_ms, zone), zone) == at_ms


@pytest.mark.parametrize(
    ("text", "zone", "why"),
    [
        ("2030-03-31T02:30", "Europe/Berlin", "gap"),
        ("2030-10-06T02:15", "Australia/Lord_Howe", "gap"),
        ("2011-12-30T12:00", "Pacific/Apia", "gap"),  # a whole day was left out
        ("2030-05-01T20:00+05:00", "Europe/Berlin", "wrong_offset"),
        ("2030-03-31T02:30+01:00", "Europe/Berlin", "wrong_offset"),
        ("2030-13-01T20:00", "Europe/Berlin", "not_a_time"),
        ("9999-12-31T23:59", "Europe/Berlin", "out_of_range"),
    ],
)
def test_what_no_clock_shows(text: str, zone: str, why: str) -> None:
    with pytest.raises(NotATime) as raised:
        to_ms(text, zone)
    assert raised.value.args[0] == why


@given(st.integers(40_000_000, 7_000_000_000), st.sampled_from(ZONES))
def test_every_moment_has_a_text_and_comes_back(at_s: int, zone: str) -> None:
    assert to_ms(to_text(at_s * 1000, zone), zone) == at_s * 1000


@given(st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2100, 1, 1)), st.sampled_from(ZONES))  # noqa: DTZ001
def test_a_rule_moves_out_of_gaps_and_only_there(wall: dt.datetime, zone: str) -> None:
    wall = wall.replace(microsecond=0)
    at_ms, is_moved = moved_to_ms(wall, zone)
    shown = wall_clock(at_ms, zone)
    if is_moved:
        assert dt.timedelta(0) < shown - wall <= dt.timedelta(hours=1)
    else:
        assert shown == wall


def series(rule: Any, **fields: Any) -> NewSeries:
    event = "event_00000000000000000000000000"
    said = {"event": event, "title": "S", "rule": rule, **fields}
    return NewSeries.model_validate_json(json.dumps(said))


def starts(said: NewSeries, first: str, zone: str = "Europe/Berlin") -> list[str]:
    found = occurrences(said, to_ms(first, zone), zone)
    return [to_text(one.starts_at_ms, zone) + (" moved" if one.is_moved else "") for one in found]


def test_eight_in_the_evening_stays_eight_in_the_evening() -> None:
    weekly = series({"kind": "weekly", "weekdays": [7]}, count=4)
    assert starts(weekly, "2030-03-17T20:00") == ["2030-03-24T20:00", "2030-03-31T20:00", "2030-04-07T20:00"]


def test_a_time_that_does_not_exist_is_later_and_says_so() -> None:
    daily = series({"kind": "daily"}, count=4)
    assert starts(daily, "2030-03-30T02:30") == [
        "2030-03-31T03:30 moved", "2030-04-01T02:30", "2030-04-02T02:30",
    ]  # fmt: skip
    # Of the hour that comes twice, the first.
    assert starts(daily, "2030-10-26T02:30")[0] == "2030-10-27T02:30+02:00"


def test_rules() -> None:
    rule = {"kind": "weekly", "every": 2, "weekdays": [2, 4]}
    assert starts(series(rule, until="2030-05-20"), "2030-05-01T20:00") == [
        "2030-05-02T20:00", "2030-05-14T20:00", "2030-05-16T20:00",
    ]  # fmt: skip
    dates = series({"kind": "dates", "starts": ["2030-07-01T20:00", "2030-06-01T18:00", "2030-05-01T20:00"]})
    assert starts(dates, "2030-05-01T20:00") == ["2030-06-01T18:00", "2030-07-01T20:00"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (series({"kind": "daily"}), ("until", "required")),
        (series({"kind": "daily"}, count=1), ("rule", "gives_nothing")),
        (series({"kind": "daily"}, until="2040-01-01"), ("until", "too_many")),
        (series({"kind": "daily"}, until="2030-99-01"), ("until", "no_such_day")),
        (series({"kind": "dates", "starts": ["2030-03-31T02:30"]}), ("rule.starts", "gap")),
    ],
)
def test_rules_that_give_nothing_or_too_much(said: NewSeries, why: tuple[str, str]) -> None:
    with pytest.raises(BadRule) as raised:
        starts(said, "2030-03-01T20:00")
    assert raised.value.args == why
