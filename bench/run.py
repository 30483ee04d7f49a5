"""Which benches there are, and how one is run: measured, printed, written."""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

import msgspec
from rich.console import Console

from bench.load import BenchFailed
from bench.machine import stall_line
from bench.results import Result, write_json

BENCHES: Final = {
    "hot-event": "bench.hot_event",
    "purchase": "bench.purchase",
    "fanout": "bench.fanout",
    "recovery": "bench.recovery",
    "scale": "bench.scale",
    "catalogue": "bench.catalogue",
    "sign-in": "bench.sign_in",
}


def main(name: str, quick: bool = False, json_path: Path | None = None) -> int:
    """Run one bench, or `all`; returns the exit code, which is no verdict on the figures.

    With `all`, `json_path` is a folder that gets one file a bench.
    """
    console = Console(highlight=False)
    if name != "all" and name not in BENCHES:
        console.print(f"there is no bench {name!r}; there are: {', '.join(BENCHES)}, all")
        return 2
    failed = False
    for each in BENCHES if name == "all" else [name]:
        console.rule(f"bilten bench {each}")
        run = cast("Callable[..., Result]", importlib.import_module(BENCHES[each]).run)
        try:
            made = run(console, is_quick=quick)
        except BenchFailed as error:
            console.print(f"{each} failed: {error}")
            failed = True
            continue
        if said := stall_line(made.machine):
            console.print(said, soft_wrap=True)
            made = msgspec.structs.replace(made, limits=[*made.limits, said])
        if json_path is not None:
            write_json(made, json_path / f"{each}.json" if name == "all" else json_path)
    return 1 if failed else 0
