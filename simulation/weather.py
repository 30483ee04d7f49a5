"""How bad things are in one run: drawn from the seed, so that some runs are mild and some are terrible."""

import random

import msgspec


class Weather(msgspec.Struct, frozen=True):
    """Probabilities (0 to 1) and the longest delays, in milliseconds.

    Attributes:
        call_lost, answer_lost: a call between processes, or its answer, gets nowhere.
        call_repeated: a call arrives twice.
        call_late: a call takes ten times as long, so that others overtake it.
        store_unreachable: a request to the store fails before it got there.
        answer_cut, commit_cut: the store may do what was asked, but its answer is lost; for commits.
        lands_late: after such a cut the transaction still runs, and commits later.
        commit_refused: the store refuses a transaction (a full disk).
        clock_skew_ms: how far the clocks of two incarnations can be apart.
    """

    delay_ms: float = 2.0
    store_ms: float = 1.5
    call_lost: float = 0.0
    answer_lost: float = 0.0
    call_repeated: float = 0.0
    call_late: float = 0.0
    store_unreachable: float = 0.0
    answer_cut: float = 0.0
    commit_cut: float = 0.0
    lands_late: float = 0.0
    commit_refused: float = 0.0
    clock_skew_ms: int = 0


FAIR = Weather()
"""Nothing is lost: the end of every run, in which everything has to come right by itself."""


def draw(rng: random.Random) -> Weather:
    """Return the weather of a run."""
    badness = rng.choice((0.0, 0.3, 1.0, 1.0, 2.0))

    def chance(most: float) -> float:
        return rng.random() * most * badness if rng.random() < 0.7 else 0.0

    return Weather(
        delay_ms=rng.choice((0.5, 2.0, 10.0)),
        store_ms=rng.choice((0.5, 2.0, 8.0)),
        call_lost=chance(0.05),
        answer_lost=chance(0.05),
        call_repeated=chance(0.10),
        call_late=chance(0.10),
        store_unreachable=chance(0.03),
        answer_cut=chance(0.05),
        commit_cut=chance(0.15),
        lands_late=chance(1.0),
        commit_refused=chance(0.02),
        clock_skew_ms=rng.choice((0, 0, 50, 3_000)),
    )
