"""If these failed, memory would grow as long as a sale is busy, or a batch would take seconds to write."""

from actors.mailbox import Call
from actors.residents import Resident
from actors.turn import Evidence, Turn
from domain import commands as c
from domain.ids import HoldId
from domain.operations import SPILL_BATCH_MAX
from storage.journal import Batch
from tests.domain.stage import EVENT, NOW_MS, REGULAR, Stage, buyer, definition, op

RECENT_MAX = 10


def taken(resident: Resident, commands: list[c.AnyCommand]) -> Batch:
    """What a turn writes that decides commands."""
    turn = Turn(NOW_MS, RECENT_MAX)
    turn.take_call(Call(commands), {EVENT: resident}, Evidence())
    return turn.batch(0, 1)


def holds(numbers: range) -> list[c.AnyCommand]:
    return [c.PlaceHold(op(number), EVENT, buyer(number), (c.Line(REGULAR, 1),)) for number in numbers]


def releases(numbers: range) -> list[c.AnyCommand]:
    return [
        c.ReleaseHold(op(2_000_000 + number), EVENT, buyer(number), HoldId(op(number))) for number in numbers
    ]


async def test_memory_lets_as_many_operations_go_as_a_turn_finishes() -> None:
    resident = Resident(Stage(definition(standing=100_000)).state, 0, NOW_MS)
    taken(resident, holds(range(4_000)))
    written = taken(resident, releases(range(4_000)))
    assert len(written.operations) > 4_000
    assert len(resident.state.operations.recent) == RECENT_MAX


async def test_what_a_recovery_has_left_in_memory_goes_little_by_little() -> None:
    stage = Stage(definition(standing=100_000))
    for command in (*holds(range(2_000)), *releases(range(2_000))):
        stage.do(command)
    resident = Resident(stage.state, 0, NOW_MS)
    assert len(taken(resident, holds(range(2_000, 2_100))).operations) == SPILL_BATCH_MAX
