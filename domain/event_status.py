"""The life of an event as a table: what may be done to it where it stands, and where that leads.

What is not in the table is refused, and changes nothing. Three steps are taken by nobody: a sale opens and an
event ends when the time comes, and it is sold out or no longer so when the sale says it.
docs/event-status.md is made from here (`python -m domain.event_status`).
"""

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from domain.refusals import Code, Refusal


class EventStatus(enum.StrEnum):
    """Where an event stands."""

    DRAFT = "draft"
    PUBLISHED = "published"
    ON_SALE = "on_sale"
    PAUSED = "paused"
    SOLD_OUT = "sold_out"
    ENDED = "ended"
    CANCELLED = "cancelled"
    ARCHIVED = "archived"


class Step(enum.StrEnum):
    """What is done to an event, or happens to it."""

    PUBLISH = "publish"
    OPEN = "open"
    PAUSE = "pause"
    RESUME = "resume"
    SELL_OUT = "sell_out"
    RESTOCK = "restock"
    CLOSE = "close"
    END = "end"
    CANCEL = "cancel"
    ARCHIVE = "archive"


_S, _T = EventStatus, Step
_ALIVE: Final = {_T.PAUSE: _S.PAUSED, _T.CLOSE: _S.ENDED, _T.END: _S.ENDED, _T.CANCEL: _S.CANCELLED}
STEPS: Final[Mapping[EventStatus, Mapping[Step, EventStatus]]] = {
    _S.DRAFT: {_T.PUBLISH: _S.PUBLISHED, _T.ARCHIVE: _S.ARCHIVED},
    _S.PUBLISHED: {_T.OPEN: _S.ON_SALE, **_ALIVE},
    _S.ON_SALE: {_T.SELL_OUT: _S.SOLD_OUT, **_ALIVE},
    # The sale may open later than it is resumed: it is the time that says `open`.
    _S.PAUSED: {
        _T.RESUME: _S.PUBLISHED,
        _T.CLOSE: _S.ENDED,
        _T.END: _S.ENDED,
        _T.CANCEL: _S.CANCELLED,
    },
    _S.SOLD_OUT: {_T.RESTOCK: _S.ON_SALE, **_ALIVE},
    # The sale of an event ends before the event does, so it may still be cancelled.
    _S.ENDED: {_T.CANCEL: _S.CANCELLED, _T.ARCHIVE: _S.ARCHIVED},
    _S.CANCELLED: {_T.ARCHIVE: _S.ARCHIVED},
    _S.ARCHIVED: {},
}

MEANINGS: Final[Mapping[EventStatus, str]] = {
    _S.DRAFT: "being written; members see it, nobody else knows that it exists",
    _S.PUBLISHED: "everybody sees it; its sale has not opened yet",
    _S.ON_SALE: "tickets are sold",
    _S.PAUSED: "everybody sees it; no new reservations",
    _S.SOLD_OUT: "on sale, with everything sold at the moment",
    _S.ENDED: "its sale, or the event itself, is over",
    _S.CANCELLED: "it does not take place; its page says so",
    _S.ARCHIVED: "put away; only members find it",
}
CAUSES: Final[Mapping[Step, str]] = {
    _T.PUBLISH: "an organiser",
    _T.OPEN: "the time at which the sale opens",
    _T.PAUSE: "an organiser",
    _T.RESUME: "an organiser",
    _T.SELL_OUT: "the sale: nothing is free or reserved",
    _T.RESTOCK: "the sale: something can be had again",
    _T.CLOSE: "an organiser ends the sale for good",
    _T.END: "the time at which the event ends",
    _T.CANCEL: "an organiser; the sale stops at once",
    _T.ARCHIVE: "an organiser",
}

# Whose pages everybody may read, and which of them are listed.
PUBLIC: Final = frozenset({_S.PUBLISHED, _S.ON_SALE, _S.PAUSED, _S.SOLD_OUT, _S.ENDED, _S.CANCELLED})
LISTED: Final = frozenset({_S.PUBLISHED, _S.ON_SALE, _S.PAUSED, _S.SOLD_OUT})
# Whose sale is set up and can be changed.
LIVE: Final = LISTED
# An event without an end counts as over this long after its start.
ENDLESS_MS: Final = 24 * 3_600_000


def step(status: EventStatus, taken: Step) -> EventStatus | Refusal:
    """Return where a step leads, or an `illegal_step` that names both."""
    led = STEPS[status].get(taken)
    if led is None:
        return Refusal(Code.ILLEGAL_STEP, None, {"status": status.value, "step": taken.value})
    return led


def status_at(
    status: EventStatus,
    *,
    opens_at_ms: int | None,
    starts_at_ms: int,
    ends_at_ms: int | None,
    now_ms: int,
    is_sold_out: bool = False,
) -> EventStatus:
    """Return where an event stands by now, given where it stood when that was last written down, and what its
    sale says.

    The steps that time and the sale take need nobody to take them: whoever reads applies them.
    """
    over_ms = ends_at_ms if ends_at_ms is not None else starts_at_ms + ENDLESS_MS
    if now_ms >= over_ms and Step.END in STEPS[status]:
        return STEPS[status][Step.END]
    if status is EventStatus.PUBLISHED and opens_at_ms is not None and now_ms >= opens_at_ms:
        status = STEPS[status][Step.OPEN]
    if status is EventStatus.ON_SALE and is_sold_out:
        return STEPS[status][Step.SELL_OUT]
    if status is EventStatus.SOLD_OUT and not is_sold_out:
        return STEPS[status][Step.RESTOCK]
    return status


def page() -> str:
    """Return docs/event-status.md."""
    columns = list(EventStatus)
    lines = [
        "# Where an event stands",
        "",
        "Made by `python -m domain.event_status` from the table that the code obeys.",
        "A step that is not in the table is refused as `illegal_step` and changes nothing.",
        "",
        "| status | means |",
        "| --- | --- |",
        *(f"| `{status}` | {MEANINGS[status]} |" for status in columns),
        "",
        "| step | taken by | " + " | ".join(f"`{status}`" for status in columns) + " |",
        "| --- | --- |" + " --- |" * len(columns),
    ]
    for taken in Step:
        led = [STEPS[status].get(taken) for status in columns]
        cells = " | ".join("" if to is None else f"→ `{to}`" for to in led)
        lines.append(f"| `{taken}` | {CAUSES[taken]} | {cells} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(__file__).resolve().parent.parent / "docs" / "event-status.md").write_text(page(), encoding="utf-8")
