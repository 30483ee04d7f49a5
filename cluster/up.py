"""`bilten up`: the whole platform as one command.

    supervisor (this process)
      ├── postgres, valkey      embedded, unless a DSN or URL names others
      ├── ray                   a local head, unless an address names another
      ├── bilten serve shards   makes the shard actors, drains them at the end
      └── bilten serve gateway  several, on one port

Every part is a child in a session of its own, so Ctrl-C reaches the supervisor alone, which stops things in
the order in which they depend on each other: gateways, shards, Ray, Valkey, PostgreSQL. A part that dies is
started again. What a killed supervisor left behind is ended at the next start, by pid and start time.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec
from rich.console import Console
from rich.markup import escape

from cluster import processes, running
from cluster.embedded import EmbeddedPostgres, EmbeddedValkey, StartFailed
from cluster.processes import Identity
from cluster.ray_head import RayHead
from cluster.running import AlreadyRunning, Lock, Part, Running
from cluster.settings import Settings
from cluster.shown import DEMO_OWNER, demo_password, demo_password_file, show_running, show_urls
from cluster.supervision import Child, Supervised, Watch

ROOT = Path(__file__).resolve().parent.parent
# -P: a folder named like one of our packages in the current folder must not win over ours.
COMMAND = (sys.executable, "-P", "-m", "cluster")
EXIT_FAILED = 1
EXIT_ALREADY_RUNNING = 3


def run(settings: Settings, config: Path | None) -> int:
    """Runs the platform until it is told to stop; the exit code."""
    console = Console(highlight=False)
    data_path = settings.data_path
    try:
        lock = Lock(data_path)
    except AlreadyRunning:
        show_running(console, data_path)
        return EXIT_ALREADY_RUNNING
    platform = Platform(settings, config, console)
    stop = _stop_on_signal()
    try:
        platform.start(stop)
        if not stop.is_set():
            platform.show()
        stop.wait()
    except StartFailed as error:
        console.print(f"[red]✗[/] {escape(str(error))}", soft_wrap=True)
        platform.show_dead()
        return EXIT_FAILED
    else:
        return 0
    finally:
        platform.stop()
        lock.release()


class Demo(msgspec.Struct, frozen=True):
    """What `bilten load` says about the event."""

    slug: str
    title: str
    opens_at_ms: int


class Platform:
    """All parts of a platform in one data folder."""

    def __init__(self, settings: Settings, config: Path | None, console: Console) -> None:
        self._settings = settings
        self._config = config
        self._console = console
        self._data = settings.data_path
        self._parts: dict[str, Supervised] = {}  # in the order in which they were started
        self._watches: list[Watch] = []
        self._event_slug = ""
        self._postgres: EmbeddedPostgres | None = None
        self._valkey: EmbeddedValkey | None = None
        self._ray: RayHead | None = None
        self._ray_starting: Future[None] | None = None
        self._smtp_url = ""
        self._ray_restarts = 0
        self._ray_of: dict[str, int] = {}  # which of Ray's starts a child was started under
        self._threads = ThreadPoolExecutor(thread_name_prefix="start")
        self._note_lock = threading.Lock()

    def start(self, stop: threading.Event) -> None:
        """Starts everything, each step shown; returns early when told to stop. Raises StartFailed."""
        self._end_leftovers()
        steps: list[tuple[str, Callable[[], str]]] = [
            ("PostgreSQL", self._start_postgres),
            ("Valkey", self._start_valkey),
            ("mail", self._start_smtp),
            ("schema", self._migrate),
            ("Ray", self._wait_for_ray),
            ("shards", self._start_shards),
            ("demo sale", self._load_demo),
            ("gateways", self._start_gateways),
        ]
        host, port = self._settings.gateway.host, self._settings.gateway.port
        if not processes.port_can_be_ours(port, host, is_localhost=self._settings.is_localhost):
            raise StartFailed(
                f"port {port} is taken by another program; "
                f"stop it, or choose another one: BILTEN_GATEWAY_PORT={port + 1} make up"
            )
        self._begin_ray()
        for name, step in steps:
            if stop.is_set():
                return
            with self._step(name) as finish:
                finish(step())
        for name, part in self._parts.items():
            watch = Watch(name, part, say=self._say, changed=self._changed)
            self._watches.append(watch)
            watch.begin()

    def stop(self) -> None:
        """Drains and stops everything that start() started, what is used last."""
        for watch in self._watches:
            watch.end()
        if self._ray is not None and self._ray_starting is not None:
            wait([self._ray_starting])
            self._ray.stop()
        if self._parts:
            self._console.print("stopping: new requests are refused, those under way are finished")
        for name, part in self._parts.items():
            if name.startswith("gateway") and isinstance(part, Child):
                part.terminate()  # All at once; below each is waited for.
        for name, part in reversed(list(self._parts.items())):
            started_s = time.monotonic()
            part.stop()
            self._console.print(f"  [dim]stopped {name} ({time.monotonic() - started_s:.1f} s)[/]")
        self._parts.clear()
        running.remove(self._data)

    def show(self) -> None:
        """Prints the URLs."""
        show_urls(self._console, self._note(), self._data)
        self._console.print(f"[dim]logs and data are in {self._data}; Ctrl-C stops everything[/]")

    def show_dead(self) -> None:
        """Says which parts ended by themselves: what failed may only have missed one of them."""
        for name, part in self._parts.items():
            if part.poll() is not None:
                log = escape(processes.tail(part.log))
                self._console.print(f"[red]✗[/] {name} has ended ({part.log}):\n{log}", soft_wrap=True)

    # --- the steps, each returning what to print about itself ---------------------------------------------

    def _start_postgres(self) -> str:
        if self._settings.postgres.dsn:
            return "the one of postgres.dsn"
        server = EmbeddedPostgres(
            self._data / "postgres",
            shared_buffers_mb=self._settings.postgres.shared_buffers_mb,
            fsync=self._settings.postgres.fsync,
            say=self._say,
        )
        server.start()
        self._postgres = server
        self._add("postgres", server)
        return f"127.0.0.1:{server.port}"

    def _start_valkey(self) -> str:
        if self._settings.redis.url:
            return "the one of redis.url"
        server = EmbeddedValkey(
            self._data / "valkey", memory_mb=self._settings.redis.memory_mb, say=self._say
        )
        server.start()
        self._valkey = server
        self._add("redis", server)
        return f"127.0.0.1:{server.port}"

    def _start_smtp(self) -> str:
        if self._settings.mail.smtp_url:
            return "the server of mail.smtp_url"
        port = processes.remembered_port(self._data / "smtp.port")
        self._smtp_url = f"smtp://127.0.0.1:{port}"
        child = self._child("smtp", "serve", "smtp", "--port", str(port))
        child.start()
        self._add("smtp", child)
        return f"127.0.0.1:{port}, shown at /dev/mail"

    def _begin_ray(self) -> None:
        """Starts Ray, which takes longest, while PostgreSQL and Valkey start."""
        if not self._settings.ray.address:
            self._ray = RayHead(
                self._data / "ray", object_store_mb=self._settings.ray.object_store_mb, say=self._say
            )
            self._ray_starting = self._threads.submit(self._ray.start)

    def _wait_for_ray(self) -> str:
        if self._ray is None or self._ray_starting is None:
            return f"the one at {self._settings.ray.address}"
        self._ray_starting.result()
        self._ray_starting = None
        self._add("ray", self._ray)
        return self._ray.address

    def _migrate(self) -> str:
        from cluster.migrating import bring_up_to_date

        applied = bring_up_to_date(self._dsn)
        return f"{len(applied)} migrations applied" if applied else "up to date"

    def _load_demo(self) -> str:
        demo = self._settings.demo
        if not demo.load:
            return "left out (demo.load)"
        file = demo.catalogue or str(ROOT / "docs" / "examples" / "demo.toml")
        result = self._data / "demo.json"
        # A command of its own: it talks to the shards through Ray, of which this process stays free.
        self._run("load", file, "--opens-in-ms", str(demo.opens_in_ms), "--json", str(result))
        loaded = msgspec.json.decode(result.read_bytes(), type=Demo)
        self._add_demo_owner(loaded.slug)
        self._event_slug = loaded.slug
        self._note()
        opens_in_s = loaded.opens_at_ms / 1000 - time.time()
        opens = f"opens in {opens_in_s:.0f} s" if opens_in_s > 0 else "is open"
        return f"{loaded.title}, {opens}"

    def _add_demo_owner(self, slug: str) -> None:
        demo_password(self._data)
        password = ("--password-file", str(demo_password_file(self._data)))
        self._run("users", "add", DEMO_OWNER, "--name", "Demo", "--owner-of-event", slug, *password)

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            [*COMMAND, *arguments],
            check=False,
            capture_output=True,
            env=dict(self._environment()),
            text=True,
        )
        if done.returncode != 0:
            raise StartFailed(f"the demo was not loaded: {done.stderr.strip()[-2000:]}")

    def _start_shards(self) -> str:
        child = self._child("shards", "serve", "shards")
        child.start()
        self._add("shards", child)
        return f"{self._settings.shards.count} on Ray"

    def _start_gateways(self) -> str:
        names = [f"gateway-{number}" for number in range(1, self._settings.gateway.processes + 1)]
        children = {name: self._child(name, "serve", "gateway", "--name", name) for name in names}
        starts = {name: self._threads.submit(child.start) for name, child in children.items()}
        wait(starts.values())
        for name, start in starts.items():
            # One that failed has ended by itself; the others must be known, so that they are stopped.
            if start.exception() is None:
                self._add(name, children[name])
        for start in starts.values():
            start.result()
        return f"{len(names)} processes on {self._settings.url}"

    # --- what the steps share ------------------------------------------------------------------------------

    @property
    def _dsn(self) -> str:
        return self._postgres.dsn() if self._postgres else self._settings.postgres.dsn

    @property
    def _redis_url(self) -> str:
        return self._valkey.url() if self._valkey else self._settings.redis.url

    def _child(self, name: str, *arguments: str) -> Child:
        drain_ms = max(self._settings.gateway.drain_ms, self._settings.shards.drain_ms)
        return Child(
            [*COMMAND, *arguments],
            log=self._data / "logs" / f"{name}.log",
            ready=self._data / f"{name}.ready",
            environment=lambda: self._environment_of(name),
            stop_timeout_s=drain_ms / 1000 + 5,
        )

    def _environment_of(self, child: str) -> Mapping[str, str]:
        self._ray_of[child] = self._ray_restarts
        return self._environment()

    def _environment(self) -> Mapping[str, str]:
        own = {
            "BILTEN_DATA_DIR": str(self._data),
            "BILTEN_POSTGRES_DSN": self._dsn,
            "BILTEN_REDIS_URL": self._redis_url,
            "PYTHONUNBUFFERED": "1",
        }
        if self._smtp_url:
            own["BILTEN_MAIL_SMTP_URL"] = self._smtp_url
            own["BILTEN_MAIL_MAILBOX_DIR"] = str(self._data / "mail")
        if self._config is not None:
            own["BILTEN_CONFIG"] = str(self._config.absolute())
        ray_environment = self._ray.environment() if self._ray else {}
        return {**os.environ, **own, **ray_environment}

    def _add(self, name: str, part: Supervised) -> None:
        self._parts[name] = part
        self._note()

    def _changed(self, name: str) -> None:
        """A part was started again."""
        self._note()
        if name == "ray":
            self._ray_restarts += 1
        for child, part in self._parts.items():
            if name not in {"ray", child} or not isinstance(part, Child):
                continue
            # A driver of the old head can't use the new one, never notices that, and would refuse everybody
            # for ever. That goes for one as well that was just being started when the head was lost.
            if self._ray_of[child] != self._ray_restarts:
                self._threads.submit(part.end)

    def _note(self) -> Running:
        """Writes run.json; what is in it."""
        with self._note_lock:
            parts = [
                Part(name=name, process=identity, log=str(part.log))
                for name, part in self._parts.items()
                if part.pid and (identity := Identity.of(part.pid)) is not None
            ]
            supervisor = Identity.of(os.getpid())
            assert supervisor is not None
            note = Running(
                supervisor=supervisor,
                url=self._settings.direct_url,
                pages_url=self._settings.url,
                listens_on=(self._settings.gateway.host, self._settings.gateway.port),
                event_slug=self._event_slug,
                dsn=self._dsn,
                redis_url=self._redis_url,
                ray_address=self._ray.address if self._ray else self._settings.ray.address,
                ray_environment=self._ray.environment() if self._ray else {},
                smtp_url=self._smtp_url,
                parts=parts,
            )
            running.write(self._data, note)
            return note

    def _end_leftovers(self) -> None:
        """Ends what a killed supervisor left; the servers find theirs by themselves."""
        left = running.read(self._data)
        if left is None:
            return
        ours = [part for part in left.parts if part.name.startswith(("gateway", "shards", "smtp"))]
        ended = [
            self._threads.submit(processes.stop_stray, part.process, signal.SIGTERM, 10) for part in ours
        ]
        for part, end in zip(ours, ended, strict=True):
            if end.result():
                self._say(f"ended {part.name} that an earlier run left behind (pid {part.process.pid})")
        running.remove(self._data)

    def _say(self, line: str) -> None:
        self._console.print(f"  [yellow]·[/] {time.strftime('%H:%M:%S')} {escape(line)}", soft_wrap=True)

    @contextmanager
    def _step(self, name: str) -> Iterator[Callable[[str], None]]:
        """Shows a step while it runs, and what came of it."""
        outcome = ""

        def finish(text: str) -> None:
            nonlocal outcome
            outcome = text

        started_s = time.monotonic()
        with self._console.status(f"{name} …"):
            yield finish
        taken_s = time.monotonic() - started_s
        self._console.print(
            f"[green]✓[/] {name:<11} {escape(outcome)} [dim]({taken_s:.1f} s)[/]", soft_wrap=True
        )


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            return  # It is draining; a third party that must have it now uses SIGKILL.
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, handle)
    return stop
