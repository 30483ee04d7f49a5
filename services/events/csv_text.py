"""CSV (RFC 4180) that is safe to open in a spreadsheet: what a formula would begin with is defused, and comes
back as it was when the file is read here again.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

# What spreadsheets take for the beginning of a formula (OWASP, "CSV Injection"), full-width forms included.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_GUARD: Final = "'"


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    for row in rows:
        writer.writerow([defused(value) for value in row])
    return written.getvalue()


def defused(value: str) -> str:
    """Return a value that no spreadsheet computes."""
    # A value that begins with the guard gets another one, so that reading takes off exactly one.
    if value.lstrip(" \u00a0\u3000").startswith(_FORMULA) or value.startswith((_GUARD, *_FORMULA)):
        return _GUARD + value
    return value


def armed(value: str) -> str:
    """Return a value as it was before it was defused."""
    if value.startswith(_GUARD) and defused(value[1:]) == value:
        return value[1:]
    return value
