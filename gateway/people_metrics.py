"""What the user service does and what waits for it, as metrics."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from prometheus_client import CollectorRegistry, Gauge

from services.users.capability import Users

_SOURCES: Final[Mapping[str, tuple[str, Callable[[Users], Mapping[str, int]]]]] = {
    "bilten_passwords": (
        "Password hashes: made, callers refused as busy, waiting",
        lambda u: u.passwords.counts(),
    ),
    "bilten_identities": (
        "Who a session is: asked, known without a statement, kept",
        lambda u: u.identities.counts(),
    ),
    "bilten_mails": ("Mails: waiting, sent, given up, tried again", lambda u: u.mailer.counts()),
    "bilten_account_work": (
        "Work that no answer waits for, under way",
        lambda u: {"under_way": len(u.background)},
    ),
}


def watch_people(registry: CollectorRegistry, users: Users) -> None:
    """Show the counts of a user service; they go on by themselves."""
    for name, (text, source) in _SOURCES.items():
        gauge = Gauge(name, text, ("what",), registry=registry)
        for what in source(users):
            gauge.labels(what).set_function(partial(_read, source, users, what))


def _read(source: Callable[[Users], Mapping[str, int]], users: Users, what: str) -> float:
    return float(source(users)[what])
