"""What a rush shows while it runs: where the tickets are, how fast they go, what was killed."""

import asyncio
import time
from collections import deque

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from bench.latency import latency
from bench.witness import Witness

REFRESH_S = 0.25
RATE_S = 2.0


class Progress:
    """A few lines that change in place; on anything but a terminal, a line every few seconds.

    Attributes:
        said: what happened, newest last.
        people: how many buyers there are now, how many of them are connected.
    """

    def __init__(self, console: Console, witness: Witness, offered: int) -> None:
        self._console = console
        self._witness = witness
        self._offered = offered
        self._rates: deque[tuple[float, int, int]] = deque()
        self.said: list[str] = []
        self.people = (0, 0)
        self.opens_in_s = 0.0

    def say(self, line: str) -> None:
        """Note something that happened."""
        self.said.append(line)
        if not self._console.is_terminal:
            self._console.print(line, soft_wrap=True)

    async def run(self) -> None:
        """Show until cancelled."""
        if not self._console.is_terminal:
            while True:
                await asyncio.sleep(5)
                self._console.print(self._line(), soft_wrap=True)
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                live.update(self._picture(), refresh=True)
                await asyncio.sleep(REFRESH_S)

    def _rate(self) -> tuple[float, float]:
        now = time.perf_counter()
        seconds = self._witness.seconds
        self._rates.append((now, len(seconds["hold"]), len(seconds["purchase"])))
        # One sample older than that stays, so that there is something to compare with.
        while len(self._rates) > 1 and now - self._rates[1][0] > RATE_S:
            self._rates.popleft()
        (then, holds, purchases), elapsed = self._rates[0], max(now - self._rates[0][0], 1e-9)
        if then == now:
            return 0.0, 0.0
        return (len(seconds["hold"]) - holds) / elapsed, (len(seconds["purchase"]) - purchases) / elapsed

    def _line(self) -> str:
        holds, purchases = self._rate()
        here, connected = self.people
        recent = latency(self._witness.seconds["hold"][-1000:])
        opens = f"opens in {self.opens_in_s:.0f} s  " if self.opens_in_s > 0 else ""
        return (
            f"{opens}{self._witness.tickets:,} of {self._offered:,} sold  {holds:,.0f} holds/s  "
            f"{purchases:,.0f} purchases/s  hold p50 {recent.p50_ms:.0f} ms, p99 {recent.p99_ms:.0f} ms  "
            f"{connected:,} of {here:,} buyers connected"
        )

    def _picture(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        refused = "  ".join(f"{code} {number:,}" for code, number in self._witness.refused.most_common(5))
        table.add_row(ProgressBar(self._offered, min(self._witness.tickets, self._offered), width=60))
        table.add_row(Text(self._line()))
        table.add_row(Text(f"refused: {refused or 'nobody'}", style="dim"))
        return Group(table, *(Text(line, style="yellow") for line in self.said[-6:]))
