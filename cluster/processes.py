"""Starting, recognising and stopping processes, each by its own id.

A pid alone is no name: after a crash it may belong to somebody else. So what is written down about a process
is its pid with the time it started, and nothing is signalled unless both still match.
"""

import contextlib
import errno
import importlib.util
import os
import secrets
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import psutil

from cluster.port_claims import OURS

# Above those that Ray gives to its workers, below those that Linux gives to clients.
SERVER_PORTS = range(20_000, 32_000)
PORT_TRIES = 3
ADDRESS_IN_USE = os.strerror(errno.EADDRINUSE)

Say = Callable[[str], None]


def quiet(_line: str) -> None:
    """A Say that says nothing."""


class StartFailed(Exception):
    """A server did not come up; the message says why and where its log is."""


class PortTaken(StartFailed):
    """Another program was quicker to listen there."""


class Identity(msgspec.Struct, frozen=True):
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    started_s: float  # since the machine's start: the time of day may be set back and forth

    @staticmethod
    def of(pid: int) -> "Identity | None":
        """The identity of a live process, or None."""
        with contextlib.suppress(psutil.Error, OSError):
            return Identity(pid=pid, started_s=_started_s(pid))
        return None

    def process(self) -> psutil.Process | None:
        """The process, if it still is the one meant and not a zombie."""
        with contextlib.suppress(psutil.Error, OSError):
            found = psutil.Process(self.pid)
            same = abs(_started_s(self.pid) - self.started_s) < 0.1
            if same and found.status() != psutil.STATUS_ZOMBIE:
                return found
        return None


def _started_s(pid: int) -> float:
    stat_file = Path(f"/proc/{pid}/stat")
    if not stat_file.parent.parent.joinpath("stat").exists():
        return psutil.Process(pid).create_time()  # no Linux
    # Field 22 of proc(5); the second one, the name in brackets, may itself contain brackets and spaces.
    fields = stat_file.read_text(errors="replace").rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")


def stop_stray(identity: Identity, signal_first: signal.Signals, timeout_s: float) -> bool:
    """Ends a process that is nobody's child here: politely, then not. False when it was gone already."""
    process = identity.process()
    if process is None:
        return False
    with contextlib.suppress(psutil.Error):
        process.send_signal(signal_first)
        try:
            process.wait(timeout_s)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(5)
    return True


def plain_environment() -> dict[str, str]:
    """The environment of this process without settings of Bilten and Ray, for a child that has its own.

    What is set for a platform that people use would otherwise lead the child to that one's servers.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith(("BILTEN_", "RAY_"))}


def spawn(
    arguments: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    user: tuple[int, int] | None = None,
    cwd: Path | None = None,
) -> "subprocess.Popen[bytes]":
    """Starts a child whose output goes to the end of `log`.

    The child has a session of its own, so that Ctrl-C in the terminal reaches only us and we choose the
    order in which things stop. `user` is a (uid, gid) to run as.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    uid, gid = user if user is not None else (None, None)
    with log.open("ab") as output:
        return subprocess.Popen(
            list(arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            cwd=cwd,
            user=uid,
            group=gid,
            extra_groups=[] if uid is not None else None,
            start_new_session=True,
        )


def stop(child: "subprocess.Popen[bytes]", first: signal.Signals, timeout_s: float) -> bool:
    """Signals a child and waits; kills it when it does not go in time. False when it had to be killed."""
    if child.poll() is not None:
        return True
    child.send_signal(first)
    try:
        child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        return False
    return True


def wait_until(condition: Callable[[], bool], timeout_s: float, step_s: float = 0.02) -> bool:
    """Polls until the condition holds; False when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(step_s)
    return True


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # Servers set this too; without it a connection of the last run in TIME_WAIT looks like a listener.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def port_can_be_ours(port: int, host: str, *, is_localhost: bool) -> bool:
    """Whether a server could listen there now, and would be the one who answers to `localhost` if that is its
    name: browsers try ::1 first.
    """
    return port_is_free(port, host) and not (is_localhost and port_accepts(port, "::1"))


def free_port() -> int:
    """A loopback port on which nobody listens now, and which nobody else is given while this process lives;
    outside the range from which the kernel serves clients.

    A server on a port of that range may find it taken by somebody's outgoing connection when it starts again;
    worse, a client that keeps trying a dead port of that range will in the end connect to itself.
    """
    for _attempt in range(200):
        port = secrets.choice(SERVER_PORTS)
        if port_is_free(port) and OURS.take(port):
            return port
    raise StartFailed(f"no free port between {SERVER_PORTS[0]} and {SERVER_PORTS[-1]}")


def port_accepts(port: int, host: str = "127.0.0.1", timeout_s: float = 1.0) -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=timeout_s):
        return True
    return False


def remembered_port(file: Path) -> int:
    """The port written in the file if it is free, else a new one, which is written there."""
    with contextlib.suppress(OSError, ValueError):
        port = int(file.read_text())
        if port in SERVER_PORTS and port_is_free(port) and (OURS.has(port) or OURS.take(port)):
            return port
    port = free_port()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{port}\n")
    return port


def start_on_free_port(file: Path, start: Callable[[int], None]) -> int:
    """Starts a server on the port in the file if it is free, else on a new one, which is written there; on
    which one it was. `start` raises PortTaken when another program was quicker.
    """
    for tries_left in reversed(range(PORT_TRIES)):
        port = remembered_port(file)
        try:
            start(port)
        except PortTaken:
            if not tries_left:
                raise
        else:
            return port
    raise AssertionError


def secret(file: Path, size_bytes: int = 32) -> str:
    """The secret in the file, made of so many random bytes at first; only its owner may read it."""
    with contextlib.suppress(OSError):
        if text := file.read_text().strip():
            file.chmod(stat.S_IRUSR | stat.S_IWUSR)
            return text
    file.parent.mkdir(parents=True, exist_ok=True)
    # Of those that start together, processes and threads, one makes it and the others read that one: a link
    # refuses to replace.
    fresh = file.with_name(f"{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.write(secrets.token_hex(size_bytes) + "\n")
    try:
        if file.exists() and not file.read_text().strip():
            file.unlink()
        with contextlib.suppress(FileExistsError):
            os.link(fresh, file)
    finally:
        fresh.unlink()
    return file.read_text().strip()


def tail(file: Path, lines: int = 12) -> str:
    """The last lines of a log, for an error message."""
    with contextlib.suppress(OSError):
        return "\n".join(file.read_text(errors="replace").splitlines()[-lines:])
    return ""


def written_since(file: Path, size_before: int) -> str:
    """What was added to a log that had so many bytes."""
    with file.open("rb") as log:
        log.seek(size_before)
        return log.read().decode(errors="replace")


def wheel_folder(name: str) -> Path:
    """The folder of an installed package that ships binaries. Raises StartFailed."""
    # Found, not imported: importing them makes folders and starts threads.
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise StartFailed(f"the package {name} is not installed; run make setup, or name a server of yours")
    return Path(next(iter(found.submodule_search_locations)))
