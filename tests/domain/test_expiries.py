"""If these failed, a sweep would look at holds that have time left, four times a second and between two turns
of selling; or a hold would outlive its time.
"""

from typing import Any

from domain import events as e
from domain.expiries import ENDED_MIN, SPAN_MS, Expiries
from domain.ids import HoldId
from tests.domain.stage import NOW_MS, buyer, op

MANY = 3_000
MINUTE_MS = 60_000


class Counted(dict[Any, Any]):
    """A dict that counts how often something was looked up."""

    looks = 0

    def get(self, key: Any, default: Any = None) -> Any:
        self.looks += 1
        return super().get(key, default)


class Holds:
    """Holds as an inventory keeps them, with a count of those that were looked at."""

    def __init__(self) -> None:
        self.live = Counted()
        self.extended: dict[HoldId, int] = {}
        self.expiries = Expiries(self.live, self.extended)

    def hold(self, expires_at_ms: int) -> HoldId:
        number = len(self.live)
        held = e.Held(op(number), buyer(number), (), expires_at_ms)
        hold_id = HoldId(held.operation_id)
        self.live[hold_id] = held
        self.expiries.add(hold_id, expires_at_ms)
        return hold_id

    def extend(self, hold_id: HoldId, expires_at_ms: int) -> None:
        self.extended[hold_id] = expires_at_ms
        self.expiries.move(hold_id, self.live[hold_id].expires_at_ms, expires_at_ms)

    def end(self, hold_id: HoldId) -> None:
        hold = self.live.pop(hold_id)
        self.expiries.remove(self.extended.pop(hold_id, hold.expires_at_ms))

    def found(self, after_ms: int | None, until_ms: int) -> list[HoldId]:
        return [HoldId(hold.operation_id) for hold, _ in self.expiries.between(after_ms, until_ms)]


def test_holds_that_last_shorter_than_older_ones_are_not_looked_at_before_their_time() -> None:
    holds = Holds()
    holds.hold(NOW_MS + 10 * MINUTE_MS)
    shorter = [holds.hold(NOW_MS + MINUTE_MS + at) for at in range(MANY)]
    assert holds.found(None, NOW_MS + MINUTE_MS - 1) == []
    assert holds.live.looks == 0
    first_second = shorter[:SPAN_MS]
    assert holds.found(None, NOW_MS + MINUTE_MS + SPAN_MS - 1) == first_second
    assert holds.live.looks == SPAN_MS


def test_extended_holds_are_not_looked_at_before_their_time() -> None:
    holds = Holds()
    extended = [holds.hold(NOW_MS) for _ in range(MANY)]
    for hold_id in extended:
        holds.extend(hold_id, NOW_MS + MINUTE_MS)
    late = holds.hold(NOW_MS + 1)
    holds.live.looks = 0
    assert holds.found(None, NOW_MS + SPAN_MS) == [late]
    assert holds.live.looks == 1
    assert holds.found(None, NOW_MS + MINUTE_MS) == [late, *extended]


def test_an_announcement_looks_at_what_was_not_announced_before() -> None:
    holds = Holds()
    placed = [holds.hold(NOW_MS + at * SPAN_MS) for at in range(60)]
    assert holds.found(NOW_MS + 57 * SPAN_MS, NOW_MS + 59 * SPAN_MS) == placed[58:]
    assert holds.live.looks <= 3


def test_of_holds_that_ended_early_few_are_remembered_or_looked_at() -> None:
    holds = Holds()
    stays = holds.hold(NOW_MS)
    for _ in range(MANY):
        holds.end(holds.hold(NOW_MS))
    holds.live.looks = 0
    assert holds.found(None, NOW_MS) == [stays]
    assert holds.live.looks <= ENDED_MIN + 2


def test_one_that_is_extended_within_a_second_is_found_once_and_at_its_new_time() -> None:
    holds = Holds()
    hold_id = holds.hold(NOW_MS)
    holds.extend(hold_id, NOW_MS + SPAN_MS // 2)
    assert holds.found(None, NOW_MS) == []
    assert holds.found(None, NOW_MS + SPAN_MS) == [hold_id]
    holds.end(hold_id)
    assert holds.expiries.is_none_until(NOW_MS + MINUTE_MS)


def test_after_a_long_pause_all_that_is_over_is_found_in_its_order() -> None:
    holds = Holds()
    late, early = holds.hold(NOW_MS + MINUTE_MS), holds.hold(NOW_MS)
    future = holds.hold(1_000 * NOW_MS)
    assert holds.found(None, 999 * NOW_MS) == [early, late]
    holds.end(early)
    assert holds.expiries.is_none_until(NOW_MS + MINUTE_MS - 1)
    assert holds.found(None, 1_000 * NOW_MS) == [late, future]
