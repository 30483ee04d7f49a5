"""What is said, over the API, of the setup that the dates of a series share."""

from typing import Annotated, Literal

from pydantic import Field

from services.models import EventRef, Model, TimeMs, Version

Part = Literal["texts", "place", "times", "tickets", "questions"]
DATES_A_CALL = 10


class ApplySetup(Model):
    """Make other dates of a series say what one of them says."""

    event: EventRef
    """The date that has the setup; it is edited like every other event."""
    version: Version
    tickets_version: Version
    """Those of `event` that are meant: if it has changed since, nothing is applied."""
    scope: Literal["following", "all"]
    """Dates that start after it, or all others."""
    parts: Annotated[tuple[Part, ...], Field(min_length=1, max_length=5)]
    """`texts`: title, description, pictures, category; `place`: venue and time zone; `times`: time of day of
    start, end and doors; `tickets`: pools, types, prices, tiers, limits; `questions`.
    """
    after: EventRef | None = None
    """`next` of the answer before. An answer is about ten dates at most."""


class DateRefusal(Model):
    """What a date could not take over."""

    code: str
    field: str = ""
    reason: str = ""
    pool: str = ""
    """The name of the pool, where its capacity is the matter."""
    capacity_min: int | None = None
    """What it could be."""


class DateDone(Model):
    """What became of one date."""

    event: EventRef
    title: str
    starts_at: str
    starts_at_ms: TimeMs
    """As they were."""
    outcome: Literal["changed", "same", "skipped", "refused"]
    """`same` had nothing to change, `skipped` is over, cancelled or put away. `refused` names what it could
    not take over; whatever else there was to change is changed.
    """
    refusals: tuple[DateRefusal, ...] = ()


class SetupApplied(Model):
    """What became of some dates, and how far it is."""

    items: tuple[DateDone, ...]
    done: int
    total: int
    next: EventRef | None
    """Where to go on: what to say as `after`; None at the end. Asking for the same twice changes nothing
    more.
    """
