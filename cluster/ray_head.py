"""A local Ray of our own: a head that only this machine and only holders of its token can reach.

Ray takes 127.0.0.1 for "find a reachable address" and then listens on every interface. The switch that keeps
it on loopback is the one that marks platforms without clusters; with it, every one of Ray's ports is bound to
127.0.0.1. Drivers must set it as well, else they look for the head on the machine's outer address:
`environment()` has everything that a process needs to connect.
"""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import psutil

from cluster import processes
from cluster.processes import Identity, Say, StartFailed, quiet

# Below its temp folder Ray makes sockets with names of 62 characters; the kernel takes paths of 107.
TEMP_FOLDER_LENGTH_MAX = 42

# Nobody comes from outside the cluster: without its server for such clients Ray has a process and a port
# less, and it has no option for that.
_START = (
    "from ray.scripts import scripts; scripts.get_ray_client_dependency_error = lambda: 'unwanted'; "
    "scripts.main()"
)
# A second node is refused under the switch, so it does without it and is told that it lives on loopback.
_JOIN = (
    "from ray._private import services; services.get_node_ip_address = lambda address=None: '127.0.0.1'; "
    + _START
)


class RayHead:
    """A head node whose port, token and logs are remembered in `folder`.

    `cpus` is a number of slots, not of cores: shards take none, so it only bounds other actors.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        object_store_mb: int = 150,
        cpus: int = 8,
        say: Say = quiet,
    ) -> None:
        self.folder = folder.absolute()
        self.log = self.folder / "ray.log"
        self.port = port
        self._object_store_mb = object_store_mb
        self._cpus = cpus
        self._say = say
        self._child: subprocess.Popen[bytes] | None = None
        self._nodes: list[subprocess.Popen[bytes]] = []

    @property
    def pid(self) -> int:
        """0 when it does not run."""
        return self._child.pid if self._child is not None and self._child.poll() is None else 0

    @property
    def running(self) -> bool:
        return self.pid != 0

    @property
    def address(self) -> str:
        """For ray.init()."""
        assert self.port, "start it first"
        return f"127.0.0.1:{self.port}"

    @property
    def temp_folder(self) -> Path:
        """Where Ray keeps its sockets and logs: in our folder if its path is short and plain enough.

        Everybody may write there, as Ray has it; so nobody else may enter the folder around it.
        """
        own = self.folder / "tmp"
        if len(str(own)) <= TEMP_FOLDER_LENGTH_MAX and not _has_space(own):
            return own
        name = hashlib.sha256(str(self.folder).encode()).hexdigest()[:10]
        return Path(tempfile.gettempdir()) / f"bilten-ray-{name}" / "tmp"

    def environment(self) -> dict[str, str]:
        """What a process must have in its environment, before it imports ray, to connect to this head."""
        processes.secret(self.folder / "token")
        return {
            "RAY_ADDRESS": self.address,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self.folder / "token"),
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_USAGE_STATS_ENABLED": "0",
        }

    def start(self, timeout_s: float = 90) -> None:
        """Starts it and returns when it takes drivers, 3 to 10 s later. Raises StartFailed."""
        if self.running:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        self._end_previous()
        self._make_temp_folder()
        self.port = self.port or processes.remembered_port(self.folder / "port")
        arguments = [
            *("--head", "--port", str(self.port), "--object-store-memory", str(self._object_store_mb << 20)),
            *("--num-cpus", str(self._cpus), "--include-dashboard", "false"),
            *("--temp-dir", str(self.temp_folder), "--include-log-monitor", "false"),
            "--no-monitor",  # nothing here makes the cluster larger
        ]
        self._child = self._launch(_START, arguments, self.log, timeout_s)
        self._note(self._child.pid)

    def add_node(self, timeout_s: float = 90) -> "subprocess.Popen[bytes]":
        """Joins another node on this machine, for tests of losing one; ends with stop()."""
        log = self.folder / f"node-{len(self._nodes) + 1}.log"
        arguments = [
            *("--address", self.address, "--object-store-memory", str(self._object_store_mb << 20)),
            *("--num-cpus", str(self._cpus), "--include-log-monitor", "false"),
        ]
        node = self._launch(_JOIN, arguments, log, timeout_s)
        self._nodes.append(node)
        return node

    def lose_node(self, node: "subprocess.Popen[bytes]") -> None:
        """Ends everything that runs on a node that add_node() made, with kill -9."""
        _end_session(node.pid)
        node.wait()
        self._nodes.remove(node)

    def stop(self, timeout_s: float = 30) -> None:
        """Stops the nodes, the head and every worker."""
        for node in [*self._nodes, *([self._child] if self._child else [])]:
            processes.stop(node, signal.SIGTERM, timeout_s)
            _end_session(node.pid)
        if self._child is not None:
            self._clear_away()
        self._nodes.clear()
        self._child = None
        (self.folder / "session").unlink(missing_ok=True)

    def kill(self) -> None:
        """Ends the head and everything that runs on it, with kill -9."""
        if self._child is not None:
            _end_session(self._child.pid)
            self._child.wait()
            self._child = None

    def poll(self) -> int | None:
        """The exit code of a head that ended by itself; None while it runs or was stopped from here."""
        return self._child.poll() if self._child is not None else None

    def _launch(
        self, program: str, arguments: list[str], log: Path, timeout_s: float
    ) -> "subprocess.Popen[bytes]":
        command = [
            *(_spaceless_python(), "-P", "-c", program, "start", "--block", "--disable-usage-stats"),
            *("--node-ip-address", "127.0.0.1", "--log-color", "false"),
            *("--dashboard-agent-listen-port", str(processes.free_port())),
            *arguments,
        ]
        log.write_bytes(b"")
        environment = dict(self._server_environment())
        if program == _JOIN:
            del environment["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"]
        child = processes.spawn(command, log, environment=environment)

        def answered() -> bool:
            return child.poll() is not None or "Ray runtime started" in processes.tail(log, 60)

        if not processes.wait_until(answered, timeout_s, 0.05) or child.poll() is not None:
            _end_session(child.pid)
            child.wait()
            raise StartFailed(f"Ray did not start ({log}):\n{processes.tail(log)}")
        return child

    def _server_environment(self) -> Mapping[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            # Settings of another Ray, in whose job we may be running, are not for this one.
            if not name.startswith("RAY_")
        }
        own = self.environment()
        del own["RAY_ADDRESS"]
        return {**kept, **own, "DASHBOARD_METRIC_PORT": str(processes.free_port())}

    def _make_temp_folder(self) -> None:
        folder = self.temp_folder
        around = folder.parent
        around.mkdir(parents=True, exist_ok=True)
        if around.stat().st_uid != os.geteuid():
            raise StartFailed(
                f"{around} belongs to somebody else; remove it, or set BILTEN_DATA_DIR elsewhere"
            )
        around.chmod(0o700)
        folder.mkdir(exist_ok=True)
        # Every session leaves its logs behind; the last one's are kept for whoever asks why it ended.
        sessions = sorted(folder.glob("session_2*"), key=lambda path: path.stat().st_mtime)
        for session in sessions[:-1]:
            shutil.rmtree(session, ignore_errors=True)

    def _clear_away(self) -> None:
        """Bring the last session's logs home, and leave nothing outside of our folder: once that is removed,
        nobody would know what it was.
        """
        around = self.temp_folder.parent
        if around == self.folder:
            return
        home = self.folder / "logs"
        shutil.rmtree(home, ignore_errors=True)
        with contextlib.suppress(OSError):
            shutil.move((self.temp_folder / "session_latest" / "logs").resolve(), home)
        shutil.rmtree(around, ignore_errors=True)

    def _note(self, pid: int) -> None:
        if leader := Identity.of(pid):
            (self.folder / "session").write_bytes(msgspec.json.encode(leader))

    def _end_previous(self) -> None:
        """Ends what is left of a head whose supervisor, or which itself, was killed."""
        try:
            leader = msgspec.json.decode((self.folder / "session").read_bytes(), type=Identity)
        except (OSError, msgspec.DecodeError):
            return
        now = Identity.of(leader.pid)
        if now is not None and abs(now.started_s - leader.started_s) > 1:
            return  # The number has gone to somebody else, so the old session has no members left.
        if ended := _end_session(leader.pid, leader.started_s):
            self._say(f"ended {ended} processes that were left of a Ray that is over")


def _has_space(path: Path | str) -> bool:
    return len(str(path).split()) > 1


def _spaceless_python() -> str:
    """The running Python under a name without a space: Ray gives its workers' commands to a shell unquoted.

    Where the path of the virtual environment has a space, that is a link to the environment from the system's
    temporary folder.
    """
    if not _has_space(sys.executable):
        return sys.executable
    name = hashlib.sha256(sys.prefix.encode()).hexdigest()[:10]
    link = Path(tempfile.gettempdir()) / f"bilten-python-{os.geteuid()}-{name}"
    if not (
        link.is_symlink() and link.lstat().st_uid == os.geteuid() and link.readlink() == Path(sys.prefix)
    ):
        fresh = link.with_name(f"{link.name}-{os.getpid()}")
        fresh.symlink_to(sys.prefix)
        # Fails if the name is somebody else's, in a folder where everybody may write.
        fresh.replace(link)
    return str(link / Path(sys.executable).relative_to(sys.prefix))


def _session_members(session: int, started_s: float = 0) -> Iterator[psutil.Process]:
    """Ray's processes in a session, none of which is older than the session itself.

    A session's number is not given out again while it has members.
    """
    ours = os.path.realpath(sys.executable)
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(process.pid) != session or process.status() == psutil.STATUS_ZOMBIE:
                continue
            program = process.exe()
            is_ray = os.path.realpath(program) == ours or f"{os.sep}ray{os.sep}" in program
            identity = Identity.of(process.pid)
            if is_ray and identity is not None and identity.started_s >= started_s - 1:
                yield process


def _end_session(session: int, started_s: float = 0) -> int:
    """Ends all members with kill -9 and says how many they were."""
    ended = 0
    for _attempt in range(5):
        identities = [Identity.of(process.pid) for process in _session_members(session, started_s)]
        living = [identity for identity in identities if identity is not None and identity.process()]
        if not living:
            break
        ended += len(living)
        for identity in living:
            if process := identity.process():
                with contextlib.suppress(psutil.Error):
                    process.kill()
        processes.wait_until(lambda: not any(one.process() for one in living), 5)  # noqa: B023
    return ended
