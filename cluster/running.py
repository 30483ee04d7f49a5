"""What a running platform tells about itself in the data folder: to `bilten rush`, `journal`, a second `up`.

`lock` is held by the supervisor for as long as it lives; the kernel lets go of it however it dies. `run.json`
says what runs where; it outlives a killed supervisor, so that the next one can end what is left.
"""

import contextlib
import fcntl
import os
from pathlib import Path

import msgspec

from cluster.processes import Identity
from cluster.settings import Settings


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the platform."""

    name: str  # postgres, redis, ray, shards, gateway-1, gateway-2, …
    process: Identity
    log: str


class ShardProcess(msgspec.Struct, frozen=True, kw_only=True):
    """One shard's actor; Ray starts it again under another pid when it dies."""

    shard: int
    pid: int


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """The platform as it runs now. The file is readable by its owner only: it holds passwords."""

    supervisor: Identity
    url: str  # for programs
    pages_url: str = ""  # for people
    listens_on: tuple[str, int]  # the gateways, by whatever name they are called from outside
    event_slug: str  # of the demo event; empty without one
    dsn: str
    redis_url: str
    ray_address: str
    smtp_url: str = ""  # of the embedded mail server; empty without one
    ray_environment: dict[str, str]
    parts: list[Part]

    def pids(self, name: str) -> list[int]:
        """Pids of the parts of that name: `gateway` means all gateways."""
        return [part.process.pid for part in self.parts if part.name.rstrip("-0123456789") == name]

    def applied_to(self, settings: Settings) -> Settings:
        """The settings with the addresses of the running servers where they name none."""
        replaced = msgspec.structs.replace
        return replaced(
            settings,
            postgres=replaced(settings.postgres, dsn=settings.postgres.dsn or self.dsn),
            redis=replaced(settings.redis, url=settings.redis.url or self.redis_url),
            ray=replaced(settings.ray, address=settings.ray.address or self.ray_address),
            mail=replaced(settings.mail, smtp_url=settings.mail.smtp_url or self.smtp_url),
        )


class AlreadyRunning(Exception):
    """Another supervisor holds the data folder."""


class Lock:
    """The supervisor's hold on a data folder. Raises AlreadyRunning."""

    def __init__(self, data_path: Path) -> None:
        data_path.mkdir(parents=True, exist_ok=True)
        # Close-on-exec, as all descriptors here: a child that outlives us must not keep the lock.
        self._descriptor = os.open(data_path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise AlreadyRunning(str(data_path)) from error

    def release(self) -> None:
        os.close(self._descriptor)


def is_locked(data_path: Path) -> bool:
    """Whether a supervisor lives."""
    try:
        Lock(data_path).release()
    except AlreadyRunning:
        return True
    return False


def read(data_path: Path) -> Running | None:
    """What run.json says, whether or not it still runs; None when there is nothing to be understood."""
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode((data_path / "run.json").read_bytes(), type=Running)
    return None


def read_living(data_path: Path) -> Running | None:
    """What run.json says if its supervisor lives."""
    found = read(data_path)
    return found if found is not None and found.supervisor.process() is not None else None


def write(data_path: Path, running: Running) -> None:
    """Replaces run.json in one step."""
    _replace(data_path / "run.json", msgspec.json.format(msgspec.json.encode(running)))


def remove(data_path: Path) -> None:
    """Says that nothing runs."""
    for name in ("run.json", "shards.json"):
        (data_path / name).unlink(missing_ok=True)


def read_shards(data_path: Path) -> list[ShardProcess]:
    """The shards' processes as `bilten serve shards` last saw them."""
    with contextlib.suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode((data_path / "shards.json").read_bytes(), type=list[ShardProcess])
    return []


def write_shards(data_path: Path, shards: list[ShardProcess]) -> None:
    """Replaces shards.json in one step."""
    _replace(data_path / "shards.json", msgspec.json.encode(shards))


def _replace(file: Path, content: bytes) -> None:
    # Readers see the old file or the new one, never half of one.
    fresh = file.with_suffix(f".{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        output.write(content)
    fresh.rename(file)
