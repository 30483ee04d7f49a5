"""`bilten simulate`: plays seeds one after the other, and says how to play one again that broke a rule."""

import json
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from simulation.scenario import Outcome, simulate


def main(seeds: int, first_seed: int = 0, *, json_file: Path | None = None, trace: bool = False) -> int:
    """Play `seeds` seeds from `first_seed` on. Returns 0 if every rule held, 1 at the first that did not.

    Args:
        seeds: how many.
        first_seed: the first of them.
        json_file: where to write what was done.
        trace: print the last things that happened in the last run though nothing is broken.
    """
    console = Console()
    outcomes: list[Outcome] = []
    began_s = time.monotonic()
    columns = (
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("seeds", total=seeds)
        for seed in range(first_seed, first_seed + seeds):
            outcomes.append(simulate(seed))
            progress.advance(bar)
            if outcomes[-1].broken:
                break
    took_s = time.monotonic() - began_s
    if trace or any(outcome.broken for outcome in outcomes):
        _print_trace(console, outcomes[-1])
    _print_summary(console, outcomes, took_s)
    if json_file is not None:
        json_file.write_text(json.dumps(_as_json(outcomes, took_s), indent=1) + "\n")
    return 1 if any(outcome.broken for outcome in outcomes) else 0


def _print_trace(console: Console, outcome: Outcome) -> None:
    console.print(f"[bold]The last things that happened in seed {outcome.seed}[/bold]")
    for line in outcome.trace:
        console.print(escape(line), highlight=False)
    if outcome.broken:
        console.print(f"[bold red]Broken:[/bold red] {escape(outcome.broken)}")
        console.print(f"Play it again: bilten simulate --seeds 1 --first-seed {outcome.seed}")


def _print_summary(console: Console, outcomes: list[Outcome], took_s: float) -> None:
    commits = sum(outcome.commits for outcome in outcomes)
    acknowledged = sum(outcome.acknowledged for outcome in outcomes)
    hours = sum(outcome.simulated_s for outcome in outcomes) / 3600
    broken = sum(1 for outcome in outcomes if outcome.broken)
    console.print(
        f"{len(outcomes)} seeds, {hours:.1f} simulated hours in {took_s:.1f} s: {commits} commits, "
        f"{acknowledged} acknowledged operations, {broken or 'no'} rule{'s' if broken != 1 else ''} broken"
    )


def _as_json(outcomes: list[Outcome], took_s: float) -> dict[str, object]:
    return {
        "name": "simulate",
        "seeds": len(outcomes),
        "seconds": round(took_s, 2),
        "commits": sum(outcome.commits for outcome in outcomes),
        "acknowledged": sum(outcome.acknowledged for outcome in outcomes),
        "broken": [{"seed": outcome.seed, "rule": outcome.broken} for outcome in outcomes if outcome.broken],
    }
