"""What is said about imports and exports over the API."""

from typing import Annotated, Literal

from pydantic import Field

from services.models import Model, TimeZone


class ImportQuery(Model):
    """How to read what is imported."""

    time_zone: TimeZone = "UTC"
    """Of times that name no zone, and of those that name one that nobody knows."""


class ImportedMistake(Model):
    """What was not taken, or not as it was written."""

    line: Annotated[int, Field(ge=0)]
    code: str
    """What it is, for programs and other languages. `field`: a field of the event can't be used."""
    message: str
    """The same in English."""
    values: dict[str, str | int]
    """What the message names. Of a field: its name as `field`, and as `reason` why it can't be used."""


class ImportReport(Model):
    """What became of an import."""

    format: str
    created: int
    updated: int
    unchanged: int
    kept: int
    """Published here already, so left alone."""
    mistake_count: int
    mistakes: tuple[ImportedMistake, ...]
    """The first of them."""
    remark_count: int
    remarks: tuple[ImportedMistake, ...]
    """What was left out of events that were taken: the first of them."""


class ExportQuery(Model):
    """In what format."""

    format: Literal["json", "ics", "csv"] = "json"
