"""The result of a bench: the record that is written as JSON, and the table that is printed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench.machine import Machine

Figures = Mapping[str, float | int | str]


class Result(msgspec.Struct, frozen=True):
    """What one bench measured.

    Attributes:
        figures: what Bilten does; names end in their units.
        baselines: what the alternatives do in the same run, operations a second by name.
        ratios: figure to baseline, or cost against the smallest case, as each bench says.
        limits: what limited it, a sentence each.
    """

    name: str
    figures: Figures
    baselines: Figures
    ratios: Figures
    machine: Machine
    limits: Sequence[str] = ()


def write_json(result: Result, path: Path) -> None:
    """Write a result where `--json` says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")


def print_table(
    console: Console, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Print rows whose first column is text and whose others are numbers."""
    table = Table(title=title, title_justify="left")
    for position, column in enumerate(columns):
        table.add_column(column, justify="left" if position == 0 else "right")
    for row in rows:
        table.add_row(*(shown(cell) for cell in row))
    console.print(table)


def shown(cell: object) -> str:
    """Return a cell as people read it: thousands apart, three figures for what is small."""
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:,.3g}" if abs(cell) < 10 else f"{cell:,.1f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def ratio(figure: float, baseline: float) -> float:
    """Return figure / baseline to three figures; 0 when there is no baseline."""
    return float(f"{figure / baseline:.3g}") if baseline else 0.0
