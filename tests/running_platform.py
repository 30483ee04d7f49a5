"""The whole platform as `make up` starts it, on a free port, in a folder of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from cluster import processes, running
from cluster.running import Running

START_S = 240.0
STOP_S = 60.0
# A busy machine is no Redis that is away.
LIMITS_MS = 2_000


class RunningPlatform:
    """`bilten up` as a child; start() again after stop() picks the data up.

    `settings` are environment variables, without the prefix BILTEN_.
    """

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.data = folder / ".bilten"
        self.log = folder / "up.log"
        self._settings = {f"BILTEN_{name}": str(value) for name, value in settings.items()}
        self._port = processes.free_port()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "BILTEN_"))}
        own = {"BILTEN_DATA_DIR": str(self.data), "BILTEN_GATEWAY_PORT": str(self._port)}
        own["BILTEN_REDIS_LIMITS_MS"] = str(LIMITS_MS)
        own["COLUMNS"] = "200"  # or the line that start() waits for is wrapped, where the path is long
        return {**kept, **own, **self._settings}

    @property
    def url(self) -> str:
        """For programs."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def pages_url(self) -> str:
        """For people."""
        return f"http://localhost:{self._port}"

    @property
    def note(self) -> Running:
        """What runs now."""
        found = running.read(self.data)
        assert found is not None, processes.tail(self.log, 40)
        return found

    def bilten(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Runs another command beside it."""
        return subprocess.run(
            [sys.executable, "-P", "-m", "cluster", *arguments],
            check=False,
            capture_output=True,
            env=self.environment,
            text=True,
            timeout=STOP_S,
        )

    def start(self) -> None:
        """Returns when all gateways serve."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log.write_bytes(b"")
        child = processes.spawn(
            [sys.executable, "-P", "-m", "cluster", "up"], self.log, environment=self.environment
        )
        self._child = child

        def settled() -> bool:
            return child.poll() is not None or "Ctrl-C stops everything" in processes.tail(self.log, 5)

        up = processes.wait_until(settled, START_S, 0.1) and child.poll() is None
        if not up:
            self.stop()
        assert up, processes.tail(self.log, 60)

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        assert self._child is not None
        processes.stop(self._child, signal.SIGINT, STOP_S)
        return int(self._child.wait())

    def kill_supervisor(self) -> None:
        assert self._child is not None
        self._child.kill()
        self._child.wait()

    def kill(self, name: str) -> int:
        """Kills a part by its name in run.json and waits until it is back; its new pid."""
        (before,) = (part.process.pid for part in self.note.parts if part.name == name)
        os.kill(before, signal.SIGKILL)

        def back() -> list[int]:
            found = (part.process for part in self.note.parts if part.name == name)
            return [process.pid for process in found if process.pid != before and process.process()]

        assert processes.wait_until(lambda: bool(back()), 60, 0.05), processes.tail(self.log, 40)
        return back()[0]
