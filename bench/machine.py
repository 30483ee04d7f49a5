"""What a bench ran on, and which process used how much of it: read from /proc, because a bench that says what
limits it has to have looked.
"""

import os
import platform
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec
import psutil

from bench.stalls import measure_stalls

# Stalls that come every second or two are seen.
_STALLS_S: Final = 3.0
_STALLS_WORTH_SAYING: Final = 0.002
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Machine(msgspec.Struct, frozen=True):
    """The machine, as far as it explains a figure.

    Attributes:
        fdatasync_ms: the mean time of a 4 KiB append and fdatasync in the folder for temporary files.
        load_before: the load average over a minute when the bench began; well above 0 means that others
            worked beside it.
        stalled_share, stall_ms_max: how much of the time before the bench the machine stood still, and for
            how long at most (`bench.stalls`).
    """

    processor: str
    cores: int
    memory_gb: float
    system: str
    python: str
    fdatasync_ms: float
    load_before: float
    stalled_share: float = 0.0
    stall_ms_max: float = 0.0


def machine() -> Machine:
    """Describe this machine; takes some three seconds."""
    processor = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    load = os.getloadavg()[0]
    stalls = measure_stalls(_STALLS_S)
    return Machine(
        processor,
        len(os.sched_getaffinity(0)),
        round(psutil.virtual_memory().total / 2**30, 1),
        f"{platform.system()} {platform.release()}",
        platform.python_version(),
        round(_fdatasync_ms(), 3),
        round(load, 2),
        stalls.share,
        stalls.longest_ms,
    )


def _fdatasync_ms(rounds: int = 200) -> float:
    with tempfile.TemporaryFile() as file:
        begin = time.perf_counter()
        for _ in range(rounds):
            os.write(file.fileno(), bytes(4096))
            os.fdatasync(file.fileno())
        return (time.perf_counter() - begin) / rounds * 1000


class CpuShare(msgspec.Struct, frozen=True):
    """How much of one core a part used; `user` and `system` add up to `cores`."""

    cores: float
    user: float
    system: float


class CpuMeter:
    """Measures, from `start` to `stop`, how much processor time named parts use.

    A part is a set of pids with all their descendants, looked up at both ends, so that PostgreSQL's backends
    count as PostgreSQL. A descendant that ends in between is missed; the servers here keep theirs.
    """

    def __init__(self, parts: Mapping[str, Iterable[int]]) -> None:
        self._parts = {name: tuple(pids) for name, pids in parts.items()}
        self._before: dict[int, tuple[float, float]] = {}
        self._begin = 0.0
        self._machine_before = (0.0, 0.0)

    def start(self) -> "CpuMeter":
        self._before = {pid: spent for pids in self._members().values() for pid, spent in pids.items()}
        self._machine_before = _machine_seconds()
        self._begin = time.perf_counter()
        return self

    def stop(self) -> dict[str, CpuShare]:
        """Return the shares by part, with `idle` (of all cores) as one more."""
        elapsed_s = time.perf_counter() - self._begin
        shares = {}
        for name, pids in self._members().items():
            user = sum(spent[0] - self._before.get(pid, (0.0, 0.0))[0] for pid, spent in pids.items())
            system = sum(spent[1] - self._before.get(pid, (0.0, 0.0))[1] for pid, spent in pids.items())
            shares[name] = _share(user / elapsed_s, system / elapsed_s)
        busy, idle = (after - before for after, before in zip(_machine_seconds(), self._machine_before))  # noqa: B905
        counted = sum(share.cores for share in shares.values())
        shares["others"] = _share(max(0.0, busy / elapsed_s - counted), 0.0)
        shares["idle"] = _share(idle / elapsed_s, 0.0)
        return shares

    def _members(self) -> dict[str, dict[int, tuple[float, float]]]:
        taken: set[int] = set()
        found: dict[str, dict[int, tuple[float, float]]] = {}
        named = {pid for pids in self._parts.values() for pid in pids}
        for name, pids in self._parts.items():
            members = {pid: spent for root in pids for pid in _tree(root, named) if (spent := _seconds(pid))}
            found[name] = {pid: spent for pid, spent in members.items() if pid not in taken}
            taken.update(members)
        return found


def _share(user: float, system: float) -> CpuShare:
    return CpuShare(round(user + system, 3), round(user, 3), round(system, 3))


def _tree(root: int, named: set[int]) -> list[int]:
    """The process and its descendants, but not those below another named process."""
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                todo += [int(child) for child in task.read_text().split() if int(child) not in named]
            except OSError:
                continue
    return found


def _seconds(pid: int) -> tuple[float, float] | None:
    """Processor time (user, system) of one process in seconds; None when it is gone."""
    try:
        # The name may hold spaces and parentheses; the numbers come after its last closing one.
        numbers = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return int(numbers[11]) / _TICKS_PER_S, int(numbers[12]) / _TICKS_PER_S


def _machine_seconds() -> tuple[float, float]:
    """(busy, idle) time of all cores together."""
    fields = [int(n) / _TICKS_PER_S for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return sum(fields) - idle, idle


def rss_bytes(pid: int) -> int:
    """Return the resident memory of one process."""
    return int(psutil.Process(pid).memory_info().rss)


def limit_line(shares: Mapping[str, CpuShare], cores: int) -> str:
    """Say in one line what limited a run: the part nearest to one core, or that no processor was."""
    parts = {name: share for name, share in shares.items() if name not in {"idle", "others"}}
    ranked = sorted(parts.items(), key=lambda part: -part[1].cores)
    listed = ", ".join(f"{name} {share.cores:.2f}" for name, share in ranked)
    idle = shares["idle"].cores
    rest = f"others {shares['others'].cores:.2f}, idle {idle:.2f} of {cores} cores"
    if idle < 0.12 * cores:
        cause = "the processor: every core is busy"
    elif ranked and ranked[0][1].cores > 0.85:
        cause = f"{ranked[0][0]}, whose one thread is busy"
    else:
        cause = "waiting, not the processor (commits, locks or round trips)"
    return f"limited by {cause}; cores used: {listed}, {rest}"


def stall_line(described: Machine) -> str:
    """Say in one line how much the machine itself stood still before the bench, "" if hardly at all."""
    if described.stalled_share < _STALLS_WORTH_SAYING:
        return ""
    return (
        f"the machine itself stood still for {described.stalled_share:.1%} of the {_STALLS_S:g} s before,"
        f" up to {described.stall_ms_max:g} ms at once: no percentile that is rarer can be told from that"
    )
