"""If these failed, `make up` would leave processes behind, run twice on one folder, or not mend itself."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from cluster import running
from cluster.processes import Identity, StartFailed, wait_until
from cluster.running import AlreadyRunning, Lock, Part, Running
from cluster.settings import Settings
from cluster.supervision import Child, Watch
from cluster.up import EXIT_ALREADY_RUNNING, Platform, run

READY_THEN_SLEEP = """
import os, pathlib, signal, sys, time
while len(sys.argv) > 2 and not os.path.exists(sys.argv[2]):
    time.sleep(0.01)
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
while True:
    time.sleep(60)
"""


def sleeper(tmp_path: Path, program: str = READY_THEN_SLEEP, timeout_s: float = 20) -> Child:
    ready = tmp_path / "it.ready"
    return Child(
        [sys.executable, "-c", program, str(ready)],
        log=tmp_path / "it.log",
        ready=ready,
        environment=lambda: dict(os.environ),
        start_timeout_s=timeout_s,
    )


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    made = sleeper(tmp_path)
    made.start()
    yield made
    made.stop()


def note(tmp_path: Path, *parts: Part, supervisor: Identity | None = None) -> Running:
    me = Identity.of(os.getpid())
    assert me is not None
    written = Running(
        supervisor=supervisor or me,
        url="http://127.0.0.1:1",
        listens_on=("127.0.0.1", 1),
        event_slug="demo",
        dsn="postgresql://x",
        redis_url="redis://x",
        ray_address="",
        ray_environment={},
        parts=list(parts),
    )
    running.write(tmp_path, written)
    return written


def test_a_part_that_is_killed_comes_back(child: Child) -> None:
    said: list[str] = []
    back = threading.Event()
    watch = Watch("it", child, say=said.append, changed=lambda _name: back.set())
    watch.begin()
    try:
        first = child.pid
        os.kill(first, signal.SIGKILL)
        assert back.wait(20)
        assert child.pid not in {0, first}
        assert any("SIGKILL" in line for line in said)
    finally:
        watch.end()


def test_a_watch_that_has_ended_lets_it_stay_down(child: Child) -> None:
    """Else a drain would race with restarts."""
    watch = Watch("it", child, say=lambda _line: None, changed=lambda _name: None)
    watch.begin()
    watch.end()
    pid = child.pid
    child.stop()
    assert not psutil.pid_exists(pid)


def test_a_child_that_ends_at_once_says_why(tmp_path: Path) -> None:
    failing = sleeper(tmp_path, "raise SystemExit('the port is taken')")
    with pytest.raises(StartFailed, match="the port is taken"):
        failing.start()
    assert failing.pid == 0


def test_a_child_that_never_gets_ready_is_not_left_behind(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    with pytest.raises(StartFailed):
        sleeper(tmp_path, "import time; time.sleep(600)", timeout_s=0.3).start()
    assert set(psutil.Process().children()) <= before


def test_two_supervisors_do_not_share_a_folder(tmp_path: Path) -> None:
    """Two PostgreSQLs on one folder would end in tears; the second one says where the first one is."""
    lock = Lock(tmp_path)
    with pytest.raises(AlreadyRunning):
        Lock(tmp_path)
    assert running.is_locked(tmp_path)
    note(tmp_path)
    assert run(Settings(data_dir=str(tmp_path)), None) == EXIT_ALREADY_RUNNING
    lock.release()
    assert not running.is_locked(tmp_path)


def test_a_lock_does_not_outlive_its_holder(tmp_path: Path) -> None:
    """Its children must not inherit it, or a killed supervisor would lock people out."""
    program = (
        "import subprocess, sys, pathlib, os; sys.path.insert(0, sys.argv[2]);"
        "from cluster.running import Lock; lock = Lock(pathlib.Path(sys.argv[1]));"
        "child = subprocess.Popen(['sleep', '600'], close_fds=False); print(child.pid, flush=True);"
        "sys.stdin.read()"
    )
    root = str(Path(__file__).resolve().parents[2])
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), root], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    orphan = Identity.of(int(holder.stdout.readline()))
    assert orphan is not None
    try:
        assert running.is_locked(tmp_path)
        holder.kill()
        holder.wait()
        assert orphan.process() is not None
        assert not running.is_locked(tmp_path)
    finally:
        os.kill(orphan.pid, signal.SIGKILL)
        holder.stdout.close()
        holder.stdin.close()


def test_what_a_killed_supervisor_left_is_ended_and_nothing_else(tmp_path: Path, child: Child) -> None:
    left = Identity.of(child.pid)
    me = Identity.of(os.getpid())
    assert left is not None
    assert me is not None
    stale = Identity(pid=me.pid, started_s=me.started_s - 1000)
    note(
        tmp_path,
        Part(name="shards", process=stale, log=""),
        Part(name="gateway-1", process=left, log=""),
        supervisor=stale,
    )
    assert running.read_living(tmp_path) is None
    stop = threading.Event()
    stop.set()
    settings = Settings(data_dir=str(tmp_path))
    platform = Platform(settings, None, Console(quiet=True))
    platform._end_leftovers()
    assert wait_until(lambda: child.poll() is not None, 10)
    assert not (tmp_path / "run.json").exists()


def test_what_was_being_started_when_ray_was_lost_is_started_again(tmp_path: Path) -> None:
    """Else a gateway that had just connected to the old Ray would refuse everybody for ever."""
    platform = Platform(Settings(data_dir=str(tmp_path)), None, Console(quiet=True))
    ready, go = tmp_path / "it.ready", tmp_path / "go"
    child = Child(
        [sys.executable, "-c", READY_THEN_SLEEP, str(ready), str(go)],
        log=tmp_path / "it.log",
        ready=ready,
        environment=lambda: platform._environment_of("gateway-1"),
    )
    platform._parts["gateway-1"] = child
    start = threading.Thread(target=child.start)
    start.start()
    try:
        assert wait_until(lambda: "gateway-1" in platform._ray_of, 10)
        platform._changed("ray")
        go.touch()
        start.join(20)
        assert child.pid
        platform._changed("gateway-1")
        assert wait_until(lambda: child.poll() is not None, 10)

        child.start()
        platform._changed("ray")
        assert wait_until(lambda: child.poll() is not None, 10)

        child.start()
        platform._changed("gateway-1")
        platform._changed("postgres")
        platform._threads.shutdown()  # whatever was to be ended has ended
        assert child.pid, "one that was started after the loss has to stay"
    finally:
        child.stop()


def test_what_runs_can_be_found(tmp_path: Path) -> None:
    """The rush kills by these pids, and the other commands connect by these addresses."""
    me = Identity.of(os.getpid())
    assert me is not None
    note(tmp_path, *(Part(name=name, process=me, log="") for name in ("gateway-1", "gateway-2", "postgres")))
    found = running.read_living(tmp_path)
    assert found is not None
    assert found.pids("gateway") == [me.pid, me.pid]
    assert found.pids("postgres") == [me.pid]
    assert found.applied_to(Settings()).postgres.dsn == "postgresql://x"
    assert (tmp_path / "run.json").stat().st_mode & 0o077 == 0
