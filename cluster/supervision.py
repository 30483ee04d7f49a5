"""Keeps processes running: each part has a thread that waits for its end and starts it again.

A part that keeps dying is started less and less often, so that its log can be read and its cause mended while
the rest goes on.
"""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from cluster import processes
from cluster.processes import Say, StartFailed

BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 10.0
# A part that ran this long has recovered; its next death is a new story.
STEADY_S = 30.0
POLL_S = 0.05


class Supervised(Protocol):
    """What the embedded servers, the Ray head and our own children have in common."""

    @property
    def pid(self) -> int: ...

    @property
    def log(self) -> Path: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def poll(self) -> int | None: ...


class Child:
    """One of our own commands as a process; it says that it is ready by writing its pid into `ready`."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        log: Path,
        ready: Path,
        environment: Callable[[], Mapping[str, str]],
        start_timeout_s: float = 60,
        stop_timeout_s: float = 20,
    ) -> None:
        self.log = log
        self._arguments = arguments
        self._ready = ready
        self._environment = environment
        self._start_timeout_s = start_timeout_s
        self._stop_timeout_s = stop_timeout_s
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """0 when it does not run."""
        return self._child.pid if self._child is not None and self._child.poll() is None else 0

    def start(self) -> None:
        """Starts it and returns when it is ready. Raises StartFailed with the end of its log."""
        self._ready.unlink(missing_ok=True)
        child = processes.spawn(self._arguments, self.log, environment=self._environment())

        def settled() -> bool:
            return child.poll() is not None or self._is_ready(child.pid)

        if not processes.wait_until(settled, self._start_timeout_s) or child.poll() is not None:
            processes.stop(child, signal.SIGTERM, 5)
            raise StartFailed(
                f"{' '.join(self._arguments[-3:])} did not start ({self.log}):\n{processes.tail(self.log)}"
            )
        self._child = child

    def terminate(self) -> None:
        """Asks it to drain and end, without waiting."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()

    def end(self) -> None:
        """Has it drain and end, by force if it has to be; whoever watches it starts it again."""
        if self._child is not None:
            processes.stop(self._child, signal.SIGTERM, self._stop_timeout_s)

    def stop(self) -> None:
        if self._child is not None:
            processes.stop(self._child, signal.SIGTERM, self._stop_timeout_s)
            self._child = None
            self._ready.unlink(missing_ok=True)

    def poll(self) -> int | None:
        return self._child.poll() if self._child is not None else None

    def _is_ready(self, pid: int) -> bool:
        try:
            return self._ready.read_text().strip() == str(pid)
        except OSError:
            return False


class Watch:
    """The thread that keeps one part running. `changed` is called after each new start."""

    def __init__(self, name: str, part: Supervised, *, say: Say, changed: Callable[[str], None]) -> None:
        self.name = name
        self.part = part
        self._say = say
        self._changed = changed
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch {name}", daemon=True)

    def begin(self) -> None:
        """The part must have been started."""
        self._thread.start()

    def end(self) -> None:
        """Stops watching; returns when the thread will not start the part again."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        backoff_s = BACKOFF_FIRST_S
        started_s = time.monotonic()
        while not self._ending.wait(POLL_S):
            code = self.part.poll()
            if code is None:
                continue
            if time.monotonic() - started_s > STEADY_S:
                backoff_s = BACKOFF_FIRST_S
            self._say(f"{self.name} ended ({_reason(code)}); starting it again")
            died_s = time.monotonic()
            while not self._ending.wait(backoff_s):
                backoff_s = min(backoff_s * 2, BACKOFF_MAX_S)
                try:
                    self.part.start()
                except (StartFailed, OSError) as error:
                    self._say(f"{self.name} did not start; next try in {backoff_s:.1f} s. {error}")
                    continue
                started_s = time.monotonic()
                self._say(f"{self.name} is back after {started_s - died_s:.1f} s")
                self._changed(self.name)
                break


def _reason(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
