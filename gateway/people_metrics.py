"""What the user service and the keys do and what waits for them, as metrics: what only ever goes up is a
counter, what comes and goes is a gauge.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial

import msgspec
from prometheus_client import CollectorRegistry, Gauge

from gateway.metrics import watch_counter
from services.keys.keys import Keys
from services.users.capability import Users


class _Source(msgspec.Struct, frozen=True):
    """Counts of one part.

    Attributes:
        now: those of them that come and go.
    """

    text: str
    counts: Callable[[], Mapping[str, int]]
    now: frozenset[str]


def watch_people(registry: CollectorRegistry, users: Users, keys: Keys) -> None:
    """Show the counts of the user service and of keys; they go on by themselves."""
    for name, source in _sources(users, keys).items():
        done = [what for what in source.counts() if what not in source.now]
        if done:
            watch_counter(registry, name, source.text, ("what",), partial(_done, source.counts, done))
        if source.now:
            gauge = Gauge(f"{name}_now", f"{source.text}, at the moment", ("what",), registry=registry)
            for what in source.now:
                gauge.labels(what).set_function(partial(_now, source.counts, what))


def _sources(users: Users, keys: Keys) -> Mapping[str, _Source]:
    return {
        "bilten_passwords": _Source(
            "Password hashes: made, callers refused as busy, waiting",
            users.passwords.counts,
            frozenset({"waiting"}),
        ),
        "bilten_identities": _Source(
            "Who a session is: asked, known without a statement, kept",
            users.identities.counts,
            frozenset({"kept"}),
        ),
        "bilten_keys": _Source(
            "Who a key or a device is: asked, known without a statement, kept",
            keys.counts,
            frozenset({"kept"}),
        ),
        "bilten_mails": _Source(
            "Mails: waiting, sent, given up, tried again", users.mailer.counts, frozenset({"waiting"})
        ),
        "bilten_account_work": _Source(
            "Work that no answer waits for",
            lambda: {"under_way": len(users.background)},
            frozenset({"under_way"}),
        ),
    }


def _done(
    counts: Callable[[], Mapping[str, int]], names: Iterable[str]
) -> Iterable[tuple[tuple[str, ...], int]]:
    found = counts()
    return [((what,), found[what]) for what in names]


def _now(counts: Callable[[], Mapping[str, int]], what: str) -> float:
    return float(counts()[what])
