"""Killing parts of the running platform in the middle of a sale, and measuring how long it limps.

Only processes that the platform's own `run.json` names are killed, after making sure that the process with
that number still is the one meant. Ray or the supervisor starts them again.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec
import psutil

from bench.witness import Witness
from client import BiltenClient
from cluster import running

Victim = Literal["shard", "gateway", "postgres", "redis"]
VICTIMS: Final[tuple[Victim, ...]] = ("shard", "gateway", "postgres", "redis")
RECOVERY_S_MAX: Final = 30.0
STEP_S: Final = 0.01
WAIT_S: Final = 0.05
# Kills are spread over so much of the sale; enough is left of it then to see the last recovery.
SPREAD: Final = 0.8
# By then everybody has noticed that the connection is gone, and has what was on its way.
NOTICE_S: Final = 0.2


class Kill(msgspec.Struct, frozen=True):
    """What was killed and what came of it.

    Attributes:
        at_s: after the opening of the sale.
        recovery_s: shard, postgres: until an operation was acknowledged that had begun after the kill;
            gateway: until everybody who had lost the connection was connected again;
            redis: until clients saw the count change again. None if that did not happen within 30 s, or not
            before the sale was over.
    """

    victim: str
    pid: int
    at_s: float
    recovery_s: float | None


class NotKilled(msgspec.Struct, frozen=True):
    """What was to be killed and was not."""

    victim: str
    why: str


class Missing(Exception):
    """What was to be killed does not run as a process of this platform."""


class Killer:
    """Kills parts of the platform in `data_path`, on whose `shard` the event is sold."""

    def __init__(
        self,
        data_path: Path,
        shard: int,
        witness: Witness,
        clients: Callable[[], list[BiltenClient]],
        pushes: Callable[[], int],
        over: asyncio.Event,
    ) -> None:
        """`clients` are those of all buyers who are here now, `pushes` says how many states came; when `over`
        is set, nobody is left who could see a recovery.
        """
        self._data_path = data_path
        self._shard = shard
        self._witness = witness
        self._clients = clients
        self._pushes = pushes
        self._over = over

    async def kill_in_turn(
        self,
        victims: Sequence[Victim],
        opened: float,
        is_due: Callable[[float], bool],
        say: Callable[[str], None],
    ) -> tuple[list[Kill], list[NotKilled]]:
        """Kill one after the other, spread over the sale, and return what was killed and what was not.

        `is_due` says whether so large a share of the sale is over.
        """
        kills: list[Kill] = []
        missed: list[NotKilled] = []
        for number, victim in enumerate(victims, 1):
            share = SPREAD * number / (len(victims) + 1)
            while not self._over.is_set() and not is_due(share):  # noqa: ASYNC110
                await asyncio.sleep(WAIT_S)  # the witness is told too often to wake anybody each time
            try:
                if self._over.is_set():
                    raise Missing("the sale was over before its turn came")
                killed = await self.kill(victim, opened)
            except (Missing, OSError) as error:
                missed.append(NotKilled(victim, str(error)))
                say(f"not killed: {victim}: {error}")
                continue
            kills.append(killed)
            took = (
                "no recovery seen" if killed.recovery_s is None else f"recovered after {killed.recovery_s} s"
            )
            say(f"killed {victim} (pid {killed.pid}) at {killed.at_s:.1f} s: {took}")
        return kills, missed

    async def kill(self, victim: Victim, opened: float) -> Kill:
        """Kill, and return when the sale has recovered. Raises `Missing`, and `OSError` if it may not be
        killed.
        """
        pid = await self._pid(victim)
        killed = time.perf_counter()
        os.kill(pid, signal.SIGQUIT if victim == "postgres" else signal.SIGKILL)
        pushes = self._pushes()
        seen = len(self._witness.acknowledged)
        here = [client for client in self._clients() if client.is_connected]
        while (waited := time.perf_counter() - killed) < RECOVERY_S_MAX and not self._over.is_set():
            await asyncio.sleep(STEP_S)
            if victim == "redis":
                if waited < NOTICE_S:
                    pushes = self._pushes()  # published before, and only now here
                    continue
                recovered = time.perf_counter() if self._pushes() > pushes else None
            elif victim == "gateway":
                if waited < NOTICE_S:
                    continue
                # A connection that was closed since then belonged to somebody who has left.
                here = [client for client in here if not client.is_connected and not client.is_closed]
                recovered = None if here else time.perf_counter()
            else:
                after = (end for begin, end in self._witness.acknowledged[seen:] if begin > killed)
                recovered = next(after, None)
            if recovered is not None:
                return Kill(victim, pid, round(killed - opened, 2), round(recovered - killed, 3))
        return Kill(victim, pid, round(killed - opened, 2), None)

    async def _pid(self, victim: Victim) -> int:
        if victim == "shard":
            return self._shard_pid()
        found = await asyncio.to_thread(running.read_living, self._data_path)
        parts = [part for part in found.parts if part.name.startswith(victim)] if found else []
        for part in parts:
            process = part.process.process()
            if process is not None:
                return process.pid
        raise Missing(f"{victim} does not run as a process of this platform, so it can't be killed")

    def _shard_pid(self) -> int:
        for process in running.read_shards(self._data_path):
            if process.shard == self._shard and _is_shard(process.pid):
                return process.pid
        raise Missing(f"shard {self._shard} does not run as a process of this machine")


def _is_shard(pid: int) -> bool:
    """A worker's title names its actor; anything else with this number is not ours to kill."""
    try:
        return "SaleShard" in " ".join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return False
